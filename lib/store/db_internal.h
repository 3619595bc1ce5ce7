/*
 * db_internal.h - what the files of op_db share.
 *
 * Internal to lib/store.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_DB_INTERNAL_H
#define OUTPOST_STORE_DB_INTERNAL_H

#include "lib/store/db.h"

#include <sys/types.h>

struct op_db_statement {
	const char *sql; /* by its address */
	sqlite3_stmt *stmt;
};

struct op_db {
	struct op_db_settings settings; /* path is ours */
	const struct op_db_schema *schema;
	sqlite3 *handle; /* NULL: could not be renewed; tried again by the next op_db_begin */
	struct op_db_statement *statements;
	size_t n_statements, statements_cap;
	int lock_fd;
	bool in_transaction;
	int lost;       /* why SQLite rolled this transaction back by itself */
	dev_t dev;      /* of the file that is open */
	ino_t ino;      /* 0: none */
	char said[160]; /* by SQLite when it failed last, since the transaction began */
	char why[160];  /* what the last look found wrong */
};

/* Our error for a result code of SQLite, with what the system said if it was the system. Takes note
 * if SQLite has given the transaction up. */
int op_db_failed(struct op_db *db, int sqlite_rc);
/* The single number that a statement gives. */
int op_db_number(struct op_db *db, const char *sql, sqlite3_int64 *ret) OP_MUST_CHECK;
int op_db_ensure_open(struct op_db *db) OP_MUST_CHECK;
/* Which file is open; whether its path leads elsewhere by now. */
int op_db_remember_file(struct op_db *db) OP_MUST_CHECK;
bool op_db_moved(const struct op_db *db);

#endif
