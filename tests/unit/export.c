/*
 * export.c - stored records as text, against what was written.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <jansson.h>

#include "history_world.h"
#include "lib/store/query.h"

#define S WORLD_S
#define NOON (1795262400 * S) /* 2026-11-21T12:00Z */

static struct op_export_settings all_of(const char *topic)
{
	return (struct op_export_settings){
		.topic = topic, .from_wall_ns = INT64_MIN, .to_wall_ns = INT64_MAX};
}

/* All of it, in steps of so many bytes. */
static uint64_t export_all(const struct world_file *w, const struct op_export_settings *settings,
			   size_t step, struct op_buf *out)
{
	struct op_query *q;
	struct op_export *e;
	double before = 0;
	op_buf_reset(out);
	CHECK_INT(op_query_open(w->path, &q), 0);
	CHECK_INT(op_export_begin(q, settings, &e, NULL), 0);
	int more = 1;
	while (more > 0) {
		size_t had = out->len;
		more = op_export_step(e, step, out);
		CHECK(more >= 0);
		CHECK(!more || out->len >= had + step);
		CHECK(op_export_progress(e) >= before && op_export_progress(e) <= 1);
		before = op_export_progress(e);
	}
	CHECK_NEAR(before, 1, settings->limit ? 1 : 0);
	uint64_t n = op_export_records(e);
	CHECK_INT(op_export_damaged(e), 0);
	op_export_end(e);
	op_query_close(q);
	return n;
}

static void put_line(const struct world_file *w, const struct world_record *r, bool json,
		     struct op_buf *out)
{
	char time[OP_RFC3339_BYTES];
	op_time_rfc3339(world_wall(w, r->boot, r->t), time);
	if (json)
		op_record_json_line_at(&world_topic, "test.world", r->seq, r->t, time, &r->values,
				       out);
	else
		op_record_csv_row_at(&world_topic, r->seq, r->t, time, &r->values, out);
	op_buf_puts(out, json ? "\n" : "\r\n");
}

/* What `outpost tap` would have printed, had it been there. */
static void expect(const struct world_file *w, int64_t from, int64_t to, bool json,
		   struct op_buf *out)
{
	op_buf_reset(out);
	if (!json) {
		op_record_csv_header(&world_topic, out);
		op_buf_puts(out, "\r\n");
	}
	for (size_t i = 0; i < w->n; i++) {
		int64_t t = world_wall(w, w->records[i].boot, w->records[i].t);
		if (t >= from && t < to)
			put_line(w, &w->records[i], json, out);
	}
}

static void fill_world(struct world_file *w)
{
	uint64_t state = 7;
	world_open(w, "history.db");
	for (int boot = 0; boot < 3; boot++) {
		world_clock(w, 0, NOON + boot * 10000 * S, OP_CLOCK_SYNCHRONISED);
		uint64_t t = 0;
		for (int i = 0; i < 5000; i++) {
			uint64_t x = world_random(&state);
			t += 1000 * (x % 2000000);
			struct world v = {.level = (double)(int32_t)x / 64,
					  .raw = (uint16_t)(x >> 32),
					  .phase = x >> 48 & 1};
			world_put(w, t, &v);
			if (x % 500 == 0)
				world_cut(w);
		}
		world_cut(w);
		world_clock(w, t / 2, NOON + boot * 10000 * S - 5 * S, OP_CLOCK_SYNCHRONISED);
		if (boot < 2)
			world_boot(w, boot == 0);
	}
}

TEST_WITHIN(records_come_back_as_they_were_tapped, 60)
{
	static const size_t steps[] = {1, 1000, 65536};
	struct world_file w;
	OP_AUTO_BUF struct op_buf got, want;
	op_buf_init(&got, 16 << 20);
	op_buf_init(&want, 16 << 20);
	fill_world(&w);
	for (size_t i = 0; i < OP_ARRAY_SIZE(steps); i++) {
		for (int json = 0; json < 2; json++) {
			struct op_export_settings s = all_of("test.world");
			s.format = json ? OP_EXPORT_JSONL : OP_EXPORT_CSV;
			expect(&w, INT64_MIN, INT64_MAX, json, &want);
			CHECK_INT(export_all(&w, &s, steps[i], &got), w.n);
			CHECK_INT(got.len, want.len);
			CHECK(!memcmp(got.data, want.data, want.len));
		}
	}
	world_close(&w);
}

TEST_WITHIN(a_span_is_cut_at_both_ends_exactly, 60)
{
	uint64_t state = 11;
	struct world_file w;
	OP_AUTO_BUF struct op_buf got, want;
	op_buf_init(&got, 16 << 20);
	op_buf_init(&want, 16 << 20);
	fill_world(&w);
	for (int i = 0; i < 60; i++) {
		struct op_export_settings s = all_of("test.world");
		s.from_wall_ns = NOON - 100 * S + (int64_t)(world_random(&state) % 30000) * S;
		s.to_wall_ns = s.from_wall_ns + 1 + (int64_t)(world_random(&state) % 9000) * S / 7;
		expect(&w, s.from_wall_ns, s.to_wall_ns, false, &want);
		(void)export_all(&w, &s, 4096, &got);
		CHECK_STR(got.data, want.data);
	}
	world_close(&w);
}

TEST(fields_are_chosen_and_ordered)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	world_put(&w, 1000000, &(struct world){.level = 0.5, .raw = 3, .phase = 1});
	world_cut(&w);
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 1 << 16);
	struct op_export_settings s = all_of("test.world");
	s.fields = "phase,raw";
	CHECK_INT(export_all(&w, &s, 100, &text), 1);
	CHECK_STR(text.data, "seq,boot_ns,time,phase,raw\r\n"
			     "0,1000000,2026-11-21T12:00:00.001Z,high,3\r\n");
	s.format = OP_EXPORT_JSONL;
	s.fields = "level";
	CHECK_INT(export_all(&w, &s, 100, &text), 1);
	CHECK_STR(text.data, "{\"topic\":\"test.world\",\"seq\":0,\"boot_ns\":1000000,"
			     "\"time\":\"2026-11-21T12:00:00.001Z\",\"level\":0.5}\n");
	world_close(&w);
}

TEST(rows_come_with_their_text_also_newest_first)
{
	struct world_file w;
	int64_t topic;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	CHECK_INT(op_db_begin(w.db), 0);
	CHECK_INT(
		op_history_topic(w.history, "test.event", &event_topic, OP_HISTORY_ROWS, 0, &topic),
		0);
	for (uint64_t i = 0; i < 2000; i++) {
		struct event e = {.peak = (double)i / 4,
				  .number = UINT64_MAX - i,
				  .end = i & 1,
				  .note = "a, \"b\""};
		CHECK_INT(
			op_history_put_row(w.history, topic, &event_topic, i, i / 3 * 1000000, &e),
			0);
	}
	CHECK_INT(op_db_commit(w.db), 0);
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 4 << 20);
	struct op_export_settings s = all_of("test.event");
	s.limit = 2;
	CHECK_INT(export_all(&w, &s, 100, &text), 2);
	CHECK_STR(text.data,
		  "seq,boot_ns,time,peak,number,end,note\r\n"
		  "0,0,2026-11-21T12:00:00.000Z,0,18446744073709551615,dropped,\"a, \"\"b\"\"\"\r\n"
		  "1,0,2026-11-21T12:00:00.000Z,0.25,18446744073709551614,window,"
		  "\"a, \"\"b\"\"\"\r\n");
	s.newest_first = true;
	s.fields = "peak";
	CHECK_INT(export_all(&w, &s, 100, &text), 2);
	CHECK_STR(text.data, "seq,boot_ns,time,peak\r\n"
			     "1999,666000000,2026-11-21T12:00:00.666Z,499.75\r\n"
			     "1998,666000000,2026-11-21T12:00:00.666Z,499.5\r\n");
	s.limit = 0;
	CHECK_INT(export_all(&w, &s, 100, &text), 2000);
	CHECK_HAS(text.data, "\r\n0,0,2026-11-21T12:00:00.000Z,0\r\n");
	world_close(&w);
}

TEST(tiers_are_put_together_at_the_edges_of_chunks)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	for (unsigned i = 0; i < 40; i++) {
		world_put(&w, i * 100000000ULL, &(struct world){.level = i, .raw = (uint16_t)i});
		if (i % 7 == 6)
			world_cut(&w);
	}
	world_cut(&w);
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 1 << 16);
	struct op_export_settings s = all_of("test.world");
	s.level = 1;
	s.fields = "n,raw";
	CHECK_INT(export_all(&w, &s, 10, &text), 4);
	CHECK_STR(text.data, "seq,boot_ns,time,n,raw.min,raw.max,raw.mean,raw.first,raw.last\r\n"
			     "0,0,2026-11-21T12:00:00.000Z,10,0,9,4.5,0,9\r\n"
			     "1,1000000000,2026-11-21T12:00:01.000Z,10,10,19,14.5,10,19\r\n"
			     "2,2000000000,2026-11-21T12:00:02.000Z,10,20,29,24.5,20,29\r\n"
			     "3,3000000000,2026-11-21T12:00:03.000Z,10,30,39,34.5,30,39\r\n");
	world_close(&w);
}

TEST(what_cannot_be_exported_is_said)
{
	struct world_file w;
	struct op_query *q;
	struct op_export *e;
	char mem[300];
	struct op_buf note;
	op_buf_init_fixed(&note, mem, sizeof(mem));
	world_open(&w, "history.db");
	CHECK_INT(op_query_open(w.path, &q), 0);
	struct op_export_settings s = all_of("test.word");
	CHECK_INT(op_export_begin(q, &s, &e, &note), -ENOENT);
	CHECK_HAS(note.data, "did you mean \"test.world\"?");
	s = all_of("test.world");
	s.newest_first = true;
	CHECK_INT(op_export_begin(q, &s, &e, NULL), -ENOTSUP);
	s = all_of("test.world");
	s.fields = "nothing";
	CHECK_INT(op_export_begin(q, &s, &e, NULL), -ENOENT);
	s = all_of("test.world");
	s.level = 4;
	CHECK_INT(op_export_begin(q, &s, &e, NULL), -EINVAL);
	s = all_of("test.world");
	s.to_wall_ns = s.from_wall_ns;
	CHECK_INT(op_export_begin(q, &s, &e, NULL), -EINVAL);
	op_query_close(q);
	world_close(&w);
}

TEST_WITHIN(records_deleted_and_added_meanwhile_do_no_harm, 60)
{
	struct world_file w;
	struct op_query *q;
	struct op_export *e;
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 16 << 20);
	fill_world(&w);
	size_t n = w.n;
	CHECK_INT(op_query_open(w.path, &q), 0);
	struct op_export_settings s = all_of("test.world");
	CHECK_INT(op_export_begin(q, &s, &e, NULL), 0);
	CHECK_INT(op_export_step(e, 50000, &text), 1);
	world_sql(&w, "DELETE FROM chunks WHERE boot = 2");
	world_sql(&w, "PRAGMA wal_checkpoint(TRUNCATE)"); /* no reader holds the log */
	for (uint64_t i = 0; i < 100; i++)
		world_put(&w, 20000 * (uint64_t)S + i * 1000000, &(struct world){.raw = 1});
	world_cut(&w);
	int more = 1;
	while (more > 0)
		more = op_export_step(e, 50000, &text);
	CHECK_INT(more, 0);
	CHECK_INT(op_export_records(e), n - 5000);
	op_export_end(e);
	op_query_close(q);
	world_close(&w);
}
