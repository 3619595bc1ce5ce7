/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <outpost/topic.h>

#include "test.h"

#define POINT_FIELDS(F, E, T)       \
	F(f64, x, "m", "where")     \
	F(u32, n, "", "how many")   \
	E(mode, "off|on", "switch") \
	T(note, 11, "remark")
OP_TOPIC_DECLARE(point, POINT_FIELDS);
OP_TOPIC_DEFINE(point, POINT_FIELDS, .name = "test.point", .help = "for tests", .rate_mhz = 1500,
		.max_age_ms = 100, .capacity = 10);

static struct op_writer *writer(void)
{
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &point_topic, &w, NULL), 0);
	return w;
}

static struct op_reader *reader(void)
{
	struct op_reader *r = NULL;
	CHECK_INT(op_reader_open(op_test_dir(), "test.point", "tester", &r), 0);
	return r;
}

static void publish(struct op_writer *w, uint32_t n)
{
	struct point p = {.x = n * 0.5, .n = n, .mode = n & 1};
	op_writer_publish(w, n, &p);
}

TEST(what_is_published_is_read)
{
	struct op_writer *w = writer();
	struct op_reader *r = reader();
	struct point p;
	uint64_t seq, ns;
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 0);
	publish(w, 7);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 1);
	CHECK_INT(seq, 0);
	CHECK_INT(ns, 7);
	CHECK_INT(p.n, 7);
	CHECK_NEAR(p.x, 3.5, 0);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 0);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(a_lapped_reader_counts_exactly_what_it_missed)
{
	struct op_writer *w = writer();
	struct op_reader *r = reader();
	struct point p;
	uint64_t seq, ns;
	for (uint32_t i = 0; i < 100; i++)
		publish(w, i);
	CHECK_INT(op_reader_capacity(r), 16);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 1);
	CHECK_INT(seq, 84);
	CHECK_INT(p.n, 84);
	CHECK_INT(op_reader_missed(r), 84);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(a_restarted_writer_goes_on_with_the_sequence)
{
	struct op_writer *w = writer();
	struct op_reader *r = reader();
	publish(w, 1);
	publish(w, 2);
	CHECK_INT(op_reader_writer_pid(r), getpid());
	op_writer_close(w);
	CHECK_INT(op_reader_writer_pid(r), 0);
	w = writer();
	CHECK_INT(op_writer_next_seq(w), 2);
	struct point p;
	uint64_t seq, ns;
	CHECK(op_writer_last(w, &ns, &p));
	CHECK_INT(p.n, 2);
	publish(w, 3);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_INT(op_reader_next(r, &seq, &ns, &p), 1);
		CHECK_INT(seq, i);
		CHECK_INT(p.n, i + 1);
	}
	op_reader_close(r);
	op_writer_close(w);
}

TEST(a_second_writer_is_refused_and_told_who)
{
	struct op_writer *w = writer(), *second = NULL;
	int owner = 0;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &point_topic, &second, &owner), -EBUSY);
	CHECK_INT(owner, getpid());
	CHECK(second == NULL);
	op_writer_close(w);
}

TEST(another_schema_retires_the_file_and_keeps_the_sequence)
{
	struct op_topic_type wider = point_topic;
	wider.max_age_ms = 200;
	struct op_writer *w = writer();
	struct op_reader *r = reader();
	publish(w, 1);
	op_writer_close(w);
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &wider, &w, NULL), 0);
	CHECK_INT(op_writer_next_seq(w), 1);
	struct point p;
	uint64_t seq, ns;
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 1);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), -OP_ESCHEMA);
	op_reader_close(r);
	publish(w, 2);
	r = reader();
	op_reader_rewind(r, UINT64_MAX);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 1);
	CHECK_INT(seq, 1);
	CHECK_INT(op_reader_next(r, &seq, &ns, &p), 0);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(readers_are_listed_with_their_losses)
{
	struct op_writer *w = writer();
	struct op_reader *r = reader(), *other = reader();
	struct op_reader_info info[4];
	struct point p;
	uint64_t seq, ns;
	for (uint32_t i = 0; i < 20; i++)
		publish(w, i);
	CHECK_INT(op_reader_next(other, &seq, &ns, &p), 1);
	CHECK_INT(op_reader_list(r, info, 4), 2);
	CHECK_STR(info[1].who, "tester");
	CHECK_INT(info[1].pid, getpid());
	CHECK_INT(info[1].missed, 4);
	CHECK_INT(info[1].next_seq, 5);
	op_reader_close(other);
	CHECK_INT(op_reader_list(r, info, 4), 1);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(waiting_ends_with_the_timeout_or_a_record)
{
	struct op_writer *w = writer();
	struct op_reader *r = reader();
	uint64_t before = op_now_ns();
	CHECK_INT(op_reader_wait(r, 20 * OP_NS_PER_MS), 0);
	CHECK(op_now_ns() - before >= 20 * OP_NS_PER_MS);
	publish(w, 1);
	CHECK_INT(op_reader_wait(r, OP_NS_PER_S), 1);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(the_schema_round_trips)
{
	struct op_buf a, b;
	op_buf_init(&a, 4096);
	op_buf_init(&b, 4096);
	op_schema_write(&point_topic, NULL, &a);
	struct op_topic_type *t = NULL;
	CHECK_INT(op_schema_parse(a.data, a.len, &t), 0);
	op_schema_write(t, NULL, &b);
	CHECK_STR(b.data, a.data);
	CHECK_HAS(a.data, "\"rate_hz\":1.5,");
	op_schema_free(t);
	op_buf_finish(&a);
	op_buf_finish(&b);
}

TEST(a_record_as_json_and_csv)
{
	struct point p = {.x = 0.1, .n = 3, .mode = 1, .note = "a,\"b\""};
	char mem[512];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_begin(&b, '{');
	op_record_json(&point_topic, &p, &b);
	op_json_end(&b, '}');
	CHECK_STR(mem, "{\"x\":0.1,\"n\":3,\"mode\":\"on\",\"note\":\"a,\\\"b\\\"\"}");
	op_buf_reset(&b);
	op_record_csv_row(&point_topic, 5, 6, &p, &b);
	CHECK_HAS(mem, "5,6,");
	CHECK_HAS(mem, "Z,0.1,3,on,\"a,\"\"b\"\"\"");
}
