/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/store/query.h"

#include "history_support.h"

#define WALL 1763712000 /* 2025-11-21T08:00:00Z, in seconds */

/* The first row of an answer, columns with a blank between; "" if there is none. */
static const char *ask(const char *sql)
{
	static char text[2000];
	sqlite3_stmt *s = NULL;
	text[0] = '\0';
	if (sqlite3_prepare_v2(op_db_handle(db), sql, -1, &s, NULL) != SQLITE_OK)
		op_test_fail(__FILE__, __LINE__, "%s: %s", sql, sqlite3_errmsg(op_db_handle(db)));
	if (sqlite3_step(s) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const unsigned char *v = sqlite3_column_text(s, i);
			size_t n = strlen(text);
			snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				 v ? (const char *)v : "NULL");
		}
	sqlite3_finalize(s);
	return text;
}

static int64_t topic(const char *name, const struct op_topic_type *type, enum op_history_kind kind)
{
	int64_t id = 0;
	CHECK_INT(op_history_topic(history, name, type, kind, ~0ULL, &id), 0);
	return id;
}

static void put(int64_t id, uint64_t seq, int64_t ns, const struct every *e)
{
	CHECK_INT(op_history_put_row(history, id, &every_topic, seq, (uint64_t)ns, e), 0);
}

static void put_clock(int64_t from_ns, int64_t offset_ns, enum op_clock_quality quality)
{
	struct op_clock_segment segment = {(uint64_t)from_ns, offset_ns, quality};
	CHECK_INT(op_history_put_clock(history, &segment), 0);
}

TEST(rows_read_as_people_want_them)
{
	struct every e = {.a_u8 = 200,
			  .b_i64 = INT64_MIN,
			  .c_u64 = UINT64_MAX,
			  .d_f64 = 2.5,
			  .e_f32 = __builtin_nanf(""),
			  .f_u32 = UINT32_MAX,
			  .g_i32 = -7,
			  .h_u16 = 65535,
			  .i_i16 = -32768,
			  .j_i8 = -128,
			  .k_enum = 1,
			  .l_text = "it's 13 bytes"};
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put(id, 5, 100 * S + 500000000, &e);
	put(id, 5, 100 * S + 500000000, &e); /* it is there already */
	e.k_enum = 9;
	put(id, 6, 101 * S, &e);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_STR(ask("SELECT count(*) FROM rows_1"), "2");
	CHECK_STR(ask("SELECT time, clock FROM \"test.every\""), "NULL unknown");
	CHECK_INT(op_db_begin(db), 0);
	put_clock(0, WALL * S, OP_CLOCK_SYNCHRONISED);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_STR(ask("SELECT * FROM \"test.every\" WHERE seq = 5"),
		  "2025-11-21T08:01:40.500Z 1763712100500000000 synchronised 1 100500000000 5 200 "
		  "-9223372036854775808 -1 2.5 NULL 4294967295 -7 65535 -32768 -128 armed it's 13 "
		  "bytes");
	CHECK_STR(ask("SELECT k_enum FROM \"test.every\" WHERE seq = 6"), "9");
	CHECK_INT(op_db_begin(db), 0);
	put(id, 7, 102 * S + 999999999, &e); /* cut, as exports do, not rounded */
	CHECK_INT(op_db_commit(db), 0);
	CHECK_STR(ask("SELECT time FROM \"test.every\" WHERE seq = 7"), "2025-11-21T08:01:42.999Z");
	stop();
}

TEST(a_clock_that_becomes_known_corrects_the_boot)
{
	struct every e = {0};
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put_clock(10 * S, 0, OP_CLOCK_UNKNOWN); /* 1970 */
	put(id, 1, 5 * S, &e);                  /* before the first look at the clock */
	put(id, 2, 20 * S, &e);
	CHECK_STR(ask("SELECT group_concat(time || clock) FROM \"test.every\""),
		  "1970-01-01T00:00:05.000Zunknown,1970-01-01T00:00:20.000Zunknown");
	put_clock(10 * S, WALL * S, OP_CLOCK_SET);
	put_clock(30 * S, (WALL + 3600) * S, OP_CLOCK_SYNCHRONISED);
	put(id, 3, 40 * S, &e);
	CHECK_STR(ask("SELECT group_concat(time || clock) FROM \"test.every\""),
		  "2025-11-21T08:00:05.000Zset,2025-11-21T08:00:20.000Zset,"
		  "2025-11-21T09:00:40.000Zsynchronised");
	CHECK_INT(op_db_commit(db), 0);
	stop();
}

TEST(chunks_have_spans_with_times)
{
	static const char data[] = "not looked at";
	struct op_chunk chunk = {.t0_ns = 60000000000,
				 .t1_ns = 61000000000,
				 .seq0 = 7,
				 .n = 800,
				 .data = data,
				 .bytes = sizeof(data)};
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("test.tick", &tick_topic, OP_HISTORY_CHUNKS);
	CHECK_INT(op_history_put_chunk(history, id, 0, &chunk), 0);
	CHECK_INT(op_history_put_chunk(history, id, 2, &chunk), 0);
	put_clock(0, WALL * S, OP_CLOCK_SET);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_STR(ask("SELECT * FROM \"test.tick\" WHERE level = 'raw'"),
		  "raw 2025-11-21T08:01:00.000Z 2025-11-21T08:01:01.000Z set 1 60000000000 "
		  "61000000000 7 800 14");
	CHECK_STR(ask("SELECT topic, level, n FROM spans WHERE level <> 'raw'"),
		  "test.tick 1min 800");
	CHECK_STR(ask("SELECT name, kind, fields FROM topics"), "test.tick chunks number,sent_ns");
	stop();
}

TEST(a_topic_keeps_its_number_and_a_changed_one_gets_another)
{
	struct op_topic_type changed = every_topic;
	changed.n_fields = 3;
	struct every e = {.c_u64 = 3};
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t first = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put(first, 1, S, &e);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_INT(op_db_begin(db), 0);
	int before = sqlite3_total_changes(op_db_handle(db));
	CHECK_INT(topic("test.every", &every_topic, OP_HISTORY_ROWS), first);
	CHECK_INT(sqlite3_total_changes(op_db_handle(db)), before);
	int64_t second = topic("test.every", &changed, OP_HISTORY_ROWS);
	CHECK(second != first);
	CHECK_STR(ask("SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type ="
		      " 'view' AND name <> 'spans' ORDER BY name)"),
		  "test.every,test.every#1");
	CHECK_STR(ask("SELECT count(*) FROM \"test.every\""), "0");
	CHECK_STR(ask("SELECT l_text FROM \"test.every#1\""), "");
	/* And back again. */
	CHECK_INT(topic("test.every", &every_topic, OP_HISTORY_ROWS), first);
	CHECK_STR(ask("SELECT count(*) FROM \"test.every\""), "1");
	CHECK_STR(ask("SELECT count(*) FROM \"test.every#2\""), "0");
	CHECK_STR(ask("SELECT count(*) FROM sqlite_schema WHERE name = 'test.every#1'"), "0");
	CHECK_INT(op_db_commit(db), 0);
	stop();
}

/* Nothing of a transaction that failed may be believed in. */
TEST(what_was_rolled_back_is_made_again)
{
	struct every e = {0};
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put(id, 1, S, &e);
	op_db_rollback(db);
	CHECK_STR(ask("SELECT (SELECT count(*) FROM boots), (SELECT count(*) FROM topics)"), "0 0");
	CHECK_INT(op_db_begin(db), 0);
	id = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put(id, 1, S, &e);
	CHECK_INT(op_db_commit(db), 0);
	CHECK_STR(ask("SELECT boot, seq FROM rows_1"), "1 1");
	stop();
}

/* What a reader makes of all records of a topic. */
static void check_export(const char *name, const char *want)
{
	struct op_query *q = NULL;
	struct op_export *e = NULL;
	OP_AUTO_BUF struct op_buf out = {0};
	struct op_export_settings settings = {.topic = name, .to_wall_ns = INT64_MAX};
	op_buf_init(&out, 1 << 20);
	CHECK_INT(op_query_open(op_db_path(db), &q), 0);
	CHECK_INT(op_export_begin(q, &settings, &e, NULL), 0);
	while (op_export_step(e, 65536, &out) == 1)
		;
	op_export_end(e);
	op_query_close(q);
	CHECK_STR(out.data, want);
}

TEST(any_name_of_a_field_can_be_a_column)
{
	static const char schema[] =
		"{\"topic\":\"chunks\",\"help\":\"\",\"rate_hz\":0,\"max_age_ms\":0,"
		"\"record_bytes\":8,\"fields\":["
		"{\"name\":\"boot\",\"type\":\"u8\",\"offset\":0,\"bytes\":1},"
		"{\"name\":\"T\",\"type\":\"u8\",\"offset\":1,\"bytes\":1},"
		"{\"name\":\"a\\\"b'c; DROP TABLE "
		"boots\",\"type\":\"u8\",\"offset\":2,\"bytes\":1},"
		"{\"name\":\"x\",\"type\":\"u8\",\"offset\":3,\"bytes\":1},"
		"{\"name\":\"X\",\"type\":\"u8\",\"offset\":4,\"bytes\":1},"
		"{\"name\":\"e\",\"type\":\"enum\",\"offset\":5,\"bytes\":1,"
		"\"labels\":[\"it's\",\"\\\"q\\\"\"]},"
		"{\"name\":\"none\",\"type\":\"enum\",\"offset\":6,\"bytes\":1,\"labels\":[]}]}";
	static const unsigned char record[8] = {1, 2, 3, 4, 5, 1, 7};
	struct op_topic_type *type = NULL;
	CHECK_INT(op_schema_parse(schema, strlen(schema), &type), 0);
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("chunks", type, OP_HISTORY_ROWS);
	CHECK_INT(op_history_put_row(history, id, type, 1, 1, record), 0);
	put_clock(0, WALL * S, OP_CLOCK_SET);
	CHECK_INT(op_db_commit(db), 0);
	check_export("chunks",
		     "seq,boot_ns,time,boot,T,\"a\"\"b'c; DROP TABLE boots\",x,X,e,none\r\n"
		     "1,1,2025-11-21T08:00:00.000Z,1,2,3,4,5,\"\"\"q\"\"\",7\r\n");
	CHECK_STR(ask("SELECT boot_, T_, \"a\"\"b'c; DROP TABLE boots\", x, X_, e, none FROM "
		      "\"topic.chunks\""),
		  "1 2 3 4 5 \"q\" 7");
	op_schema_free(type);
	stop();
}

TEST(the_newest_known_wall_time_is_found)
{
	int64_t wall = -1;
	struct every e = {0};
	start("boot-a");
	CHECK_INT(op_history_newest_wall(db, &wall), 0);
	CHECK_INT(wall, 0);
	CHECK_INT(op_db_begin(db), 0);
	int64_t id = topic("test.every", &every_topic, OP_HISTORY_ROWS);
	put_clock(0, 2 * (WALL * S), OP_CLOCK_UNKNOWN);
	put(id, 1, 50 * S, &e);
	CHECK_INT(op_history_newest_wall(db, &wall), 0);
	CHECK_INT(wall, 0);
	put_clock(0, WALL * S, OP_CLOCK_SET);
	CHECK_INT(op_history_newest_wall(db, &wall), 0);
	CHECK_INT(wall, (WALL + 50) * S);
	CHECK_INT(op_db_commit(db), 0);
	stop();
	/* The next boot has records, but does not know when. */
	start("boot-b");
	CHECK_INT(op_db_begin(db), 0);
	put_clock(0, 0, OP_CLOCK_UNKNOWN);
	put(id, 1, 70 * S, &e);
	CHECK_INT(op_history_newest_wall(db, &wall), 0);
	CHECK_INT(wall, (WALL + 50) * S);
	put_clock(80 * S, (WALL + 100) * S, OP_CLOCK_SYNCHRONISED);
	CHECK_INT(op_history_newest_wall(db, &wall), 0);
	CHECK_INT(wall, (WALL + 180) * S);
	CHECK_INT(op_db_commit(db), 0);
	stop();
}
