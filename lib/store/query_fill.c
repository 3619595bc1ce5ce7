/*
 * query_fill.c - all records of a span of one boot, each once, from whichever levels have them.
 *
 * A level's chunks leave gaps: the newest entries are still in the recorder's memory, a writer died
 * with them, retention took the old ones. A gap is filled from the next finer level, its gaps from
 * the one below, and what is free in all of them from the coarser levels. A chunk of a tier covers
 * its time up to the end of its last bucket, wholly.
 *
 * But for one thing: the last bucket before a gap may hold only a part of its time (the recorder
 * was stopped in it). Finer records of that bucket are counted off against it; those beyond are
 * added. Levels 0 and 1 are written together, between them this cannot happen.
 *
 * A coarser entry is used only if nothing finer lies in its bucket, so nothing is counted twice.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/query_fill.h"

#include <string.h>

/* What is to be filled: from <= t < to, of a time that is free in all levels before. */
struct gap {
	uint64_t from, to;
	uint64_t free_from, free_to;
};

static int fill(struct query_fill *f, unsigned k, const struct gap *gap);

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- a bucket that is there in part --------------------------------------------------------- */

static uint64_t count_of(const struct query_fill *f, const struct query_run *run, uint32_t i)
{
	const uint32_t *n = run->level ? run->columns.values[f->n_field] : NULL;
	return n ? n[i] : 1;
}

/* Passes over what the coarser level has counted already. */
static void count_off(struct query_fill *f, struct query_run *run)
{
	for (; run->first < run->end; run->first++) {
		uint64_t t = run->columns.t_ns[run->first], n = count_of(f, run, run->first);
		if (t < f->part_ns || t >= f->part_end_ns || n > f->part_n)
			return;
		f->part_n -= n;
	}
}

/* A finer level is about to be read from the begin of a bucket that was counted in part. What an
 * even coarser level has counted of the same time, and did not find yet, is still to be met. */
static void begin_part(struct query_fill *f, uint64_t t, uint64_t width, uint64_t n)
{
	uint64_t end = t + width;
	if (f->part_end_ns > t) {
		n += f->part_n;
		end = most(end, f->part_end_ns);
	}
	f->part_ns = t;
	f->part_end_ns = end;
	f->part_n = n;
}

/* How many records the last bucket of a level's chunk has; chunks before may have some of it. */
struct last {
	uint64_t t, n;
};

static void note_last(const struct query_fill *f, const struct query_run *run, struct last *last)
{
	uint32_t n = run->columns.n, i = n;
	uint64_t t = run->columns.t_ns[n - 1], sum = 0;
	while (i > 0 && run->columns.t_ns[i - 1] == t)
		sum += count_of(f, run, --i);
	*last = (struct last){t, sum + (i == 0 && last->t == t ? last->n : 0)};
}

/* ---- one level ------------------------------------------------------------------------------ */

/* The level that is to fill gap number k; is it coarser than the one asked for? */
static bool is_coarser(const struct query_fill *f, unsigned k)
{
	return f->order[k] > f->order[0];
}

static int give(struct query_fill *f, struct query_run *run, const struct gap *gap)
{
	if (run->level < f->order[0])
		count_off(f, run);
	return run->first < run->end ? f->fn(f->arg, run, gap->from) : 0;
}

/* Of a coarser level: entries whose bucket is free, and touches the gap. */
static int give_coarser(struct query_fill *f, struct query_run *run, const struct gap *gap)
{
	uint64_t width = op_tier_width_ns(run->level);
	uint64_t from = most(gap->from, gap->free_from);
	const uint64_t *t = run->columns.t_ns;
	while (run->first < run->end &&
	       (t[run->first] + width <= from || t[run->first] < gap->free_from))
		run->first++;
	while (run->end > run->first &&
	       (t[run->end - 1] >= gap->to || t[run->end - 1] + width > gap->free_to))
		run->end--;
	return run->first < run->end ? f->fn(f->arg, run, gap->from) : 0;
}

/* From the end of what a level has (t, with the records of its last bucket) to the next it has. */
static int fill_gap(struct query_fill *f, unsigned k, const struct gap *gap, uint64_t end,
		    uint64_t next, const struct last *last)
{
	struct gap inner = {most(gap->from, end), least(gap->to, next), most(gap->free_from, end),
			    least(gap->free_to, next)};
	unsigned level = f->order[k];
	if (level >= 2 && last->n > 0 && !is_coarser(f, k)) {
		begin_part(f, last->t, op_tier_width_ns(level), last->n);
		inner.from = most(gap->from, last->t);
	}
	return inner.from < inner.to ? fill(f, k + 1, &inner) : 0;
}

static op_field_set wanted(const struct query_fill *f, unsigned level)
{
	return level ? f->tier_want : f->want;
}

/* The statement stands on a chunk that reaches into the gap, or lies behind it. 1 used, 0 it is
 * damaged: then its time is a gap. */
static int use_chunk(struct query_fill *f, unsigned k, const struct gap *gap, sqlite3_stmt *s,
		     struct last *last)
{
	unsigned level = f->order[k];
	struct query_run run;
	uint64_t from = is_coarser(f, k) ? 0 : gap->from, to = gap->to;
	int r = query_chunk_decode(f->q, s, f->source, level, wanted(f, level), from, to, &run);
	if (r <= 0)
		return r;
	if (level > 0)
		note_last(f, &run, last);
	r = is_coarser(f, k) ? give_coarser(f, &run, gap) : give(f, &run, gap);
	return r < 0 ? r : 1;
}

static uint64_t chunk_end(unsigned level, const struct query_chunk *c)
{
	return c->t1 + (level ? op_tier_width_ns(level) : 1);
}

/* The gap before a chunk, then the chunk. 1: go on; 0: it lies behind the gap. */
static int fill_up_to(struct query_fill *f, unsigned k, const struct gap *gap, sqlite3_stmt *s,
		      uint64_t *end, struct last *last)
{
	struct query_chunk c;
	query_chunk_read(s, &c);
	int r = query_cancelled(f->q) ? -ECANCELED : 0;
	if (r == 0 && c.t0 > *end)
		r = fill_gap(f, k, gap, *end, c.t0, last);
	if (r < 0 || c.t0 >= gap->to)
		return r;
	uint64_t chunk_ends = chunk_end(f->order[k], &c);
	r = chunk_ends > gap->from ? use_chunk(f, k, gap, s, last) : 1;
	if (r > 0)
		*end = most(*end, chunk_ends);
	return r < 0 ? r : 1;
}

static int fill_from_chunks(struct query_fill *f, unsigned k, const struct gap *gap)
{
	struct last last = {0};
	uint64_t end = gap->free_from; /* up to here this level has been looked at */
	sqlite3_stmt *s;
	int r = query_chunks_begin(f->q, f->source, f->order[k], f->boot, gap->from, &s), more = 0;
	while (r == 0 && (more = query_step(f->q, s)) > 0) {
		r = fill_up_to(f, k, gap, s, &end, &last);
		if (r <= 0)
			break;
		r = 0;
	}
	(void)sqlite3_reset(s); /* says again what the step said */
	if (r < 0 || more < 0)
		return r < 0 ? r : more;
	if (more > 0)
		return 0;
	/* Nothing follows; not even the rest of the last bucket, if there is one. */
	bool is_part = f->order[k] >= 2 && last.n > 0 && last.t < gap->to;
	return is_part || end < gap->to ? fill_gap(f, k, gap, end, gap->free_to, &last) : 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int give_rows(struct query_fill *f, const struct gap *gap)
{
	struct query_rows_at at = {0};
	for (;;) {
		struct query_run run;
		int r = query_rows_next(f->q, f->source, f->boot, gap->from, gap->to, false, &at,
					&run);
		if (r < 0 || run.end == 0)
			return r;
		r = query_cancelled(f->q) ? -ECANCELED : give(f, &run, gap);
		if (r < 0)
			return r;
	}
}

/* Rows cover the time from the oldest to the newest: those before were deleted for their age. */
static int fill_from_rows(struct query_fill *f, unsigned k, const struct gap *gap)
{
	uint64_t t0, t1;
	struct last none = {0};
	int r = query_source_ends(f->q, f->source, 0, f->boot, &t0, &t1);
	if (r < 0)
		return r;
	if (r == 0)
		return fill(f, k + 1, gap);
	r = 0;
	if (t0 > gap->free_from)
		r = fill_gap(f, k, gap, gap->free_from, t0, &none);
	if (r == 0)
		r = give_rows(f, gap);
	if (r == 0 && t1 + 1 < gap->to)
		r = fill_gap(f, k, gap, t1 + 1, gap->free_to, &none);
	return r;
}

/* ---- all levels ----------------------------------------------------------------------------- */

static int fill(struct query_fill *f, unsigned k, const struct gap *gap)
{
	while (k < f->n_order && is_coarser(f, k) &&
	       op_tier_width_ns(f->order[k]) > gap->free_to - gap->free_from)
		k++; /* no entry of it can be free */
	if (k == f->n_order)
		return 0;
	return f->order[k] == 0 && f->source->rows ? fill_from_rows(f, k, gap)
						   : fill_from_chunks(f, k, gap);
}

int query_fill(struct query_fill *f, unsigned level, uint64_t from, uint64_t to)
{
	f->n_order = 0;
	for (unsigned l = level + 1; l-- > 0;)
		if (query_source_has(f->source, l))
			f->order[f->n_order++] = l;
	for (unsigned l = level + 1; l < OP_TIER_LEVELS; l++)
		if (query_source_has(f->source, l))
			f->order[f->n_order++] = l;
	f->part_ns = f->part_end_ns = f->part_n = 0;
	struct gap all = {from, to, 0, INT64_MAX};
	return fill(f, 0, &all);
}
