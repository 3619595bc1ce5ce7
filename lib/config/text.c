/*
 * text.c - UTF-8: is it, and text as a YAML scalar that reads back the same.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>
#include <strings.h>

/* The code point at *at, which moves behind it; -1 for a byte that is not UTF-8 (RFC 3629). */
static int32_t next_point(const char **at)
{
	static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *c = (const unsigned char *)*at;
	*at += 1;
	if (c[0] < 0x80)
		return c[0];
	int more = c[0] >= 0xf0 ? 3 : c[0] >= 0xe0 ? 2 : 1;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return -1;
	int32_t point = c[0] & (0x3f >> more);
	for (int i = 1; i <= more; i++) {
		if ((c[i] & 0xc0) != 0x80) /* also the closing NUL */
			return -1;
		point = point << 6 | (c[i] & 0x3f);
	}
	if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return -1;
	*at += more;
	return point;
}

bool text_is_utf8(const char *text)
{
	while (*text)
		if (next_point(&text) < 0)
			return false;
	return true;
}

/* What YAML 1.1 may not hold as it is, or would take for the end of a line. */
static bool must_escape(int32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0xa0) || point == 0x2028 ||
	       point == 0x2029 || point == 0xfeff || point == 0xfffe || point == 0xffff;
}

static void write_quoted(const char *text, struct op_buf *out)
{
	op_buf_putc(out, '"');
	while (*text) {
		const char *at = text;
		int32_t point = next_point(&text);
		if (point < 0)
			op_buf_puts(out, "\\uFFFD");
		else if (point == '"' || point == '\\')
			op_buf_printf(out, "\\%c", (char)point);
		else if (must_escape(point))
			op_buf_printf(out, "\\u%04X", (unsigned)point);
		else
			op_buf_put(out, at, (size_t)(text - at));
	}
	op_buf_putc(out, '"');
}

/* Without quotes only what no YAML reader can take for anything else. */
static bool is_bare(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789/_.+=;@-";
	if (!*text || strchr("-.=@;", *text) || !strcasecmp(text, "null"))
		return false;
	for (const char *c = text; *c; c++) {
		bool inside = c > text && c[1] && c[1] != ' ';
		bool blank = *c == ' ' && inside && c[1] != '#';
		if (!strchr(letters, *c) && !blank && !(strchr(":?&", *c) && inside))
			return false;
	}
	return true;
}

void yaml_text_write(const char *text, struct op_buf *out)
{
	if (is_bare(text))
		op_buf_puts(out, text);
	else
		write_quoted(text, out);
}
