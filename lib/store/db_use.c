/*
 * db_use.c - transactions, statements, sizes and errors of an open database.
 *
 * After some errors (disk full, I/O) SQLite rolls a transaction back by itself; what the caller
 * does then would be committed piece by piece. So the transaction is remembered as lost: its
 * statements do nothing, and its commit fails. One thread at a time. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/store/db_file.h"
#include "lib/store/db_internal.h"

/* ---- errors ------------------------------------------------------------------------------- */

static const struct {
	int sqlite, error;
} errors[] = {
	{SQLITE_OK, 0},
	{SQLITE_ROW, 0},
	{SQLITE_DONE, 0},
	{SQLITE_FULL, -ENOSPC},
	{SQLITE_READONLY_DBMOVED, -OP_EDAMAGED},
	{SQLITE_READONLY, -EROFS},
	{SQLITE_IOERR_NOMEM, -ENOMEM},
	{SQLITE_IOERR_CORRUPTFS, -OP_EDAMAGED},
	{SQLITE_IOERR, -EIO},
	{SQLITE_CANTOPEN_ISDIR, -OP_EDAMAGED},
	{SQLITE_CANTOPEN, -EIO},
	{SQLITE_BUSY, -EBUSY},
	{SQLITE_LOCKED, -EBUSY},
	{SQLITE_PROTOCOL, -EBUSY},
	{SQLITE_CORRUPT, -OP_EDAMAGED},
	{SQLITE_NOTADB, -OP_EDAMAGED},
	{SQLITE_NOMEM, -ENOMEM},
	{SQLITE_INTERRUPT, -ECANCELED},
	{SQLITE_CONSTRAINT, -EEXIST},
	{SQLITE_TOOBIG, -E2BIG},
	{SQLITE_PERM, -EACCES},
	{SQLITE_AUTH, -EACCES},
};

int op_db_error(int sqlite_rc)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(errors); i++)
		if (errors[i].sqlite == sqlite_rc || errors[i].sqlite == (sqlite_rc & 0xff))
			return errors[i].error;
	return -EINVAL;
}

/* SQLite says that opening or I/O failed, and by now errno may be that of a later call: the disk
 * itself is asked what is the matter with it. */
static int refine(const struct op_db *db, int sqlite_rc, int error)
{
	int basic = sqlite_rc & 0xff, system = sqlite3_system_errno(db->handle), r = 0;
	if (error != -EIO || (basic != SQLITE_IOERR && basic != SQLITE_CANTOPEN))
		return error;
	if (!db->settings.read_only)
		r = op_db_file_probe(db->settings.path);
	if (r < 0)
		return r;
	switch (system) {
	case ENOSPC:
	case EROFS:
	case EACCES:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -system;
	}
	return error;
}

/* SQLite has rolled back by itself. */
static bool given_up(const struct op_db *db)
{
	return db->in_transaction && (!db->handle || sqlite3_get_autocommit(db->handle));
}

int op_db_failed(struct op_db *db, int sqlite_rc)
{
	/* Rolling back makes SQLite forget it. */
	if (db->handle && sqlite3_errcode(db->handle) != SQLITE_OK)
		(void)snprintf(db->said, sizeof(db->said), "%s", sqlite3_errmsg(db->handle));
	int r = refine(db, sqlite_rc, op_db_error(sqlite_rc));
	if (given_up(db) && !db->lost)
		db->lost = r;
	return r;
}

/* Of a transaction whose error the caller did not see: it stepped the statement itself. */
static int check_lost(struct op_db *db)
{
	if (given_up(db) && !db->lost)
		db->lost = -EIO;
	return db->in_transaction ? db->lost : 0;
}

/* Outside of a transaction each statement is one. */
static int check_ready(struct op_db *db)
{
	int r = check_lost(db);
	return r == 0 && db->handle && sqlite3_get_autocommit(db->handle) ? op_db_look(db) : r;
}

static void wrote(struct op_db *db)
{
	if (db->mark.ino && sqlite3_get_autocommit(db->handle) && !op_db_moved(db) &&
	    op_db_mark(db) < 0)
		return; /* it went this moment: the next look meets that */
}

const char *op_db_message(struct op_db *db)
{
	if (!db->handle)
		return db->why;
	switch (sqlite3_errcode(db->handle) & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return db->said;
	}
	return sqlite3_errmsg(db->handle);
}

/* ---- transactions ------------------------------------------------------------------------- */

int op_db_begin(struct op_db *db)
{
	assert(!db->in_transaction);
	db->said[0] = '\0';
	int r = op_db_ensure_open(db);
	if (r == 0) /* which looks at the file */
		r = op_db_exec(db, db->settings.read_only ? "BEGIN" : "BEGIN IMMEDIATE");
	db->in_transaction = r == 0;
	db->lost = 0;
	return r;
}

int op_db_commit(struct op_db *db)
{
	assert(db->in_transaction);
	int r = check_lost(db);
	if (r == 0)
		r = op_db_exec(db, "COMMIT");
	if (r < 0)
		op_db_rollback(db);
	db->in_transaction = false;
	if (db->handle)
		wrote(db);
	return r;
}

void op_db_rollback(struct op_db *db)
{
	if (!db->in_transaction)
		return;
	/* Nothing in the log counts before its commit: there is nothing that could fail. */
	if (db->handle && !sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->in_transaction = false;
}

/* ---- statements --------------------------------------------------------------------------- */

static int remember(struct op_db *db, const char *sql, sqlite3_stmt *s)
{
	if (db->n_statements == db->statements_cap) {
		size_t cap = db->statements_cap ? 2 * db->statements_cap : 16;
		void *grown = reallocarray(db->statements, cap, sizeof(*db->statements));
		if (!grown)
			return -ENOMEM;
		db->statements = grown;
		db->statements_cap = cap;
	}
	db->statements[db->n_statements++] = (struct op_db_statement){sql, s};
	return 0;
}

sqlite3_stmt *op_db_statement(struct op_db *db, const char *sql)
{
	for (size_t i = 0; i < db->n_statements; i++) {
		sqlite3_stmt *s = db->statements[i].stmt;
		if (db->statements[i].sql != sql)
			continue;
		(void)sqlite3_reset(s); /* gives the error of its last step, which was told */
		(void)sqlite3_clear_bindings(s);
		return s;
	}
	sqlite3_stmt *s = NULL;
	if (op_db_ensure_open(db) < 0 ||
	    sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) !=
		    SQLITE_OK)
		return NULL;
	if (remember(db, sql, s) < 0) {
		(void)sqlite3_finalize(s); /* was never stepped */
		return NULL;
	}
	return s;
}

int op_db_run(struct op_db *db, sqlite3_stmt *s)
{
	int r = check_ready(db);
	if (r < 0 || !s)
		return r < 0        ? r
		       : db->handle ? op_db_failed(db, sqlite3_errcode(db->handle))
				    : -EIO;
	int rc = sqlite3_step(s);
	r = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : op_db_failed(db, rc);
	(void)sqlite3_reset(s); /* the same error once more */
	wrote(db);
	return r;
}

int op_db_exec(struct op_db *db, const char *sql)
{
	int r = check_lost(db);
	if (r == 0)
		r = op_db_ensure_open(db);
	if (r == 0)
		r = check_ready(db);
	if (r < 0)
		return r;
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	r = rc == SQLITE_OK ? 0 : op_db_failed(db, rc);
	wrote(db);
	return r;
}

int op_db_number(struct op_db *db, const char *sql, sqlite3_int64 *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	int r = rc == SQLITE_ROW ? 0 : op_db_failed(db, rc);
	if (r == 0)
		*ret = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* the same error once more */
	return r;
}

/* ---- the file ----------------------------------------------------------------------------- */

sqlite3 *op_db_handle(struct op_db *db)
{
	return db->handle;
}

const char *op_db_path(const struct op_db *db)
{
	return db->settings.path;
}

static uint64_t bytes_of(const char *path, const char *ending)
{
	char name[PATH_MAX];
	struct stat st;
	if (snprintf(name, sizeof(name), "%s%s", path, ending) >= PATH_MAX || stat(name, &st) < 0)
		return 0; /* there is no log */
	return (uint64_t)st.st_size;
}

int op_db_size(struct op_db *db, uint64_t *ret_used, uint64_t *ret_file)
{
	sqlite3_int64 page = 0, pages = 0, unused = 0;
	int r = op_db_ensure_open(db);
	if (r == 0)
		r = op_db_number(db, "PRAGMA page_size", &page);
	if (r == 0)
		r = op_db_number(db, "PRAGMA page_count", &pages);
	if (r == 0)
		r = op_db_number(db, "PRAGMA freelist_count", &unused);
	if (r < 0)
		return r;
	*ret_used = (uint64_t)((pages - unused) * page);
	*ret_file = bytes_of(db->settings.path, "") + bytes_of(db->settings.path, "-wal");
	return 0;
}

int op_db_shrink(struct op_db *db, uint64_t bytes)
{
	sqlite3_int64 page = 0;
	char sql[64];
	int r = op_db_ensure_open(db);
	if (r == 0)
		r = op_db_number(db, "PRAGMA page_size", &page);
	if (r < 0 || bytes < (uint64_t)page)
		return r;
	(void)snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%llu)",
		       (unsigned long long)(bytes / (uint64_t)page)); /* fits */
	return op_db_exec(db, sql);
}
