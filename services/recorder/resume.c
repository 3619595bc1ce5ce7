/*
 * resume.c - where the last writer of this boot stopped, topic by topic. Tables: outpost-store(7).
 *
 * Writer thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "resume.h"

#include "lib/store/chunk.h"

#include <stdio.h>
#include <string.h>

static int failed(struct op_db *db)
{
	return op_db_error(sqlite3_errcode(op_db_handle(db)));
}

bool resume_has(const struct resume *r, uint64_t seq, uint64_t boot_ns)
{
	uint64_t t = boot_ns / OP_CHUNK_TIME_NS, last = r->boot_ns / OP_CHUNK_TIME_NS;
	return t < last || (t == last && seq <= r->seq);
}

/* One row of two numbers, time and sequence; 1 if there is one. */
static int newest(struct op_db *db, sqlite3_stmt *s, struct resume *ret)
{
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;
	if (rc == SQLITE_ROW) {
		ret->boot_ns = (uint64_t)sqlite3_column_int64(s, 0);
		ret->seq = (uint64_t)sqlite3_column_int64(s, 1);
	}
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : failed(db);
}

static int newest_chunk(struct op_db *db, int64_t topic, int64_t boot, struct resume *ret)
{
	sqlite3_stmt *s = op_db_statement(
		db,
		"SELECT t1, seq0 + n - 1 FROM chunks WHERE topic = ?1 AND level = 0 AND boot = ?2"
		" ORDER BY t0 DESC LIMIT 1");
	if (!s || sqlite3_bind_int64(s, 1, topic) || sqlite3_bind_int64(s, 2, boot))
		return failed(db);
	int rc = newest(db, s, ret);
	(void)sqlite3_reset(s); /* says again what the step said */
	return rc;
}

static int newest_row(struct op_db *db, int64_t topic, int64_t boot, struct resume *ret)
{
	char sql[160];
	sqlite3_stmt *s = NULL;
	(void)snprintf(sql, sizeof(sql),
		       "SELECT t, seq FROM rows_%lld WHERE boot = %lld ORDER BY t DESC, seq DESC"
		       " LIMIT 1",
		       (long long)topic, (long long)boot); /* fits */
	int rc = sqlite3_prepare_v2(op_db_handle(db), sql, -1, &s, NULL) ? failed(db)
									 : newest(db, s, ret);
	(void)sqlite3_finalize(s); /* says again what the step said */
	return rc;
}

/* A topic of an older schema is in store under the same name: the newest of them counts. */
static void put(struct resume *all, size_t most, size_t *n, const struct resume *found)
{
	size_t i = 0;
	while (i < *n && strcmp(all[i].topic, found->topic))
		i++;
	if (i == most || (i < *n && all[i].boot_ns >= found->boot_ns))
		return;
	all[i] = *found;
	if (i == *n)
		*n += 1;
}

static int read_topics(struct op_db *db, sqlite3_stmt *s, int64_t boot, struct resume *ret,
		       size_t most, size_t *ret_n)
{
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct resume r = {.seq = 0};
		int64_t topic = sqlite3_column_int64(s, 0);
		const char *kind = (const char *)sqlite3_column_text(s, 2);
		(void)snprintf(r.topic, sizeof(r.topic), "%s",
			       sqlite3_column_text(s, 1)); /* fits */
		bool rows = kind && !strcmp(kind, "rows");
		int found =
			rows ? newest_row(db, topic, boot, &r) : newest_chunk(db, topic, boot, &r);
		if (found < 0)
			return found;
		if (found)
			put(ret, most, ret_n, &r);
	}
	return rc == SQLITE_DONE ? 0 : failed(db);
}

static int boot_number(struct op_db *db, const char *boot_id, int64_t *ret)
{
	sqlite3_stmt *s = op_db_statement(db, "SELECT id FROM boots WHERE boot_id = ?1");
	if (!s || sqlite3_bind_text(s, 1, boot_id, -1, SQLITE_STATIC))
		return failed(db);
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s); /* says again what the step said */
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : failed(db);
}

int resume_read(struct op_db *db, const char *boot_id, struct resume *ret, size_t most,
		size_t *ret_n)
{
	int64_t boot = 0;
	*ret_n = 0;
	int found = boot_number(db, boot_id, &boot);
	if (found <= 0)
		return found;
	sqlite3_stmt *s = op_db_statement(db, "SELECT id, name, kind FROM topics");
	int rc = s ? read_topics(db, s, boot, ret, most, ret_n) : failed(db);
	if (s)
		(void)sqlite3_reset(s); /* says again what the step said */
	return rc;
}
