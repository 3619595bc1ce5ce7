/*
 * db_copy.c - a consistent copy of a database that somebody else is writing.
 *
 * One read transaction from begin to end: what is committed meanwhile is not in the copy, and the
 * writer's log grows by it until the copy is done. The copy gets its name when it is whole. Blocks;
 * any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/db_file.h"
#include "lib/store/db_internal.h"

#define STEP_BYTES (256 * 1024) /* between two words of progress */

struct copy {
	const char *part; /* where the copy is made */
	sqlite3 *from, *to;
	bool (*fn)(double done, void *arg);
	void *arg;
};

/* Whichever of the two says no, it is mostly for lack of space. */
static int error_of(const struct copy *c, sqlite3 *handle, int rc)
{
	struct op_db view = {.handle = handle, .settings.path = c->part};
	return op_db_failed(&view, rc);
}

static int open_one(const struct copy *c, const char *path, int flags, sqlite3 **ret)
{
	int rc = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (!*ret)
		return -ENOMEM;
	(void)sqlite3_extended_result_codes(*ret, 1); /* cannot fail here */
	(void)sqlite3_busy_timeout(*ret, 5000);
	return rc == SQLITE_OK ? 0 : error_of(c, *ret, rc);
}

static int exec(const struct copy *c, sqlite3 *handle, const char *sql)
{
	int rc = sqlite3_exec(handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : error_of(c, handle, rc);
}

static int page_bytes_of(const struct copy *c, int *ret)
{
	struct op_db view = {.handle = c->from, .settings.path = c->part};
	sqlite3_int64 n = 0;
	int r = op_db_number(&view, "PRAGMA page_size", &n);
	*ret = (int)n;
	return r;
}

static int copy_pages(const struct copy *c, sqlite3_backup *backup, int step)
{
	for (;;) {
		int rc = sqlite3_backup_step(backup, step);
		int all = sqlite3_backup_pagecount(backup), left = sqlite3_backup_remaining(backup);
		if (rc != SQLITE_OK && rc != SQLITE_DONE)
			return error_of(c, c->to, rc);
		if (c->fn && !c->fn(all ? 1 - (double)left / all : 1, c->arg))
			return -ECANCELED;
		if (rc == SQLITE_DONE)
			return 0;
	}
}

static int copy_all(const struct copy *c)
{
	int page = 0;
	/* Reading the schema begins the transaction that holds the state fast. */
	int r = exec(c, c->from, "BEGIN; SELECT count(*) FROM sqlite_schema");
	if (r == 0)
		r = page_bytes_of(c, &page);
	if (r == 0)
		r = exec(c, c->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL");
	if (r < 0)
		return r;
	sqlite3_backup *backup = sqlite3_backup_init(c->to, "main", c->from, "main");
	if (!backup)
		return error_of(c, c->to, sqlite3_errcode(c->to));
	r = copy_pages(c, backup, STEP_BYTES / page);
	int rc = sqlite3_backup_finish(backup);
	return r == 0 && rc != SQLITE_OK ? error_of(c, c->to, rc) : r;
}

static int sync_file(const char *path)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int make_copy(const char *from, struct copy *c)
{
	/* SQLite would make a database of whatever is missing. */
	if (access(from, F_OK) < 0)
		return -errno;
	int r = open_one(c, from, SQLITE_OPEN_READONLY, &c->from);
	if (r == 0)
		r = open_one(c, c->part, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &c->to);
	if (r == 0)
		r = copy_all(c);
	(void)sqlite3_close(c->to); /* holds nothing that was not written */
	(void)sqlite3_close(c->from);
	return r < 0 ? r : sync_file(c->part);
}

int op_db_copy(const char *from, const char *to, bool (*fn)(double done, void *arg), void *arg)
{
	char part[PATH_MAX];
	struct copy c = {.part = part, .fn = fn, .arg = arg};
	if (snprintf(part, sizeof(part), "%s.part", to) >= PATH_MAX - 16)
		return -ENAMETOOLONG;
	op_db_file_discard(part);
	int r = make_copy(from, &c);
	if (r == 0 && rename(part, to) < 0)
		r = -errno;
	if (r == 0)
		r = op_db_file_sync_dir(to);
	if (r < 0)
		op_db_file_discard(part);
	return r;
}
