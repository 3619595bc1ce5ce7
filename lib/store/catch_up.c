/*
 * catch_up.c - tiers that were still in memory when the last writer died, made from what is stored.
 *
 * Per topic, boot and level: the last chunk of the level says which of the entries below it sums up
 * - all before its last bucket, and of that bucket as many as its counts add up to. The others are
 * summed up now. Nothing is kept from step to step but the place, so that a step that fails or a
 * machine that dies leaves only more to do. Entries that this writer stores meanwhile are its own
 * to sum up: they are told apart by their number, rows by their time.
 *
 * Thread of the writer, outside its transactions. Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "lib/store/history_internal.h"

#define CHUNKS_PER_STEP 200
#define ROWS_PER_STEP 5000
#define LEVEL_FIRST 2 /* level 1 is stored together with level 0 */

/* One topic, boot and level on the way. */
struct job {
	struct op_history *h;
	const struct history_topic *topic;
	int64_t boot;
	unsigned level;
	uint64_t width_ns, bucket_ns; /* bucket: the last there is of the level; 0: none */
	uint64_t covered;             /* records of that bucket that it sums up */
	struct op_tier *tier;
	struct op_chunk_builder *builder;
	struct op_chunk_reader *reader; /* of the level's own type */
	unsigned char *slot;            /* a record of a lower tier */
	uint64_t given;                 /* entries the tier gave */
	unsigned chunks;                /* that were summed up */
	bool more;                      /* the step is full */
};

/* ---- at the start ---------------------------------------------------------------------------- */

static int note_last_row(struct op_history *h, struct history_topic *t)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	if (t->kind != OP_HISTORY_ROWS || h->catch_up.this_boot == 0)
		return 0;
	op_buf_init(&sql, 256);
	op_buf_printf(&sql, "SELECT max(t) FROM rows_%lld WHERE boot = %lld", (long long)t->id,
		      (long long)h->catch_up.this_boot);
	return sql.err ? sql.err : history_number_once(h->db, sql.data, &t->last_row_ns);
}

int history_catch_up_begin(struct op_history *h)
{
	static const char newest[] = "SELECT max(id) FROM chunks";
	struct history_catch_up *c = &h->catch_up;
	int err = history_load_topics(h->db, &c->topics, &c->n_topics);
	if (!err)
		err = history_boot(h, &c->this_boot);
	if (!err)
		err = history_number(h->db, newest, &c->last_chunk, 0);
	for (size_t i = 0; i < c->n_topics && !err; i++)
		err = note_last_row(h, &c->topics[i]);
	c->level = LEVEL_FIRST;
	c->boot = INT64_MAX;
	return err;
}

void history_catch_up_end(struct op_history *h)
{
	history_free_topics(h->catch_up.topics, h->catch_up.n_topics);
	free(h->catch_up.made);
	h->catch_up = (struct history_catch_up){0};
}

/* ---- where it goes --------------------------------------------------------------------------- */

static int remember(struct history_catch_up *c, int64_t id)
{
	int64_t *grown = realloc(c->made, (c->n_made + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->made = grown;
	c->made[c->n_made++] = id;
	return 0;
}

static bool is_source(const struct history_catch_up *c, int64_t id)
{
	for (size_t i = 0; i < c->n_made; i++)
		if (c->made[i] == id)
			return true;
	return id <= c->last_chunk;
}

/* What does not fit into one chunk is left to the next step, which begins where this one ended. */
static void take(void *arg, const void *slot)
{
	struct job *j = arg;
	if (op_chunk_append(j->builder, j->given, slot, 1, op_tier_stride(j->tier)) == 1)
		j->given++;
	else
		j->more = true;
}

static int store(struct job *j)
{
	struct op_chunk chunk;
	op_tier_flush(j->tier);
	int err = op_chunk_cut(j->builder, &chunk);
	if (err)
		return err == -ENODATA ? 0 : err;
	err = op_db_begin(j->h->db);
	if (err)
		return err;
	err = history_put_chunk(j->h, j->topic->id, j->level, j->boot, &chunk);
	if (!err)
		err = remember(&j->h->catch_up, sqlite3_last_insert_rowid(op_db_handle(j->h->db)));
	if (!err)
		return op_db_commit(j->h->db);
	op_db_rollback(j->h->db);
	return err;
}

/* ---- what is there already ------------------------------------------------------------------- */

/* Begin of the last chunk that begins before ns; what touches ns comes from there on. */
static int begin_before(const struct job *j, unsigned level, uint64_t ns, int64_t *ret)
{
	static const char find[] =
		"SELECT t0 FROM chunks WHERE topic = ? AND level = ? AND boot = ?"
		" AND t0 < ? ORDER BY t0 DESC LIMIT 1";
	*ret = 0;
	return history_number(j->h->db, find, ret, 4, j->topic->id, (int64_t)level, j->boot,
			      (int64_t)ns);
}

typedef int (*chunk_fn)(struct job *j, const struct op_chunk_columns *c);

/* Calls fn for the chunks of a level from ns on until there is more than one step can take. A
 * damaged one is passed over: nothing can be said of what was in it. */
static int each_chunk(struct job *j, unsigned level, uint64_t ns, bool sources, chunk_fn fn)
{
	static const char all[] = "SELECT id, data FROM chunks WHERE topic = ? AND level = ? AND"
				  " boot = ? AND t0 >= ? ORDER BY t0, id";
	int64_t from = 0;
	int err = begin_before(j, level, ns, &from), r = 0;
	if (err)
		return err;
	sqlite3_stmt *s =
		history_bound(j->h->db, all, &err, 4, j->topic->id, (int64_t)level, j->boot, from);
	while (s && !err && !j->more && (r = history_step(j->h->db, s)) == 1) {
		struct op_chunk_columns c;
		if (sources && !is_source(&j->h->catch_up, sqlite3_column_int64(s, 0)))
			continue;
		err = op_chunk_load(j->reader, sqlite3_column_blob(s, 1),
				    (size_t)sqlite3_column_bytes(s, 1), ~0ULL, &c);
		err = err == -OP_EDAMAGED ? 0 : err ? err : fn(j, &c);
	}
	if (s)
		(void)sqlite3_reset(s); /* r and err say it all */
	return err ? err : r < 0 ? r : 0;
}

static int count_covered(struct job *j, const struct op_chunk_columns *c)
{
	const uint32_t *n = c->values[0];
	for (uint32_t i = 0; i < c->n && n; i++)
		if (c->t_ns[i] == j->bucket_ns)
			j->covered += n[i];
	return 0;
}

static int find_covered(struct job *j)
{
	static const char last[] =
		"SELECT t1 FROM chunks WHERE topic = ? AND level = ? AND boot = ?"
		" ORDER BY t0 DESC, t1 DESC LIMIT 1";
	int64_t bucket = 0;
	int err = history_number(j->h->db, last, &bucket, 3, j->topic->id, (int64_t)j->level,
				 j->boot);
	j->bucket_ns = (uint64_t)bucket;
	return err ? err : each_chunk(j, j->level, j->bucket_ns, false, count_covered);
}

/* True if n records at ns are summed up already. */
static bool is_covered(struct job *j, uint64_t ns, uint64_t n)
{
	if (ns < j->bucket_ns)
		return true;
	if (ns - j->bucket_ns >= j->width_ns || j->covered == 0)
		return false;
	j->covered -= n < j->covered ? n : j->covered;
	return true;
}

/* ---- what is to be summed up ----------------------------------------------------------------- */

static int add_entries(struct job *j, const struct op_chunk_columns *c)
{
	const struct op_topic_type *type = j->topic->tier;
	const uint32_t *n = c->values[0];
	bool any = false;
	for (uint32_t i = 0; i < c->n && n; i++) {
		if (is_covered(j, c->t_ns[i], n[i]))
			continue;
		any = true;
		memcpy(j->slot, &c->t_ns[i], sizeof(c->t_ns[i]));
		for (uint32_t k = 0; k < type->n_fields; k++) {
			const struct op_field *f = &type->fields[k];
			if (c->values[k])
				memcpy(j->slot + OP_SLOT_RECORD + f->offset,
				       (const char *)c->values[k] + (size_t)i * f->bytes, f->bytes);
		}
		op_tier_add(j->tier, j->slot, 1, op_tier_stride(j->tier));
	}
	j->chunks += any;
	j->more |= j->chunks == CHUNKS_PER_STEP;
	return 0;
}

static int add_rows(struct job *j)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	sqlite3_stmt *s = NULL;
	bool ours = j->boot == j->h->catch_up.this_boot;
	int64_t until = ours ? j->topic->last_row_ns : INT64_MAX;
	op_buf_init(&sql, 256);
	op_buf_printf(&sql,
		      "SELECT * FROM rows_%lld WHERE boot = %lld AND t >= %lld AND t <= %lld "
		      "ORDER BY t, seq",
		      (long long)j->topic->id, (long long)j->boot, (long long)j->bucket_ns,
		      (long long)until);
	int r = sqlite3_prepare_v2(op_db_handle(j->h->db), sql.data, -1, &s, NULL);
	r = r == SQLITE_OK ? 1 : op_db_error(r);
	for (unsigned n = 0; r == 1 && !j->more && (r = history_step(j->h->db, s)) == 1;) {
		uint64_t ns = (uint64_t)sqlite3_column_int64(s, 1);
		if (is_covered(j, ns, 1))
			continue;
		j->more |= ++n == ROWS_PER_STEP;
		memcpy(j->slot, &ns, sizeof(ns));
		history_read_row(j->topic->type, s, j->slot + OP_SLOT_RECORD);
		op_tier_add(j->tier, j->slot, 1, OP_SLOT_RECORD + j->topic->type->record_bytes);
	}
	(void)sqlite3_finalize(s); /* r says it all */
	return r < 0 ? r : 0;
}

/* ---- a job ----------------------------------------------------------------------------------- */

/* Rows have no level 1. */
static bool from_rows(const struct job *j)
{
	return j->topic->kind == OP_HISTORY_ROWS && j->level == LEVEL_FIRST;
}

static int prepare(struct job *j)
{
	const struct op_topic_type *type = j->topic->tier;
	const struct op_topic_type *from = from_rows(j) ? j->topic->type : type;
	struct op_chunk_plan plan = {.fields = ~0ULL, .max_records = 4096};
	int err = op_tier_create(from, j->topic->fields, j->width_ns, take, j, &j->tier);
	if (!err)
		err = op_chunk_builder_create(type, &plan, &j->builder);
	if (!err)
		err = op_chunk_reader_create(type, ~0ULL, &j->reader);
	j->slot = calloc(1, OP_SLOT_RECORD + OP_TOPIC_RECORD_MAX);
	return err ? err : j->slot ? 0 : -ENOMEM;
}

static void finish(struct job *j)
{
	op_tier_destroy(j->tier);
	op_chunk_builder_destroy(j->builder);
	op_chunk_reader_destroy(j->reader);
	free(j->slot);
}

/* One step of it: 1 if it was not enough. */
static int run(struct job *j)
{
	int err = prepare(j);
	if (!err)
		err = find_covered(j);
	if (!err && from_rows(j))
		err = add_rows(j);
	else if (!err)
		err = each_chunk(j, j->level - 1, j->bucket_ns, true, add_entries);
	if (!err)
		err = store(j);
	finish(j);
	return err ? err : j->more;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

/* The newest boot up to `boot` that has something to sum up from; 0: none. */
static int find_boot(struct op_history *h, const struct history_topic *t, unsigned level,
		     int64_t boot, int64_t *ret)
{
	static const char chunks[] =
		"SELECT max(boot) FROM chunks WHERE topic = ? AND level = ? AND boot <= ?";
	*ret = 0;
	if (t->kind != OP_HISTORY_ROWS || level > LEVEL_FIRST)
		return history_number(h->db, chunks, ret, 3, t->id, (int64_t)level - 1, boot);
	OP_AUTO_BUF struct op_buf sql = {0};
	op_buf_init(&sql, 256);
	op_buf_printf(&sql, "SELECT max(boot) FROM rows_%lld WHERE boot <= %lld", (long long)t->id,
		      (long long)boot);
	return sql.err ? sql.err : history_number_once(h->db, sql.data, ret);
}

/* The level of this topic is done in all boots: the next level, the next topic. */
static void advance(struct history_catch_up *c)
{
	c->boot = INT64_MAX;
	if (++c->level < OP_TIER_LEVELS)
		return;
	c->level = LEVEL_FIRST;
	c->topic++;
	free(c->made); /* of this topic */
	c->made = NULL;
	c->n_made = 0;
}

int op_history_catch_up(struct op_history *h)
{
	struct history_catch_up *c = &h->catch_up;
	if (c->topic >= c->n_topics)
		return 0;
	struct job j = {.h = h,
			.topic = &c->topics[c->topic],
			.level = c->level,
			.width_ns = op_tier_width_ns(c->level)};
	int err = j.topic->tier ? find_boot(h, j.topic, c->level, c->boot, &j.boot) : 0;
	if (err)
		return err;
	if (j.boot == 0) {
		advance(c);
		return c->topic < c->n_topics;
	}
	int r = run(&j);
	if (r == 0)
		c->boot = j.boot - 1;
	return r < 0 ? r : 1;
}
