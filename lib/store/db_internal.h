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
#include <time.h>

struct op_db_statement {
	const char *sql; /* by its address */
	sqlite3_stmt *stmt;
};

/* The file as our last write left it. */
struct op_db_mark {
	dev_t dev;
	ino_t ino; /* 0: none is open for writing */
	off_t bytes;
	struct timespec changed;
	uint32_t count;       /* of its changes, in its head */
	int64_t pages;        /* in its head; */
	int64_t pages_logged; /* with the log taken in */
	int64_t others;       /* PRAGMA data_version: moves with the commits of others */
};

struct op_db {
	struct op_db_settings settings; /* path is ours */
	const struct op_db_schema *schema;
	sqlite3 *handle; /* NULL: could not be renewed; tried again by the next op_db_begin */
	struct op_db_statement *statements;
	size_t n_statements, statements_cap;
	int lock_fd;
	bool in_transaction;
	int lost; /* why SQLite rolled this transaction back by itself */
	struct op_db_mark mark;
	char said[160]; /* by SQLite when it failed last, since the transaction began */
	char why[160];  /* what the last look found wrong */
};

/* Our error for a result code of SQLite, with what the system said if it was the system. Takes note
 * if SQLite has given the transaction up. */
int op_db_failed(struct op_db *db, int sqlite_rc);
/* The single number that a statement gives. */
int op_db_number(struct op_db *db, const char *sql, sqlite3_int64 *ret) OP_MUST_CHECK;
int op_db_ensure_open(struct op_db *db) OP_MUST_CHECK;
/* Remembers the file: after each write of ours to it. */
int op_db_mark(struct op_db *db) OP_MUST_CHECK;
/* Whether its path leads elsewhere by now. */
bool op_db_moved(const struct op_db *db);
/* Reads all of a database of up to 1 MiB. */
int op_db_check_small(struct op_db *db) OP_MUST_CHECK;

#endif
