/*
 * query.c - a reader of the history database: its connection, its calls, the clocks of all boots.
 *
 * Each public call is one read transaction, so that it sees one state while the recorder writes on.
 * Reading never waits for the writer. A call is ended from another thread by op_query_cancel; what
 * was asked of SQLite then is interrupted, what is computed here looks at a flag once per chunk.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "lib/store/history.h"
#include "lib/store/query_internal.h"

#define CACHE_KIB 2048
#define LET_GO_TRIES 1000

static const char chunks_sql[] =
	"SELECT id, t0, t1, n, data FROM chunks WHERE topic = ?1 AND level = ?2 AND boot = ?3"
	/* the chunk before may reach into the span */
	" AND t0 >= ifnull((SELECT max(t0) FROM chunks WHERE topic = ?1 AND level = ?2"
	" AND boot = ?3 AND t0 < ?4), 0) ORDER BY t0, id";

/* ---- opening ------------------------------------------------------------------------------ */

int query_error(struct op_query *q)
{
	return op_db_error(sqlite3_extended_errcode(q->handle));
}

int query_prepare(struct op_query *q, const char *sql, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v3(q->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	return rc == SQLITE_OK ? 0 : query_error(q);
}

static int open_database(struct op_query *q, const char *path)
{
	const struct op_db_settings settings = {
		.path = path, .read_only = true, .cache_kib = CACHE_KIB};
	int r = op_db_open(&settings, &op_history_schema, &q->db, NULL);
	if (r < 0)
		return r;
	q->handle = op_db_handle(q->db);
	for (unsigned i = 0; i < OP_TIER_LEVELS && r == 0; i++)
		r = query_prepare(q, chunks_sql, &q->chunks[i]);
	return r;
}

int op_query_open(const char *path, struct op_query **ret)
{
	struct op_query *q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	int r = open_database(q, path);
	if (r < 0) {
		op_query_close(q);
		return r;
	}
	*ret = q;
	return 0;
}

void op_query_close(struct op_query *q)
{
	if (!q)
		return;
	query_topics_finish(q);
	query_sources_finish(&q->points_of);
	query_points_finish(&q->points);
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++)
		(void)sqlite3_finalize(q->chunks[i]); /* its error was told */
	op_db_close(q->db);
	free(q);
}

/* ---- a call ------------------------------------------------------------------------------- */

void op_query_cancel(struct op_query *q)
{
	atomic_store_explicit(&q->cancelled, true, memory_order_relaxed);
	sqlite3_interrupt(q->handle);
}

bool query_cancelled(const struct op_query *q)
{
	return atomic_load_explicit(&q->cancelled, memory_order_relaxed);
}

/* Nothing was changed, so there is nothing to lose. A cancellation that comes late meets this
 * statement instead of the one it was meant for: then it is said again. */
static int let_go(struct op_query *q)
{
	for (int i = 0; i < LET_GO_TRIES && !sqlite3_get_autocommit(q->handle); i++)
		(void)sqlite3_exec(q->handle, "ROLLBACK", NULL, NULL, NULL);
	return sqlite3_get_autocommit(q->handle) ? 0 : -EBUSY;
}

int query_begin(struct op_query *q)
{
	int r = let_go(q);
	if (r < 0)
		return r;
	atomic_store_explicit(&q->cancelled, false, memory_order_relaxed);
	q->damaged = 0;
	int rc = sqlite3_exec(q->handle, "BEGIN", NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : query_end(q, query_error(q));
}

int query_end(struct op_query *q, int result)
{
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++)
		(void)sqlite3_reset(q->chunks[i]); /* says again what the step said */
	(void)let_go(q);                           /* if it fails the next call tries again */
	return query_cancelled(q) && result < 0 ? -ECANCELED : result;
}

int query_step(struct op_query *q, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return query_cancelled(q) ? -ECANCELED : query_error(q);
}

/* ---- clocks ------------------------------------------------------------------------------- */

void query_clocks_finish(struct query_clocks *c)
{
	free(c->pieces);
	*c = (struct query_clocks){0};
}

static enum op_clock_quality quality_of(int64_t value)
{
	return value == OP_CLOCK_SET || value == OP_CLOCK_SYNCHRONISED
		       ? (enum op_clock_quality)value
		       : OP_CLOCK_UNKNOWN;
}

/* The first piece of a boot holds from its begin on, each ends where the next one begins. */
static int add_piece(struct query_clocks *c, size_t *cap, sqlite3_stmt *s)
{
	if (c->n == *cap) {
		size_t more = *cap ? *cap * 2 : 16;
		struct query_piece *grown = reallocarray(c->pieces, more, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->pieces = grown;
		*cap = more;
	}
	struct query_piece p = {
		.boot = sqlite3_column_int64(s, 0),
		.from_ns = (uint64_t)sqlite3_column_int64(s, 1),
		.to_ns = INT64_MAX,
		.offset_ns = sqlite3_column_int64(s, 2),
		.quality = quality_of(sqlite3_column_int64(s, 3)),
	};
	struct query_piece *before = c->n ? &c->pieces[c->n - 1] : NULL;
	if (before && before->boot == p.boot)
		before->to_ns = p.from_ns;
	else
		p.from_ns = 0;
	c->pieces[c->n++] = p;
	return 0;
}

int query_clocks_load(struct op_query *q, struct query_clocks *ret)
{
	/* A boot without a clock counts from 1970, unknown. */
	static const char sql[] = "SELECT b.id, c.from_ns, c.offset_ns, c.quality FROM boots b"
				  " LEFT JOIN clocks c ON c.boot = b.id ORDER BY b.id, c.from_ns";
	struct query_clocks c = {0};
	sqlite3_stmt *s;
	size_t cap = 0;
	int r = query_prepare(q, sql, &s);
	if (r < 0)
		return r;
	while ((r = query_step(q, s)) > 0) {
		r = add_piece(&c, &cap, s);
		if (r < 0)
			break;
	}
	(void)sqlite3_finalize(s); /* says again what the step said */
	if (r < 0) {
		query_clocks_finish(&c);
		return r;
	}
	*ret = c;
	return 0;
}

const struct query_piece *query_clocks_at(const struct query_clocks *c, int64_t boot, uint64_t t)
{
	size_t low = 0, high = c->n; /* the first piece that ends behind (boot, t) */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct query_piece *p = &c->pieces[middle];
		if (p->boot < boot || (p->boot == boot && p->to_ns <= t))
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n && c->pieces[low].boot == boot ? &c->pieces[low] : NULL;
}

int64_t query_wall(const struct query_piece *p, uint64_t boot_ns)
{
	return (int64_t)(boot_ns + (uint64_t)p->offset_ns); /* wraps if the database says so */
}

static uint64_t boot_time(int64_t wall_ns, int64_t offset_ns)
{
	int64_t t;
	if (__builtin_sub_overflow(wall_ns, offset_ns, &t))
		return offset_ns < 0 ? INT64_MAX : 0;
	return t < 0 ? 0 : (uint64_t)t;
}

bool query_piece_clip(struct query_piece *p, int64_t from_wall_ns, int64_t to_wall_ns)
{
	uint64_t from = boot_time(from_wall_ns, p->offset_ns);
	uint64_t to = boot_time(to_wall_ns, p->offset_ns);
	if (from > p->from_ns)
		p->from_ns = from;
	if (to < p->to_ns)
		p->to_ns = to;
	return p->from_ns < p->to_ns;
}
