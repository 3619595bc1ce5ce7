/*
 * device_uri.c - scheme:path?key=value&key=value to its parts and back, in the spirit of RFC 3986:
 * "%41" is decoded in the path and in values; "+" is a plus.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <outpost/config.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes of text into out; -EINVAL for a bad escape, a control character or too much text. */
static int decode(const char *text, size_t n, char *out, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)text[i];
		if (c == '%') {
			int high = i + 2 < n ? hex(text[i + 1]) : -1;
			int low = i + 2 < n ? hex(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || len + 1 >= size)
			return -EINVAL;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return 0;
}

static int parse_scheme(const char *text, size_t n, struct op_device_uri *u)
{
	if (!n || n >= sizeof(u->scheme) || !islower((unsigned char)text[0]))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    !strchr("+.-", text[i]))
			return -EINVAL;
	memcpy(u->scheme, text, n);
	return 0;
}

static int parse_param(const char *text, size_t n, struct op_device_uri *u)
{
	const char *equals = memchr(text, '=', n);
	size_t key_len = equals ? (size_t)(equals - text) : n;
	if (u->n_params == OP_ARRAY_SIZE(u->params) || !key_len ||
	    key_len >= sizeof(u->params[0].key))
		return -EINVAL;
	char *key = u->params[u->n_params].key;
	for (size_t i = 0; i < key_len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("_-.", text[i]))
			return -EINVAL;
		key[i] = text[i];
	}
	if (op_device_uri_param(u, key, NULL))
		return -EINVAL; /* given twice */
	char *value = u->params[u->n_params++].value;
	return equals ? decode(equals + 1, n - key_len - 1, value, sizeof(u->params[0].value)) : 0;
}

int op_device_uri_parse(const char *text, struct op_device_uri *ret)
{
	struct op_device_uri u = {.n_params = 0};
	const char *colon = strchr(text, ':');
	if (!colon || parse_scheme(text, (size_t)(colon - text), &u))
		return -EINVAL;
	size_t len = strcspn(colon + 1, "?");
	if (decode(colon + 1, len, u.path, sizeof(u.path)))
		return -EINVAL;
	const char *at = colon + 1 + len;
	while (*at) { /* at the "?" or a "&" */
		len = strcspn(at + 1, "&");
		if (parse_param(at + 1, len, &u))
			return -EINVAL;
		at += 1 + len;
	}
	if (!u.path[0] && !u.n_params)
		return -EINVAL;
	*ret = u;
	return 0;
}

const char *op_device_uri_param(const struct op_device_uri *u, const char *key,
				const char *fallback)
{
	for (size_t i = 0; i < u->n_params; i++)
		if (!strcmp(u->params[i].key, key))
			return u->params[i].value;
	return fallback;
}

static void encode(const char *text, const char *special, struct op_buf *out)
{
	for (; *text; text++) {
		if (strchr(special, *text) || (unsigned char)*text < 0x20)
			op_buf_printf(out, "%%%02X", (unsigned char)*text);
		else
			op_buf_putc(out, *text);
	}
}

void op_device_uri_write(const struct op_device_uri *u, struct op_buf *out)
{
	op_buf_printf(out, "%s:", u->scheme);
	encode(u->path, "%?", out);
	for (size_t i = 0; i < u->n_params; i++) {
		op_buf_printf(out, "%c%s=", i ? '&' : '?', u->params[i].key);
		encode(u->params[i].value, "%&", out);
	}
}
