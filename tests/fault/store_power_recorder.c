/*
 * store_power_recorder.c - what the recorder stores, by its own calls: rows, chunks, tiers,
 * catching up, retention; a boot per life.
 *
 * Every transaction has a row and a chunk that both tell its number, and the chunk's seconds. What
 * the newest one acknowledged must be there and read back; older ones may have been deleted, but as
 * a whole.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/history.h"

#include "bus_topics.h"
#include "power.h"
#include "store_power.h"
#include "test.h"

#define TRANSACTIONS_MAX 2000 /* of one life; a cut comes long before */
#define RECORDS_MAX 400
#define STEP_NS (100 * OP_NS_PER_MS) /* between two records */

struct slot {
	uint64_t boot_ns;
	struct tick tick;
};

struct store {
	struct op_db *db;
	struct op_history *history;
	struct op_chunk_builder *raw, *seconds;
	struct op_tier *tier;
	int64_t rows, chunks;
};

static struct op_db *open_db(const char *path, struct op_buf *note)
{
	struct op_db_settings s = {.path = path, .cache_kib = 64, .wal_kib = 64};
	struct op_db *db = NULL;
	int r = op_db_open(&s, &op_history_schema, &db, note);
	if (r < 0)
		fprintf(stderr, "open: %s\n", op_strerror(r));
	return db;
}

static void take_second(void *arg, const void *slot)
{
	struct store *s = arg;
	CHECK_INT(op_chunk_append(s->seconds, 0, slot, 1, op_tier_stride(s->tier)), 1);
}

static struct op_chunk_builder *builder(const struct op_topic_type *type)
{
	struct op_chunk_plan plan = {.fields = op_chunk_fields(type), .max_records = RECORDS_MAX};
	struct op_chunk_builder *b = NULL;
	CHECK_INT(op_chunk_builder_create(type, &plan, &b), 0);
	return b;
}

static void open_store(struct store *s, const char *path, uint64_t age)
{
	char boot_id[40];
	int more;
	snprintf(boot_id, sizeof(boot_id), "boot-%llu", (unsigned long long)age);
	s->db = open_db(path, NULL);
	CHECK(s->db);
	CHECK_INT(op_history_create(s->db, boot_id, &s->history), 0);
	while ((more = op_history_catch_up(s->history)) == 1)
		;
	CHECK_INT(more, 0);
	op_field_set all = op_chunk_fields(&tick_topic);
	CHECK_INT(op_tier_create(&tick_topic, all, op_tier_width_ns(1), take_second, s, &s->tier),
		  0);
	s->raw = builder(&tick_topic);
	s->seconds = builder(op_tier_record_type(s->tier));
}

static void close_store(struct store *s)
{
	op_tier_destroy(s->tier);
	op_chunk_builder_destroy(s->raw);
	op_chunk_builder_destroy(s->seconds);
	op_history_destroy(s->history);
	op_db_close(s->db);
}

static void put_chunk(struct store *s, unsigned level, struct op_chunk_builder *b)
{
	struct op_chunk chunk;
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_history_put_chunk(s->history, s->chunks, level, &chunk), 0);
}

static void put_samples(struct store *s, uint64_t id, size_t n)
{
	static struct slot slots[RECORDS_MAX];
	for (size_t i = 0; i < n; i++)
		slots[i] = (struct slot){(id * RECORDS_MAX + i) * STEP_NS, {id, mark_mix(id + i)}};
	CHECK_INT(op_chunk_append(s->raw, id * RECORDS_MAX, slots, n, sizeof(slots[0])), n);
	op_tier_add(s->tier, slots, n, sizeof(slots[0]));
	op_tier_flush(s->tier);
	put_chunk(s, 0, s->raw);
	put_chunk(s, 1, s->seconds);
}

static void transact(struct store *s, uint64_t id)
{
	struct tick row = {id, mark_mix(id)};
	struct op_clock_segment clock = {0, (int64_t)id, OP_CLOCK_SYNCHRONISED};
	op_field_set all = op_chunk_fields(&tick_topic);
	CHECK_INT(op_db_begin(s->db), 0);
	CHECK_INT(op_history_topic(s->history, "power.row", &tick_topic, OP_HISTORY_ROWS, all,
				   &s->rows),
		  0);
	CHECK_INT(op_history_topic(s->history, "power.chunk", &tick_topic, OP_HISTORY_CHUNKS, all,
				   &s->chunks),
		  0);
	CHECK_INT(op_history_put_row(s->history, s->rows, &tick_topic, id,
				     id * RECORDS_MAX * STEP_NS, &row),
		  0);
	put_samples(s, id, 1 + power_chance(RECORDS_MAX - 1));
	CHECK_INT(op_history_put_clock(s->history, &clock), 0);
	CHECK_INT(op_db_commit(s->db), 0);
}

static void retain(struct store *s)
{
	struct op_retention bounds = {.max_bytes = 500 * 1024};
	struct op_retention_result result;
	CHECK_INT(op_retention_step(s->history, &bounds, 0, &result), 0);
}

static void live(const char *path, uint64_t age, struct power_acks *acks, const char *synchronous,
		 uint64_t cut)
{
	struct store s = {0};
	open_store(&s, path, age);
	for (int i = 0; i < TRANSACTIONS_MAX; i++) {
		uint64_t id = ++acks->tried;
		transact(&s, id);
		acks->acked = id;
		acks->total++;
		if (power_chance(4) == 0)
			retain(&s);
		if (power_chance(20) == 0) {
			close_store(&s);
			open_store(&s, path, age);
		}
	}
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Every record of it has the same number, which is *ret. */
static bool read_chunk(struct op_chunk_reader *r, sqlite3_stmt *s, uint64_t *ret)
{
	struct op_chunk_columns c;
	op_field_set all = op_chunk_fields(&tick_topic);
	if (op_chunk_load(r, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), all,
			  &c) < 0 ||
	    c.n == 0 || c.n != (uint32_t)sqlite3_column_int(s, 1))
		return false;
	const uint64_t *number = c.values[0], *check = c.values[1];
	for (uint32_t i = 0; i < c.n; i++)
		if (number[i] != number[0] || check[i] != mark_mix(number[0] + i) ||
		    c.seq[i] != number[0] * RECORDS_MAX + i)
			return false;
	*ret = number[0];
	return true;
}

/* The newest number in a whole chunk, 0 for none; false if one is not whole. */
static bool read_chunks(struct op_db *db, uint64_t *ret_last)
{
	struct op_chunk_reader *r = NULL;
	CHECK_INT(op_chunk_reader_create(&tick_topic, op_chunk_fields(&tick_topic), &r), 0);
	sqlite3_stmt *s =
		op_db_statement(db, "SELECT data, n FROM chunks WHERE level = 0 ORDER BY id");
	uint64_t n, last = 0;
	bool good = s != NULL;
	while (good && sqlite3_step(s) == SQLITE_ROW) {
		good = read_chunk(r, s, &n) && n > last;
		last = n;
	}
	(void)sqlite3_reset(s); /* what it lacks is missed below */
	op_chunk_reader_destroy(r);
	*ret_last = last;
	return good;
}

static long long number(struct op_db *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	long long n = -1;
	if (sqlite3_prepare_v2(op_db_handle(db), sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* -1 says it */
	return n;
}

static bool sound(struct op_db *db)
{
	sqlite3_stmt *s = op_db_statement(db, "PRAGMA integrity_check(1)");
	bool ok = s && sqlite3_step(s) == SQLITE_ROW &&
		  !strcmp((const char *)sqlite3_column_text(s, 0), "ok");
	return sqlite3_reset(s) == SQLITE_OK && ok;
}

static void judge(const char *path, struct power_acks *acks, struct op_buf *note,
		  struct power_verdict *v)
{
	struct op_db *db = open_db(path, note);
	uint64_t chunk = 0, row = 0;
	if (!db || !sound(db)) {
		v->damaged++;
		op_db_close(db);
		return;
	}
	bool whole = read_chunks(db, &chunk);
	if (acks->acked) /* the view is made by the first transaction */
		row = (uint64_t)number(db, "SELECT max(number) FROM \"power.row\"");
	if (row < acks->acked)
		v->lost++;
	/* Retention takes raw chunks first; where it took all of them there is none to compare. */
	if (!whole || row > acks->tried || (acks->acked && chunk && row != chunk) ||
	    number(db,
		   "SELECT count(*) FROM chunks AS raw WHERE level = 0 AND NOT EXISTS (SELECT 1 "
		   "FROM chunks WHERE level = 1 AND boot = raw.boot AND t0 <= raw.t1 AND t1 >= "
		   "raw.t0 - 1000000000)") != 0)
		v->half++;
	op_db_close(db);
}

const struct power_work power_recorder = {.name = "recorder", .live = live, .judge = judge};
