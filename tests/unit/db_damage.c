/*
 * db_damage.c - what is damaged is set aside with its log and told; a new one is begun; nothing is
 * deleted, and nothing goes round in circles.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "db_support.h"

#include <sys/wait.h>

#define NOTES 400

static char note_text[2048];

/* What a service finds after its predecessor was killed: a database, a log, an index. */
static void make_notes(void (*work)(struct op_db *db))
{
	pid_t pid = fork();
	if (pid == 0) {
		struct op_db *db = open_notes();
		for (int i = 0; i < NOTES; i++)
			CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES("
						 "hex(randomblob(100)))"),
				  0);
		if (work)
			work(db);
		_exit(0);
	}
	int status;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static struct op_db *open_damaged(void)
{
	struct op_db *db = NULL;
	struct op_buf note;
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	CHECK_INT(try_open(&notes_2, false, &db, &note), 0);
	CHECK(!strchr(note_text, '\n'));
	return db;
}

/* It is set aside, and said; the next opening finds the new one sound. */
static void check_renewed(const char *why, unsigned files)
{
	struct op_db *db = open_damaged();
	CHECK_HAS(note_text, "notes.db is damaged (");
	CHECK_HAS(note_text, why);
	CHECK_HAS(note_text, "notes.db.damaged-2");
	CHECK_INT(count_notes(db), 0);
	CHECK_INT(add_note(db, "new"), 0);
	op_db_close(db);
	CHECK_INT(files_with("damaged", NULL), files);
	db = open_notes();
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
}

TEST(an_empty_file_is_set_aside)
{
	put_bytes(in_dir("notes.db"), "", 0, 0);
	check_renewed("empty", 1);
}

/* SQLite would delete this log: it belongs to an empty database. */
TEST(an_empty_file_keeps_its_log)
{
	make_notes(NULL);
	struct stat before, after;
	char name[300];
	CHECK_INT(stat(in_dir("notes.db-wal"), &before), 0);
	CHECK(before.st_size > 1000);
	CHECK_INT(truncate(in_dir("notes.db"), 0), 0);
	check_renewed("empty", 3); /* database, log and its index */
	CHECK_INT(files_with("Z-wal", name), 1);
	CHECK_INT(stat(name, &after), 0);
	CHECK_INT(after.st_size, before.st_size);
}

TEST(a_log_without_its_database_is_set_aside)
{
	make_notes(NULL);
	CHECK_INT(unlink(in_dir("notes.db")), 0);
	check_renewed("a log without its database", 2);
}

TEST(a_directory_is_set_aside)
{
	CHECK_INT(mkdir(in_dir("notes.db"), 0755), 0);
	put_bytes(in_dir("notes.db/precious"), "x", 1, 0);
	check_renewed("a directory", 1);
	char name[300];
	CHECK_INT(files_with("damaged", name), 1);
	strcat(name, "/precious");
	CHECK_INT(access(name, F_OK), 0);
}

TEST(random_bytes_are_set_aside)
{
	unsigned char bytes[5000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 13);
	put_bytes(in_dir("notes.db"), bytes, sizeof(bytes), 0);
	check_renewed("not a database", 1);
}

TEST(a_text_of_three_bytes_is_set_aside)
{
	put_bytes(in_dir("notes.db"), "abc", 3, 0);
	check_renewed("cut short", 1);
}

TEST(another_kind_of_database_is_set_aside)
{
	static const char *const steps[] = {"CREATE TABLE other(x)"};
	static const struct op_db_schema other = {"other", 0x12345678, steps, 1};
	struct op_db *db = NULL;
	CHECK_INT(try_open(&other, false, &db, NULL), 0);
	op_db_close(db);
	CHECK_INT(try_open(&notes_2, true, &db, NULL), -OP_EDAMAGED);
	CHECK_INT(files_with("damaged", NULL), 0);
	check_renewed("another kind of database", 1);
}

/* Cut at each page and in the midst of pages, closed cleanly before. */
TEST_WITHIN(a_cut_file_is_set_aside, 60)
{
	struct stat st;
	op_db_close((make_notes(NULL), open_notes()));
	CHECK_INT(stat(in_dir("notes.db"), &st), 0);
	CHECK(st.st_size > 50 * 1024);
	unsigned rounds = 0;
	for (off_t size = st.st_size - 1; size > 0; size -= 7777, rounds++) {
		struct op_db *db = open_notes();
		for (int i = 0; count_notes(db) < NOTES; i++)
			CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES("
						 "hex(randomblob(100)))"),
				  0);
		op_db_close(db);
		CHECK_INT(truncate(in_dir("notes.db"), size), 0);
		db = open_damaged();
		CHECK_HAS(note_text, "damaged-2");
		CHECK_INT(count_notes(db), 0);
		op_db_close(db);
	}
	CHECK_INT(set_aside(), rounds); /* several in one second */
}

/* Bytes anywhere: a small database is checked as a whole, so either it is found at once or none of
 * its structure was hit. */
TEST_WITHIN(random_damage_is_found_or_harmless, 60)
{
	unsigned found = 0, harmless = 0;
	uint64_t random = 7;
	for (int round = 0; round < 60; round++) {
		struct op_db *db = open_damaged();
		for (int i = 0; count_notes(db) < NOTES; i++)
			CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES("
						 "hex(randomblob(100)))"),
				  0);
		op_db_close(db);
		unsigned char bytes[64];
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		memset(bytes, (int)(random >> 40), sizeof(bytes));
		put_bytes(in_dir("notes.db"), bytes, sizeof(bytes),
			  (off_t)((random >> 33) % 80000));
		db = open_damaged();
		*(note_text[0] ? &found : &harmless) += 1;
		CHECK_INT(number(db, "PRAGMA quick_check(1)"), 0); /* "ok" as a number */
		CHECK_INT(add_note(db, "goes on"), 0);
		op_db_close(db);
	}
	CHECK(found > 10);
	CHECK_INT(set_aside(), found);
}

static void grow_log(struct op_db *db)
{
	for (int i = 0; i < 20; i++)
		CHECK_INT(add_note(db, "in the log"), 0);
}

/* SQLite would take the rest for the torn end of a power cut, and write over it. */
TEST(a_damaged_log_is_used_as_far_as_it_goes_and_kept)
{
	make_notes(grow_log);
	struct stat st;
	CHECK_INT(stat(in_dir("notes.db-wal"), &st), 0);
	put_bytes(in_dir("notes.db-wal"), "damage", 6, 32 + 1048 * 40);
	struct op_db *db = open_damaged();
	CHECK_HAS(note_text, "its log");
	CHECK_HAS(note_text, "Z-wal");
	CHECK(count_notes(db) < NOTES + 20);
	CHECK_INT(files_with("damaged", NULL), 1);
	op_db_close(db);
	op_db_close(open_notes());
}

TEST(a_log_without_a_head_is_kept)
{
	make_notes(grow_log);
	put_bytes(in_dir("notes.db-wal"), "\xff\xff\xff\xff\xff\xff", 6, 10);
	struct op_db *db = open_damaged();
	CHECK_HAS(note_text, "its log");
	CHECK_INT(files_with("Z-wal", NULL), 1);
	op_db_close(db);
}

/* The power went as the log was begun anew: all it holds is in the database. */
TEST(a_log_without_a_head_that_is_spent_is_no_damage)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct op_db *db = open_notes();
		grow_log(db);
		CHECK_INT(op_db_exec(db, "PRAGMA wal_checkpoint"), 0);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	struct stat st;
	CHECK_INT(stat(in_dir("notes.db-wal"), &st), 0);
	CHECK(st.st_size > 20 * 1024);
	put_bytes(in_dir("notes.db-wal"), "\xff\xff\xff\xff\xff\xff", 6, 10);
	struct op_db *db = open_notes();
	CHECK_INT(count_notes(db), 20);
	op_db_close(db);
	CHECK_INT(files_with("damaged", NULL), 0);
}

/* The last transaction did not reach the medium as a whole: nobody was told that it had. */
TEST(a_torn_end_of_the_log_is_no_damage)
{
	pid_t pid = fork();
	if (pid == 0) {
		grow_log(open_notes());
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	struct stat st;
	CHECK_INT(stat(in_dir("notes.db-wal"), &st), 0);
	CHECK_INT(truncate(in_dir("notes.db-wal"), st.st_size - 300), 0);
	struct op_db *db = open_notes();
	CHECK_INT(count_notes(db), 19);
	op_db_close(db);
	CHECK_INT(files_with("damaged", NULL), 0);
}

/* Where commits do not wait for the medium, it may keep the later and lose the earlier. */
TEST(a_gap_at_the_end_of_a_relaxed_log_is_no_damage)
{
	make_notes(grow_log);
	put_bytes(in_dir("notes.db-wal"), "damage", 6, 32 + 1048 * 40);
	struct op_db_settings s = {.path = in_dir("notes.db"), .relaxed = true};
	struct op_db *db = NULL;
	struct op_buf note;
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	CHECK_INT(op_db_open(&s, &notes_2, &db, &note), 0);
	CHECK_STR(note_text, "");
	CHECK(count_notes(db) < NOTES + 20);
	op_db_close(db);
	CHECK_INT(files_with("damaged", NULL), 0);
}

static void grow_file(struct op_db *db)
{
	for (int i = 0; i < 20; i++)
		CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES(hex(randomblob(2000)))"),
			  0);
}

/* The power went while the log was taken into the database: it has the head whole. */
TEST(a_torn_head_is_no_damage_while_the_log_has_it)
{
	pid_t pid = fork();
	if (pid == 0) {
		grow_file(open_notes());
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	unsigned char bytes[512];
	memset(bytes, 0xa5, sizeof(bytes));
	put_bytes(in_dir("notes.db"), bytes, sizeof(bytes), 0);
	struct op_db *db = NULL;
	CHECK_INT(try_open(&notes_2, true, &db, NULL), 0);
	CHECK_INT(count_notes(db), 20);
	op_db_close(db);
	db = open_notes();
	CHECK_INT(count_notes(db), 20);
	op_db_close(db);
	CHECK_INT(files_with("damaged", NULL), 0);
	op_db_close(open_notes());
}

TEST(damage_that_shows_later_is_set_aside_by_renewal)
{
	struct op_db *db = open_notes();
	for (int i = 0; i < 9000; i++) /* larger than what is checked at open */
		CHECK_INT(op_db_exec(db, i % 500 ? "INSERT INTO notes(text) VALUES("
						   "hex(randomblob(100)))"
					 : i     ? "COMMIT; BEGIN"
						 : "BEGIN"),
			  0);
	CHECK_INT(op_db_exec(db, "COMMIT"), 0);
	op_db_close(db);
	static unsigned char bytes[300 * 1024];
	memset(bytes, 0x5a, sizeof(bytes));
	put_bytes(in_dir("notes.db"), bytes, sizeof(bytes), 600 * 1024);
	db = open_notes();
	CHECK_INT(op_db_exec(db, "SELECT sum(length(text)) FROM notes"), -OP_EDAMAGED);
	struct op_buf note;
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	CHECK_INT(op_db_renew(db, &note), 0);
	CHECK_HAS(note_text, "malformed");
	CHECK_INT(count_notes(db), 0);
	CHECK_INT(add_note(db, "new"), 0);
	op_db_close(db);
	CHECK(files_with("damaged", NULL) >= 1);
}

TEST(a_deleted_database_is_begun_anew_and_a_replaced_one_taken)
{
	struct op_db *db = open_notes();
	CHECK_INT(add_note(db, "one"), 0);
	CHECK_INT(op_db_copy(in_dir("notes.db"), in_dir("copy.db"), NULL, NULL), 0);
	CHECK_INT(add_note(db, "two"), 0);
	CHECK_INT(rename(in_dir("notes.db"), in_dir("gone.db")), 0);
	CHECK_INT(add_note(db, "three"), -OP_EDAMAGED);
	CHECK_INT(op_db_renew(db, NULL), 0);
	CHECK_INT(count_notes(db), 0);
	CHECK_INT(rename(in_dir("copy.db"), in_dir("notes.db")), 0);
	CHECK_INT(op_db_renew(db, NULL), 0);
	CHECK_INT(count_notes(db), 1);
	op_db_close(db);
}

/* ---- overwritten while it is open --------------------------------------------------------- */

static void fill_notes(struct op_db *db, unsigned n)
{
	CHECK_INT(op_db_begin(db), 0);
	for (unsigned i = 0; i < n; i++)
		CHECK_INT(op_db_exec(db, "INSERT INTO notes(text) VALUES(hex(randomblob(200)))"),
			  0);
	CHECK_INT(op_db_commit(db), 0);
}

static void take_log_in(struct op_db *db)
{
	CHECK_INT(op_db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
}

/* By another process, as cp does it: the same file with other bytes. */
static void copy_over(const char *from, const char *to)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("cp", "cp", from, to, NULL);
		_exit(1);
	}
	int status;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static void sql_of_others(const char *path, const char *sql)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("sqlite3", "sqlite3", path, sql, NULL);
		_exit(1);
	}
	int status;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static void check_noticed(struct op_db *db, const char *why)
{
	struct op_buf note;
	CHECK_INT(op_db_look(db), -OP_EDAMAGED);
	CHECK_INT(op_db_begin(db), -OP_EDAMAGED);
	CHECK_HAS(op_db_message(db), why);
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	CHECK_INT(op_db_renew(db, &note), 0);
	CHECK_HAS(note_text, why);
	CHECK_HAS(note_text, "notes.db.damaged-2");
	CHECK_INT(op_db_look(db), 0);
	CHECK_INT(count_notes(db), 0);
	CHECK_INT(add_note(db, "new"), 0);
	op_db_close(db);
	CHECK_INT(set_aside(), 1);
}

/* With some of it in the log, as it mostly is. */
static struct op_db *open_filled(void)
{
	struct op_db *db = open_notes();
	fill_notes(db, 400);
	take_log_in(db);
	fill_notes(db, 40);
	CHECK_INT(op_db_look(db), 0);
	return db;
}

TEST(text_over_an_open_database_is_noticed)
{
	static char text[300000];
	struct op_db *db = open_filled();
	memset(text, 'x', sizeof(text));
	put_bytes(in_dir("text"), text, sizeof(text), 0);
	copy_over(in_dir("text"), in_dir("notes.db"));
	check_noticed(db, "overwritten (not a database)");
}

TEST(an_empty_file_over_an_open_database_is_noticed)
{
	struct op_db *db = open_filled();
	copy_over("/dev/null", in_dir("notes.db"));
	check_noticed(db, "overwritten (cut short)");
}

TEST(an_open_database_that_is_cut_is_noticed)
{
	struct op_db *db = open_filled();
	CHECK_INT(truncate(in_dir("notes.db"), 50000), 0);
	check_noticed(db, "overwritten (cut short)");
}

TEST(rubbish_in_an_open_database_is_noticed)
{
	struct op_db *db = open_filled();
	CHECK_INT(truncate(in_dir("notes.db"), 50000), 0);
	CHECK_INT(truncate(in_dir("notes.db"), 300000), 0); /* zeros to the end, and beyond */
	check_noticed(db, "overwritten (in part)");
}

TEST(another_kind_of_database_over_an_open_one_is_noticed)
{
	struct op_db *db = open_filled();
	sql_of_others(in_dir("other.db"), "CREATE TABLE a(b); INSERT INTO a VALUES(1)");
	copy_over(in_dir("other.db"), in_dir("notes.db"));
	check_noticed(db, "overwritten (another kind of database)");
}

/* What a person does who means to restore it. */
TEST(an_older_copy_over_an_open_database_is_noticed)
{
	struct op_db *db = open_notes();
	fill_notes(db, 400);
	take_log_in(db);
	copy_over(in_dir("notes.db"), in_dir("old.db"));
	fill_notes(db, 400);
	take_log_in(db);
	copy_over(in_dir("old.db"), in_dir("notes.db"));
	check_noticed(db, "overwritten (");
}

TEST(a_larger_one_over_an_open_database_is_noticed)
{
	struct op_db *db = open_notes();
	fill_notes(db, 2000);
	CHECK_INT(op_db_copy(in_dir("notes.db"), in_dir("large.db"), NULL, NULL), 0);
	op_db_close(db);
	CHECK_INT(unlink(in_dir("notes.db")), 0);
	db = open_filled();
	copy_over(in_dir("large.db"), in_dir("notes.db"));
	check_noticed(db, "overwritten (");
}

TEST(what_others_may_do_with_an_open_database_is_no_damage)
{
	struct op_db *db = open_filled();
	long long notes = count_notes(db);
	const char *path = in_dir("notes.db");
	CHECK_INT(utimensat(AT_FDCWD, path, NULL, 0), 0);
	CHECK_INT(op_db_look(db), 0);
	sql_of_others(path, "PRAGMA wal_checkpoint(TRUNCATE)");
	CHECK_INT(op_db_look(db), 0);
	sql_of_others(path, "DELETE FROM notes WHERE id > 100");
	CHECK_INT(op_db_look(db), 0);
	sql_of_others(path, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)");
	CHECK_INT(op_db_look(db), 0);
	CHECK_INT(add_note(db, "one more"), 0);
	CHECK_INT(count_notes(db), 101);
	CHECK(notes > 101);
	fill_notes(db, 3000); /* the log is taken in on the way */
	CHECK_INT(op_db_look(db), 0);
	op_db_close(db);
	CHECK_INT(set_aside(), 0);
	op_db_close(open_notes());
}
