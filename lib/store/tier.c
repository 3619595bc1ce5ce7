/*
 * tier.c - records summed up by equal stretches of time.
 *
 * Whole numbers of up to 32 bits are summed exactly, also from a lower tier, whose mean times its
 * count is the sum it was made from: it does not matter on which way a level came about. One
 * thread per object; no allocation after the start.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/tier.h"

#include <math.h>
#include <outpost/topic.h>
#include <string.h>

#include "lib/store/column.h"

#define COUNT_MAX (1u << 31) /* records of a bucket; it is given away early then */

enum kind { UNSIGNED, SIGNED, FLOAT };

/* A value of a field, in the widest type of its kind. */
union value {
	uint64_t u;
	int64_t i;
	double f;
};

struct field {
	enum op_type type;
	enum kind kind;
	bool exact;                       /* sums up in whole */
	uint32_t from;                    /* of records: offset */
	uint32_t from_tier[TIER_FIGURES]; /* of tier records: offsets */
	uint32_t to[TIER_FIGURES];

	bool any; /* since the bucket began */
	union value min, max, first, last;
	uint64_t whole; /* two's complement */
	double sum, weight;
};

struct op_tier {
	struct op_topic_type *type; /* of what it gives */
	bool of_tier;
	uint64_t width_ns, begin_ns;
	uint64_t n;
	uint32_t from_n;
	struct field fields[OP_TIER_FIELDS_MAX];
	unsigned n_fields;
	op_tier_fn fn;
	void *arg;
	unsigned char *slot;
};

/* ---- set up --------------------------------------------------------------------------------- */

static enum kind kind_of(enum op_type type)
{
	switch (type) {
	case OP_F32:
	case OP_F64:
		return FLOAT;
	case OP_I8:
	case OP_I16:
	case OP_I32:
	case OP_I64:
		return SIGNED;
	default:
		return UNSIGNED;
	}
}

static struct field *add_field(struct op_tier *t, enum op_type type)
{
	struct field *f = &t->fields[t->n_fields];
	f->type = type;
	f->kind = kind_of(type);
	f->exact = f->kind != FLOAT && op_column_bytes(type) <= 4;
	for (unsigned k = 0; k < TIER_FIGURES; k++)
		f->to[k] = t->type->fields[1 + t->n_fields * TIER_FIGURES + k].offset;
	t->n_fields++;
	return f;
}

static void add_fields(struct op_tier *t, const struct op_topic_type *type, op_field_set fields)
{
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (fields >> i & 1)
			add_field(t, type->fields[i].type)->from = type->fields[i].offset;
}

static void add_groups(struct op_tier *t, const struct op_topic_type *type)
{
	t->from_n = type->fields[0].offset;
	for (uint32_t i = 1; i < type->n_fields; i += TIER_FIGURES) {
		struct field *f = add_field(t, type->fields[i].type);
		for (unsigned k = 0; k < TIER_FIGURES; k++)
			f->from_tier[k] = type->fields[i + k].offset;
	}
}

int op_tier_create(const struct op_topic_type *type, op_field_set fields, uint64_t width_ns,
		   op_tier_fn fn, void *arg, struct op_tier **ret)
{
	struct op_tier *t = width_ns > 0 ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return width_ns > 0 ? -ENOMEM : -EINVAL;
	int err = op_tier_type(type, fields, &t->type);
	if (!err && !(t->slot = calloc(1, op_tier_stride(t))))
		err = -ENOMEM;
	if (err) {
		op_tier_destroy(t);
		return err;
	}
	t->of_tier = op_tier_is(type);
	t->width_ns = width_ns;
	t->fn = fn;
	t->arg = arg;
	if (t->of_tier)
		add_groups(t, type);
	else
		add_fields(t, type, op_tier_fields(type, fields));
	*ret = t;
	return 0;
}

void op_tier_destroy(struct op_tier *t)
{
	if (!t)
		return;
	op_schema_free(t->type);
	free(t->slot);
	free(t);
}

const struct op_topic_type *op_tier_record_type(const struct op_tier *t)
{
	return t->type;
}

size_t op_tier_stride(const struct op_tier *t)
{
	return OP_SLOT_RECORD + (t->type->record_bytes + 7u) / 8 * 8;
}

/* ---- giving a bucket away ------------------------------------------------------------------- */

static union value nothing(const struct field *f)
{
	union value none = {.u = 0};
	if (f->kind == FLOAT)
		none.f = NAN;
	return none;
}

static void store(enum op_type type, union value v, unsigned char *to)
{
	float f32 = (float)v.f;
	switch (type) {
	case OP_F32:
		memcpy(to, &f32, sizeof(f32));
		break;
	case OP_F64:
		memcpy(to, &v.f, sizeof(v.f));
		break;
	default: { /* the low bytes of a number, whatever its sign */
		unsigned bytes = op_column_bytes(type);
		for (unsigned i = 0; i < bytes; i++) {
			unsigned place =
				__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : bytes - 1 - i;
			to[place] = (unsigned char)(v.u >> 8 * i);
		}
	}
	}
}

static double mean_of(const struct op_tier *t, const struct field *f)
{
	return f->exact ? (double)(int64_t)f->whole / (double)t->n : f->sum / f->weight;
}

static void store_field(const struct op_tier *t, struct field *f, unsigned char *record)
{
	if (!f->any)
		f->min = f->max = f->first = f->last = nothing(f);
	store(f->type, f->min, record + f->to[TIER_MIN]);
	store(f->type, f->max, record + f->to[TIER_MAX]);
	store(f->type, f->first, record + f->to[TIER_FIRST]);
	store(f->type, f->last, record + f->to[TIER_LAST]);
	double mean = f->exact || f->weight > 0 ? mean_of(t, f) : NAN;
	memcpy(record + f->to[TIER_MEAN], &mean, sizeof(mean));
	f->any = false;
	f->whole = 0;
	f->sum = f->weight = 0;
}

void op_tier_flush(struct op_tier *t)
{
	if (t->n == 0)
		return;
	unsigned char *record = t->slot + OP_SLOT_RECORD;
	uint32_t n = (uint32_t)t->n;
	memcpy(t->slot, &t->begin_ns, sizeof(t->begin_ns));
	memcpy(record + t->type->fields[0].offset, &n, sizeof(n));
	for (unsigned i = 0; i < t->n_fields; i++)
		store_field(t, &t->fields[i], record);
	t->n = 0;
	t->fn(t->arg, t->slot);
}

/* ---- summing up records --------------------------------------------------------------------- */

/* A run of one field, by its type. Before the first value, first is not set. */
#define ADD_RUN(ctype, member, ok, sum_up)                                        \
	do {                                                                      \
		__typeof__(f->min.member) lo = f->min.member, hi = f->max.member; \
		for (size_t i = 0; i < n; i++, at += stride) {                    \
			ctype v;                                                  \
			memcpy(&v, at, sizeof(v));                                \
			if (!(ok))                                                \
				continue;                                         \
			if (!f->any) {                                            \
				f->first.member = lo = hi = v;                    \
				f->any = true;                                    \
			}                                                         \
			lo = v < lo ? v : lo;                                     \
			hi = v > hi ? v : hi;                                     \
			f->last.member = v;                                       \
			sum_up;                                                   \
		}                                                                 \
		f->min.member = lo;                                               \
		f->max.member = hi;                                               \
	} while (0)
#define ADD_EXACT(ctype, member) ADD_RUN(ctype, member, true, whole += (uint64_t)v)
#define ADD_DOUBLE(ctype, member) ADD_RUN(ctype, member, v == v, (sum += (double)v, weight++))

static void add_run(struct field *f, const unsigned char *at, size_t n, size_t stride)
{
	uint64_t whole = f->whole;
	double sum = f->sum, weight = f->weight;
	switch (f->type) {
	case OP_U8:
	case OP_ENUM:
		ADD_EXACT(uint8_t, u);
		break;
	case OP_I8:
		ADD_EXACT(int8_t, i);
		break;
	case OP_U16:
		ADD_EXACT(uint16_t, u);
		break;
	case OP_I16:
		ADD_EXACT(int16_t, i);
		break;
	case OP_U32:
		ADD_EXACT(uint32_t, u);
		break;
	case OP_I32:
		ADD_EXACT(int32_t, i);
		break;
	case OP_U64:
		ADD_DOUBLE(uint64_t, u);
		break;
	case OP_I64:
		ADD_DOUBLE(int64_t, i);
		break;
	case OP_F32:
		ADD_DOUBLE(float, f);
		break;
	case OP_F64:
		ADD_DOUBLE(double, f);
		break;
	case OP_TEXT:
		break;
	}
	f->whole = whole;
	f->sum = sum;
	f->weight = weight;
}

/* ---- summing up a lower tier ---------------------------------------------------------------- */

static union value load(const struct field *f, const unsigned char *at)
{
	uint64_t number;
	double real;
	op_column_widen(f->type, at, 1, &number);
	if (f->kind == UNSIGNED)
		return (union value){.u = number};
	if (f->kind == SIGNED) /* the key is the number plus half its range */
		return (union value){.u = number - (1ULL << (8 * op_column_bytes(f->type) - 1))};
	if (f->type == OP_F64) {
		memcpy(&real, at, sizeof(real));
	} else {
		float f32;
		memcpy(&f32, at, sizeof(f32));
		real = (double)f32;
	}
	return (union value){.f = real};
}

static bool less(const struct field *f, union value a, union value b)
{
	return f->kind == UNSIGNED ? a.u < b.u : f->kind == SIGNED ? a.i < b.i : a.f < b.f;
}

static void add_summary(struct field *f, const unsigned char *record, uint32_t n)
{
	union value min = load(f, record + f->from_tier[TIER_MIN]);
	union value max = load(f, record + f->from_tier[TIER_MAX]);
	double mean;
	memcpy(&mean, record + f->from_tier[TIER_MEAN], sizeof(mean));
	if (f->kind == FLOAT && isnan(min.f))
		return; /* nothing but NaN */
	if (!f->any || less(f, min, f->min))
		f->min = min;
	if (!f->any || less(f, f->max, max))
		f->max = max;
	if (!f->any)
		f->first = load(f, record + f->from_tier[TIER_FIRST]);
	f->last = load(f, record + f->from_tier[TIER_LAST]);
	f->any = true;
	if (f->exact) {
		f->whole += (uint64_t)llrint(mean * n);
	} else if (!isnan(mean)) { /* infinities of both signs have none */
		f->sum += mean * n;
		f->weight += n;
	}
}

/* ---- records come --------------------------------------------------------------------------- */

/* Starts the bucket of a time, unless it belongs to the one that is open. A clock that goes back
 * does not: what it stamps then goes into the open one. */
static void enter(struct op_tier *t, uint64_t ns)
{
	if (t->n > 0 && ns - t->begin_ns < t->width_ns)
		return;
	if (t->n > 0 && ns < t->begin_ns)
		return;
	op_tier_flush(t);
	t->begin_ns = ns - ns % t->width_ns;
}

static uint64_t time_of(const unsigned char *slot)
{
	uint64_t ns;
	memcpy(&ns, slot, sizeof(ns));
	return ns;
}

static void add_tier_records(struct op_tier *t, const unsigned char *slot, size_t n, size_t stride)
{
	for (size_t i = 0; i < n; i++, slot += stride) {
		uint32_t count;
		memcpy(&count, slot + OP_SLOT_RECORD + t->from_n, sizeof(count));
		if (count == 0)
			continue;
		if (t->n + count > UINT32_MAX)
			op_tier_flush(t);
		enter(t, time_of(slot));
		t->n += count;
		for (unsigned k = 0; k < t->n_fields; k++)
			add_summary(&t->fields[k], slot + OP_SLOT_RECORD, count);
	}
}

/* How many of the n slots, at least one, go into the open bucket together. */
static size_t run_length(const struct op_tier *t, const unsigned char *slot, size_t n,
			 size_t stride)
{
	uint64_t end = t->begin_ns + t->width_ns;
	size_t i = 1;
	while (i < n && time_of(slot + i * stride) < end)
		i++;
	return i;
}

static void add_records(struct op_tier *t, const unsigned char *slot, size_t n, size_t stride)
{
	while (n > 0) {
		if (t->n > COUNT_MAX)
			op_tier_flush(t);
		enter(t, time_of(slot));
		size_t run = run_length(t, slot, n, stride);
		for (unsigned k = 0; k < t->n_fields; k++)
			add_run(&t->fields[k], slot + OP_SLOT_RECORD + t->fields[k].from, run,
				stride);
		t->n += run;
		slot += run * stride;
		n -= run;
	}
}

void op_tier_add(struct op_tier *t, const void *slots, size_t n, size_t stride)
{
	if (t->of_tier)
		add_tier_records(t, slots, n, stride);
	else
		add_records(t, slots, n, stride);
}
