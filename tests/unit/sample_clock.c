/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dsp/sample_clock.h"

#include <math.h>

#include "test.h"

#define PERIOD 1250000.0

/* A board and a host: sample n is taken at n periods of the board's clock and arrives later. */
struct world {
	struct op_sample_clock clock;
	double rate;                 /* the board's, 1 = nominal */
	double stall_from, stall_to; /* ns: nothing arrives in between, then all at once */
	uint64_t jitter_ns, origin_ns, last_ns, arrived_ns;
	unsigned seed;
	size_t pending;
	double worst_after_ns, worst_ns; /* largest error of samples taken after worst_after_ns */
};

static uint64_t noise(struct world *w)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return w->jitter_ns ? (w->seed >> 8) % w->jitter_ns : 0;
}

static void deliver(struct world *w, double taken_ns, uint64_t arrival_ns)
{
	uint64_t times[4096];
	if (arrival_ns < w->arrived_ns) /* a line does not overtake another */
		arrival_ns = w->arrived_ns;
	w->arrived_ns = arrival_ns;
	op_sample_clock_batch(&w->clock, arrival_ns, w->pending, times);
	for (size_t i = 0; i < w->pending; i++) {
		double real = taken_ns - (double)(w->pending - 1 - i) * PERIOD / w->rate;
		double error = (double)(int64_t)(times[i] - w->origin_ns) - real;
		CHECK(times[i] >= w->last_ns);
		CHECK(times[i] <= arrival_ns);
		w->last_ns = times[i];
		if (real > w->worst_after_ns && fabs(error) > fabs(w->worst_ns))
			w->worst_ns = error;
	}
	w->pending = 0;
}

static void run(struct world *w, double from_s, double to_s)
{
	for (double n = ceil(from_s * 800 * w->rate); n < to_s * 800 * w->rate; n++) {
		double taken = n * PERIOD / w->rate;
		w->pending++;
		if (taken >= w->stall_from && taken < w->stall_to)
			continue;
		deliver(w, taken, w->origin_ns + (uint64_t)taken + noise(w));
	}
}

static struct world world(double rate, uint64_t jitter_ns)
{
	struct world w = {.rate = rate, .jitter_ns = jitter_ns, .origin_ns = 1000 * OP_NS_PER_S};
	op_sample_clock_init(&w.clock, 800);
	return w;
}

TEST(times_are_a_period_apart_when_nothing_is_late)
{
	struct world w = world(1, 0);
	run(&w, 0, 10);
	CHECK_NEAR(w.worst_ns, 0, 2);
	CHECK_NEAR(op_sample_clock_rate_hz(&w.clock), 800, 1e-3);
	CHECK_INT(w.clock.anchors, 1);
}

TEST(of_four_ms_of_jitter_less_than_one_is_left)
{
	struct world w = world(1, 4000000);
	w.worst_after_ns = 3e9;
	run(&w, 0, 60);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
	CHECK_NEAR(op_sample_clock_rate_hz(&w.clock), 800, 0.1);
}

/* The burst after a stall carries the times its samples were taken at. */
TEST(a_stall_and_its_burst_do_not_compress_time)
{
	struct world w = world(1, 100000);
	w.stall_from = 5e9, w.stall_to = 5.6e9;
	w.worst_after_ns = 2e9;
	run(&w, 0, 30);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
	CHECK_INT(w.clock.anchors, 1);
}

TEST(a_slow_board_is_followed)
{
	struct world w = world(0.995, 300000);
	w.worst_after_ns = 10e9;
	run(&w, 0, 60);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
	CHECK_NEAR(op_sample_clock_rate_hz(&w.clock), 796, 0.1);
}

TEST(a_fast_board_is_followed)
{
	struct world w = world(1.005, 300000);
	w.worst_after_ns = 10e9;
	run(&w, 0, 60);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
	CHECK_NEAR(op_sample_clock_rate_hz(&w.clock), 804, 0.1);
}

TEST(the_first_seconds_are_within_five_ms)
{
	for (double rate = 0.995; rate < 1.006; rate += 0.005) {
		struct world w = world(rate, 1000000);
		run(&w, 0, 10);
		CHECK_NEAR(w.worst_ns, 0, 5000000);
	}
}

/* Samples that never come: after at most two blocks the line is right again. */
TEST(a_real_gap_reanchors)
{
	struct world w = world(1, 100000);
	run(&w, 0, 10);
	w.origin_ns += 3 * OP_NS_PER_S; /* three seconds without a sample, numbers go on */
	w.worst_ns = 0, w.worst_after_ns = 14.1e9;
	run(&w, 10, 30);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
	CHECK_INT(w.clock.anchors, 2);
}

TEST(a_reconnect_places_the_line_at_once)
{
	struct world w = world(1, 100000);
	run(&w, 0, 10);
	op_sample_clock_restart(&w.clock);
	w.origin_ns += 7 * OP_NS_PER_S;
	w.worst_ns = 0;
	run(&w, 10, 20);
	CHECK_NEAR(w.worst_ns, 0, 1000000);
}

TEST(a_backlog_of_a_whole_buffer_is_spread_backwards)
{
	struct op_sample_clock c;
	uint64_t times[800];
	op_sample_clock_init(&c, 800);
	op_sample_clock_batch(&c, 10 * OP_NS_PER_S, 800, times);
	CHECK_INT(times[799], 10 * OP_NS_PER_S);
	CHECK_INT(times[0], 10 * OP_NS_PER_S - 799 * 1250000ULL);
}

/* Ten thousand times faster than the rate, as in a bench: order holds, nothing overflows. */
TEST(a_flood_keeps_its_order)
{
	struct op_sample_clock c;
	uint64_t times[1000], last = 0;
	op_sample_clock_init(&c, 800);
	for (int i = 0; i < 10000; i++) {
		uint64_t now = 5 * OP_NS_PER_S + (uint64_t)i * 100000;
		op_sample_clock_batch(&c, now, 1000, times);
		CHECK(times[0] >= last && times[999] >= times[0] && times[999] <= now);
		last = times[999];
	}
	CHECK_NEAR(op_sample_clock_rate_hz(&c), 800, 17);
}
