/*
 * value.c - one value: text to its C type, what is expected of it, and back to text.
 *
 * Numbers are checked to their last byte: no suffix, no NaN, no infinity, no leading zero (octal to
 * some, decimal to others), no silent cut. 0x.. is allowed for integers: addresses are written so.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- numbers --------------------------------------------------------------------------- */

static bool in_range(const struct op_setting *s, double v)
{
	return (s->min == 0 && s->max == 0) || (v >= s->min && v <= s->max);
}

static int text_to_int(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-' || *text == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	size_t n =
		hex ? strspn(digits + 2, "0123456789abcdefABCDEF") : strspn(digits, "0123456789");
	if (!n || digits[n + (hex ? 2 : 0)] || (!hex && n > 1 && digits[0] == '0'))
		return -EINVAL;
	errno = 0;
	long long v = strtoll(text, NULL, hex ? 16 : 10);
	if (errno)
		return -ERANGE;
	*ret = v;
	return 0;
}

int value_parse_int(const struct op_setting *s, const char *text, int64_t *ret)
{
	int64_t v;
	if (text_to_int(text, &v) || !in_range(s, (double)v))
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_float(const struct op_setting *s, const char *text, double *ret)
{
	if (!*text || text[strspn(text, "0123456789+-.eE")]) /* no hex, no "inf", no "nan" */
		return -EINVAL;
	char *end;
	double v = strtod(text, &end);
	if (*end || end == text || !isfinite(v) || !in_range(s, v))
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(words); i++) {
		if (!strcasecmp(text, words[i])) {
			*ret = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- others ---------------------------------------------------------------------------- */

static int parse_choice(const struct op_setting *s, const char *text, int *ret)
{
	for (int i = 0; s->choices[i]; i++) {
		if (!strcmp(text, s->choices[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "0,2": for sources that are text. */
static int parse_ints(const struct op_setting *s, const char *text, struct op_int_list *ret)
{
	struct op_int_list list = {.n = 0};
	for (const char *at = text + strspn(text, " "); *at;) {
		char item[32];
		size_t len = strcspn(at, ", ");
		if (len >= sizeof(item) || list.n == OP_INT_LIST_MAX)
			return -EINVAL;
		memcpy(item, at, len);
		item[len] = '\0';
		if (value_parse_int(s, item, &list.v[list.n++]))
			return -EINVAL;
		at += len;
		at += strspn(at, " ");
		if (*at == ',' && !*++at)
			return -EINVAL;
		at += strspn(at, " ");
	}
	*ret = list;
	return 0;
}

bool listen_host_ok(const char *host)
{
	if (strlen(host) >= sizeof(((struct op_listen *)0)->host))
		return false;
	return !host[strspn(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  ".-_:%")];
}

static int listen_parse(const char *text, struct op_listen *ret)
{
	static const struct op_setting port = {.min = 0, .max = 65535};
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t len = colon ? (size_t)(colon - text) : 0;
	int64_t number;
	if (value_parse_int(&port, colon ? colon + 1 : text, &number) ||
	    !isdigit((unsigned char)*(colon ? colon + 1 : text)))
		return -EINVAL;
	if (*host == '[') {
		if (len < 4 || host[len - 1] != ']')
			return -EINVAL;
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		return -EINVAL; /* an IPv6 address needs brackets */
	}
	struct op_listen l = {.port = (uint16_t)number};
	if (len >= sizeof(l.host))
		return -EINVAL;
	memcpy(l.host, host, len);
	if (!strcmp(l.host, "*"))
		l.host[0] = '\0';
	if (!listen_host_ok(l.host))
		return -EINVAL;
	*ret = l;
	return 0;
}

static void listen_write(const struct op_listen *l, struct op_buf *out)
{
	bool v6 = strchr(l->host, ':') != NULL;
	op_buf_printf(out, v6 ? "[%s]:%u" : "%s:%u", l->host, l->port);
}

static int parse_listen(const struct op_setting *s, const char *text, struct op_listen *ret)
{
	struct op_listen l;
	if (listen_parse(text, &l) || !in_range(s, l.port))
		return -EINVAL;
	*ret = l;
	return 0;
}

static int parse_device(const struct op_setting *s, const char *text, struct op_device_uri *ret)
{
	struct op_device_uri u;
	int scheme;
	if (op_device_uri_parse(text, &u) || (s->choices && parse_choice(s, u.scheme, &scheme)))
		return -EINVAL;
	*ret = u;
	return 0;
}

static int parse_string(const struct op_setting *s, const char *text, char *ret)
{
	if (strlen(text) >= s->size)
		return -EINVAL;
	memset(ret, 0, s->size);
	memcpy(ret, text, strlen(text));
	return 0;
}

int value_parse(const struct op_setting *s, const char *text, void *ret)
{
	switch (s->type) {
	case OP_SET_BOOL:
		return parse_bool(text, ret);
	case OP_SET_INT:
		return value_parse_int(s, text, ret);
	case OP_SET_FLOAT:
		return parse_float(s, text, ret);
	case OP_SET_STRING:
		return parse_string(s, text, ret);
	case OP_SET_CHOICE:
		return parse_choice(s, text, ret);
	case OP_SET_LISTEN:
		return parse_listen(s, text, ret);
	case OP_SET_DEVICE:
		return parse_device(s, text, ret);
	case OP_SET_INTS:
		return parse_ints(s, text, ret);
	case OP_SET_GROUP:
	case OP_SET_LIST:
		break;
	}
	return -EINVAL;
}

/* ---- what is expected ------------------------------------------------------------------ */

static void range_write(const struct op_setting *s, struct op_buf *out)
{
	if (s->min != 0 || s->max != 0)
		op_buf_printf(out, " from %.15g to %.15g", s->min, s->max);
	if (s->unit && *s->unit)
		op_buf_printf(out, " %s", s->unit);
}

static void choices_write(const struct op_setting *s, struct op_buf *out)
{
	for (size_t i = 0; s->choices[i]; i++)
		op_buf_printf(out, "%s%s", i ? ", " : "", s->choices[i]);
}

void value_expected(const struct op_setting *s, struct op_buf *out)
{
	switch (s->type) {
	case OP_SET_BOOL:
		op_buf_puts(out, "true or false");
		break;
	case OP_SET_INT:
		op_buf_puts(out, "an integer");
		range_write(s, out);
		break;
	case OP_SET_FLOAT:
		op_buf_puts(out, "a number");
		range_write(s, out);
		break;
	case OP_SET_STRING:
		op_buf_printf(out, "text of at most %zu bytes", s->size - 1);
		break;
	case OP_SET_CHOICE:
		op_buf_puts(out, "one of ");
		choices_write(s, out);
		break;
	case OP_SET_LISTEN:
		op_buf_puts(out, "HOST:PORT, :PORT, PORT or [IPV6]:PORT");
		if (s->min != 0 || s->max != 0)
			op_buf_printf(out, " with a port from %.0f to %.0f", s->min, s->max);
		break;
	case OP_SET_DEVICE:
		op_buf_puts(out, "a device such as serial:/dev/ttyUSB0?baud=115200");
		if (s->choices) {
			op_buf_puts(out, " with one of ");
			choices_write(s, out);
		}
		break;
	case OP_SET_INTS:
		op_buf_puts(out, "a list of integers");
		range_write(s, out);
		break;
	case OP_SET_GROUP:
		op_buf_puts(out, "a mapping of settings");
		break;
	case OP_SET_LIST:
		op_buf_printf(out, "a list of at most %.0f mappings", s->max);
		break;
	}
}

/* ---- back to text ---------------------------------------------------------------------- */

static void ints_write(const struct op_int_list *list, struct op_buf *out)
{
	op_buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++)
		op_buf_printf(out, "%s%lld", i ? ", " : "", (long long)list->v[i]);
	op_buf_putc(out, ']');
}

static void composed_write(const struct op_setting *s, const void *value, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 4096);
	if (s->type == OP_SET_LISTEN)
		listen_write(value, &text);
	else
		op_device_uri_write(value, &text);
	bool unset = s->type == OP_SET_DEVICE && !*((const struct op_device_uri *)value)->scheme;
	yaml_text_write(unset ? "" : text.data, out);
}

void value_write(const struct op_setting *s, const void *value, struct op_buf *out)
{
	switch (s->type) {
	case OP_SET_BOOL:
		op_buf_puts(out, *(const bool *)value ? "true" : "false");
		break;
	case OP_SET_INT:
		op_buf_printf(out, "%lld", (long long)*(const int64_t *)value);
		break;
	case OP_SET_FLOAT:
		op_json_f64(out, *(const double *)value);
		out->need_comma = false;
		break;
	case OP_SET_STRING:
		yaml_text_write(value, out);
		break;
	case OP_SET_CHOICE:
		op_buf_puts(out, s->choices[*(const int *)value]);
		break;
	case OP_SET_LISTEN:
	case OP_SET_DEVICE:
		composed_write(s, value, out);
		break;
	case OP_SET_INTS:
		ints_write(value, out);
		break;
	case OP_SET_GROUP:
	case OP_SET_LIST:
		break;
	}
}
