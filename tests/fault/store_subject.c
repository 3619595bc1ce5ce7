/*
 * store_subject.c - a program with a database, for tests that do things to its disk: a command per
 * line on standard input, an answer per line on standard output.
 *
 *     open PATH VERSION | close | add | many | count | sound | copy TO | set KEY VALUE | kv PATH
 *
 * Answers: "ok", a number, or the name of the error; a note of op_db_open follows the answer.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/db.h"

#include <outpost/kv.h>
#include <stdio.h>
#include <string.h>

static const char *const steps[] = {
	"CREATE TABLE items(id INTEGER PRIMARY KEY, text TEXT);",
	"CREATE TABLE more(x); INSERT INTO more SELECT hex(randomblob(500)) FROM items;",
};
static const struct op_db_schema versions[] = {{"items", 0x4F705453, steps, 1},
					       {"items", 0x4F705453, steps, 2}};

static struct op_db *db;
static struct op_kv *kv;

static void answer(int r, const char *note)
{
	const char *name = r < 0 ? strerrorname_np(-r) : "ok";
	printf("%s%s%s\n", name ? name : op_strerror(r), *note ? " " : "", note);
}

static int open_db(const char *path, unsigned version, struct op_buf *note)
{
	struct op_db_settings s = {.path = path, .wal_kib = 64};
	return op_db_open(&s, &versions[version - 1], &db, note);
}

static int add(const char *sql)
{
	int r = op_db_begin(db);
	if (r == 0)
		r = op_db_exec(db, sql);
	if (r == 0)
		return op_db_commit(db);
	op_db_rollback(db);
	return r;
}

static long long number(const char *sql)
{
	sqlite3_stmt *s = op_db_statement(db, sql);
	long long n = s && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	(void)sqlite3_reset(s); /* -1 says it */
	return n;
}

static const char *check(void)
{
	static char text[200];
	sqlite3_stmt *s = op_db_statement(db, "PRAGMA integrity_check(1)");
	snprintf(text, sizeof(text), "%s",
		 s && sqlite3_step(s) == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0)
						    : "?");
	(void)sqlite3_reset(s); /* "?" says it */
	return text;
}

static void obey(const char *command, const char *one, const char *two)
{
	char text[2000];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	if (!strcmp(command, "open"))
		answer(open_db(one, (unsigned)atoi(two), &note), text);
	else if (!strcmp(command, "add"))
		answer(add("INSERT INTO items(text) VALUES('one')"), "");
	else if (!strcmp(command, "many"))
		answer(add("INSERT INTO items(text) SELECT hex(randomblob(1000)) FROM "
			   "(SELECT 1 UNION SELECT 2), (SELECT 1 UNION SELECT 2 UNION SELECT 3)"),
		       "");
	else if (!strcmp(command, "count"))
		printf("%lld\n", number("SELECT count(*) FROM items"));
	else if (!strcmp(command, "sound"))
		puts(check());
	else if (!strcmp(command, "copy"))
		answer(op_db_copy(op_db_path(db), one, NULL, NULL), "");
	else if (!strcmp(command, "kv"))
		answer(op_kv_open(one, &kv, &note), text);
	else if (!strcmp(command, "set"))
		answer(op_kv_set(kv, one, two), "");
	else
		puts("what?");
}

int main(void)
{
	char line[1000], command[16], one[400], two[400];
	while (fgets(line, sizeof(line), stdin)) {
		command[0] = one[0] = two[0] = '\0';
		(void)sscanf(line, "%15s %399s %399s", command, one,
			     two); /* what is missing is "" */
		if (!strcmp(command, "close")) {
			op_db_close(db);
			db = NULL;
			puts("ok");
		} else {
			obey(command, one, two);
		}
		fflush(stdout);
	}
	op_kv_close(kv);
	op_db_close(db);
	return 0;
}
