/* history_support.h - a history in the test's directory, opened and closed as a boot does it.
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#ifndef OUTPOST_HISTORY_SUPPORT_H
#define OUTPOST_HISTORY_SUPPORT_H

#include "lib/store/history.h"

#include "bus_topics.h"
#include "test.h"

#define S ((int64_t)OP_NS_PER_S)

static struct op_db *db;
static struct op_history *history;

static inline void start(const char *boot_id)
{
	char path[256];
	struct op_buf note;
	snprintf(path, sizeof(path), "%s/history.db", op_test_dir());
	struct op_db_settings settings = {.path = path};
	op_buf_init(&note, 4096);
	CHECK_INT(op_db_open(&settings, &op_history_schema, &db, &note), 0);
	CHECK_INT(note.len, 0);
	op_buf_finish(&note);
	CHECK_INT(op_history_create(db, boot_id, &history), 0);
}

static inline void stop(void)
{
	op_history_destroy(history);
	op_db_close(db);
}

/* What a query says that has one number for an answer. */
static inline int64_t number(const char *sql)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(op_db_handle(db), sql, -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW)
		op_test_fail(__FILE__, __LINE__, "%s: %s", sql, sqlite3_errmsg(op_db_handle(db)));
	int64_t n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

#endif
