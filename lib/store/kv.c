/*
 * kv.c - small things a service must not forget: text by key, durable when set.
 *
 * What is set to what it was already is not written. One thread at a time; blocks as long as the
 * medium takes. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/kv.h>
#include <string.h>

#include "lib/store/db.h"

static const char *const steps[] = {
	"CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
};

static const struct op_db_schema schema = {
	.name = "settings",
	.id = 0x4F704B31, /* "OpK1" */
	.steps = steps,
	.n_steps = OP_ARRAY_SIZE(steps),
};

static const char set_sql[] = "INSERT INTO settings(key, value) VALUES(?1, ?2) ON CONFLICT(key) "
			      "DO UPDATE SET value = excluded.value WHERE value <> excluded.value";
static const char forget_sql[] = "DELETE FROM settings WHERE key = ?1";
static const char get_sql[] = "SELECT value FROM settings WHERE key = ?1";
static const char each_sql[] = "SELECT key, value FROM settings WHERE substr(key, 1, length(?1)) = "
			       "?1 ORDER BY key";

struct op_kv {
	struct op_db *db;
};

int op_kv_open(const char *path, struct op_kv **ret, struct op_buf *note)
{
	struct op_db_settings settings = {.path = path, .cache_kib = 64, .wal_kib = 128};
	struct op_kv *kv = calloc(1, sizeof(*kv));
	if (!kv)
		return -ENOMEM;
	int r = op_db_open(&settings, &schema, &kv->db, note);
	if (r < 0) {
		free(kv);
		return r;
	}
	*ret = kv;
	return 0;
}

void op_kv_close(struct op_kv *kv)
{
	if (!kv)
		return;
	op_db_close(kv->db);
	free(kv);
}

static bool key_ok(const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)key[i] < 0x20 || key[i] == 0x7f)
			return false;
	return n > 0 && n <= OP_KV_KEY_MAX;
}

/* NULL: op_db_run tells why. */
static sqlite3_stmt *statement(struct op_kv *kv, const char *sql, const char *key)
{
	sqlite3_stmt *s = op_db_statement(kv->db, sql);
	if (s && sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC) != SQLITE_OK)
		return NULL;
	return s;
}

int op_kv_set(struct op_kv *kv, const char *key, const char *value)
{
	if (!key_ok(key))
		return -EINVAL;
	if (value && strlen(value) > OP_KV_VALUE_MAX)
		return -E2BIG;
	int r = op_db_begin(kv->db);
	if (r < 0)
		return r;
	sqlite3_stmt *s = statement(kv, value ? set_sql : forget_sql, key);
	if (s && value && sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC) != SQLITE_OK)
		s = NULL;
	r = op_db_run(kv->db, s);
	if (r == 0)
		return op_db_commit(kv->db);
	op_db_rollback(kv->db);
	return r;
}

int op_kv_get(struct op_kv *kv, const char *key, struct op_buf *out)
{
	sqlite3_stmt *s = statement(kv, get_sql, key);
	int rc = s ? sqlite3_step(s) : sqlite3_errcode(op_db_handle(kv->db)), r;
	if (rc == SQLITE_ROW) {
		op_buf_put(out, sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0));
		r = out->err;
	} else {
		r = rc == SQLITE_DONE ? -ENOENT : op_db_error(rc);
	}
	(void)sqlite3_reset(s); /* the same error once more */
	return r;
}

int op_kv_each(struct op_kv *kv, const char *prefix,
	       int (*fn)(const char *key, const char *value, void *arg), void *arg)
{
	sqlite3_stmt *s = statement(kv, each_sql, prefix);
	int rc = s ? SQLITE_ROW : sqlite3_errcode(op_db_handle(kv->db)), r = 0;
	while (s && r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = fn((const char *)sqlite3_column_text(s, 0),
		       (const char *)sqlite3_column_text(s, 1), arg);
	(void)sqlite3_reset(s); /* the same error once more */
	return rc == SQLITE_ROW ? r : op_db_error(rc);
}
