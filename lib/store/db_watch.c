/*
 * db_watch.c - did somebody else touch the file of a database that is open for writing?
 *
 * SQLite does not look: it would go on in a file that was deleted, replaced, or overwritten in
 * place. While the file's time and size are as our last write left them nothing is read; nothing is
 * ever written. The head is read through SQLite's own descriptor: to close another one would drop
 * its locks. What is behind the head is read only of a small database. One thread at a time.
 * Document: outpost-store(7); of the head: https://www.sqlite.org/fileformat2.html, 1.3.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/store/db_file.h"
#include "lib/store/db_internal.h"

#define HEAD_BYTES 100

static bool read_head(struct op_db *db, unsigned char head[HEAD_BYTES])
{
	sqlite3_file *f = NULL;
	int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &f);
	return rc == SQLITE_OK && f && f->pMethods &&
	       f->pMethods->xRead(f, head, HEAD_BYTES, 0) == SQLITE_OK;
}

static const char page_count[] = "PRAGMA page_count", data_version[] = "PRAGMA data_version";

/* Prepared once: it is asked with each transaction. -1: it cannot be said. */
static int64_t ask(struct op_db *db, const char *sql)
{
	sqlite3_stmt *s = op_db_statement(db, sql);
	int64_t n = s && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	(void)sqlite3_reset(s); /* the same error once more; takes NULL */
	return n;
}

static bool is_as_left(const struct op_db_mark *m, const struct stat *st)
{
	return st->st_size == m->bytes && st->st_mtim.tv_sec == m->changed.tv_sec &&
	       st->st_mtim.tv_nsec == m->changed.tv_nsec;
}

int op_db_mark(struct op_db *db)
{
	unsigned char head[HEAD_BYTES];
	struct op_db_mark *m = &db->mark;
	struct stat st;
	if (stat(db->settings.path, &st) < 0)
		return -errno;
	if ((!m->ino || !is_as_left(m, &st)) && read_head(db, head)) {
		m->count = db_big_endian(head + 24);
		m->pages = db_big_endian(head + 28);
	}
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	m->bytes = st.st_size;
	m->changed = st.st_mtim;
	m->pages_logged = ask(db, page_count);
	m->others = ask(db, data_version);
	return 0;
}

static bool is_moved(const struct op_db *db, const struct stat *st)
{
	return st->st_dev != db->mark.dev || st->st_ino != db->mark.ino;
}

bool op_db_moved(const struct op_db *db)
{
	struct stat st;
	return stat(db->settings.path, &st) < 0 || is_moved(db, &st);
}

/* Taking the log in moves the number of pages from the one to the other. */
static bool is_between(const struct op_db_mark *m, int64_t pages)
{
	int64_t a = m->pages, b = m->pages_logged;
	return b < 0 || (pages >= (a < b ? a : b) && pages <= (a > b ? a : b));
}

/* NULL: whoever wrote it did so as SQLite does. */
static const char *judge(struct op_db *db, const struct stat *st)
{
	const struct op_db_mark *m = &db->mark;
	unsigned char head[HEAD_BYTES];
	if (!read_head(db, head))
		return "cut short";
	if (memcmp(head, "SQLite format 3", 16))
		return "not a database";
	if (db_big_endian(head + 68) != db->schema->id)
		return "another kind of database";
	int64_t page = (int64_t)head[16] << 8 | head[17], pages = db_big_endian(head + 28);
	if (st->st_size < m->bytes && st->st_size < pages * (page == 1 ? 65536 : page))
		return "cut short";
	if (db_big_endian(head + 24) < m->count)
		return "an older one";
	if (ask(db, data_version) == m->others && !is_between(m, pages))
		return "another one";
	return NULL;
}

static int touched(struct op_db *db, const char *what)
{
	(void)snprintf(db->why, sizeof(db->why), "it was %s while it was in use", what); /* fits */
	memcpy(db->said, db->why, sizeof(db->said));
	return -OP_EDAMAGED;
}

static int look_inside(struct op_db *db, const struct stat *st)
{
	char text[64];
	const char *what = judge(db, st);
	(void)snprintf(text, sizeof(text), "overwritten (%s)", what ? what : "in part"); /* fits */
	if (what)
		return touched(db, text);
	(void)sqlite3_db_release_memory(db->handle); /* pages as they were: always succeeds */
	int r = op_db_check_small(db);
	return r == -OP_EDAMAGED ? touched(db, text) : r < 0 ? r : op_db_mark(db);
}

int op_db_look(struct op_db *db)
{
	struct stat st;
	if (!db->handle || !db->mark.ino)
		return 0;
	if (stat(db->settings.path, &st) < 0 || is_moved(db, &st))
		return touched(db, "taken away");
	return is_as_left(&db->mark, &st) ? 0 : look_inside(db, &st);
}
