/*
 * json.c - JSON written straight into a buffer (RFC 8259), without a tree.
 *
 * Reading JSON is jansson's work; this is for what is written often or at a known size: schema
 * text, records, status.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"

static void comma(struct op_buf *b)
{
	if (b->need_comma)
		op_buf_puts(b, b->spaced ? ", " : ",");
	b->need_comma = true;
}

void op_json_begin(struct op_buf *b, char open)
{
	comma(b);
	op_buf_putc(b, open);
	b->need_comma = false;
}

void op_json_end(struct op_buf *b, char close)
{
	op_buf_putc(b, close);
	b->need_comma = true;
}

size_t op_utf8_length(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	if (s[0] < 0x80)
		return 1;
	size_t want = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < want)
		return 0;
	unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return want;
}

static void escape(struct op_buf *b, unsigned char c)
{
	static const char short_form[] = "btn?fr"; /* 0x08 ... 0x0d */
	if (c == '"' || c == '\\') {
		op_buf_putc(b, '\\');
		op_buf_putc(b, (char)c);
	} else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
		op_buf_putc(b, '\\');
		op_buf_putc(b, short_form[c - 0x08]);
	} else {
		op_buf_printf(b, "\\u%04x", c);
	}
}

/* The code point of a whole sequence; U+FFFD for none. */
static uint32_t code_point(const unsigned char *s, size_t len)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t v = len ? s[0] & first[len] : 0xfffd;
	for (size_t i = 1; i < len; i++)
		v = v << 6 | (s[i] & 0x3f);
	return v;
}

/* RFC 8259, 7: beyond the basic plane a pair of surrogates. */
static void escape_wide(struct op_buf *b, uint32_t c)
{
	if (c >= 0x10000)
		op_buf_printf(b, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 | (c & 0x3ff));
	else
		op_buf_printf(b, "\\u%04x", c);
}

/* How many bytes from s on stand for themselves; nearly always all of them. */
static size_t plain_length(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

void op_json_strn(struct op_buf *b, const char *text, size_t n)
{
	comma(b);
	op_buf_putc(b, '"');
	size_t i = plain_length(text, n);
	op_buf_put(b, text, i);
	while (i < n) {
		const unsigned char *s = (const unsigned char *)text + i;
		size_t len = op_utf8_length(text + i, n - i);
		if (b->ascii && len != 1)
			escape_wide(b, code_point(s, len));
		else if (len == 0)
			op_buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
		else if (*s < 0x20 || *s == '"' || *s == '\\' || *s == 0x7f)
			escape(b, *s);
		else
			op_buf_put(b, s, len);
		i += len ? len : 1;
	}
	op_buf_putc(b, '"');
}

void op_json_str(struct op_buf *b, const char *text)
{
	op_json_strn(b, text, strlen(text));
}

void op_json_key(struct op_buf *b, const char *key)
{
	op_json_str(b, key);
	op_buf_puts(b, b->spaced ? ": " : ":");
	b->need_comma = false;
}

void op_json_u64(struct op_buf *b, uint64_t v)
{
	comma(b);
	char digits[20], *p = digits + sizeof(digits);
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	op_buf_put(b, p, (size_t)(digits + sizeof(digits) - p));
}

void op_json_i64(struct op_buf *b, int64_t v)
{
	comma(b);
	b->need_comma = false;
	if (v < 0)
		op_buf_putc(b, '-');
	op_json_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void op_json_f64(struct op_buf *b, double v)
{
	if (!isfinite(v)) {
		op_json_null(b);
		return;
	}
	char text[OP_DECIMAL_BYTES];
	size_t n = op_decimal_f64(v, text);
	comma(b);
	op_buf_put(b, text, n);
}

void op_json_float(struct op_buf *b, double v)
{
	char text[OP_DECIMAL_BYTES + 2];
	if (!isfinite(v)) {
		op_json_null(b);
		return;
	}
	size_t n = op_decimal_f64(v, text);
	/* The shortest text has an exponent from 1e15 on, Python's from 1e16 on. */
	if (strchr(text, 'e') && fabs(v) >= 1e15 && fabs(v) < 1e16)
		(void)snprintf(text, sizeof(text), "%.1f", v); /* 18 digits */
	else if (!strpbrk(text, ".e"))
		memcpy(text + n, ".0", sizeof(".0"));
	op_json_raw(b, text);
}

void op_json_f32(struct op_buf *b, float v)
{
	if (!isfinite(v)) {
		op_json_null(b);
		return;
	}
	char text[OP_DECIMAL_BYTES];
	size_t n = op_decimal_f32(v, text);
	comma(b);
	op_buf_put(b, text, n);
}

void op_json_bool(struct op_buf *b, bool v)
{
	op_json_raw(b, v ? "true" : "false");
}

void op_json_null(struct op_buf *b)
{
	op_json_raw(b, "null");
}

void op_json_raw(struct op_buf *b, const char *json)
{
	comma(b);
	op_buf_puts(b, json);
}

void op_json_kv_str(struct op_buf *b, const char *key, const char *text)
{
	op_json_key(b, key);
	op_json_str(b, text);
}

void op_json_kv_u64(struct op_buf *b, const char *key, uint64_t v)
{
	op_json_key(b, key);
	op_json_u64(b, v);
}

void op_json_kv_i64(struct op_buf *b, const char *key, int64_t v)
{
	op_json_key(b, key);
	op_json_i64(b, v);
}

void op_json_kv_f64(struct op_buf *b, const char *key, double v)
{
	op_json_key(b, key);
	op_json_f64(b, v);
}

void op_json_kv_bool(struct op_buf *b, const char *key, bool v)
{
	op_json_key(b, key);
	op_json_bool(b, v);
}
