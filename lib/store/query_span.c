/*
 * query_span.c - a span of wall time as so many points.
 *
 * Buckets lie on a grid from 1970 on, so that a chart that is moved keeps its values. A tier's
 * entry belongs to the chart's bucket in which it begins, and records that stand in for a missing
 * entry go where that entry would have gone: the answer does not depend on which level had what.
 * Where there are no more records than points, each has its own.
 *
 * One thread; fails as the database does.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "lib/store/query_fill.h"
#include "lib/store/query_reduce.h"

#define WALL_MAX (INT64_MAX / 4) /* the year 2043 times 30; differences do not overflow */
#define SMALLEST_GRID_POINTS 4

struct job {
	struct op_query *q;
	struct op_query_span span; /* with limits that can be computed with */
	struct query_sources *sources;
	struct query_clocks clocks;
	unsigned n_fields, field[OP_TOPIC_FIELDS_MAX]; /* of the newest declaration */

	unsigned level;
	bool singles; /* every record has its own point */
	int64_t origin_ns;
	uint64_t bucket_ns;
	size_t n_buckets;
	size_t n; /* singles so far */

	const struct query_piece *piece;
	struct query_columns columns; /* of the source that is read */
	uint64_t level_n[OP_TIER_LEVELS];
	enum op_clock_quality quality;
};

/* ---- memory ------------------------------------------------------------------------------- */

void query_points_finish(struct query_points_memory *m)
{
	free(m->t);
	free(m->count);
	free(m->values);
	free(m->weight);
	*m = (struct query_points_memory){0};
}

static int make_room(struct query_points_memory *m, size_t n, size_t n_values)
{
	if (n <= m->cap && n_values <= m->values_cap)
		return 0;
	query_points_finish(m);
	m->t = calloc(n, sizeof(*m->t));
	m->count = calloc(n, sizeof(*m->count));
	m->values = calloc(n_values, sizeof(*m->values));
	m->weight = calloc(n_values, sizeof(*m->weight));
	if (!m->t || !m->count || !m->values || !m->weight) {
		query_points_finish(m);
		return -ENOMEM;
	}
	m->cap = n;
	m->values_cap = n_values;
	return 0;
}

static void clear_point(struct job *j, size_t i)
{
	struct query_points_memory *m = &j->q->points;
	m->count[i] = 0;
	for (unsigned f = 0; f < j->n_fields; f++) {
		m->values[i * j->n_fields + f] = (struct op_query_value){INFINITY, -INFINITY, 0};
		m->weight[i * j->n_fields + f] = 0;
	}
}

/* ---- adding records ----------------------------------------------------------------------- */

static void add_block(struct job *j, const struct query_run *run, size_t point, uint32_t first,
		      uint32_t end)
{
	struct query_points_memory *m = &j->q->points;
	uint64_t n = query_count(&j->columns, run, first, end);
	m->count[point] += n;
	j->level_n[run->level] += n;
	for (unsigned f = 0; f < j->n_fields; f++) {
		size_t at = point * j->n_fields + f;
		query_reduce(&j->columns, f, run, first, end, &m->values[at], &m->weight[at]);
	}
}

static int add_singles(struct job *j, const struct query_run *run)
{
	for (uint32_t i = run->first; i < run->end; i++) {
		if (j->n == j->span.points)
			return -E2BIG;
		clear_point(j, j->n);
		j->q->points.t[j->n] = query_wall(j->piece, run->columns.t_ns[i]);
		add_block(j, run, j->n++, i, i + 1);
	}
	return 0;
}

static uint64_t round_up(uint64_t t, uint64_t width)
{
	uint64_t rest = t % width;
	return rest ? t + (width - rest) : t;
}

/* Boot time at which the entries of the next bucket begin. */
static uint64_t bucket_end(const struct job *j, size_t bucket, uint64_t quantum)
{
	int64_t wall = j->origin_ns + (int64_t)((bucket + 1) * j->bucket_ns);
	int64_t boot = wall - j->piece->offset_ns;
	return boot <= 0 ? 0 : round_up((uint64_t)boot, quantum);
}

static int add_to_buckets(struct job *j, const struct query_run *run, uint64_t from)
{
	const uint64_t *t = run->columns.t_ns;
	uint64_t quantum = run->level < j->level ? op_tier_width_ns(j->level) : 1;
	for (uint32_t i = run->first, end; i < run->end; i = end) {
		uint64_t begin = t[i] - t[i] % quantum;
		if (run->level > j->level && begin < from)
			begin = from; /* of a coarser entry only the end lies in the span */
		int64_t behind = query_wall(j->piece, begin) - j->origin_ns;
		size_t bucket = behind < 0 ? 0 : (size_t)((uint64_t)behind / j->bucket_ns);
		if (bucket >= j->n_buckets)
			break;
		uint64_t until = bucket_end(j, bucket, quantum);
		for (end = i + 1; end < run->end && t[end] < until; end++)
			;
		add_block(j, run, bucket, i, end);
	}
	return 0;
}

static int add_run(void *arg, const struct query_run *run, uint64_t from)
{
	struct job *j = arg;
	if (j->piece->quality < j->quality)
		j->quality = j->piece->quality;
	return j->singles ? add_singles(j, run) : add_to_buckets(j, run, from);
}

/* ---- reading ------------------------------------------------------------------------------ */

static int read_piece(struct job *j, struct query_source *source, const struct query_piece *piece)
{
	unsigned level = j->level;
	while (level > 0 && !query_source_has(source, level))
		level--;
	uint64_t width = level ? op_tier_width_ns(level) : 1;
	uint64_t from = round_up(piece->from_ns, width);
	uint64_t to = piece->to_ns == INT64_MAX ? INT64_MAX : round_up(piece->to_ns, width);
	struct query_fill fill = {
		.q = j->q,
		.source = source,
		.boot = piece->boot,
		.fn = add_run,
		.arg = j,
		.want = j->columns.want,
		.tier_want = j->columns.tier_want,
		.n_field = j->columns.n_field,
	};
	j->piece = piece;
	return from < to ? query_fill(&fill, level, from, to) : 0;
}

static int read_source(struct job *j, struct query_source *source)
{
	int64_t from = j->span.from_wall_ns, to = j->span.to_wall_ns;
	if (!j->singles) {
		from = j->origin_ns;
		to = from + (int64_t)(j->n_buckets * j->bucket_ns);
	}
	query_columns_map(&j->columns, source, query_sources_newest(j->sources)->type, j->field,
			  j->n_fields);
	int r = 0;
	for (size_t i = 0; i < j->clocks.n && r == 0; i++) {
		struct query_piece piece = j->clocks.pieces[i];
		if (query_piece_clip(&piece, from, to))
			r = read_piece(j, source, &piece);
	}
	return r;
}

static int read_all(struct job *j)
{
	size_t points = j->singles ? j->span.points : j->n_buckets;
	int r = make_room(&j->q->points, points, points * j->n_fields);
	j->n = 0;
	j->quality = OP_CLOCK_SYNCHRONISED;
	j->q->damaged = 0;
	memset(j->level_n, 0, sizeof(j->level_n));
	for (size_t i = 0; i < points && r == 0 && !j->singles; i++)
		clear_point(j, i);
	for (size_t i = 0; i < j->sources->n && r == 0; i++)
		r = read_source(j, &j->sources->list[i]);
	return r;
}

/* ---- planning ----------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, uint64_t b)
{
	int64_t d = (int64_t)b;
	return a / d - (a % d < 0);
}

static void plan(struct job *j)
{
	uint64_t span = (uint64_t)(j->span.to_wall_ns - j->span.from_wall_ns);
	uint64_t points = j->span.points, ideal = span / points;
	j->level = OP_TIER_LEVELS - 1;
	/* Half as many points as there could be is fine; reading sixty times as much is not. */
	while (j->level > 0 && (!query_source_has(query_sources_newest(j->sources), j->level) ||
				op_tier_width_ns(j->level) / 2 > ideal))
		j->level--;
	uint64_t width = j->level ? op_tier_width_ns(j->level) : OP_CHUNK_TIME_NS;
	bool grid = points >= SMALLEST_GRID_POINTS;
	uint64_t parts = grid ? points - 1 : points;
	j->bucket_ns = span / parts + (span % parts != 0);
	if (grid)
		j->bucket_ns = round_up(j->bucket_ns, width);
	j->origin_ns = j->span.from_wall_ns;
	if (grid)
		j->origin_ns =
			floor_div(j->span.from_wall_ns, j->bucket_ns) * (int64_t)j->bucket_ns;
	uint64_t whole = (uint64_t)(j->span.to_wall_ns - j->origin_ns);
	j->n_buckets = (size_t)((whole - 1) / j->bucket_ns + 1);
}

/* Rows are often few, however long the span. 1: no more than points. */
static int has_few_rows(struct job *j)
{
	uint64_t all = 0;
	for (size_t i = 0; i < j->sources->n; i++) {
		const struct query_source *source = &j->sources->list[i];
		if (!source->rows)
			return 0;
		for (size_t k = 0; k < j->clocks.n && all <= j->span.points; k++) {
			struct query_piece p = j->clocks.pieces[k];
			uint64_t n = 0;
			if (!query_piece_clip(&p, j->span.from_wall_ns, j->span.to_wall_ns))
				continue;
			int r = query_rows_count(j->q, source, p.boot, p.from_ns, p.to_ns,
						 j->span.points + 1, &n);
			if (r < 0)
				return r;
			all += n;
		}
	}
	return all > 0 && all <= j->span.points;
}

static int run(struct job *j)
{
	plan(j);
	int few = j->level == 0 ? 1 : has_few_rows(j);
	if (few < 0)
		return few;
	unsigned level = j->level;
	if (few) {
		j->level = 0;
		j->singles = true;
		int r = read_all(j);
		if (r != -E2BIG)
			return r;
	}
	j->singles = false;
	j->level = level;
	return read_all(j);
}

/* ---- the answer --------------------------------------------------------------------------- */

static void finish_values(struct job *j, size_t point)
{
	struct query_points_memory *m = &j->q->points;
	for (unsigned f = 0; f < j->n_fields; f++) {
		struct op_query_value *v = &m->values[point * j->n_fields + f];
		double weight = m->weight[point * j->n_fields + f];
		v->mean = weight > 0 ? v->mean / weight : NAN;
		if (!(weight > 0))
			v->min = v->max = NAN;
	}
}

/* Only buckets with records stay. */
static size_t close_up(struct job *j)
{
	struct query_points_memory *m = &j->q->points;
	size_t kept = 0;
	for (size_t i = 0; i < j->n_buckets; i++) {
		if (m->count[i] == 0)
			continue;
		m->t[kept] = j->origin_ns + (int64_t)(i * j->bucket_ns);
		m->count[kept] = m->count[i];
		memmove(&m->values[kept * j->n_fields], &m->values[i * j->n_fields],
			j->n_fields * sizeof(*m->values));
		memmove(&m->weight[kept * j->n_fields], &m->weight[i * j->n_fields],
			j->n_fields * sizeof(*m->weight));
		kept++;
	}
	return kept;
}

struct placed {
	int64_t t;
	size_t at;
};

static int by_time(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	return x->t != y->t ? (x->t > y->t) - (x->t < y->t) : (x->at > y->at) - (x->at < y->at);
}

static void move_points(struct query_points_memory *to, const struct query_points_memory *from,
			const struct placed *order, size_t n, size_t n_fields)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = order[i].at;
		to->t[i] = from->t[at];
		to->count[i] = from->count[at];
		memcpy(&to->values[i * n_fields], &from->values[at * n_fields],
		       n_fields * sizeof(*to->values));
		memcpy(&to->weight[i * n_fields], &from->weight[at * n_fields],
		       n_fields * sizeof(*to->weight));
	}
}

/* Single records come boot by boot; clocks that were set back, and boots of unknown time, overlap.
 */
static int sort_points(struct job *j)
{
	struct query_points_memory *m = &j->q->points, sorted = {0};
	bool in_order = true;
	for (size_t i = 1; i < j->n; i++)
		in_order = in_order && m->t[i - 1] <= m->t[i];
	if (in_order)
		return 0;
	OP_AUTO_FREE struct placed *order = calloc(j->n, sizeof(*order));
	if (!order || make_room(&sorted, j->n, j->n * j->n_fields) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < j->n; i++)
		order[i] = (struct placed){m->t[i], i};
	qsort(order, j->n, sizeof(*order), by_time);
	move_points(&sorted, m, order, j->n, j->n_fields);
	query_points_finish(m);
	*m = sorted;
	return 0;
}

static unsigned main_level(const struct job *j)
{
	unsigned best = j->level;
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++)
		if (j->level_n[i] > j->level_n[best])
			best = i;
	return best;
}

static int answer(struct job *j, struct op_query_points *ret)
{
	int r = j->singles ? sort_points(j) : 0;
	if (r < 0)
		return r;
	size_t n = j->singles ? j->n : close_up(j);
	for (size_t i = 0; i < n; i++)
		finish_values(j, i);
	struct query_points_memory *m = &j->q->points;
	*ret = (struct op_query_points){
		.type = query_sources_newest(j->sources)->type,
		.level = main_level(j),
		.bucket_ns = j->singles ? 0 : (int64_t)j->bucket_ns,
		.quality = n ? j->quality : OP_CLOCK_UNKNOWN,
		.n_fields = j->n_fields,
		.n = n,
		.damaged = j->q->damaged,
		.t_wall_ns = m->t,
		.count = m->count,
		.values = m->values,
	};
	memcpy(ret->field, j->field, sizeof(j->field));
	return 0;
}

static int64_t limit_wall(int64_t t)
{
	return t > WALL_MAX ? WALL_MAX : t < -WALL_MAX ? -WALL_MAX : t;
}

static int prepare(struct job *j, struct op_buf *note)
{
	query_sources_finish(j->sources);
	int r = query_sources_load(j->q, j->span.topic, j->sources, note);
	if (r < 0)
		return r;
	const struct query_source *newest = query_sources_newest(j->sources);
	r = query_fields(newest->type, newest->fields, j->span.fields, j->field, &j->n_fields,
			 note);
	return r < 0 ? r : query_clocks_load(j->q, &j->clocks);
}

int op_query_span(struct op_query *q, const struct op_query_span *span, struct op_query_points *ret,
		  struct op_buf *note)
{
	struct job j = {.q = q, .span = *span, .sources = &q->points_of};
	j.span.from_wall_ns = limit_wall(span->from_wall_ns);
	j.span.to_wall_ns = limit_wall(span->to_wall_ns);
	if (j.span.from_wall_ns >= j.span.to_wall_ns || span->points == 0 ||
	    span->points > OP_QUERY_POINTS_MAX)
		return -EINVAL;
	int r = query_begin(q);
	if (r < 0)
		return r;
	r = prepare(&j, note);
	if (r == 0)
		r = run(&j);
	if (r == 0)
		r = answer(&j, ret);
	query_clocks_finish(&j.clocks);
	return query_end(q, r);
}
