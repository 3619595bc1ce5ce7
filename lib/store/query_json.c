/*
 * query_json.c - points of a span as JSON: outpost-http(7). Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "lib/store/query.h"

/* Unix milliseconds with up to six decimals, exactly: a double has not enough digits. */
static void put_ms(struct op_buf *out, int64_t ns)
{
	int64_t ms = ns / 1000000, rest = ns % 1000000;
	op_json_i64(out, ms - (rest < 0));
	if (rest <= 0) /* before 1970 whole milliseconds are enough */
		return;
	char text[8] = ".";
	size_t n = 7;
	for (size_t i = 6; i > 0; i--, rest /= 10)
		text[i] = (char)('0' + rest % 10);
	while (text[n - 1] == '0')
		n--;
	op_buf_put(out, text, n);
}

static void put_ms_member(struct op_buf *out, const char *key, int64_t ns)
{
	op_json_key(out, key);
	put_ms(out, ns);
}

static void put_fields(const struct op_query_points *p, struct op_buf *out)
{
	op_json_key(out, "fields");
	op_json_begin(out, '[');
	for (unsigned f = 0; f < p->n_fields; f++) {
		op_json_begin(out, '{');
		op_json_kv_str(out, "name", p->type->fields[p->field[f]].name);
		op_json_kv_str(out, "unit", p->type->fields[p->field[f]].unit);
		op_json_end(out, '}');
	}
	op_json_end(out, ']');
}

/* As many digits as the field has; the mean of a float is not more exact than a float. */
static void put_number(struct op_buf *out, const struct op_field *f, double v)
{
	bool wide = f->type == OP_F64 || f->type == OP_U64 || f->type == OP_I64 ||
		    f->type == OP_U32 || f->type == OP_I32;
	if (wide || !isfinite((float)v))
		op_json_f64(out, v);
	else
		op_json_f32(out, (float)v);
}

static void put_values(const struct op_query_points *p, const char *key, size_t at,
		       struct op_buf *out)
{
	op_json_key(out, key);
	op_json_begin(out, '{');
	for (unsigned f = 0; f < p->n_fields; f++) {
		const struct op_field *field = &p->type->fields[p->field[f]];
		op_json_key(out, field->name);
		op_json_begin(out, '[');
		for (size_t i = 0; i < p->n; i++) {
			const char *value = (const char *)&p->values[i * p->n_fields + f];
			put_number(out, field, *(const double *)(const void *)(value + at));
		}
		op_json_end(out, ']');
	}
	op_json_end(out, '}');
}

void op_query_points_json(const struct op_query_span *span, const struct op_query_points *points,
			  struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "topic", span->topic);
	put_ms_member(out, "from", span->from_wall_ns);
	put_ms_member(out, "to", span->to_wall_ns);
	op_json_kv_str(out, "level", op_tier_name(points->level));
	put_ms_member(out, "bucket_ms", points->bucket_ns);
	op_json_kv_str(out, "clock", op_clock_quality_name(points->quality));
	op_json_kv_u64(out, "damaged", points->damaged);
	put_fields(points, out);
	op_json_key(out, "t");
	op_json_begin(out, '[');
	for (size_t i = 0; i < points->n; i++)
		put_ms(out, points->t_wall_ns[i]);
	op_json_end(out, ']');
	op_json_key(out, "n");
	op_json_begin(out, '[');
	for (size_t i = 0; i < points->n; i++)
		op_json_u64(out, points->count[i]);
	op_json_end(out, ']');
	put_values(points, "min", offsetof(struct op_query_value, min), out);
	put_values(points, "max", offsetof(struct op_query_value, max), out);
	put_values(points, "mean", offsetof(struct op_query_value, mean), out);
	op_json_end(out, '}');
}
