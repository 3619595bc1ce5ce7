/*
 * store_power_history.c - transactions as a recorder makes them: rows, a blob, deletions, space
 * given back; a change of version in the middle.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/db.h"

#include "power.h"
#include "store_power.h"
#include "test.h"

#define TRANSACTIONS_MAX 2000 /* of one life; a cut comes long before */
#define KEPT 60               /* transactions that are not deleted yet */
#define VERSION_2_AGE 8       /* lives */

static const char *const steps[] = {
	"CREATE TABLE tx(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
	"CREATE TABLE items(tx INTEGER NOT NULL, at INTEGER NOT NULL, value REAL,"
	" PRIMARY KEY(tx, at)) WITHOUT ROWID;"
	"CREATE TABLE chunks(id INTEGER PRIMARY KEY, tx INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX chunks_tx ON chunks(tx);",
	"ALTER TABLE tx ADD COLUMN twice INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX items_value ON items(value);"
	"UPDATE tx SET twice = 2 * n;",
};
static const struct op_db_schema versions[] = {{"history", 0x4F705450, steps, 1},
					       {"history", 0x4F705450, steps, 2}};

static struct op_db *open_db(const char *path, unsigned version, struct op_buf *note)
{
	struct op_db_settings s = {.path = path, .cache_kib = 64, .wal_kib = 64};
	struct op_db *db = NULL;
	int r = op_db_open(&s, &versions[version - 1], &db, note);
	if (r < 0)
		fprintf(stderr, "open: %s\n", op_strerror(r));
	return db;
}

static long long number(struct op_db *db, const char *sql)
{
	sqlite3_stmt *s = op_db_statement(db, sql);
	long long n = s && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	(void)sqlite3_reset(s); /* -1 says it */
	return n;
}

static void put_item(struct op_db *db, uint64_t id, int at)
{
	sqlite3_stmt *s = op_db_statement(db, "INSERT INTO items VALUES(?1, ?2, ?1 * 0.37 + ?2)");
	CHECK(s);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_int(s, 2, at);
	CHECK_INT(op_db_run(db, s), 0);
}

static void put_chunk(struct op_db *db, uint64_t id)
{
	static char data[6000];
	sqlite3_stmt *s = op_db_statement(db, "INSERT INTO chunks(tx, data) VALUES(?1, ?2)");
	CHECK(s);
	memset(data, (int)id, sizeof(data));
	sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
	sqlite3_bind_blob(s, 2, data, 100 + (int)power_chance(5900), SQLITE_STATIC);
	CHECK_INT(op_db_run(db, s), 0);
}

static void put_count(struct op_db *db, uint64_t id, int n, unsigned version)
{
	char sql[100];
	snprintf(sql, sizeof(sql), "INSERT INTO tx VALUES(%llu, %d%s)", (unsigned long long)id, n,
		 version > 1 ? ", 0" : "");
	CHECK_INT(op_db_exec(db, sql), 0);
	if (version > 1)
		CHECK_INT(op_db_exec(db, "UPDATE tx SET twice = 2 * n WHERE twice <> 2 * n"), 0);
}

static void delete_old(struct op_db *db, uint64_t id)
{
	static const char *const sql[] = {"DELETE FROM items WHERE tx < ?1",
					  "DELETE FROM chunks WHERE tx < ?1",
					  "DELETE FROM tx WHERE id < ?1"};
	for (size_t i = 0; id > KEPT && i < OP_ARRAY_SIZE(sql); i++) {
		sqlite3_stmt *s = op_db_statement(db, sql[i]);
		CHECK(s);
		sqlite3_bind_int64(s, 1, (sqlite3_int64)(id - KEPT));
		CHECK_INT(op_db_run(db, s), 0);
	}
}

static void transact(struct op_db *db, uint64_t id, unsigned version)
{
	int n = 1 + (int)power_chance(20);
	CHECK_INT(op_db_begin(db), 0);
	for (int at = 0; at < n; at++)
		put_item(db, id, at);
	put_chunk(db, id);
	put_count(db, id, n, version);
	if (id % 7 == 0)
		delete_old(db, id);
	CHECK_INT(op_db_commit(db), 0);
	if (id % 13 == 0)
		CHECK_INT(op_db_shrink(db, 20 * 1024), 0);
}

static struct op_db *open_to_write(const char *path, unsigned version, const char *synchronous)
{
	char sql[60];
	struct op_db *db = open_db(path, version, NULL);
	CHECK(db);
	if (synchronous) {
		snprintf(sql, sizeof(sql), "PRAGMA synchronous=%s", synchronous);
		CHECK_INT(op_db_exec(db, sql), 0);
	}
	return db;
}

static void live(const char *path, uint64_t age, struct power_acks *acks, const char *synchronous,
		 uint64_t cut)
{
	unsigned version = age < VERSION_2_AGE ? 1 : 2;
	struct op_db *db = open_to_write(path, version, synchronous);
	for (uint64_t i = 0; i < TRANSACTIONS_MAX; i++) {
		uint64_t id = (uint64_t)number(db, "SELECT ifnull(max(id), 0) + 1 FROM tx");
		acks->tried = id;
		transact(db, id, version);
		acks->acked = id;
		acks->total++;
		if (synchronous && i == cut)
			power_cut();
		if (power_chance(15) == 0) {
			op_db_close(db);
			db = open_to_write(path, version, synchronous);
		}
	}
}

static bool sound(struct op_db *db)
{
	sqlite3_stmt *s = op_db_statement(db, "PRAGMA integrity_check(1)");
	bool ok = s && sqlite3_step(s) == SQLITE_ROW &&
		  !strcmp((const char *)sqlite3_column_text(s, 0), "ok");
	return sqlite3_reset(s) == SQLITE_OK && ok;
}

/* Of the newest version after judging, whatever the life had. */
static void judge(const char *path, struct power_acks *acks, struct op_buf *note,
		  struct power_verdict *v)
{
	struct op_db *db = open_db(path, 2, note);
	if (!db || !sound(db)) {
		v->damaged++;
		op_db_close(db);
		return;
	}
	uint64_t last = (uint64_t)number(db, "SELECT ifnull(max(id), 0) FROM tx");
	if (last < acks->acked)
		v->lost++;
	bool whole =
		last <= acks->tried &&
		number(db, "SELECT count(*) FROM tx WHERE n <> (SELECT count(*) FROM items WHERE "
			   "items.tx = tx.id) OR 1 <> (SELECT count(*) FROM chunks WHERE chunks.tx "
			   "= tx.id) OR twice <> 2 * n") == 0 &&
		number(db,
		       "SELECT (SELECT count(*) FROM items WHERE tx NOT IN (SELECT id FROM tx)) "
		       "+ (SELECT count(*) FROM chunks WHERE tx NOT IN (SELECT id FROM tx))") ==
			0 &&
		number(db, "SELECT count(*) - ifnull(max(id) - min(id) + 1, 0) FROM tx") == 0 &&
		number(db, "PRAGMA user_version") == 2;
	if (!whole)
		v->half++;
	op_db_close(db);
}

const struct power_work power_history = {.name = "history", .live = live, .judge = judge};
