/*
 * db.h - one SQLite database: opened, brought to its version, kept from a second writer, set aside
 * when it is damaged.
 *
 * Write-ahead logging, synchronous=FULL: a transaction that was committed survives a power cut, one
 * that was not leaves no trace. What is committed together is the caller's choice; each commit
 * costs one fsync. A writer holds a lock on PATH.lock as long as it is open; readers need none and
 * are never waited for.
 *
 * Calls return 0 or a negative error: -ENOSPC disk full, -EROFS read-only, -EIO the medium failed,
 * -EBUSY somebody else writes it, -OP_EDAMAGED not a sound database, -OP_ENEWER made by a newer
 * Outpost, -ENOMEM. Everything blocks for as long as the medium takes; one thread at a time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_DB_H
#define OUTPOST_STORE_DB_H

#include <outpost/base.h>
#include <outpost/buf.h>
#include <sqlite3.h>

/* steps[i] is the SQL that brings a database from version i to i + 1; each runs in a transaction
 * with the change of version. Steps are never changed once released, only added. */
struct op_db_schema {
	const char *name; /* "history": for messages */
	uint32_t id;      /* PRAGMA application_id: tells kinds of database apart */
	const char *const *steps;
	unsigned n_steps; /* the version this program writes (PRAGMA user_version) */
};

struct op_db_settings {
	const char *path;
	bool read_only; /* an older version is then read as it is, and nothing is made or mended */
	unsigned cache_kib;  /* page cache [512] */
	unsigned page_bytes; /* of a new database [1024] */
	unsigned wal_kib;    /* the log is taken into the database when it is this long [1024] */
	/* Not every commit waits for the medium (the caller sets PRAGMA synchronous=NORMAL for
	 * some): after a power cut the end of the log may lack frames, and that is no damage. */
	bool relaxed;
	const char *vfs; /* SQLite VFS; NULL: the system's. For tests */
};

struct op_db;

/* Opens or makes it. A writer that finds it damaged (not a database, empty, of another kind, a
 * directory in its place) renames it and its log to PATH.damaged-YYYYMMDDTHHMMSSZ[-n], begins a new
 * one and says so in note (may be NULL), one line; nothing is deleted. A log that has lost
 * transactions is copied likewise, and what is sound in it used. Only up to 1 MiB is checked as a
 * whole; damage inside larger ones shows when it is read: see op_db_renew. Readers get
 * -OP_EDAMAGED. -ENOENT: nothing there
 * (readers); -ENOLINK: a link to nowhere. settings is copied, schema borrowed. */
int op_db_open(const struct op_db_settings *settings, const struct op_db_schema *schema,
	       struct op_db **ret, struct op_buf *note) OP_MUST_CHECK;
void op_db_close(struct op_db *db);
/* For who met -OP_EDAMAGED later: sets it aside, begins anew (or opens what somebody has put in its
 * place). Prepared statements are gone. db
 * stays valid: where this fails (disk full), the next op_db_begin tries again to open it. */
int op_db_renew(struct op_db *db, struct op_buf *note) OP_MUST_CHECK;

/* NULL after a renewal that failed. */
sqlite3 *op_db_handle(struct op_db *db);
const char *op_db_path(const struct op_db *db);
/* Text of SQLite for the last failure; valid until the next call. */
const char *op_db_message(struct op_db *db);
/* What a result code of SQLite means here. */
int op_db_error(int sqlite_rc);

/* 0, or -OP_EDAMAGED if somebody else overwrote, deleted or replaced the file of an open writer:
 * op_db_begin asks as well. Nothing is read unless the file was written since, nothing written.
 * Outside of transactions. */
int op_db_look(struct op_db *db) OP_MUST_CHECK;
/* -OP_EDAMAGED as op_db_look. */
int op_db_begin(struct op_db *db) OP_MUST_CHECK;
/* On failure everything since op_db_begin is rolled back. */
int op_db_commit(struct op_db *db) OP_MUST_CHECK;
void op_db_rollback(struct op_db *db);

/* A prepared statement, reset, without bindings; the same sql (by address: it must live as long as
 * the database is open) gives the same statement. NULL on failure; op_db_run(db, NULL) says why. */
sqlite3_stmt *op_db_statement(struct op_db *db, const char *sql);
/* Steps a statement once, and resets it. */
int op_db_run(struct op_db *db, sqlite3_stmt *s) OP_MUST_CHECK;
/* sql without results and parameters; several statements are fine. */
int op_db_exec(struct op_db *db, const char *sql) OP_MUST_CHECK;

/* Bytes in use (pages that are not free) and bytes of the file with its log. */
int op_db_size(struct op_db *db, uint64_t *ret_used, uint64_t *ret_file) OP_MUST_CHECK;
/* Gives up to bytes of free pages at the end back to the file system. */
int op_db_shrink(struct op_db *db, uint64_t bytes) OP_MUST_CHECK;
/* A consistent copy while it is being written; to is replaced when the copy is whole. fn (may be
 * NULL) hears of the progress, 0 ... 1, and stops it with -ECANCELED by returning false. */
int op_db_copy(const char *from, const char *to, bool (*fn)(double done, void *arg),
	       void *arg) OP_MUST_CHECK;

#endif
