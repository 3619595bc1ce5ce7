/*
 * db.c - databases are made, locked, migrated, copied; transactions are whole or not at all.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "db_support.h"

#include <signal.h>
#include <sys/wait.h>

TEST(a_new_database_is_made_and_kept)
{
	struct op_db *db = open_notes();
	CHECK_INT(add_note(db, "one"), 0);
	CHECK_INT(number(db, "PRAGMA user_version"), 2);
	CHECK_INT(number(db, "PRAGMA application_id"), 0x4F705454);
	CHECK_INT(number(db, "PRAGMA page_size"), 1024);
	CHECK_INT(number(db, "PRAGMA auto_vacuum"), 2);
	CHECK_INT(number(db, "PRAGMA synchronous"), 2);
	op_db_close(db);
	db = open_notes();
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
	CHECK_INT(files_with("notes.db", NULL), 2); /* and its lock: no log, nothing unfinished */
}

TEST(one_writer_many_readers)
{
	struct op_db *db = open_notes(), *other = NULL, *reader = NULL;
	CHECK_INT(try_open(&notes_2, false, &other, NULL), -EBUSY);
	CHECK(!other);
	CHECK_INT(add_note(db, "one"), 0);
	CHECK_INT(try_open(&notes_2, true, &reader, NULL), 0);
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_run(db, op_db_statement(db, "DELETE FROM notes")), 0);
	CHECK_INT(count_notes(reader), 1);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_INT(count_notes(reader), 0);
	CHECK_INT(add_note(reader, "two"), -EROFS);
	op_db_close(reader);
	op_db_close(db);
	op_db_close(open_notes());
}

TEST(the_lock_dies_with_its_holder)
{
	int ready[2];
	CHECK_INT(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct op_db *db = open_notes();
		CHECK_INT(add_note(db, "one"), 0);
		CHECK_INT(write(ready[1], "x", 1), 1);
		pause();
	}
	char c;
	struct op_db *db = NULL;
	CHECK_INT(read(ready[0], &c, 1), 1);
	CHECK_INT(try_open(&notes_2, false, &db, NULL), -EBUSY);
	kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	db = open_notes();
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
	close(ready[0]);
	close(ready[1]);
}

TEST(readers_make_nothing)
{
	struct op_db *db = NULL;
	CHECK_INT(try_open(&notes_2, true, &db, NULL), -ENOENT);
	CHECK_INT(files_with("notes", NULL), 0);
	CHECK_INT(mkdir(in_dir("notes.db"), 0755), 0);
	CHECK_INT(try_open(&notes_2, true, &db, NULL), -OP_EDAMAGED);
	CHECK_INT(files_with("notes", NULL), 1);
}

TEST(an_older_version_is_brought_up)
{
	struct op_db *db = NULL;
	CHECK_INT(try_open(&notes_1, false, &db, NULL), 0);
	CHECK_INT(add_note(db, "old"), 0);
	CHECK_INT(number(db, "PRAGMA user_version"), 1);
	op_db_close(db);
	CHECK_INT(try_open(&notes_2, true, &db, NULL), 0); /* a reader takes it as it is */
	CHECK_INT(number(db, "PRAGMA user_version"), 1);
	op_db_close(db);
	db = open_notes();
	CHECK_INT(number(db, "SELECT count(*) FROM notes WHERE shown = 0"), 1);
	CHECK_INT(number(db, "PRAGMA user_version"), 2);
	op_db_close(db);
}

static size_t read_whole(const char *path, char *out, size_t max)
{
	FILE *f = fopen(path, "rb");
	CHECK(f);
	size_t n = fread(out, 1, max, f);
	CHECK(n < max);
	fclose(f);
	return n;
}

TEST(a_newer_version_is_refused_and_left_alone)
{
	static char before[100000], after[100000];
	struct op_db *db = open_notes();
	CHECK_INT(add_note(db, "from the future"), 0);
	op_db_close(db);
	size_t n = read_whole(in_dir("notes.db"), before, sizeof(before));
	CHECK_INT(try_open(&notes_1, false, &db, NULL), -OP_ENEWER);
	CHECK_INT(try_open(&notes_1, true, &db, NULL), -OP_ENEWER);
	CHECK_INT(read_whole(in_dir("notes.db"), after, sizeof(after)), n);
	CHECK(!memcmp(before, after, n));
	CHECK_INT(files_with("damaged", NULL), 0);
	db = open_notes();
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
}

/* The writer of a newer version was killed: its change of version is in the log alone. */
TEST(a_newer_version_in_the_log_is_refused_and_left_alone)
{
	static char before[100000], after[100000];
	struct op_db *db = NULL;
	CHECK_INT(try_open(&notes_1, false, &db, NULL), 0);
	op_db_close(db);
	pid_t pid = fork();
	if (pid == 0) {
		CHECK_INT(add_note(open_notes(), "x"), 0);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	size_t n = read_whole(in_dir("notes.db-wal"), before, sizeof(before));
	CHECK(n > 1000);
	CHECK_INT(try_open(&notes_1, false, &db, NULL), -OP_ENEWER);
	CHECK_INT(read_whole(in_dir("notes.db-wal"), after, sizeof(after)), n);
	CHECK(!memcmp(before, after, n));
	CHECK_INT(files_with("damaged", NULL), 0);
}

TEST(what_failed_is_told_after_the_rollback_too)
{
	struct op_db *db = open_notes();
	CHECK_INT(op_db_exec(db, "PRAGMA max_page_count = 1"), 0); /* no page more than there are */
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES(zeroblob(100000))"), -ENOSPC);
	op_db_rollback(db);
	CHECK_INT(count_notes(db), 0);
	CHECK_HAS(op_db_message(db), "full");
	CHECK_INT(op_db_begin(db), 0);
	op_db_rollback(db);
	CHECK_STR(op_db_message(db), "");
	op_db_close(db);
}

TEST(a_transaction_is_whole_or_not_at_all)
{
	struct op_db *db = open_notes();
	CHECK_INT(add_note(db, "one"), 0);
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES('two'); DELETE FROM notes"), 0);
	op_db_rollback(db);
	CHECK_INT(count_notes(db), 1);
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_exec(db, "INSERT INTO notes(id, text) VALUES(1, 'same')"), -EEXIST);
	CHECK_HAS(op_db_message(db), "UNIQUE");
	CHECK_INT(op_db_commit(db), 0);
	CHECK_INT(op_db_exec(db, "nonsense"), -EINVAL);
	CHECK(!op_db_statement(db, "more nonsense"));
	CHECK_INT(op_db_run(db, NULL), -EINVAL);
	op_db_close(db);
}

/* A full disk, as SQLite sees one: it gives the transaction up by itself. What comes after must not
 * be stored piece by piece. */
TEST(a_transaction_that_was_given_up_stays_so)
{
	static const char many[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
				   "LIMIT 5000) INSERT INTO notes(text) SELECT 'many' FROM n";
	struct op_db *db = open_notes();
	CHECK_INT(op_db_exec(db, "PRAGMA max_page_count=10"), 0);
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES('before')"), 0);
	CHECK_INT(op_db_exec(db, many), -ENOSPC);
	if (sqlite3_get_autocommit(op_db_handle(db)) == 0) /* newer ones undo the statement only */
		CHECK_INT(sqlite3_exec(op_db_handle(db), "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CHECK(op_db_run(db, op_db_statement(db, "INSERT INTO notes(text) VALUES('x')")) < 0);
	CHECK(op_db_exec(db, "INSERT INTO notes(text) VALUES('after')") < 0);
	CHECK(op_db_commit(db) < 0);
	CHECK_INT(count_notes(db), 0);
	CHECK_INT(op_db_exec(db, "PRAGMA max_page_count=100000"), 0);
	CHECK_INT(add_note(db, "again"), 0);
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
}

TEST(the_log_is_bounded)
{
	struct op_db *db = NULL;
	struct op_db_settings s = {.path = in_dir("notes.db"), .wal_kib = 64};
	struct stat st;
	CHECK_INT(op_db_open(&s, &notes_2, &db, NULL), 0);
	for (int i = 0; i < 500; i++)
		CHECK_INT(add_note(db, "a line of text"), 0);
	CHECK_INT(stat(in_dir("notes.db-wal"), &st), 0);
	CHECK(st.st_size > 30000 && st.st_size < 80 * 1024);
	op_db_close(db);
}

TEST(free_space_is_counted_and_given_back)
{
	struct op_db *db = open_notes();
	uint64_t used, file, used2, file2;
	for (int i = 0; i < 300; i++)
		CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES(hex(zeroblob(500)))"), 0);
	CHECK_INT(op_db_size(db, &used, &file), 0);
	CHECK(used > 300000 && file >= used);
	CHECK_INT(op_db_exec(db, "DELETE FROM notes"), 0);
	CHECK_INT(op_db_size(db, &used2, &file2), 0);
	CHECK(used2 < 20000);
	CHECK_INT(op_db_shrink(db, 100 * 1024), 0);
	CHECK_INT(number(db, "PRAGMA page_count") * 1024 > 150000, 1);
	CHECK_INT(op_db_shrink(db, 10 * 1024 * 1024), 0);
	CHECK(number(db, "PRAGMA page_count") < 20);
	op_db_close(db);
	struct stat st;
	CHECK_INT(stat(in_dir("notes.db"), &st), 0);
	CHECK(st.st_size < 20000);
}

static double told;

static bool hear(double done, void *arg)
{
	struct op_db *db = arg;
	CHECK(done >= told && done <= 1);
	told = done;
	CHECK_INT(add_note(db, "meanwhile"), 0);
	return true;
}

static bool stop(double done, void *arg)
{
	return false;
}

TEST(a_copy_is_that_of_one_instant)
{
	struct op_db *db = open_notes();
	for (int i = 0; i < 1000; i++)
		CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES(hex(zeroblob(500)))"), 0);
	const char *from = in_dir("notes.db"), *to = in_dir("copy.db");
	put_bytes(to, "old", 3, 0);
	CHECK_INT(op_db_copy(from, to, hear, db), 0);
	CHECK_NEAR(told, 1, 0);
	CHECK(count_notes(db) > 1002);
	struct op_db_settings s = {.path = to};
	struct op_db *copy = NULL;
	CHECK_INT(op_db_open(&s, &notes_2, &copy, NULL), 0);
	CHECK_INT(count_notes(copy), 1000);
	op_db_close(copy);
	CHECK_INT(op_db_copy(from, in_dir("stopped.db"), stop, NULL), -ECANCELED);
	CHECK_INT(op_db_copy(in_dir("nothing.db"), in_dir("stopped.db"), NULL, NULL), -ENOENT);
	CHECK_INT(files_with("stopped", NULL), 0);
	CHECK_INT(files_with("nothing", NULL), 0);
	op_db_close(db);
}

TEST(a_directory_that_is_not_there_is_not_made)
{
	struct op_db_settings s = {.path = in_dir("other/notes.db")};
	struct op_db *db = NULL;
	CHECK_INT(op_db_open(&s, &notes_2, &db, NULL), -ENOENT);
	CHECK_INT(files_with("other", NULL), 0);
}

TEST(a_link_to_a_disk_that_is_not_there_is_not_replaced)
{
	struct op_db *db = NULL;
	CHECK_INT(symlink(in_dir("mnt/notes.db"), in_dir("notes.db")), 0);
	CHECK_INT(try_open(&notes_2, false, &db, NULL), -ENOLINK);
	struct stat st;
	CHECK_INT(lstat(in_dir("notes.db"), &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_INT(files_with("damaged", NULL), 0);
}
