/*
 * tap_format.c - one record as a line: JSON, CSV, or columns for people.
 *
 * JSON and CSV are the bus library's. Columns are aligned by the declared types, so that a column
 * never moves when a value grows; with several topics a line is TOPIC and NAME=VALUE pairs, because
 * columns of different topics do not fit under one header.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tap.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_COLUMNS 24
#define SEQ_COLUMNS 10
#define TEXT_COLUMNS_MAX 32

static int type_columns(const struct op_field *f)
{
	static const int columns[] = {
		[OP_U8] = 3,   [OP_I8] = 4,   [OP_U16] = 5,  [OP_I16] = 6,  [OP_U32] = 10,
		[OP_I32] = 11, [OP_U64] = 12, [OP_I64] = 12, [OP_F32] = 11, [OP_F64] = 12,
	};
	if (f->type == OP_TEXT)
		return f->bytes < TEXT_COLUMNS_MAX ? (int)f->bytes : TEXT_COLUMNS_MAX;
	if (f->type != OP_ENUM)
		return columns[f->type];
	int widest = 1;
	for (const char *p = f->labels ? f->labels : ""; *p;) {
		int len = (int)strcspn(p, "|");
		widest = len > widest ? len : widest;
		p += len + (p[len] == '|');
	}
	return widest;
}

static void field_title(const struct op_field *f, char *out, size_t size)
{
	char title[128];
	bool unit = f->unit && *f->unit;
	(void)snprintf(title, sizeof(title), "%s%s%s%s", f->name, unit ? "[" : "",
		       unit ? f->unit : "", unit ? "]" : "");
	op_text_safe(title, sizeof(title), out, size);
}

static int field_columns(const struct op_field *f)
{
	char title[160];
	field_title(f, title, sizeof(title));
	int wide = (int)op_text_width(title), columns = type_columns(f);
	return wide > columns ? wide : columns;
}

static bool left_aligned(const struct op_field *f)
{
	return f->type == OP_TEXT || f->type == OP_ENUM;
}

static void pad(struct op_buf *b, int columns)
{
	for (; columns > 0; columns--)
		op_buf_putc(b, ' ');
}

static void cell(struct op_buf *b, const char *text, int columns, bool left, bool last)
{
	int rest = columns - (int)op_text_width(text);
	op_buf_puts(b, "  ");
	if (!left)
		pad(b, rest);
	op_buf_puts(b, text);
	if (left && !last)
		pad(b, rest);
}

static void columns_header(const struct tap_options *o, const struct op_topic_type *type,
			   struct tap_out *out)
{
	struct op_buf *b = &out->text;
	if (o->terminal)
		op_buf_puts(b, "\033[1m");
	op_buf_printf(b, "%-*s", TIME_COLUMNS, "time");
	cell(b, "seq", SEQ_COLUMNS, false, false);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		char title[160];
		field_title(f, title, sizeof(title));
		out->columns[i] = field_columns(f);
		cell(b, title, out->columns[i], left_aligned(f), i + 1 == type->n_fields);
	}
	op_buf_puts(b, o->terminal ? "\033[0m\n" : "\n");
}

static void columns_row(const struct op_topic_type *type, uint64_t seq, const char *when,
			const void *record, struct tap_out *out)
{
	char text[OP_TOPIC_RECORD_MAX + 1];
	struct op_buf *b = &out->text;
	op_buf_puts(b, when);
	(void)snprintf(text, sizeof(text), "%" PRIu64, seq);
	cell(b, text, SEQ_COLUMNS, false, false);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		op_text_field(f, record, text, sizeof(text));
		cell(b, text, out->columns[i], left_aligned(f), i + 1 == type->n_fields);
	}
	op_buf_putc(b, '\n');
}

/* 2026-11-21T10:00:00.123Z  status.pbt  #12  state=ready cpu_percent=0.8% */
static void pairs_row(const struct op_topic_type *type, const char *name, uint64_t seq,
		      const char *when, const void *record, struct op_buf *b)
{
	char text[OP_TOPIC_RECORD_MAX + 1];
	op_buf_printf(b, "%s  %-20s  #%-8" PRIu64, when, name, seq);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		op_text_field(f, record, text, sizeof(text));
		op_buf_printf(b, " %s=%s%s", f->name, text, f->unit ? f->unit : "");
	}
	op_buf_putc(b, '\n');
}

void tap_format_header(const struct tap_options *o, const struct op_topic_type *type,
		       const char *name, struct tap_out *out)
{
	out->row = 0;
	if (o->format == TAP_CSV) {
		op_buf_puts(&out->text, name ? "topic," : "");
		op_record_csv_header(type, &out->text);
		op_buf_putc(&out->text, '\n');
	} else if (o->format == TAP_COLUMNS && !o->many) {
		columns_header(o, type, out);
	}
}

static void csv_row(const struct op_topic_type *type, const char *name, uint64_t seq,
		    uint64_t boot_ns, const void *record, struct op_buf *b)
{
	if (name) {
		op_buf_puts(b, name);
		op_buf_putc(b, ',');
	}
	op_record_csv_row(type, seq, boot_ns, record, b);
	op_buf_putc(b, '\n');
}

void tap_format_record(const struct tap_options *o, const struct op_topic_type *type,
		       const char *name, uint64_t seq, uint64_t boot_ns, const void *record,
		       struct tap_out *out)
{
	char when[OP_RFC3339_BYTES];
	out->printed++;
	if (o->format == TAP_CSV) {
		csv_row(type, o->many ? name : NULL, seq, boot_ns, record, &out->text);
		return;
	}
	if (o->format == TAP_JSON) {
		op_record_json_line(type, name, seq, boot_ns, record, &out->text);
		out->text.need_comma = false; /* each line is a value of its own */
		op_buf_putc(&out->text, '\n');
		return;
	}
	op_time_rfc3339(op_wall_ns(boot_ns), when);
	if (o->many) {
		pairs_row(type, name, seq, when, record, &out->text);
		return;
	}
	/* On a terminal the header comes again before it scrolls away. */
	if (out->rows > 3 && ++out->row >= out->rows - 1) {
		columns_header(o, type, out);
		out->row = 1;
	}
	columns_row(type, seq, when, record, out);
}
