/*
 * query_reduce.c - some records of one field, raw or summed up already, as one value. Pure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/query_reduce.h"

#include <math.h>
#include <stdio.h>

/* ---- where the columns are ---------------------------------------------------------------- */

static int index_of(const struct op_topic_type *type, const char *name, const char *suffix)
{
	char whole[256];
	(void)snprintf(whole, sizeof(whole), "%s%s", name, suffix); /* cut: no such field */
	const struct op_field *f = type ? op_topic_field(type, whole) : NULL;
	return f ? (int)(f - type->fields) : -1;
}

static void want(op_field_set *set, int field)
{
	if (field >= 0)
		*set |= query_bit((unsigned)field);
}

void query_columns_map(struct query_columns *c, const struct query_source *source,
		       const struct op_topic_type *newest, const unsigned *field, unsigned n_fields)
{
	*c = (struct query_columns){.n_field = index_of(source->tier, "n", "")};
	want(&c->tier_want, c->n_field);
	for (unsigned i = 0; i < n_fields; i++) {
		const char *name = newest->fields[field[i]].name;
		int raw = index_of(source->type, name, "");
		if (raw >= 0 && source->type->fields[raw].type == OP_TEXT)
			raw = -1;
		c->field[i].raw = raw;
		c->field[i].type = raw >= 0 ? source->type->fields[raw].type : OP_TEXT;
		c->field[i].min = index_of(source->tier, name, ".min");
		c->field[i].max = index_of(source->tier, name, ".max");
		c->field[i].mean = index_of(source->tier, name, ".mean");
		want(&c->want, raw);
		want(&c->tier_want, c->field[i].min);
		want(&c->tier_want, c->field[i].max);
		want(&c->tier_want, c->field[i].mean);
	}
}

/* ---- numbers ------------------------------------------------------------------------------ */

struct range {
	double min, max, sum, n;
};

static inline void take(struct range *r, double v)
{
	r->min = v < r->min ? v : r->min;
	r->max = v > r->max ? v : r->max;
	r->sum += v;
}

#define TAKE_ALL(type)                                 \
	do {                                           \
		const type *v = values;                \
		for (uint32_t i = first; i < end; i++) \
			take(r, (double)v[i]);         \
		r->n += end - first;                   \
	} while (0)

/* What is no number counts for nothing. */
#define TAKE_NUMBERS(type)                               \
	do {                                             \
		const type *v = values;                  \
		for (uint32_t i = first; i < end; i++) { \
			if (v[i] != v[i])                \
				continue;                \
			take(r, (double)v[i]);           \
			r->n += 1;                       \
		}                                        \
	} while (0)

static void take_values(enum op_type type, const void *values, uint32_t first, uint32_t end,
			struct range *r)
{
	switch (type) {
	case OP_U8:
	case OP_ENUM:
		TAKE_ALL(uint8_t);
		break;
	case OP_I8:
		TAKE_ALL(int8_t);
		break;
	case OP_U16:
		TAKE_ALL(uint16_t);
		break;
	case OP_I16:
		TAKE_ALL(int16_t);
		break;
	case OP_U32:
		TAKE_ALL(uint32_t);
		break;
	case OP_I32:
		TAKE_ALL(int32_t);
		break;
	case OP_U64:
		TAKE_ALL(uint64_t);
		break;
	case OP_I64:
		TAKE_ALL(int64_t);
		break;
	case OP_F32:
		TAKE_NUMBERS(float);
		break;
	case OP_F64:
		TAKE_NUMBERS(double);
		break;
	case OP_TEXT:
		break;
	}
}

static void merge(struct op_query_value *value, double *weight, double min, double max, double sum,
		  double n)
{
	if (!(n > 0))
		return;
	value->min = min < value->min ? min : value->min;
	value->max = max > value->max ? max : value->max;
	value->mean += sum;
	*weight += n;
}

/* ---- records ------------------------------------------------------------------------------ */

uint64_t query_count(const struct query_columns *c, const struct query_run *run, uint32_t first,
		     uint32_t end)
{
	const uint32_t *n = run->level && c->n_field >= 0 ? run->columns.values[c->n_field] : NULL;
	uint64_t all = 0;
	if (!n)
		return end - first;
	for (uint32_t i = first; i < end; i++)
		all += n[i];
	return all;
}

static const void *column(const struct query_run *run, int field)
{
	return field < 0 ? NULL : run->columns.values[field];
}

static void reduce_tier(const struct query_columns *c, unsigned f, const struct query_run *run,
			uint32_t first, uint32_t end, struct op_query_value *value, double *weight)
{
	const void *min = column(run, c->field[f].min), *max = column(run, c->field[f].max);
	const double *mean = column(run, c->field[f].mean);
	const uint32_t *n = column(run, c->n_field);
	if (!min || !max || !mean || !n)
		return;
	struct range low = {INFINITY, -INFINITY, 0, 0}, high = low;
	take_values(c->field[f].type, min, first, end, &low);
	take_values(c->field[f].type, max, first, end, &high);
	double sum = 0, all = 0;
	for (uint32_t i = first; i < end; i++) {
		if (mean[i] != mean[i])
			continue;
		sum += mean[i] * n[i];
		all += n[i];
	}
	merge(value, weight, low.min, high.max, sum, all);
}

void query_reduce(const struct query_columns *c, unsigned f, const struct query_run *run,
		  uint32_t first, uint32_t end, struct op_query_value *value, double *weight)
{
	if (run->level) {
		reduce_tier(c, f, run, first, end, value, weight);
		return;
	}
	const void *values = column(run, c->field[f].raw);
	struct range r = {INFINITY, -INFINITY, 0, 0};
	if (values)
		take_values(c->field[f].type, values, first, end, &r);
	merge(value, weight, r.min, r.max, r.sum, r.n);
}
