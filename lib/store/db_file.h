/*
 * db_file.h - the files of a database, seen without SQLite: lock, soundness, setting aside.
 *
 * Internal to lib/store. Calls return 0 or a negative errno and block as long as the medium takes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_DB_FILE_H
#define OUTPOST_STORE_DB_FILE_H

#include "lib/store/db.h"

#include <limits.h>

/* Takes PATH.lock, which stays when it is given back: removing it would race with the next. -EBUSY.
 */
int op_db_file_lock(const char *path, int *ret_fd) OP_MUST_CHECK;

enum op_db_look {
	OP_DB_NONE,    /* there is nothing, or a log without its database */
	OP_DB_THERE,   /* SQLite may judge it */
	OP_DB_DAMAGED, /* certainly none; SQLite must not touch it, as it would begin anew in it */
	OP_DB_NEWER,
};
/* *ret_why: what is wrong, for people; static. */
int op_db_file_look(const char *path, const struct op_db_schema *schema, enum op_db_look *ret,
		    const char **ret_why) OP_MUST_CHECK;

/* Renames whatever is there of database, log, index and journal to PATH.damaged-STAMP[-n] and the
 * endings SQLite looks for, so that its tools can open what is left. log_only: all but the
 * database. 1: something was there, and name says where it is now. */
int op_db_file_set_aside(const char *path, bool log_only, char name[PATH_MAX]) OP_MUST_CHECK;

/* Whether the write-ahead log has lost a transaction that was committed: then the rest of it will
 * not be read by anybody. A torn end is no damage: that is what a power cut leaves. */
int op_db_file_log_damaged(const char *path, bool relaxed, bool *ret) OP_MUST_CHECK;
/* Whether a log whose head cannot be read holds only what its database has already. */
bool op_db_log_spent(int db_fd, int log_fd);
/* Copies the log beside itself, to PATH.damaged-STAMP[-n]-wal. */
int op_db_file_keep_log(const char *path, char name[PATH_MAX]) OP_MUST_CHECK;

/* Can something be written beside path? 0, or the error; EDQUOT counts as ENOSPC. */
int op_db_file_probe(const char *path) OP_MUST_CHECK;
/* Makes names in the directory of path durable. */
int op_db_file_sync_dir(const char *path) OP_MUST_CHECK;
/* Removes a database that was not finished, and what belongs to it. */
void op_db_file_discard(const char *path);

/* A number of four bytes in a file of SQLite. */
static inline uint32_t db_big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
