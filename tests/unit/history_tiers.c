/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "history_support.h"

#define ALL (~0ULL)

/* ---- a writer that keeps level 2 and 3 in memory ----------------------------------------------
 */

struct slot {
	uint64_t ns;
	struct every every;
};

struct writer {
	int64_t topic;
	struct op_chunk_builder *level[OP_TIER_LEVELS];
	struct op_tier *tier[OP_TIER_LEVELS];
	uint64_t seq;
};
static struct writer w;

static void take(unsigned level, const void *slot)
{
	size_t stride = op_tier_stride(w.tier[level]);
	CHECK_INT(op_chunk_append(w.level[level], 0, slot, 1, stride), 1);
	if (level + 1 < OP_TIER_LEVELS)
		op_tier_add(w.tier[level + 1], slot, 1, stride);
}
static void take_1(void *arg, const void *slot)
{
	take(1, slot);
}
static void take_2(void *arg, const void *slot)
{
	take(2, slot);
}
static void take_3(void *arg, const void *slot)
{
	take(3, slot);
}

static void writer_open(void)
{
	static const op_tier_fn takes[] = {NULL, take_1, take_2, take_3};
	const struct op_topic_type *type = &every_topic;
	op_field_set fields = 1 << 6 | 1 << 10; /* g_i32, k_enum */
	struct op_chunk_plan plan = {.fields = fields, .max_records = 20000};
	CHECK_INT(op_chunk_builder_create(type, &plan, &w.level[0]), 0);
	plan.fields = ALL;
	for (unsigned i = 1; i < OP_TIER_LEVELS; i++) {
		CHECK_INT(op_tier_create(type, fields, op_tier_width_ns(i), takes[i], NULL,
					 &w.tier[i]),
			  0);
		type = op_tier_record_type(w.tier[i]);
		CHECK_INT(op_chunk_builder_create(type, &plan, &w.level[i]), 0);
	}
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_history_topic(history, "test.every", &every_topic, OP_HISTORY_CHUNKS, fields,
				   &w.topic),
		  0);
	CHECK_INT(op_db_commit(db), 0);
}

/* What is in memory is lost. */
static void writer_die(void)
{
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++) {
		op_chunk_builder_destroy(w.level[i]);
		op_tier_destroy(w.tier[i]);
	}
	w = (struct writer){.seq = w.seq};
}

static void cut(unsigned level)
{
	struct op_chunk chunk;
	if (op_chunk_pending(w.level[level]) == 0)
		return;
	CHECK_INT(op_chunk_cut(w.level[level], &chunk), 0);
	CHECK_INT(op_history_put_chunk(history, w.topic, level, &chunk), 0);
}

/* Two records a second from `from` to `to`; levels 0 and 1 are stored each 30 s. Values follow from
 * the time, so that it can be said what must come out. */
static struct every record_at(int64_t ns)
{
	uint64_t x = mark_mix((uint64_t)ns);
	return (struct every){.g_i32 = (int32_t)(x >> 33) - 1000000000, .k_enum = (uint8_t)(x & 3)};
}

static void write_span(int64_t from, int64_t to)
{
	for (int64_t t = from; t < to;) {
		CHECK_INT(op_db_begin(db), 0);
		for (int i = 0; i < 60 && t < to; i++, t += S / 2) {
			struct slot s = {(uint64_t)t, record_at(t)};
			op_tier_add(w.tier[1], &s, 1, sizeof(s));
			CHECK_INT(op_chunk_append(w.level[0], w.seq++, &s, 1, sizeof(s)), 1);
		}
		op_tier_flush(w.tier[1]);
		cut(0);
		cut(1);
		CHECK_INT(op_db_commit(db), 0);
	}
}

/* Cuts a level as it is: what its tier has of a bucket too, as at a clean stop. */
static void cut_level(unsigned level)
{
	op_tier_flush(w.tier[level]);
	CHECK_INT(op_db_begin(db), 0);
	cut(level);
	CHECK_INT(op_db_commit(db), 0);
}

static void catch_up(void)
{
	int r, steps = 0;
	while ((r = op_history_catch_up(history)) == 1)
		CHECK(++steps < 10000);
	CHECK_INT(r, 0);
}

/* ---- what must come out ------------------------------------------------------------------------
 */

struct summary {
	uint64_t begin_ns, n;
	int64_t min, max, first, last, sum;
};

/* Of the records a writer gave, from..to as to write_span. */
static size_t expect(int64_t from, int64_t to, unsigned level, struct summary *ret)
{
	int64_t width = (int64_t)op_tier_width_ns(level);
	size_t n = 0;
	for (int64_t t = from; t < to; t += S / 2) {
		int64_t v = record_at(t).g_i32;
		uint64_t begin = (uint64_t)(t - t % width);
		if (n == 0 || ret[n - 1].begin_ns != begin)
			ret[n++] =
				(struct summary){.begin_ns = begin, .min = v, .max = v, .first = v};
		struct summary *s = &ret[n - 1];
		s->n++;
		s->min = v < s->min ? v : s->min;
		s->max = v > s->max ? v : s->max;
		s->last = v;
		s->sum += v;
	}
	return n;
}

/* Entries of a level in store, those of one bucket put together. */
static size_t read_level(int64_t boot, unsigned level, struct summary *ret)
{
	struct op_topic_type *type = NULL;
	struct op_chunk_reader *r = NULL;
	sqlite3_stmt *s = NULL;
	size_t n = 0;
	CHECK_INT(op_tier_type(&every_topic, 1 << 6 | 1 << 10, &type), 0);
	CHECK_INT(op_chunk_reader_create(type, ALL, &r), 0);
	CHECK_INT(sqlite3_prepare_v2(op_db_handle(db),
				     "SELECT data FROM chunks WHERE level = ? AND boot = ?"
				     " ORDER BY t0, id",
				     -1, &s, NULL),
		  SQLITE_OK);
	sqlite3_bind_int(s, 1, (int)level);
	sqlite3_bind_int64(s, 2, boot);
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct op_chunk_columns c;
		CHECK_INT(op_chunk_load(r, sqlite3_column_blob(s, 0),
					(size_t)sqlite3_column_bytes(s, 0), ALL, &c),
			  0);
		const uint32_t *count = c.values[0];
		const int32_t *min = c.values[1], *max = c.values[2];
		const double *mean = c.values[3];
		const int32_t *first = c.values[4], *last = c.values[5];
		for (uint32_t i = 0; i < c.n; i++) {
			if (n == 0 || ret[n - 1].begin_ns != c.t_ns[i])
				ret[n++] = (struct summary){.begin_ns = c.t_ns[i],
							    .min = min[i],
							    .max = max[i],
							    .first = first[i]};
			struct summary *x = &ret[n - 1];
			x->n += count[i];
			x->min = min[i] < x->min ? min[i] : x->min;
			x->max = max[i] > x->max ? max[i] : x->max;
			x->last = last[i];
			x->sum += (int64_t)__builtin_llrint(mean[i] * count[i]);
		}
	}
	sqlite3_finalize(s);
	op_chunk_reader_destroy(r);
	op_schema_free(type);
	return n;
}

static void check_level(int64_t boot, unsigned level, int64_t from, int64_t to)
{
	static struct summary want[20000], got[20000];
	size_t n = expect(from, to, level, want);
	CHECK_INT(read_level(boot, level, got), n);
	for (size_t i = 0; i < n; i++)
		if (memcmp(&got[i], &want[i], sizeof(got[i])) != 0)
			op_test_fail(__FILE__, __LINE__,
				     "level %u, bucket at %lld s: n %llu, want %llu", level,
				     (long long)(want[i].begin_ns / OP_NS_PER_S),
				     (unsigned long long)got[i].n, (unsigned long long)want[i].n);
}

static void check_all(int64_t boot, int64_t from, int64_t to)
{
	for (unsigned level = 1; level < OP_TIER_LEVELS; level++)
		check_level(boot, level, from, to);
}

/* ---- catching up
 * --------------------------------------------------------------------------------- */

TEST(a_writer_that_died_leaves_no_hole_in_its_tiers)
{
	start("boot-a");
	writer_open();
	write_span(100 * S, 9000 * S);
	writer_die();
	stop();
	start("boot-b");
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level > 1"), 0);
	catch_up();
	check_all(1, 100 * S, 9000 * S);
	stop();
}

TEST(what_was_cut_before_is_not_summed_up_twice)
{
	start("boot-a");
	writer_open();
	write_span(100 * S, 5000 * S);
	cut_level(2); /* in the middle of a minute */
	cut_level(3);
	write_span(5000 * S, 5010 * S);
	cut_level(2); /* and of the same once more */
	write_span(5010 * S, 5100 * S);
	writer_die();
	stop();
	start("boot-b");
	catch_up();
	check_all(1, 100 * S, 5100 * S);
	int64_t chunks = number("SELECT count(*) FROM chunks");
	catch_up();
	stop();
	start("boot-c");
	catch_up();
	CHECK_INT(number("SELECT count(*) FROM chunks"), chunks);
	check_all(1, 100 * S, 5100 * S);
	stop();
}

/* The recorder was restarted: it goes on in the same boot, and its own tiers with it. */
TEST(a_writer_sums_up_its_own_while_the_last_ones_is_made_good)
{
	start("boot-a");
	writer_open();
	write_span(100 * S, 3725 * S);
	writer_die();
	stop();
	start("boot-a");
	writer_open();
	write_span(3725 * S, 3800 * S);
	CHECK_INT(op_history_catch_up(history), 1);
	write_span(3800 * S, 4000 * S);
	cut_level(2);
	catch_up();
	write_span(4000 * S, 8000 * S);
	cut_level(2);
	cut_level(3);
	check_all(1, 100 * S, 8000 * S);
	/* Dead once more, with the clean cut behind it. */
	write_span(8000 * S, 8003 * S);
	writer_die();
	stop();
	start("boot-a");
	catch_up();
	check_all(1, 100 * S, 8003 * S);
	stop();
}

/* Every place a machine can die at between the cuts: the tiers are right whenever it was. */
TEST_WITHIN(it_does_not_matter_when_the_writer_dies, 60)
{
	int64_t t = 100 * S;
	start("boot-a");
	uint64_t seed = 1;
	for (int life = 0; life < 40; life++) {
		writer_open();
		for (int i = 0; i < 3; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			int64_t end = t + (int64_t)(1 + (seed >> 33) % 200) * S / 2;
			write_span(t, end);
			t = end;
			if (seed >> 60 & 1)
				cut_level(2);
			if ((seed >> 60 & 7) == 1)
				cut_level(3);
		}
		writer_die();
		stop();
		start("boot-a");
		for (unsigned steps = seed >> 40 & 3; steps > 0; steps--)
			CHECK(op_history_catch_up(history) >= 0);
		if (seed >> 50 & 1)
			catch_up();
		else {
			stop(); /* it died in the middle of it */
			start("boot-a");
			catch_up();
		}
		check_all(1, 100 * S, t);
	}
	writer_die();
	stop();
}

/* Rows have no level 1: minutes come from the rows themselves. */
TEST(rows_are_summed_up_by_the_minute)
{
	int64_t id = 0;
	start("boot-a");
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_history_topic(history, "test.every", &every_topic, OP_HISTORY_ROWS, ALL, &id),
		  0);
	for (int64_t t = 50 * S; t < 8000 * S; t += S / 2) {
		struct every e = record_at(t);
		CHECK_INT(op_history_put_row(history, id, &every_topic, (uint64_t)(t / S * 2),
					     (uint64_t)t, &e),
			  0);
	}
	CHECK_INT(op_db_commit(db), 0);
	stop();
	start("boot-b");
	catch_up();
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 1"), 0);
	CHECK_INT(number("SELECT sum(n) FROM chunks WHERE level = 3"), 3);
	CHECK(number("SELECT sum(n) FROM chunks WHERE level = 2") >= 133);
	int64_t chunks = number("SELECT count(*) FROM chunks");
	stop();
	start("boot-b");
	catch_up();
	CHECK_INT(number("SELECT count(*) FROM chunks"), chunks);
	stop();
}
