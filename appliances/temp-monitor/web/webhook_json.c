/*
 * webhook_json.c - a body of PUT /api/webhook/config as Python's json module reads it
 * (webhook_check.h).
 *
 * What it takes and jansson does not, NaN, Infinity and numbers beyond 64 bits or a double, is
 * replaced before parsing by numbers of the same kind that lie outside of every range as well, and
 * are never longer. A byte order mark is passed over.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "webhook_check.h"

#define DIGITS_MAX 18 /* of any integer of 64 bits */

bool webhook_type_is_json(const char *type)
{
	if (!type || strncasecmp(type, "application/", 12))
		return false;
	const char *sub = type + 12;
	size_t n = strcspn(sub, ";");
	while (n && strchr(" \t", sub[n - 1]))
		n--;
	if (memchr(sub, ' ', n) || memchr(sub, ',', n))
		return false;
	return (n == 4 && !strncasecmp(sub, "json", 4)) ||
	       (n > 5 && !strncasecmp(sub + n - 5, "+json", 5));
}

static const char *skip_digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

/* The grammar of RFC 8259, 6: what is none is left for the parser to refuse. */
static bool is_number(const char *p, const char *end, bool *ret_integer)
{
	p += *p == '-';
	const char *rest = *p == '0' ? p + 1 : skip_digits(p);
	*ret_integer = rest == end;
	if (rest == p)
		return false;
	if (*rest == '.') {
		p = rest + 1;
		rest = skip_digits(p);
		if (rest == p)
			return false;
	}
	if (*rest == 'e' || *rest == 'E') {
		p = rest + 1;
		p += *p == '-' || *p == '+';
		rest = skip_digits(p);
		if (rest == p)
			return false;
	}
	return rest == end;
}

/* What stands in for the n bytes of a value, or NULL. */
static const char *stand_in(const char *p, size_t n)
{
	static const char *const words[][2] = {
		{"NaN", "9e9"}, {"Infinity", "9e99"}, {"-Infinity", "-9e99"}};
	bool integer;
	for (size_t i = 0; i < OP_ARRAY_SIZE(words); i++)
		if (n == strlen(words[i][0]) && !memcmp(p, words[i][0], n))
			return words[i][1];
	if (!is_number(p, p + n, &integer))
		return NULL;
	if (integer && n > DIGITS_MAX)
		return *p == '-' ? "-99999999999999999" : "99999999999999999";
	if (!integer && isinf(strtod(p, NULL)))
		return *p == '-' ? "-9e99" : "9e99";
	return NULL;
}

/* Past a text, or to the end of what is none. */
static char *skip_text(char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return p + (*p == '"');
}

static void replace_values(char *p)
{
	while (*p) {
		size_t n = strcspn(p, " \t\r\n,:[]{}\"");
		const char *other = n ? stand_in(p, n) : NULL;
		if (other) {
			size_t used = strlen(other);
			memcpy(p, other, used);
			memset(p + used, ' ', n - used);
		}
		p = *(p + n) == '"' ? skip_text(p + n) : p + n + (p[n] != '\0');
	}
}

json_t *webhook_parse(const void *bytes, size_t n)
{
	char *text = strndup(bytes, n);
	if (!text)
		return NULL;
	bool whole = strlen(text) == n; /* a NUL byte is no JSON */
	size_t mark = strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3;
	replace_values(text + mark);
	json_t *body =
		whole ? json_loadb(text + mark, n - mark, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
		      : NULL;
	free(text);
	return body;
}
