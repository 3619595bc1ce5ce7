/* db_support.h - a small kind of database for the tests of lib/store/db.
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#ifndef OUTPOST_DB_SUPPORT_H
#define OUTPOST_DB_SUPPORT_H

#include "lib/store/db.h"

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *const notes_steps[] = {
	"CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
	"ALTER TABLE notes ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX notes_shown ON notes(shown);",
};
/* The kind as it was first, and as it is now. */
static const struct op_db_schema notes_1 = {"notes", 0x4F705454, notes_steps, 1};
static const struct op_db_schema notes_2 = {"notes", 0x4F705454, notes_steps, 2};

static inline const char *in_dir(const char *name)
{
	static char paths[4][300];
	static unsigned at;
	char *path = paths[at++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", op_test_dir(), name);
	return path;
}

static inline int try_open(const struct op_db_schema *schema, bool read_only, struct op_db **ret,
			   struct op_buf *note)
{
	struct op_db_settings s = {.path = in_dir("notes.db"), .read_only = read_only};
	return op_db_open(&s, schema, ret, note);
}

static inline struct op_db *open_notes(void)
{
	struct op_db *db = NULL;
	char text[1024];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	CHECK_INT(try_open(&notes_2, false, &db, &note), 0);
	CHECK_STR(note.data, "");
	return db;
}

static const char insert_note[] = "INSERT INTO notes(text) VALUES(?1)";

static inline int add_note(struct op_db *db, const char *text)
{
	int r = op_db_begin(db);
	if (r < 0)
		return r;
	sqlite3_stmt *s = op_db_statement(db, insert_note);
	if (s)
		CHECK_INT(sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT), SQLITE_OK);
	r = op_db_run(db, s);
	if (r == 0)
		return op_db_commit(db);
	op_db_rollback(db);
	return r;
}

static inline long long number(struct op_db *db, const char *sql)
{
	sqlite3_stmt *s = op_db_statement(db, sql);
	CHECK(s);
	CHECK_INT(sqlite3_step(s), SQLITE_ROW);
	long long n = sqlite3_column_int64(s, 0);
	CHECK_INT(sqlite3_reset(s), SQLITE_OK);
	return n;
}

static inline long long count_notes(struct op_db *db)
{
	return number(db, "SELECT count(*) FROM notes");
}

/* Files in the test's directory whose name has this in it; *ret (may be NULL): one of them. */
static inline unsigned files_with(const char *part, char ret[300])
{
	unsigned n = 0;
	DIR *d = opendir(op_test_dir());
	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		if (strstr(e->d_name, part)) {
			n++;
			if (ret)
				snprintf(ret, 300, "%s/%s", op_test_dir(), e->d_name);
		}
	closedir(d);
	return n;
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);
	return n >= k && !strcmp(text + n - k, end);
}

/* Databases that were set aside, their logs not counted. */
static inline unsigned set_aside(void)
{
	unsigned n = 0;
	DIR *d = opendir(op_test_dir());
	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strstr(e->d_name, ".damaged-") && !ends_with(e->d_name, "-wal") &&
		     !ends_with(e->d_name, "-shm");
	closedir(d);
	return n;
}

static inline void put_bytes(const char *path, const void *bytes, size_t n, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK_INT(pwrite(fd, bytes, n, at), n);
	CHECK_INT(close(fd), 0);
}

#endif
