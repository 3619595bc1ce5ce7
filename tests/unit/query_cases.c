/*
 * query_cases.c - points of history where something is gone, damaged, declared anew or in rows.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "history_world.h"
#include "lib/store/query.h"

#define S WORLD_S
#define NOON (1795262400 * S) /* 2026-11-21T12:00Z */

static struct op_query *open_query(const struct world_file *w)
{
	struct op_query *q;
	CHECK_INT(op_query_open(w->path, &q), 0);
	return q;
}

/* ---- what is gone ------------------------------------------------------------------------- */

static void even_world(struct world_file *w, unsigned hours)
{
	world_open(w, "history.db");
	world_clock(w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	for (unsigned i = 0; i < hours * 3600; i++) {
		struct world v = {.level = i, .raw = (uint16_t)(i % 1000), .phase = i & 1};
		world_put(w, (uint64_t)i * (uint64_t)S, &v);
		if (i % 300 == 299)
			world_cut(w);
	}
}

TEST_WITHIN(where_records_were_deleted_the_tiers_answer, 60)
{
	struct world_file w;
	even_world(&w, 3);
	world_sql(&w, "DELETE FROM chunks WHERE level = 0 AND t1 < 7200000000000");
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	struct op_query_span s = {"test.world", NOON + 3600 * S, NOON + 3700 * S, 1000, "level"};
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.level, 1);
	CHECK_INT(p.n, 100);
	CHECK_INT(p.t_wall_ns[7], NOON + 3607 * S);
	CHECK_NEAR(p.values[7].mean, 3607, 0);

	world_sql(&w, "DELETE FROM chunks WHERE level = 1 AND t1 < 7200000000000");
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.level, 2);
	CHECK_INT(p.n, 2); /* those that begin at 3600 and at 3660 */
	CHECK_INT(p.count[0], 60);
	CHECK_NEAR(p.values[0].min, 3600, 0);
	CHECK_NEAR(p.values[1].max, 3719, 0);

	s.from_wall_ns = NOON + 3630 * S; /* from within a minute */
	s.to_wall_ns = NOON + 3640 * S;
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.n, 1);
	CHECK_INT(p.count[0], 60);

	s.from_wall_ns = NOON + 7100 * S; /* over the edge: nothing twice, nothing left out */
	s.to_wall_ns = NOON + 7300 * S;
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	uint64_t n = 0;
	for (size_t i = 0; i < p.n; i++)
		n += p.count[i];
	CHECK_INT(n, 100 + 120);
	op_query_close(q);
	world_close(&w);
}

TEST_WITHIN(damaged_chunks_are_passed_over_and_counted, 60)
{
	struct world_file w;
	even_world(&w, 1);
	world_sql(&w,
		  "UPDATE chunks SET data = zeroblob(100) WHERE level = 0 AND t0 = 300000000000");
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	struct op_query_span s = {"test.world", NOON, NOON + 900 * S, 2000, "level"};
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.damaged, 1);
	CHECK_INT(p.n, 900); /* its seconds stand in */
	CHECK_NEAR(p.values[400].max, 400, 0);
	op_query_close(q);
	world_close(&w);
}

/* ---- declarations ------------------------------------------------------------------------- */

static void put_old(struct world_file *w)
{
	int64_t topic;
	struct op_chunk_builder *b;
	struct op_chunk_plan plan = {.fields = op_chunk_fields(&old_world_topic),
				     .max_records = 100};
	struct op_chunk chunk;
	CHECK_INT(op_chunk_builder_create(&old_world_topic, &plan, &b), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct {
			uint64_t t;
			struct old_world v;
		} slot = {i * (uint64_t)S, {70000 + i, 0.5F}};
		CHECK_INT(op_chunk_append(b, i, &slot, 1, sizeof(slot)), 1);
	}
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_db_begin(w->db), 0);
	CHECK_INT(op_history_topic(w->history, "test.world", &old_world_topic, OP_HISTORY_CHUNKS,
				   plan.fields, &topic),
		  0);
	CHECK_INT(op_history_put_chunk(w->history, topic, 0, &chunk), 0);
	CHECK_INT(op_db_commit(w->db), 0);
	op_chunk_builder_destroy(b);
}

TEST(older_declarations_are_read_by_the_names_of_their_fields)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_sql(&w, "DELETE FROM topics"); /* the old one came first */
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	put_old(&w);
	world_restart(&w, true);
	for (uint64_t i = 100; i < 200; i++)
		world_put(&w, i * (uint64_t)S, &(struct world){.level = 1, .raw = 7});
	world_cut(&w);
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	struct op_query_span s = {"test.world", NOON, NOON + 200 * S, 1000, "raw,level"};
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.n, 200);
	CHECK_NEAR(p.values[99 * 2].max, 70099, 0);
	CHECK(isnan(p.values[99 * 2 + 1].max));
	CHECK_NEAR(p.values[100 * 2].max, 7, 0);
	CHECK_NEAR(p.values[100 * 2 + 1].max, 1, 0);
	op_query_close(q);
	world_close(&w);
}

TEST(wrong_names_are_told_with_the_nearest)
{
	struct world_file w;
	world_open(&w, "history.db");
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	char mem[300];
	struct op_buf note;
	op_buf_init_fixed(&note, mem, sizeof(mem));
	struct op_query_span s = {"test.wordl", 0, S, 10, NULL};
	CHECK_INT(op_query_span(q, &s, &p, &note), -ENOENT);
	CHECK_STR(note.data,
		  "nothing is kept of a topic \"test.wordl\" (did you mean \"test.world\"?)");
	op_buf_reset(&note);
	s.topic = "test.world";
	s.fields = "phase, rwa";
	CHECK_INT(op_query_span(q, &s, &p, &note), -ENOENT);
	CHECK_HAS(note.data, "test.world has no field \"rwa\" in store (did you mean \"raw\"?)");
	CHECK_HAS(note.data, "; it has level, raw, phase");
	s.fields = "";
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.n_fields, 3);
	CHECK_INT(p.n, 0);
	s.to_wall_ns = 0;
	CHECK_INT(op_query_span(q, &s, &p, NULL), -EINVAL);
	s.to_wall_ns = S;
	s.points = OP_QUERY_POINTS_MAX + 1;
	CHECK_INT(op_query_span(q, &s, &p, NULL), -EINVAL);
	op_query_close(q);
	world_close(&w);
}

TEST(without_a_database_there_is_nothing_to_read)
{
	char path[256];
	struct op_query *q;
	(void)snprintf(path, sizeof(path), "%s/none.db", op_test_dir());
	CHECK_INT(op_query_open(path, &q), -ENOENT);
	CHECK(access(path, F_OK) < 0);
}

/* ---- rows --------------------------------------------------------------------------------- */

static void put_events(struct world_file *w, unsigned n, uint64_t period_ns)
{
	int64_t topic;
	CHECK_INT(op_db_begin(w->db), 0);
	CHECK_INT(op_history_topic(w->history, "test.event", &event_topic, OP_HISTORY_ROWS, 0,
				   &topic),
		  0);
	for (unsigned i = 0; i < n; i++) {
		struct event e = {
			.peak = i / 2.0, .number = UINT64_MAX - i, .end = i & 1, .note = "x"};
		CHECK_INT(op_history_put_row(w->history, topic, &event_topic, i, i * period_ns, &e),
			  0);
	}
	CHECK_INT(op_db_commit(w->db), 0);
}

TEST(few_rows_are_points_of_their_own_however_long_the_span)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SET);
	put_events(&w, 300, 3600 * (uint64_t)S);
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	struct op_query_span s = {"test.event", NOON, NOON + 1000000 * S, 300, "peak"};
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK_INT(p.bucket_ns, 0);
	CHECK_INT(p.quality, OP_CLOCK_SET);
	CHECK_INT(p.n, 278); /* 1000000 s hold 277.8 hours */
	CHECK_NEAR(p.values[277].mean, 138.5, 0);
	s.points = 100;
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	CHECK(p.bucket_ns > 0);
	uint64_t n = 0;
	for (size_t i = 0; i < p.n; i++)
		n += p.count[i];
	CHECK(n >= 278 && n <= 278 + 3);
	op_query_close(q);
	world_close(&w);
}

TEST(a_topic_begins_with_its_first_record_not_with_its_hour)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	uint64_t first =
		3000 * (uint64_t)S + 500 * OP_NS_PER_MS; /* of boot time, late in its hour */
	for (uint64_t i = 0; i < 100; i++)
		world_put(&w, first + i * 60 * (uint64_t)S, &(struct world){.raw = 1});
	world_cut(&w);
	world_boot(&w, true); /* what was open is summed up */
	struct op_query *q = open_query(&w);
	const struct op_query_topic *t;
	size_t n;
	CHECK_INT(op_query_topics(q, &t, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(t[0].from_wall_ns, NOON + (int64_t)first);
	op_query_close(q);
	world_close(&w);
}

TEST(topics_are_listed_with_their_ends)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	put_events(&w, 10, (uint64_t)S);
	for (uint64_t i = 0; i < 200; i++)
		world_put(&w, i * 10 * (uint64_t)S, &(struct world){.raw = 1});
	world_cut(&w);
	world_boot(&w, true);
	world_clock(&w, 0, NOON + 5000 * S, OP_CLOCK_UNKNOWN);
	world_put(&w, 50 * (uint64_t)S, &(struct world){.raw = 1});
	world_cut(&w);
	struct op_query *q = open_query(&w);
	const struct op_query_topic *t;
	size_t n;
	CHECK_INT(op_query_topics(q, &t, &n), 0);
	CHECK_INT(n, 2);
	CHECK_STR(t[0].name, "test.event");
	CHECK(t[0].rows && t[0].any && t[0].any_raw);
	CHECK_INT(t[0].from_wall_ns, NOON);
	CHECK_INT(t[0].to_wall_ns, NOON + 9 * S);
	CHECK_INT(t[0].quality, OP_CLOCK_SYNCHRONISED);
	CHECK_STR(t[1].name, "test.world");
	CHECK(!t[1].rows && t[1].any);
	CHECK_INT(t[1].fields, 7);
	CHECK_INT(t[1].raw_from_wall_ns, NOON);
	CHECK_INT(t[1].to_wall_ns, NOON + 5050 * S);
	CHECK_INT(t[1].quality, OP_CLOCK_UNKNOWN);
	uint64_t records, bytes;
	CHECK_INT(op_query_size(q, "test.world", &records, &bytes), 0);
	CHECK_INT(records, 201);
	CHECK(bytes > 100);
	CHECK_INT(op_query_size(q, "test.event", &records, &bytes), 0);
	CHECK_INT(records, 10);
	op_query_close(q);
	world_close(&w);
}

/* ---- json, cancelling --------------------------------------------------------------------- */

TEST(points_are_json_with_exact_times)
{
	struct world_file w;
	world_open(&w, "history.db");
	world_clock(&w, 0, NOON, OP_CLOCK_SYNCHRONISED);
	world_put(&w, 1250000, &(struct world){.level = 0.1, .raw = 5});
	world_put(&w, 2500001000, &(struct world){.level = NAN, .raw = 6});
	world_cut(&w);
	struct op_query *q = open_query(&w);
	struct op_query_points p;
	struct op_query_span s = {"test.world", NOON, NOON + 5 * S, 100, "level,raw"};
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0);
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 1 << 20);
	op_query_points_json(&s, &p, &text);
	CHECK_STR(text.data,
		  "{\"topic\":\"test.world\",\"from\":1795262400000,\"to\":1795262405000,"
		  "\"level\":\"raw\",\"bucket_ms\":0,\"clock\":\"synchronised\",\"damaged\":0,"
		  "\"fields\":[{\"name\":\"level\",\"unit\":\"counts\"},"
		  "{\"name\":\"raw\",\"unit\":\"counts\"}],"
		  "\"t\":[1795262400001.25,1795262402500.001],\"n\":[1,1],"
		  "\"min\":{\"level\":[0.1,null],\"raw\":[5,6]},"
		  "\"max\":{\"level\":[0.1,null],\"raw\":[5,6]},"
		  "\"mean\":{\"level\":[0.1,null],\"raw\":[5,6]}}");
	json_t *root = json_loads(text.data, 0, NULL);
	CHECK(root);
	json_decref(root);
	op_query_close(q);
	world_close(&w);
}

struct canceller {
	struct op_query *q;
	atomic_bool done;
};

static void *cancel_until_done(void *arg)
{
	struct canceller *c = arg;
	while (!atomic_load(&c->done)) {
		op_query_cancel(c->q);
		(void)sched_yield();
	}
	return NULL;
}

TEST_WITHIN(a_call_is_ended_from_another_thread, 60)
{
	struct world_file w;
	even_world(&w, 2);
	struct op_query *q = open_query(&w);
	struct canceller c = {.q = q};
	struct op_query_points p;
	struct op_query_span s = {"test.world", NOON, NOON + 7200 * S, 1000, NULL};
	pthread_t other;
	CHECK_INT(pthread_create(&other, NULL, cancel_until_done, &c), 0);
	int cancelled = 0;
	for (int i = 0; i < 20000 && !cancelled; i++) {
		int r = op_query_span(q, &s, &p, NULL);
		CHECK(r == 0 || r == -ECANCELED);
		cancelled = r == -ECANCELED;
	}
	atomic_store(&c.done, true);
	CHECK_INT(pthread_join(other, NULL), 0);
	CHECK(cancelled);
	CHECK_INT(op_query_span(q, &s, &p, NULL), 0); /* the next one is not */
	CHECK(p.n > 0);
	op_query_close(q);
	world_close(&w);
}
