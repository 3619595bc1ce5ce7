/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <math.h>

#include "lib/store/chunk.h"
#include "lib/store/column_mean.h"

#include "pbt_signal.h"
#include "test.h"

#define N 24000 /* half a minute */
#define TOLERANCE 0.01

enum { BASELINE, ENVELOPE, RAW, PHASE };

static struct pbt_slot slots[N];

static struct op_chunk_builder *builder(op_field_set fields, op_field_set recompute)
{
	struct op_chunk_builder *b = NULL;
	struct op_chunk_plan plan = {
		.fields = fields, .recompute = recompute, .tolerance = TOLERANCE, .max_records = N};
	CHECK_INT(op_chunk_builder_create(&pbt_sample_topic, &plan, &b), 0);
	return b;
}

/* Bytes of slots as a chunk, which is then in ret_columns. */
static size_t through(struct op_chunk_builder *b, struct op_chunk_reader *r,
		      struct op_chunk_columns *ret_columns)
{
	struct op_chunk chunk;
	CHECK_INT(op_chunk_append(b, 0, slots, N, sizeof(slots[0])), N);
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_chunk_load(r, chunk.data, chunk.bytes, ~0ULL, ret_columns), 0);
	CHECK_INT(ret_columns->n, N);
	return chunk.bytes;
}

static void check_near(const struct op_chunk_columns *c)
{
	const float *baseline = c->values[BASELINE], *envelope = c->values[ENVELOPE];
	const uint16_t *raw = c->values[RAW];
	for (size_t i = 0; i < N; i++) {
		CHECK_NEAR((double)baseline[i], (double)slots[i].sample.baseline, TOLERANCE);
		CHECK_NEAR((double)envelope[i], (double)slots[i].sample.envelope, TOLERANCE);
		CHECK_INT(raw[i], slots[i].sample.raw);
	}
}

/* Three chunks, the first with the settling in it: what recomputing adds to raw is next to nothing.
 */
static void recompute(const char *trace, const char *profile)
{
	struct pbt_signal s;
	struct op_chunk_reader *r = NULL;
	struct op_chunk_columns c;
	op_field_set both = 1 << BASELINE | 1 << ENVELOPE;
	struct op_chunk_builder *all = builder(both | 1 << RAW, both);
	struct op_chunk_builder *raw = builder(1 << RAW, 0);
	CHECK_INT(op_chunk_reader_create(&pbt_sample_topic, ~0ULL, &r), 0);
	pbt_signal_init(&s, trace, profile, 1000 * OP_NS_PER_S);
	for (unsigned i = 0; i < 3; i++) {
		pbt_signal_fill(&s, slots, N);
		size_t least = through(raw, r, &c);
		size_t bytes = through(all, r, &c);
		CHECK(bytes <= least + (i == 0 ? 1500 : 150));
		CHECK(least < N);
		check_near(&c);
	}
	pbt_signal_finish(&s);
	op_chunk_builder_destroy(all);
	op_chunk_builder_destroy(raw);
	op_chunk_reader_destroy(r);
}

TEST(recomputes_the_golden_trace)
{
	recompute(GOLDEN_TRACE, "default");
}

TEST(recomputes_the_golden_trace_with_the_slow_filter)
{
	recompute(GOLDEN_TRACE, "sick10bar");
}

TEST(recomputes_the_simulated_signal)
{
	recompute(NULL, "default");
}

TEST(recomputes_the_simulated_signal_with_the_slow_filter)
{
	recompute(NULL, "sick10bar");
}

/* The inputs are found, not told: without the baseline there is no envelope. */
TEST(what_follows_no_rule_is_stored_as_it_is)
{
	struct pbt_signal s;
	struct op_chunk_reader *r = NULL;
	struct op_chunk_columns c;
	struct op_chunk_builder *b = builder(1 << ENVELOPE | 1 << PHASE, 1 << ENVELOPE);
	CHECK_INT(op_chunk_reader_create(&pbt_sample_topic, ~0ULL, &r), 0);
	pbt_signal_init(&s, NULL, "default", OP_NS_PER_S);
	pbt_signal_fill(&s, slots, N);
	CHECK(through(b, r, &c) > N);
	const float *envelope = c.values[ENVELOPE];
	for (size_t i = 0; i < N; i++)
		CHECK(!memcmp(&envelope[i], &slots[i].sample.envelope, sizeof(float)));
	CHECK(c.values[RAW] == NULL);
	pbt_signal_finish(&s);
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
}

/* Jumps, a value that stands still for a while, NaN: begun anew there, right everywhere. */
TEST(a_mean_that_leaves_its_rule_is_right_all_the_same)
{
	struct pbt_signal s;
	struct op_chunk_reader *r = NULL;
	struct op_chunk_columns c;
	op_field_set both = 1 << BASELINE | 1 << ENVELOPE;
	struct op_chunk_builder *b = builder(both | 1 << RAW, both);
	CHECK_INT(op_chunk_reader_create(&pbt_sample_topic, ~0ULL, &r), 0);
	pbt_signal_init(&s, NULL, "default", OP_NS_PER_S);
	pbt_signal_fill(&s, slots, N);
	for (size_t i = 5000; i < 5200; i++)
		slots[i].sample.baseline = slots[5000].sample.baseline + 3;
	for (size_t i = 9000; i < 9003; i++)
		slots[i].sample.envelope = NAN;
	slots[12000].sample.envelope = INFINITY;
	CHECK(through(b, r, &c) < N);
	const float *baseline = c.values[BASELINE], *envelope = c.values[ENVELOPE];
	for (size_t i = 0; i < N; i++) {
		CHECK_NEAR((double)baseline[i], (double)slots[i].sample.baseline, TOLERANCE);
		if (isfinite(slots[i].sample.envelope))
			CHECK_NEAR((double)envelope[i], (double)slots[i].sample.envelope,
				   TOLERANCE);
		else
			CHECK(!memcmp(&envelope[i], &slots[i].sample.envelope, sizeof(float)));
	}
	pbt_signal_finish(&s);
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
}

TEST(the_factor_is_found_in_noise_and_jumps)
{
	static double d[5000], y[5000];
	double now = 500;
	for (size_t i = 0; i < 5000; i++) {
		d[i] = 500 + (double)(i * 7919 % 97);
		now = (1 - 0.0375) * now + 0.0375 * d[i];
		if (i % 1000 == 999)
			now += 40;
		y[i] = (double)(float)now;
	}
	CHECK_NEAR(op_mean_fit(d, y, 5000, TOLERANCE), 0.0375, 1e-6);
	uint32_t at[10];
	CHECK_INT(op_mean_restarts(0.0375, OP_F32, d, y, 5000, TOLERANCE, at, 10), 6);
	CHECK_INT(at[0], 0);
	CHECK_INT(at[1], 999);
	CHECK_INT(op_mean_restarts(0.0375, OP_F32, d, y, 5000, TOLERANCE, at, 3), 4);
	for (size_t i = 0; i < 5000; i++)
		y[i] = (double)(i % 2);
	double factor = op_mean_fit(d, y, 5000, TOLERANCE);
	CHECK_INT(op_mean_restarts(factor, OP_F32, d, y, 5000, TOLERANCE, at, 10), 11);
}
