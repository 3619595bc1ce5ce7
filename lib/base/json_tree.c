/*
 * json_tree.c - a tree of jansson as text (RFC 8259).
 *
 * What goes to people and other programs is written here rather than by json_dumps: see json.c and
 * decimal.c. Recursive: a tree that jansson has read is at most 2048 deep. Errors are the buffer's.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "json_tree.h"

static void put(struct op_buf *b, const json_t *v, unsigned indent, unsigned level);

static void new_line(struct op_buf *b, unsigned indent, unsigned level)
{
	if (indent)
		op_buf_printf(b, "\n%*s", (int)(indent * level), "");
}

/* Members write their own commas, so that each can have its line. */
static void put_object(struct op_buf *b, const json_t *v, unsigned indent, unsigned level)
{
	const char *key;
	json_t *member;
	size_t n = 0;
	op_buf_putc(b, '{');
	json_object_foreach((json_t *)(uintptr_t)v, key, member) /* it only reads */
	{
		if (n++)
			op_buf_putc(b, ',');
		new_line(b, indent, level + 1);
		b->need_comma = false;
		op_json_str(b, key);
		op_buf_puts(b, indent ? ": " : ":");
		put(b, member, indent, level + 1);
	}
	if (n)
		new_line(b, indent, level);
	op_buf_putc(b, '}');
}

static void put_array(struct op_buf *b, const json_t *v, unsigned indent, unsigned level)
{
	size_t n = json_array_size(v);
	op_buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			op_buf_putc(b, ',');
		new_line(b, indent, level + 1);
		put(b, json_array_get(v, i), indent, level + 1);
	}
	if (n)
		new_line(b, indent, level);
	op_buf_putc(b, ']');
}

static void put(struct op_buf *b, const json_t *v, unsigned indent, unsigned level)
{
	b->need_comma = false;
	if (json_is_object(v))
		put_object(b, v, indent, level);
	else if (json_is_array(v))
		put_array(b, v, indent, level);
	else if (json_is_string(v))
		op_json_strn(b, json_string_value(v), json_string_length(v));
	else if (json_is_integer(v))
		op_json_i64(b, json_integer_value(v));
	else if (json_is_real(v))
		op_json_f64(b, json_real_value(v));
	else if (json_is_boolean(v))
		op_json_bool(b, json_is_true(v));
	else
		op_json_null(b);
}

void op_json_tree(struct op_buf *b, const json_t *v, unsigned indent)
{
	if (b->need_comma)
		op_buf_putc(b, ',');
	put(b, v, indent, 0);
	b->need_comma = true;
}
