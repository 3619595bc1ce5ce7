/*
 * chunk_cut.c - the columns of a builder made into a chunk.
 *
 * Columns that are to be recomputed come last, each after those it is made from, and are compared
 * with what a reader will get for them before they are left out. What it takes beside the columns
 * is allocated for the cut and given back. Thread of the builder. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>

#include "lib/store/chunk_build.h"

#define PROBE 2048         /* records a search for a rule looks at */
#define REST_CUTS_MAX 64   /* after searches in vain */
#define WHOLE_MAX 0x1p53   /* whole numbers a double holds exactly */
#define PROBE_STARTS_MAX 8 /* more of them in PROBE are no rule */

struct cut {
	struct op_chunk_builder *b;
	struct op_column_encoder encoder;
	uint64_t *numbers;
	struct op_buf column; /* the one being made */
	double *x, *d, *y;    /* of means, in the memory of the others; NULL: none to try */
	uint32_t *starts;
	size_t starts_max; /* so many still pay */
};

/* ---- set up --------------------------------------------------------------------------------- */

static bool any_to_recompute(const struct op_chunk_builder *b)
{
	for (unsigned i = 0; i < b->n_columns; i++)
		if (b->columns[i].recompute)
			return true;
	return false;
}

static int begin(struct cut *c, struct op_chunk_builder *b)
{
	*c = (struct cut){.b = b, .starts_max = b->n / 32 + 8};
	op_buf_init(&c->column, b->out.limit);
	int err = op_column_encoder_init(&c->encoder, b->n, b->zstd_level);
	bool ok = err == 0 && (c->numbers = malloc(b->n * sizeof(*c->numbers)));
	if (!ok || !any_to_recompute(b))
		return ok ? 0 : -ENOMEM;
	/* Rules are looked for while nothing is being encoded. */
	c->x = (double *)(void *)c->encoder.planes;
	c->y = (double *)(void *)c->encoder.rest;
	c->d = (double *)(void *)c->numbers;
	c->starts = malloc(c->starts_max * sizeof(*c->starts));
	return c->starts ? 0 : -ENOMEM;
}

static void end(struct cut *c)
{
	op_column_encoder_finish(&c->encoder);
	op_buf_finish(&c->column);
	free(c->numbers);
	free(c->starts);
}

/* Appends numbers to the column being made. */
static int encode(struct cut *c, size_t n)
{
	return op_column_encode(&c->encoder, c->numbers, n, &c->column);
}

/* Takes the column that was made into the chunk. */
static int finish_column(struct cut *c, unsigned id, unsigned form_and_type)
{
	struct op_buf *out = &c->b->out;
	op_bytes_put(out, id, 1);
	op_bytes_put(out, form_and_type, 1);
	op_bytes_put_varint(out, c->column.len);
	op_buf_put(out, c->column.data, c->column.len);
	int err = c->column.err ? c->column.err : out->err;
	op_buf_reset(&c->column);
	return err;
}

static int finish_field(struct cut *c, struct chunk_column *k, enum chunk_form form)
{
	k->stored = true;
	return finish_column(c, k->field, (unsigned)form | (unsigned)k->type << 4);
}

/* ---- times and plain columns ---------------------------------------------------------------- */

static int put_times(struct cut *c)
{
	const struct op_chunk_builder *b = c->b;
	uint64_t span = b->times[b->n - 1] - b->times[0], step = 0;
	if (b->n > 1 && span >> (63 - CHUNK_STEP_SHIFT) == 0)
		step = (span << CHUNK_STEP_SHIFT) / (b->n - 1);
	op_bytes_put_varint(&c->column, b->times[0]);
	op_bytes_put_varint(&c->column, step);
	for (size_t i = 0; i < b->n; i++) {
		uint64_t off = b->times[i] - chunk_line(b->times[0], step, i);
		c->numbers[i] = op_column_key((int64_t)off);
	}
	int err = encode(c, b->n);
	return err ? err : finish_column(c, CHUNK_TIME, OP_U64 << 4);
}

static int put_seqs(struct cut *c)
{
	memcpy(c->numbers, c->b->seqs, c->b->n * sizeof(*c->numbers));
	int err = encode(c, c->b->n);
	return err ? err : finish_column(c, CHUNK_SEQ, OP_U64 << 4);
}

static int put_plain(struct cut *c, struct chunk_column *k)
{
	op_column_widen(k->type, k->values, c->b->n, c->numbers);
	int err = encode(c, c->b->n);
	return err ? err : finish_field(c, k, CHUNK_PLAIN);
}

/* Means of whole numbers are quotients: their dividends are small, while their bits are not. False
 * if one is not. */
static bool find_dividends(struct cut *c, const struct chunk_column *k)
{
	const struct op_chunk_builder *b = c->b;
	const double *v = k->values;
	const uint32_t *n = b->columns[b->divisor].values;
	for (size_t i = 0; i < b->n; i++) {
		double whole = nearbyint(v[i] * n[i]);
		if (!(fabs(whole) < WHOLE_MAX) || n[i] == 0)
			return false;
		double again = whole / n[i];
		if (memcmp(&again, &v[i], sizeof(again)) != 0)
			return false;
		c->numbers[i] = op_column_key((int64_t)whole);
	}
	return true;
}

static int put_exactly(struct cut *c, struct chunk_column *k)
{
	const struct chunk_column *n = c->b->divisor < 0 ? NULL : &c->b->columns[c->b->divisor];
	if (k->type != OP_F64 || !n || !n->stored || !find_dividends(c, k))
		return put_plain(c, k);
	op_bytes_put(&c->column, n->field, 1);
	int err = encode(c, c->b->n);
	return err ? err : finish_field(c, k, CHUNK_QUOTIENT);
}

/* ---- means ---------------------------------------------------------------------------------- */

static const struct chunk_column *column_of(const struct op_chunk_builder *b, unsigned field)
{
	for (unsigned i = 0; i < b->n_columns; i++)
		if (b->columns[i].field == field)
			return &b->columns[i];
	return NULL;
}

/* c->d from the columns of a rule; false if one of them is not in the chunk yet. */
static bool take_inputs(struct cut *c, const struct op_mean_rule *rule, size_t from, size_t n)
{
	const struct chunk_column *x = column_of(c->b, rule->x), *z = column_of(c->b, rule->z);
	if (!x || !z || !x->stored || !z->stored)
		return false;
	op_mean_values(x->type, (const char *)x->values + from * x->bytes, n, c->x);
	op_mean_values(z->type, (const char *)z->values + from * z->bytes, n, c->d);
	op_mean_inputs(rule->input, c->x, c->d, n);
	return true;
}

static double rounded(double v)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%.2e", v); /* always fits */
	return strtod(text, NULL);
}

/* People choose round factors: one is taken if it is as good. Returns the starts it needs. */
static size_t fit(struct cut *c, const struct chunk_column *k, struct op_mean_rule *rule, size_t n)
{
	double measured = op_mean_fit(c->d, c->y, n, c->b->tolerance);
	if (measured <= 0)
		return SIZE_MAX;
	double nice = rounded(measured);
	size_t as_nice = op_mean_restarts(nice, k->type, c->d, c->y, n, c->b->tolerance, c->starts,
					  c->starts_max);
	rule->factor = nice;
	if (as_nice <= 1)
		return as_nice;
	size_t as_measured = op_mean_restarts(measured, k->type, c->d, c->y, n, c->b->tolerance,
					      c->starts, c->starts_max);
	if (as_measured >= as_nice)
		return as_nice;
	rule->factor = measured;
	return as_measured;
}

/* One candidate on the probe; keeps it if it needs fewer starts than the best so far. */
static void consider(struct cut *c, struct chunk_column *k, struct op_mean_rule rule, size_t from,
		     size_t n, size_t *best)
{
	if (*best <= 1 || rule.x == k->field || rule.z == k->field ||
	    !take_inputs(c, &rule, from, n))
		return;
	size_t starts = fit(c, k, &rule, n);
	if (starts < *best) {
		*best = starts;
		k->guess = rule;
		k->guessed = starts <= PROBE_STARTS_MAX;
	}
}

/* Every stored column, and every distance of two, on the newest part of the chunk. */
static void search(struct cut *c, struct chunk_column *k)
{
	const struct op_chunk_builder *b = c->b;
	size_t n = b->n < PROBE ? b->n : PROBE, from = b->n - n, best = SIZE_MAX;
	k->guessed = false;
	op_mean_values(k->type, (const char *)k->values + from * k->bytes, n, c->y);
	for (unsigned i = 0; i < b->n_columns; i++) {
		uint8_t x = b->columns[i].field;
		consider(c, k, (struct op_mean_rule){OP_MEAN_PLAIN, x, x, 0}, from, n, &best);
	}
	for (unsigned i = 0; i < b->n_columns; i++) {
		for (unsigned j = 0; j < b->n_columns; j++) {
			uint8_t x = b->columns[i].field, z = b->columns[j].field;
			struct op_mean_rule distance = {OP_MEAN_DISTANCE, x, z, 0};
			struct op_mean_rule excess = {OP_MEAN_EXCESS, x, z, 0};
			if (i < j)
				consider(c, k, distance, from, n, &best);
			if (i != j)
				consider(c, k, excess, from, n, &best);
		}
	}
}

/* Starts of the whole column by the guess, starts_max + 1 if it does not hold. */
static size_t verify(struct cut *c, const struct chunk_column *k)
{
	if (!k->guessed || !take_inputs(c, &k->guess, 0, c->b->n))
		return c->starts_max + 1;
	op_mean_values(k->type, k->values, c->b->n, c->y);
	return op_mean_restarts(k->guess.factor, k->type, c->d, c->y, c->b->n, c->b->tolerance,
				c->starts, c->starts_max);
}

static int put_starts(struct cut *c, const struct chunk_column *k, size_t starts)
{
	char values[8];
	for (size_t i = 0; i < starts; i++)
		c->numbers[i] = c->starts[i];
	int err = encode(c, starts);
	for (size_t i = 0; i < starts; i++) {
		memcpy(values, (char *)k->values + c->starts[i] * k->bytes, k->bytes);
		op_column_widen(k->type, values, 1, &c->numbers[i]);
	}
	return err ? err : encode(c, starts);
}

/* From now on the column holds what a reader will see: others may be made from it. */
static int put_mean(struct cut *c, struct chunk_column *k, size_t starts)
{
	uint64_t factor;
	memcpy(&factor, &k->guess.factor, sizeof(factor));
	op_bytes_put(&c->column, k->guess.input, 1);
	op_bytes_put(&c->column, k->guess.x, 1);
	op_bytes_put(&c->column, k->guess.z, 1);
	op_bytes_put(&c->column, factor, 8);
	op_bytes_put_varint(&c->column, starts);
	op_mean_replay(k->guess.factor, k->type, c->d, c->b->n, c->starts, starts, k->values);
	int err = put_starts(c, k, starts); /* those values are as they were */
	return err ? err : finish_field(c, k, CHUNK_MEAN);
}

/* 1: is in the chunk; 0: no rule was found. */
static int try_mean(struct cut *c, struct chunk_column *k)
{
	size_t starts = verify(c, k);
	if (starts > c->starts_max && k->rest == 0) {
		search(c, k);
		starts = verify(c, k);
	}
	if (starts > c->starts_max)
		return 0;
	k->fails = k->rest = 0;
	int err = put_mean(c, k, starts);
	return err ? err : 1;
}

/* A search that finds nothing is not repeated at each cut. */
static void note_failure(struct chunk_column *k)
{
	if (k->rest > 0) {
		k->rest--;
	} else if (k->fails < REST_CUTS_MAX) {
		k->rest = k->fails;
		k->fails = k->fails * 2 + 1;
	} else {
		k->rest = REST_CUTS_MAX;
	}
}

/* Twice, since one may depend on another behind it; what is left then is stored as it is. */
static int put_recomputed(struct cut *c, bool last)
{
	int r = 0;
	for (unsigned i = 0; i < c->b->n_columns && r >= 0; i++) {
		struct chunk_column *k = &c->b->columns[i];
		if (k->stored)
			continue;
		r = try_mean(c, k);
		if (r != 0 || !last)
			continue;
		note_failure(k);
		r = put_plain(c, k);
	}
	return r < 0 ? r : 0;
}

/* ---- the chunk ------------------------------------------------------------------------------ */

static int put_columns(struct cut *c)
{
	struct op_chunk_builder *b = c->b;
	int err = put_times(c);
	if (!err)
		err = put_seqs(c);
	for (unsigned i = 0; i < b->n_columns && !err; i++) {
		b->columns[i].stored = false;
		if (!b->columns[i].recompute)
			err = put_exactly(c, &b->columns[i]);
	}
	for (int pass = 0; pass < 2 && !err && c->x; pass++)
		err = put_recomputed(c, pass == 1);
	return err;
}

static int make(struct cut *c)
{
	struct op_buf *out = &c->b->out;
	op_buf_reset(out);
	op_buf_put(out, CHUNK_MAGIC, 4);
	op_bytes_put(out, 0, 4); /* place of the checksum */
	op_bytes_put_varint(out, c->b->n);
	op_bytes_put(out, c->b->n_columns + 2, 1);
	int err = put_columns(c);
	if (err)
		return err;
	uint32_t crc = chunk_crc(out->data, out->len);
	for (unsigned i = 0; i < 4; i++)
		out->data[4 + i] = (char)(crc >> 8 * i);
	return 0;
}

int op_chunk_cut(struct op_chunk_builder *b, struct op_chunk *ret)
{
	struct cut c;
	if (b->n == 0)
		return -ENODATA;
	int err = begin(&c, b);
	if (!err)
		err = make(&c);
	end(&c);
	if (err)
		return err == -ENOBUFS ? -ENOMEM : err;
	*ret = (struct op_chunk){
		.t0_ns = b->times[0] * OP_CHUNK_TIME_NS,
		.t1_ns = b->times[b->n - 1] * OP_CHUNK_TIME_NS,
		.seq0 = b->seqs[0],
		.n = (uint32_t)b->n,
		.data = b->out.data,
		.bytes = b->out.len,
	};
	b->n = 0;
	return 0;
}
