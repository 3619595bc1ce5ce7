/*
 * history_schema.c - the tables of the history database, as SQL. Described in outpost-store(7).
 *
 * Times are boot-clock nanoseconds; clocks says which wall time that is. Row tables and views of
 * topics are made by history_write.c as the topics come.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/history.h"

#define WALL(ns) OP_HISTORY_TIME("(" ns " + \"#offset\")")
#define OFFSET OP_HISTORY_CLOCK("offset_ns", "t0")
#define QUALITY OP_HISTORY_CLOCK("quality", "t0")

static const char *const steps[] = {
	"CREATE TABLE boots(id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);"
	/* quality: 0 unknown, 1 set, 2 synchronised */
	"CREATE TABLE clocks(boot INTEGER NOT NULL, from_ns INTEGER NOT NULL, offset_ns INTEGER "
	"NOT NULL,"
	" quality INTEGER NOT NULL, PRIMARY KEY(boot, from_ns)) WITHOUT ROWID;"
	/* kind: rows, chunks; fields: names of what chunks keep, with commas */
	"CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL,"
	" fields TEXT NOT NULL, schema TEXT NOT NULL);"
	"CREATE INDEX topics_name ON topics(name);"
	/* level: 0 records, 1 seconds, 2 minutes, 3 hours */
	"CREATE TABLE chunks(id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, level INTEGER NOT "
	"NULL,"
	" boot INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, seq0 INTEGER NOT NULL,"
	" n INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX chunks_time ON chunks(topic, level, boot, t0);"
	/* For people: what chunks there are. */
	"CREATE VIEW spans AS SELECT name AS topic,"
	" CASE level WHEN 0 THEN 'raw' WHEN 1 THEN '1s' WHEN 2 THEN '1min' ELSE '1h' END AS level,"
	" " WALL("t0") " AS time, " WALL(
		"t1") " AS until,"
		      " CASE \"#quality\" WHEN 1 THEN 'set' WHEN 2 THEN 'synchronised' ELSE "
		      "'unknown' END"
		      " AS clock, boot, t0 AS boot_ns, t1 AS boot_end_ns, seq0 AS seq, n, bytes,"
		      " topic AS topic_id FROM (SELECT *, length(data) AS bytes, " OFFSET
		      " AS \"#offset\","
		      " " QUALITY
		      " AS \"#quality\" FROM chunks AS r) AS c JOIN topics ON topics.id = c.topic;",
};

const struct op_db_schema op_history_schema = {
	.name = "history",
	.id = 0x4F705331, /* "OpS1" */
	.steps = steps,
	.n_steps = OP_ARRAY_SIZE(steps),
};
