/*
 * record.c - one record as JSON or CSV, from its declaration alone. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <outpost/topic.h>
#include <stdio.h>
#include <string.h>

#define LOAD(type, from)                         \
	({                                       \
		type v_;                         \
		memcpy(&v_, (from), sizeof(v_)); \
		v_;                              \
	})

static const char *at(const struct op_field *f, const void *record)
{
	return (const char *)record + f->offset;
}

/* The value's label, not terminated; length 0 if it has none. */
static size_t label(const struct op_field *f, const void *record, const char **ret)
{
	unsigned value = LOAD(uint8_t, at(f, record));
	const char *p = f->labels;
	while (value > 0 && *p) {
		if (*p++ == '|')
			value--;
	}
	*ret = p;
	return value == 0 ? strcspn(p, "|") : 0;
}

static void write_label(const struct op_field *f, const void *record, struct op_buf *out)
{
	const char *text;
	size_t n = label(f, record, &text);
	if (n > 0)
		op_json_strn(out, text, n);
	else
		op_json_u64(out, LOAD(uint8_t, at(f, record)));
}

static void write_value(const struct op_field *f, const void *record, struct op_buf *out)
{
	const char *p = at(f, record);
	switch (f->type) {
	case OP_U8:
		return op_json_u64(out, LOAD(uint8_t, p));
	case OP_I8:
		return op_json_i64(out, LOAD(int8_t, p));
	case OP_U16:
		return op_json_u64(out, LOAD(uint16_t, p));
	case OP_I16:
		return op_json_i64(out, LOAD(int16_t, p));
	case OP_U32:
		return op_json_u64(out, LOAD(uint32_t, p));
	case OP_I32:
		return op_json_i64(out, LOAD(int32_t, p));
	case OP_U64:
		return op_json_u64(out, LOAD(uint64_t, p));
	case OP_I64:
		return op_json_i64(out, LOAD(int64_t, p));
	case OP_F32:
		return op_json_f32(out, LOAD(float, p));
	case OP_F64:
		return op_json_f64(out, LOAD(double, p));
	case OP_ENUM:
		return write_label(f, record, out);
	case OP_TEXT:
		return op_json_strn(out, p, strnlen(p, f->bytes));
	}
}

void op_record_json(const struct op_topic_type *type, const void *record, struct op_buf *out)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		op_json_key(out, type->fields[i].name);
		write_value(&type->fields[i], record, out);
	}
}

void op_record_json_line_at(const struct op_topic_type *type, const char *name, uint64_t seq,
			    uint64_t boot_ns, const char *time, const void *record,
			    struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "topic", name);
	op_json_kv_u64(out, "seq", seq);
	op_json_kv_u64(out, "boot_ns", boot_ns);
	op_json_kv_str(out, "time", time);
	op_record_json(type, record, out);
	op_json_end(out, '}');
	out->need_comma = false; /* the next line is a value of its own */
}

void op_record_json_line(const struct op_topic_type *type, const char *name, uint64_t seq,
			 uint64_t boot_ns, const void *record, struct op_buf *out)
{
	char time[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(boot_ns), time);
	op_record_json_line_at(type, name, seq, boot_ns, time, record, out);
}

void op_record_csv_header(const struct op_topic_type *type, struct op_buf *out)
{
	op_buf_puts(out, "seq,boot_ns,time");
	for (uint32_t i = 0; i < type->n_fields; i++) {
		op_buf_putc(out, ',');
		op_csv_strn(out, type->fields[i].name, strlen(type->fields[i].name));
	}
}

static void write_csv(const struct op_field *f, const void *record, struct op_buf *out)
{
	const char *text = at(f, record);
	size_t n = 0;
	if (f->type == OP_TEXT)
		n = strnlen(text, f->bytes);
	else if (f->type == OP_ENUM)
		n = label(f, record, &text);
	if (n > 0) {
		op_csv_strn(out, text, n);
	} else if (f->type != OP_TEXT && isfinite(op_field_f64(f, record))) {
		out->need_comma = false; /* numbers look the same in CSV and JSON */
		write_value(f, record, out);
		out->need_comma = false;
	}
}

void op_record_csv_row_at(const struct op_topic_type *type, uint64_t seq, uint64_t boot_ns,
			  const char *time, const void *record, struct op_buf *out)
{
	out->need_comma = false;
	op_json_u64(out, seq); /* writes a comma before the next */
	op_json_u64(out, boot_ns);
	op_buf_putc(out, ',');
	op_buf_puts(out, time);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		op_buf_putc(out, ',');
		write_csv(&type->fields[i], record, out);
	}
}

void op_record_csv_row(const struct op_topic_type *type, uint64_t seq, uint64_t boot_ns,
		       const void *record, struct op_buf *out)
{
	char time[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(boot_ns), time);
	op_record_csv_row_at(type, seq, boot_ns, time, record, out);
}

double op_field_f64(const struct op_field *f, const void *record)
{
	const char *p = at(f, record);
	switch (f->type) {
	case OP_U8:
	case OP_ENUM:
		return LOAD(uint8_t, p);
	case OP_I8:
		return LOAD(int8_t, p);
	case OP_U16:
		return LOAD(uint16_t, p);
	case OP_I16:
		return LOAD(int16_t, p);
	case OP_U32:
		return LOAD(uint32_t, p);
	case OP_I32:
		return LOAD(int32_t, p);
	case OP_U64:
		return (double)LOAD(uint64_t, p);
	case OP_I64:
		return (double)LOAD(int64_t, p);
	case OP_F32:
		return (double)LOAD(float, p);
	case OP_F64:
		return LOAD(double, p);
	case OP_TEXT:
		break;
	}
	return 0;
}

const struct op_field *op_topic_field(const struct op_topic_type *type, const char *name)
{
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (!strcmp(type->fields[i].name, name))
			return &type->fields[i];
	return NULL;
}

void op_field_label(const struct op_field *f, const void *record, char *out, size_t size)
{
	const char *text;
	int n = (int)label(f, record, &text);
	if (n > 0)
		(void)snprintf(out, size, "%.*s", n, text); /* a cut label is still readable */
	else
		(void)snprintf(out, size, "%u", LOAD(uint8_t, at(f, record)));
}
