/*
 * retention.c - what is old, or too much, leaves the history, a little at a time.
 *
 * By age each level on its own; by size and by free space the least valuable first, which is raw
 * data before seconds before minutes before hours before rows, and of these the oldest, by boot and
 * time. A step works until its time is over, commits, and says if another is wanted: what the
 * writer has to store never waits for more than one of them. The date is looked at only where the
 * clock is known, now and then.
 *
 * Thread of the writer, outside its transactions. Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <sys/statvfs.h>

#include "lib/store/history_internal.h"

#define STEP_NS (5 * OP_NS_PER_MS) /* then it commits, which takes time too */
#define ROWS_AT_ONCE 200
#define SHRINK_BYTES (64 * 1024)  /* given back by a step */
#define SLACK_BYTES (1024 * 1024) /* free pages that may stay: they are used again */
#define EMPTY_BOOTS_AT_ONCE 4

struct retention {
	struct op_history *h;
	const struct op_retention *bounds;
	struct op_retention_result *result;
	struct history_topic *topics;
	size_t n_topics;
	uint64_t until_ns; /* end of the step */
};

/* The oldest chunk of a topic and level, from some boot on. */
struct oldest {
	int64_t id, boot, t0, t1, n, bytes;
	bool any;
};

static bool time_is_over(const struct retention *r)
{
	return op_now_ns() >= r->until_ns;
}

/* ---- chunks -----------------------------------------------------------------------------------
 */

static int find_oldest(struct retention *r, int64_t topic, unsigned level, int64_t boot,
		       struct oldest *ret)
{
	static const char find[] = "SELECT id, boot, t0, t1, n, length(data) FROM chunks WHERE"
				   " topic = ? AND level = ? AND boot >= ?"
				   " ORDER BY boot, t0, id LIMIT 1";
	int err = 0;
	sqlite3_stmt *s = history_bound(r->h->db, find, &err, 3, topic, (int64_t)level, boot);
	int got = s ? history_step(r->h->db, s) : err;
	*ret = (struct oldest){.any = got == 1};
	if (got != 1)
		return got;
	ret->id = sqlite3_column_int64(s, 0);
	ret->boot = sqlite3_column_int64(s, 1);
	ret->t0 = sqlite3_column_int64(s, 2);
	ret->t1 = sqlite3_column_int64(s, 3);
	ret->n = sqlite3_column_int64(s, 4);
	ret->bytes = sqlite3_column_int64(s, 5);
	(void)sqlite3_reset(s); /* after a row there is nothing to report */
	return 0;
}

static int delete_chunk(struct retention *r, const struct oldest *o)
{
	static const char remove[] = "DELETE FROM chunks WHERE id = ?";
	int err = 0;
	sqlite3_stmt *s = history_bound(r->h->db, remove, &err, 1, o->id);
	if (s)
		err = op_db_run(r->h->db, s);
	if (err)
		return err;
	r->result->chunks++;
	r->result->bytes += (uint64_t)o->bytes;
	return 0;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* Boot (>= boot) and time of the oldest row; o->any: there is one. */
static int find_oldest_row(struct retention *r, int64_t topic, int64_t boot, struct oldest *ret)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	struct oldest o = {.boot = INT64_MIN};
	op_buf_init(&sql, 256);
	op_buf_printf(&sql, "SELECT min(boot) FROM rows_%lld WHERE boot >= %lld", (long long)topic,
		      (long long)boot);
	int err = sql.err ? sql.err : history_number_once(r->h->db, sql.data, &o.boot);
	o.any = o.boot != INT64_MIN;
	if (!err && o.any) {
		op_buf_reset(&sql);
		op_buf_printf(&sql, "SELECT min(t) FROM rows_%lld WHERE boot = %lld",
			      (long long)topic, (long long)o.boot);
		err = history_number_once(r->h->db, sql.data, &o.t0);
	}
	*ret = o;
	return err;
}

/* The oldest rows of a boot before `before`, some at once. */
static int delete_rows(struct retention *r, int64_t topic, int64_t boot, int64_t before)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	int64_t last = before - 1;
	op_buf_init(&sql, 256);
	op_buf_printf(&sql,
		      "SELECT t FROM rows_%lld WHERE boot = %lld ORDER BY t LIMIT 1 OFFSET %d",
		      (long long)topic, (long long)boot, ROWS_AT_ONCE);
	int err = sql.err ? sql.err : history_number_once(r->h->db, sql.data, &last);
	if (err)
		return err;
	op_buf_reset(&sql);
	op_buf_printf(&sql, "DELETE FROM rows_%lld WHERE boot = %lld AND t <= %lld",
		      (long long)topic, (long long)boot,
		      (long long)(last < before ? last : before - 1));
	err = sql.err ? sql.err : op_db_exec(r->h->db, sql.data);
	if (!err)
		r->result->rows += (uint64_t)sqlite3_changes64(op_db_handle(r->h->db));
	return err;
}

/* ---- by age -----------------------------------------------------------------------------------
 */

/* The clock segment in force at t. */
struct segment {
	int64_t offset, next; /* next: where the following one begins */
	bool known;
};

static int find_segment(struct retention *r, int64_t boot, int64_t t, struct segment *ret)
{
	static const char offset[] = "SELECT " OP_HISTORY_CLOCK(
		"offset_ns", "t") " FROM (SELECT ?1 AS boot, ?2 AS t) AS r";
	static const char quality[] = "SELECT " OP_HISTORY_CLOCK(
		"quality", "t") " FROM (SELECT ?1 AS boot, ?2 AS t) AS r";
	static const char next[] = "SELECT min(from_ns) FROM clocks WHERE boot = ? AND from_ns > ?";
	int64_t q = OP_CLOCK_UNKNOWN;
	struct segment s = {.next = INT64_MAX};
	int err = history_number(r->h->db, offset, &s.offset, 2, boot, t);
	if (!err)
		err = history_number(r->h->db, quality, &q, 2, boot, t);
	if (!err)
		err = history_number(r->h->db, next, &s.next, 2, boot, t);
	s.known = q != OP_CLOCK_UNKNOWN;
	*ret = s;
	return err;
}

/* Deletes what ended before cutoff. A boot of unknown time is passed over, newer ones are looked at
 * all the same. */
static int chunks_by_age(struct retention *r, int64_t topic, unsigned level, int64_t cutoff_ns)
{
	struct oldest o;
	int err;
	for (int64_t boot = 0; !(err = find_oldest(r, topic, level, boot, &o)) && o.any;) {
		struct segment s;
		err = find_segment(r, o.boot, o.t1, &s);
		if (err)
			break;
		int64_t end = o.t1 + (int64_t)op_tier_width_ns(level);
		if (s.known && end + s.offset >= cutoff_ns)
			break; /* the rest is newer */
		if (s.known)
			err = delete_chunk(r, &o);
		boot = s.known ? o.boot : o.boot + 1;
		if (err || time_is_over(r)) {
			r->result->more = true;
			break;
		}
	}
	return err;
}

static int rows_by_age(struct retention *r, int64_t topic, int64_t cutoff_ns)
{
	struct oldest o;
	int err;
	for (int64_t boot = 0; !(err = find_oldest_row(r, topic, boot, &o)) && o.any;) {
		struct segment s;
		err = find_segment(r, o.boot, o.t0, &s);
		if (err)
			break;
		int64_t before = cutoff_ns - s.offset < s.next ? cutoff_ns - s.offset : s.next;
		if (s.known && o.t0 >= before)
			break; /* the rest is newer */
		if (s.known)
			err = delete_rows(r, topic, o.boot, before);
		boot = s.known ? o.boot : o.boot + 1;
		if (err || time_is_over(r)) {
			r->result->more = true;
			break;
		}
	}
	return err;
}

static int by_age(struct retention *r, int64_t wall_ns)
{
	int err = 0;
	for (unsigned level = 0; level < OP_TIER_LEVELS && !err; level++) {
		uint64_t s = r->bounds->max_age_s[level];
		if (s == 0 || s > (uint64_t)INT64_MAX / 2 / OP_NS_PER_S)
			continue;
		int64_t cutoff = wall_ns - (int64_t)(s * OP_NS_PER_S);
		for (size_t i = 0; i < r->n_topics && !err && !time_is_over(r); i++) {
			const struct history_topic *t = &r->topics[i];
			err = chunks_by_age(r, t->id, level, cutoff);
			if (!err && level == 0 && t->kind == OP_HISTORY_ROWS)
				err = rows_by_age(r, t->id, cutoff);
		}
	}
	return err;
}

/* ---- by size ----------------------------------------------------------------------------------
 */

static bool older(const struct oldest *a, const struct oldest *b)
{
	return a->any && (!b->any || a->boot < b->boot || (a->boot == b->boot && a->t0 < b->t0));
}

/* Deletes the oldest chunk of the least valuable level there is. 1: one is gone; 0: none is left.
 */
static int delete_least_chunk(struct retention *r)
{
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		struct oldest least = {0}, o;
		for (size_t i = 0; i < r->n_topics; i++) {
			int err = find_oldest(r, r->topics[i].id, level, 0, &o);
			if (err)
				return err;
			if (older(&o, &least))
				least = o;
		}
		if (least.any) {
			int err = delete_chunk(r, &least);
			return err ? err : 1;
		}
	}
	return 0;
}

static int delete_least_rows(struct retention *r)
{
	struct oldest least = {0}, o;
	int64_t topic = 0;
	for (size_t i = 0; i < r->n_topics; i++) {
		if (r->topics[i].kind != OP_HISTORY_ROWS)
			continue;
		int err = find_oldest_row(r, r->topics[i].id, 0, &o);
		if (err)
			return err;
		if (older(&o, &least)) {
			least = o;
			topic = r->topics[i].id;
		}
	}
	if (!least.any)
		return 0;
	int err = delete_rows(r, topic, least.boot, INT64_MAX);
	return err ? err : 1;
}

static int pages(struct retention *r, uint64_t *ret_free_bytes)
{
	static const char free_pages[] = "PRAGMA freelist_count", size[] = "PRAGMA page_size";
	int64_t n = 0, bytes = 0;
	int err = history_number(r->h->db, free_pages, &n, 0);
	if (!err)
		err = history_number(r->h->db, size, &bytes, 0);
	*ret_free_bytes = (uint64_t)(n * bytes);
	return err;
}

/* Bytes that must go; pages that are free in the file count as room on its file system. */
static int find_excess(struct retention *r, uint64_t *ret, uint64_t *ret_room)
{
	uint64_t used = 0, file = 0, free_bytes = 0, excess = 0;
	struct statvfs fs;
	int err = op_db_size(r->h->db, &used, &file);
	if (!err)
		err = pages(r, &free_bytes);
	if (err)
		return err;
	if (r->bounds->max_bytes && used > r->bounds->max_bytes)
		excess = used - r->bounds->max_bytes;
	*ret_room = UINT64_MAX;
	if (r->bounds->min_free_bytes && statvfs(op_db_path(r->h->db), &fs) == 0) {
		*ret_room = (uint64_t)fs.f_bavail * fs.f_frsize;
		uint64_t room = *ret_room + free_bytes;
		if (room < r->bounds->min_free_bytes && r->bounds->min_free_bytes - room > excess)
			excess = r->bounds->min_free_bytes - room;
	}
	*ret = excess;
	return 0;
}

static int by_size(struct retention *r)
{
	uint64_t excess, room;
	int got = 1, err = find_excess(r, &excess, &room);
	while (!err && excess > 0 && got == 1) {
		if (time_is_over(r)) {
			r->result->more = true;
			break;
		}
		got = delete_least_chunk(r);
		if (got == 0)
			got = delete_least_rows(r);
		err = got < 0 ? got : find_excess(r, &excess, &room);
	}
	return err;
}

/* ---- what stays empty -------------------------------------------------------------------------
 */

static int boot_is_empty(struct retention *r, int64_t boot, bool *ret)
{
	struct oldest o = {0};
	int err = 0;
	for (size_t i = 0; i < r->n_topics && !err && o.boot != boot; i++) {
		for (unsigned level = 0; level < OP_TIER_LEVELS && !err && o.boot != boot; level++)
			err = find_oldest(r, r->topics[i].id, level, boot, &o);
		if (!err && o.boot != boot && r->topics[i].kind == OP_HISTORY_ROWS)
			err = find_oldest_row(r, r->topics[i].id, boot, &o);
	}
	*ret = o.boot != boot;
	return err;
}

/* The oldest boots of which nothing is left go, and their clocks with them. */
static int forget_boots(struct retention *r)
{
	static const char first[] = "SELECT min(id) FROM boots";
	static const char clocks[] = "DELETE FROM clocks WHERE boot = ?";
	static const char boots[] = "DELETE FROM boots WHERE id = ?";
	int64_t now = 0;
	int err = history_boot(r->h, &now);
	for (int i = 0; i < EMPTY_BOOTS_AT_ONCE && !err; i++) {
		int64_t boot = 0;
		bool empty = false;
		err = history_number(r->h->db, first, &boot, 0);
		if (!err && boot != now && boot != 0)
			err = boot_is_empty(r, boot, &empty);
		if (err || !empty)
			break;
		sqlite3_stmt *s = history_bound(r->h->db, clocks, &err, 1, boot);
		if (s)
			err = op_db_run(r->h->db, s);
		s = err ? NULL : history_bound(r->h->db, boots, &err, 1, boot);
		if (s)
			err = op_db_run(r->h->db, s);
	}
	return err;
}

/* Free pages go back to the file system when they are many, or when it is short of room. */
static int shrink(struct retention *r)
{
	uint64_t used = 0, file = 0, free_bytes = 0, excess = 0, room = UINT64_MAX;
	int err = pages(r, &free_bytes);
	if (!err)
		err = op_db_size(r->h->db, &used, &file);
	if (!err)
		err = find_excess(r, &excess, &room);
	uint64_t slack = room < r->bounds->min_free_bytes ? 0 : SLACK_BYTES + used / 8;
	if (err || free_bytes <= slack)
		return err;
	uint64_t most = free_bytes - slack;
	r->result->more |= most > SHRINK_BYTES;
	return op_db_shrink(r->h->db, most < SHRINK_BYTES ? most : SHRINK_BYTES);
}

/* ---- a step -----------------------------------------------------------------------------------
 */

static int delete_some(struct retention *r, int64_t wall_ns)
{
	int err = wall_ns > 0 ? by_age(r, wall_ns) : 0;
	if (!err && !time_is_over(r))
		err = by_size(r);
	if (!err && (r->result->chunks || r->result->rows))
		err = forget_boots(r);
	return err;
}

/* The transaction is given up if nothing was deleted, so that a step in vain writes nothing. */
static int step(struct retention *r, int64_t wall_ns)
{
	int err = op_db_begin(r->h->db);
	if (err)
		return err;
	err = delete_some(r, wall_ns);
	if (!err && (r->result->chunks || r->result->rows))
		return op_db_commit(r->h->db);
	op_db_rollback(r->h->db);
	return err ? err : shrink(r);
}

int op_retention_step(struct op_history *h, const struct op_retention *bounds, int64_t wall_ns,
		      struct op_retention_result *ret)
{
	struct op_retention_result result = {0};
	struct retention r = {
		.h = h, .bounds = bounds, .result = &result, .until_ns = op_now_ns() + STEP_NS};
	int err = history_load_topics(h->db, &r.topics, &r.n_topics);
	if (!err)
		err = step(&r, wall_ns);
	history_free_topics(r.topics, r.n_topics);
	if (err)
		return err;
	result.more |= result.chunks > 0 || result.rows > 0; /* free pages may go back */
	*ret = result;
	return 0;
}
