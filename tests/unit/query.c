/*
 * query.c - points of history against a naive computation over all records that were written.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/query.h"

#include <math.h>

#include "history_world.h"

#define S WORLD_S
#define NOON (1795262400 * S) /* 2026-11-21T12:00Z */
#define BUCKETS_MAX 4096

static struct op_query *open_query(const struct world_file *w)
{
	struct op_query *q;
	CHECK_INT(op_query_open(w->path, &q), 0);
	return q;
}

/* ---- the naive way ------------------------------------------------------------------------ */

struct naive {
	int64_t t;
	uint64_t n;
	double min[2], max[2], sum[2], weight[2];
};

static void naive_add(struct naive *b, const struct world *v)
{
	const double values[2] = {v->level, v->raw};
	b->n++;
	for (int f = 0; f < 2; f++) {
		if (isnan(values[f]))
			continue;
		b->min[f] = b->weight[f] > 0 ? fmin(b->min[f], values[f]) : values[f];
		b->max[f] = b->weight[f] > 0 ? fmax(b->max[f], values[f]) : values[f];
		b->sum[f] += values[f];
		b->weight[f]++;
	}
}

/* The level that a span of so many points is to be answered from. */
static unsigned level_for(int64_t span, unsigned points)
{
	unsigned level = 3;
	while (level > 0 && op_tier_width_ns(level) / 2 > (uint64_t)span / points)
		level--;
	return level;
}

static int64_t floor_to(int64_t t, int64_t width)
{
	return t - ((t % width) + width) % width;
}

static size_t naive_buckets(const struct world_file *w, const struct op_query_span *s,
			    int64_t bucket, struct naive *out)
{
	unsigned level = level_for(s->to_wall_ns - s->from_wall_ns, s->points);
	uint64_t width = level ? op_tier_width_ns(level) : 1;
	int64_t origin = s->points < 4 ? s->from_wall_ns : floor_to(s->from_wall_ns, bucket);
	size_t n = (size_t)((s->to_wall_ns - 1 - origin) / bucket + 1), kept = 0;
	CHECK(n <= s->points && n <= BUCKETS_MAX);
	memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < w->n; i++) {
		const struct world_record *r = &w->records[i];
		int64_t t = world_wall(w, r->boot, r->t - r->t % width);
		if (t >= origin && t < origin + (int64_t)n * bucket)
			naive_add(&out[(t - origin) / bucket], &r->values);
	}
	for (size_t i = 0; i < n; i++) {
		out[i].t = origin + (int64_t)i * bucket;
		if (out[i].n > 0)
			out[kept++] = out[i];
	}
	return kept;
}

static void check_value(const struct op_query_value *v, const struct naive *b, int f)
{
	if (b->weight[f] == 0) {
		CHECK(isnan(v->min) && isnan(v->max) && isnan(v->mean));
		return;
	}
	double mean = b->sum[f] / b->weight[f];
	CHECK_NEAR(v->min, b->min[f], 0);
	CHECK_NEAR(v->max, b->max[f], 0);
	/* A tier does not say how many of its records were numbers, so the mean of several of its
	 * entries is exact only where all were. */
	if (b->weight[f] == (double)b->n)
		CHECK_NEAR(v->mean, mean, 1e-9 * (1 + fabs(mean)));
}

static void check_buckets(const struct world_file *w, const struct op_query_span *s,
			  const struct op_query_points *p)
{
	static struct naive want[BUCKETS_MAX];
	size_t n = naive_buckets(w, s, p->bucket_ns, want);
	CHECK_INT(p->n_fields, 2);
	for (size_t i = 0; i < n && i < p->n; i++) {
		CHECK_INT(p->t_wall_ns[i], want[i].t);
		CHECK_INT(p->count[i], want[i].n);
		for (int f = 0; f < 2; f++)
			check_value(&p->values[i * 2 + (size_t)f], &want[i], f);
	}
	CHECK_INT(p->n, n);
}

static int by_time(const void *a, const void *b)
{
	const struct naive *x = a, *y = b;
	return x->t != y->t ? (x->t > y->t) - (x->t < y->t)
			    : (x->sum[1] > y->sum[1]) - (x->sum[1] < y->sum[1]);
}

/* Every record has its own point. */
static void check_singles(const struct world_file *w, const struct op_query_span *s,
			  const struct op_query_points *p)
{
	static struct naive want[OP_QUERY_POINTS_MAX + 1];
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct world_record *r = &w->records[i];
		int64_t t = world_wall(w, r->boot, r->t);
		if (t < s->from_wall_ns || t >= s->to_wall_ns)
			continue;
		CHECK(n < s->points);
		memset(&want[n], 0, sizeof(want[n]));
		want[n].t = t;
		naive_add(&want[n++], &r->values);
	}
	qsort(want, n, sizeof(*want), by_time);
	CHECK_INT(p->n, n);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(p->t_wall_ns[i], want[i].t);
		CHECK_INT(p->count[i], 1);
		if (i > 0 && want[i].t == want[i - 1].t)
			continue; /* either may come first */
		if (i + 1 < n && want[i].t == want[i + 1].t)
			continue;
		for (int f = 0; f < 2; f++)
			check_value(&p->values[i * 2 + (size_t)f], &want[i], f);
	}
}

static void check_span(const struct world_file *w, struct op_query *q, int64_t from, int64_t to,
		       unsigned points)
{
	struct op_query_span s = {"test.world", from, to, points, "level,raw"};
	struct op_query_points p;
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.damaged, 0);
	if (p.bucket_ns)
		check_buckets(w, &s, &p);
	else
		check_singles(w, &s, &p);
}

/* ---- worlds ------------------------------------------------------------------------------- */

static void put_random(struct world_file *w, uint64_t t, uint64_t *state)
{
	uint64_t x = world_random(state);
	struct world v = {
		.level = (double)(int16_t)x / 16, .raw = (uint16_t)(x >> 16), .phase = x >> 40 & 1};
	if ((x >> 48) % 50 == 0)
		v.level = NAN;
	world_put(w, t, &v);
}

/* Some hours of one boot: even and sparse times, holes, cuts whenever. */
static uint64_t live(struct world_file *w, uint64_t t, uint64_t hours, uint64_t *state)
{
	uint64_t end = t + hours * 3600 * (uint64_t)S;
	while (t < end) {
		uint64_t step = 1 + world_random(state) % 4000;
		uint64_t run = world_random(state) % 600;
		for (uint64_t i = 0; i < run && t < end; i++) {
			t += step * 1000000 + world_random(state) % 1000 * 1000;
			put_random(w, t, state);
			if (op_chunk_pending(w->builder[0]) > 3000 ||
			    world_random(state) % 200 == 0)
				world_cut(w);
		}
		if (world_random(state) % 8 == 0)
			t += world_random(state) % 5000 * (uint64_t)S;
		if (world_random(state) % 16 == 0)
			world_restart(w, world_random(state) & 1);
	}
	world_cut(w);
	return t;
}

static void check_everywhere(const struct world_file *w, unsigned n, uint64_t *state)
{
	static const int64_t widths[] = {10, 100, 1000, 5000, 20000, 100000, 400000};
	struct op_query *q = open_query(w);
	int64_t first = INT64_MAX, last = 0;
	for (size_t i = 0; i < w->n; i++) {
		int64_t t = world_wall(w, w->records[i].boot, w->records[i].t);
		first = t < first ? t : first;
		last = t > last ? t : last;
	}
	for (unsigned i = 0; i < n; i++) {
		int64_t width = widths[world_random(state) % OP_ARRAY_SIZE(widths)] * S;
		width += (int64_t)(world_random(state) % (uint64_t)width);
		int64_t from = first - 1000 * S +
			       (int64_t)(world_random(state) % (uint64_t)(last - first + 2000 * S));
		check_span(w, q, from, from + width, 1 + (unsigned)(world_random(state) % 900));
	}
	check_span(w, q, first, last + 1, 500);
	check_span(w, q, 0, last + 1, 1);
	op_query_close(q);
}

static void one_world(uint64_t seed)
{
	uint64_t state = seed;
	struct world_file w;
	char name[32];
	(void)snprintf(name, sizeof(name), "history-%u.db", (unsigned)seed); /* fits */
	world_open(&w, name);
	for (unsigned boot = 0; boot < 3; boot++) {
		int64_t offset = NOON + (int64_t)boot * 90000 * S;
		uint64_t t = world_random(&state) % 100 * (uint64_t)S;
		world_clock(&w, 0, 0, OP_CLOCK_UNKNOWN);
		t = live(&w, t, 1 + world_random(&state) % 4, &state);
		world_clock(&w, 0, offset, OP_CLOCK_SYNCHRONISED); /* corrected */
		t = live(&w, t, 1 + world_random(&state) % 8, &state);
		int64_t step = (int64_t)(world_random(&state) % 7200) * S - 3600 * S;
		world_clock(&w, t - t % 777777777, offset + step, OP_CLOCK_SYNCHRONISED);
		live(&w, t, 1 + world_random(&state) % 12, &state);
		if (boot == 1)
			check_everywhere(&w, 20, &state);
		if (boot < 2)
			world_boot(&w, world_random(&state) & 1);
	}
	check_everywhere(&w, 60, &state);
	world_close(&w);
}

TEST_WITHIN(any_span_is_what_all_its_records_say, 120)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		one_world(seed);
}

/* What a killed recorder had in memory is made again; until then the finer levels answer. */
TEST_WITHIN(any_span_is_the_same_before_and_after_the_tiers_are_caught_up, 120)
{
	uint64_t state = 99;
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	live(&w, 0, 20, &state);
	check_everywhere(&w, 60, &state);
	world_restart(&w, false);
	check_everywhere(&w, 60, &state);
	world_close(&w);
}
