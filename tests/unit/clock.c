/*
 * clock.c - the wall clock of a machine without a clock chip, in the scenarios that happen.
 *
 * A scenario is a machine: its boot clock runs, its wall clock is moved by hand, chip or kernel, it
 * is looked at once a second, and what op_clock_see says is stored as the recorder stores it. After
 * every look all that is stored must be sound (see check_stored).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/clock.h"
#include "test.h"

#include <time.h>

#define S ((int64_t)OP_NS_PER_S)
#define MINUTE (60 * S)
#define HOUR (3600 * S)
#define DAY (86400 * S)
#define YEAR (365 * DAY)
#define TRUTH (1795255200 * S) /* wall time at boot, 2026-11-21T10:00Z */
#define BUILT (TRUTH - 30 * DAY)
#define SEGMENTS_MAX 4096

static struct op_clock_sight sight;
static struct op_clock clock_now;
static struct op_clock_segment stored[SEGMENTS_MAX];
static size_t n_stored, corrections;

static int64_t distance_of(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static int64_t wall_at(int64_t boot_ns)
{
	return boot_ns + op_clock_at(stored, n_stored, (uint64_t)boot_ns)->offset_ns;
}

/* Segments are in order, the newest is the clock's, and time goes forward within each. */
static void check_stored(void)
{
	CHECK(n_stored > 0 && stored[0].from_ns == 0);
	CHECK_INT(stored[n_stored - 1].from_ns, clock_now.now.from_ns);
	CHECK_INT(stored[n_stored - 1].offset_ns, clock_now.now.offset_ns);
	CHECK_INT(stored[n_stored - 1].quality, clock_now.now.quality);
	for (size_t i = 1; i < n_stored; i++)
		CHECK(stored[i].from_ns > stored[i - 1].from_ns);
	const struct op_clock_segment *was = NULL;
	int64_t before = 0;
	for (uint64_t t = 0; t <= sight.boot_ns; t += sight.boot_ns / 50 + 1) {
		const struct op_clock_segment *in = op_clock_at(stored, n_stored, t);
		CHECK(in->from_ns <= t);
		CHECK(in != was || wall_at((int64_t)t) > before);
		was = in;
		before = wall_at((int64_t)t);
	}
}

static void look(void)
{
	enum op_clock_change change = op_clock_see(&clock_now, &sight);
	if (change == OP_CLOCK_BEGUN) {
		CHECK(n_stored < SEGMENTS_MAX);
		stored[n_stored++] = clock_now.now;
	} else if (change == OP_CLOCK_CORRECTED) {
		CHECK_INT(stored[n_stored - 1].from_ns, clock_now.now.from_ns);
		stored[n_stored - 1] = clock_now.now;
		corrections++;
	}
}

/* The machine runs for so long, looked at every second. */
static void run(int64_t ns)
{
	for (int64_t done = 0; done < ns; done += S) {
		sight.boot_ns += (uint64_t)S;
		sight.wall_ns += S;
		look();
	}
	check_stored();
}

static void boot(int64_t wall_ns, bool chip, int64_t floor_wall_ns)
{
	sight = (struct op_clock_sight){
		.boot_ns = (uint64_t)(8 * S), .wall_ns = wall_ns, .chip = chip};
	n_stored = corrections = 0;
	op_clock_init(&clock_now, floor_wall_ns);
	look();
	CHECK_INT(n_stored, 1);
}

/* What a time service does, and settimeofday(2). */
static void synchronise(int64_t wall_ns)
{
	sight.wall_ns = wall_ns;
	sight.synchronised = true;
}

static void set_by_hand(int64_t wall_ns)
{
	sight.wall_ns = wall_ns;
	sight.synchronised = false;
}

static int64_t truth(void)
{
	return TRUTH + (int64_t)sight.boot_ns;
}

static enum op_clock_quality quality(void)
{
	return clock_now.now.quality;
}

TEST(of_1970_at_boot_nothing_remains_once_the_kernel_is_synchronised)
{
	boot(8 * S, false, BUILT);
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	CHECK_INT(n_stored, 1);
	CHECK_INT(wall_at(9 * S), 9 * S);
	synchronise(truth());
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 1);
	CHECK_INT(corrections, 1);
	CHECK_INT(wall_at(9 * S), TRUTH + 9 * S);
	CHECK_INT(wall_at(0), TRUTH);
}

TEST(three_years_more_by_hand_are_not_believed_and_corrected_later)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	run(10 * MINUTE);
	set_by_hand(truth() + 3 * YEAR);
	run(2 * HOUR);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	CHECK(clock_now.floor_wall_ns < truth());
	CHECK_INT(n_stored, 2);
	synchronise(truth());
	run(MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 2);
	CHECK_INT(wall_at(HOUR), TRUTH + HOUR);
}

TEST(three_years_more_from_the_kernel_are_believed_after_an_hour)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	run(10 * MINUTE);
	synchronise(truth() + 3 * YEAR);
	run(59 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	CHECK(clock_now.floor_wall_ns < truth());
	run(2 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 2);
	CHECK_INT(wall_at(9 * S), TRUTH + 9 * S); /* what was known stays as it was */
}

TEST(three_years_more_for_a_while_leave_no_trace)
{
	boot(TRUTH + 8 * S, true, BUILT);
	synchronise(truth());
	run(10 * MINUTE);
	for (int i = 0; i < 5; i++) {
		synchronise(truth() + 3 * YEAR);
		run(30 * MINUTE);
		CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
		synchronise(truth());
		run(MINUTE);
		CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	}
	for (int64_t t = 0; t < (int64_t)sight.boot_ns; t += MINUTE)
		CHECK_INT(wall_at(t), TRUTH + t);
}

TEST(an_hour_back_is_unknown_until_it_is_over)
{
	boot(TRUTH + 8 * S, true, BUILT);
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SET);
	set_by_hand(truth() - HOUR);
	run(59 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	CHECK_INT(n_stored, 2);
	run(2 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SET);
	CHECK_INT(n_stored, 2);
	CHECK_INT(wall_at(8 * MINUTE), TRUTH + 8 * MINUTE);
	CHECK_INT(wall_at(20 * MINUTE), TRUTH + 20 * MINUTE - HOUR);
}

TEST(an_hour_back_by_the_kernel_is_a_segment)
{
	boot(TRUTH + HOUR + 8 * S, false, BUILT);
	synchronise(truth() + HOUR);
	run(10 * MINUTE);
	synchronise(truth());
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 2);
	CHECK_INT(corrections, 1);
	CHECK(clock_now.floor_wall_ns <= truth());
}

TEST(who_flaps_gets_a_segment_a_minute)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	for (int i = 0; i < 3600; i++) {
		synchronise(truth() + (i & 1 ? HOUR : 0));
		run(S);
	}
	CHECK(n_stored >= 60 && n_stored <= OP_CLOCK_BURST + 61);
	boot(TRUTH + 8 * S, true, BUILT);
	for (int i = 0; i < 1800; i++) {
		set_by_hand(truth() - HOUR);
		run(S);
		synchronise(truth());
		run(S);
	}
	CHECK(n_stored <= OP_CLOCK_BURST + 61);
	CHECK_INT(wall_at(9 * S), TRUTH + 9 * S);
}

TEST(a_flapping_kernel_state_changes_nothing)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	for (int i = 0; i < 1000; i++) {
		run(S);
		sight.synchronised = !sight.synchronised;
	}
	CHECK_INT(n_stored, 1);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
}

TEST(the_time_zone_does_not_matter)
{
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "UTC-14",
					    "CET-1CEST,M3.5.0,M10.5.0/3"};
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(1774745990 * S); /* ten seconds before summer time begins in Europe, 2026 */
	for (size_t i = 0; i < OP_ARRAY_SIZE(zones); i++) {
		CHECK_INT(setenv("TZ", zones[i], 1), 0);
		tzset();
		run(MINUTE);
	}
	CHECK_INT(n_stored, 1);
	CHECK_INT(corrections, 1);
	CHECK_INT(unsetenv("TZ"), 0);
}

TEST(a_leap_second_is_one_segment)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	run(HOUR);
	int64_t before = (int64_t)sight.boot_ns;
	synchronise(truth() - S); /* 23:59:60 is told twice */
	run(HOUR);
	CHECK_INT(n_stored, 2);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(wall_at(before), TRUTH + before);
	CHECK_INT(wall_at(before + MINUTE), TRUTH + before + MINUTE - S);
}

TEST_WITHIN(a_smeared_leap_second_is_ten_segments, 30)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	run(HOUR);
	for (int i = 0; i < 86400; i += 60) {
		sight.wall_ns -= S / 1440;
		run(MINUTE);
		CHECK(clock_now.now.offset_ns - (sight.wall_ns - (int64_t)sight.boot_ns) <=
		      (int64_t)OP_CLOCK_STEP_NS);
	}
	CHECK(n_stored >= 9 && n_stored <= 11);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
}

TEST(suspend_moves_both_clocks)
{
	boot(TRUTH + 8 * S, true, BUILT);
	run(HOUR);
	sight.boot_ns += (uint64_t)(9 * HOUR); /* CLOCK_BOOTTIME counts on */
	sight.wall_ns += 9 * HOUR + 30 * S / 1000;
	run(HOUR);
	CHECK_INT(n_stored, 1);
	CHECK_INT(corrections, 0);
	CHECK_INT(quality(), OP_CLOCK_SET);
}

TEST(the_time_of_the_last_shutdown_is_no_time)
{
	boot(TRUTH - DAY, false, TRUTH - DAY - 3 * S);
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	synchronise(truth());
	run(MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 1);
	CHECK_INT(wall_at(0), TRUTH);
}

TEST(a_chip_with_an_empty_battery_is_no_clock)
{
	boot(946684800 * S, true, BUILT); /* 2000-01-01 */
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	set_by_hand(truth());
	run(MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SET);
	CHECK_INT(n_stored, 1);
	CHECK_INT(wall_at(0), TRUTH);
}

TEST(a_chip_that_was_minutes_off_is_corrected_by_the_kernel)
{
	boot(TRUTH + 8 * S - 3 * MINUTE, true, BUILT);
	run(10 * MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SET);
	synchronise(truth());
	run(MINUTE);
	CHECK_INT(n_stored, 1);
	CHECK_INT(wall_at(0), TRUTH);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
}

TEST(a_chip_after_three_years_on_the_shelf_is_believed)
{
	boot(TRUTH + 3 * YEAR, true, TRUTH);
	CHECK_INT(quality(), OP_CLOCK_SET);
	synchronise(TRUTH + 3 * YEAR + DAY + HOUR); /* and so is who corrects it by a day */
	run(MINUTE);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	CHECK_INT(n_stored, 1);
}

TEST_WITHIN(never_synchronised_is_one_unknown_segment, 30)
{
	boot(TRUTH - DAY, false, TRUTH - DAY + MINUTE);
	run(2 * DAY);
	CHECK_INT(n_stored, 1);
	CHECK_INT(corrections, 0);
	CHECK_INT(quality(), OP_CLOCK_UNKNOWN);
	CHECK_INT(clock_now.floor_wall_ns, TRUTH - DAY + MINUTE);
}

TEST_WITHIN(slewing_500_ppm_for_a_day_is_432_segments, 30)
{
	boot(TRUTH + 8 * S, false, BUILT);
	synchronise(truth());
	run(S);
	for (int i = 0; i < 86400; i += 10) {
		sight.wall_ns += 5 * S / 1000;
		run(10 * S);
		CHECK(distance_of(sight.wall_ns - (int64_t)sight.boot_ns,
				  clock_now.now.offset_ns) <= (int64_t)OP_CLOCK_STEP_NS);
	}
	CHECK(n_stored >= 400 && n_stored <= 433);
}

TEST(synchronised_and_then_lost_runs_on)
{
	boot(8 * S, false, BUILT);
	synchronise(truth());
	run(HOUR);
	sight.synchronised = false; /* nobody disciplined it for nine hours */
	run(9 * HOUR);
	CHECK_INT(n_stored, 1);
	CHECK_INT(quality(), OP_CLOCK_SYNCHRONISED);
	synchronise(truth() + 40 * S / 1000); /* back, a little off */
	run(MINUTE);
	CHECK_INT(n_stored, 1);
	synchronise(truth() + S);
	run(MINUTE);
	CHECK_INT(n_stored, 2);
}

TEST(a_recorder_started_again_corrects_what_the_first_left_open)
{
	boot(8 * S, false, BUILT);
	run(MINUTE);
	struct op_clock_segment last = stored[n_stored - 1];
	op_clock_init(&clock_now, BUILT);
	op_clock_resume(&clock_now, &last);
	run(MINUTE);
	CHECK_INT(corrections, 0);
	synchronise(truth());
	run(MINUTE);
	CHECK_INT(n_stored, 1);
	CHECK_INT(corrections, 1);
	CHECK_INT(wall_at(8 * S), TRUTH + 8 * S);
}

TEST(a_lookup_takes_the_last_that_has_begun)
{
	static const struct op_clock_segment s[] = {{10, 1, 0}, {20, 2, 0}, {30, 3, 0}};
	static const struct {
		uint64_t boot;
		int64_t want;
	} cases[] = {{0, 1}, {10, 1}, {19, 1}, {20, 2}, {29, 2}, {30, 3}, {UINT64_MAX, 3}};
	for (size_t i = 0; i < OP_ARRAY_SIZE(cases); i++)
		CHECK_INT(op_clock_at(s, 3, cases[i].boot)->offset_ns, cases[i].want);
	CHECK_INT(op_clock_at(s, 1, 0)->offset_ns, 1);
	CHECK_STR(op_clock_quality_name(s[0].quality), "unknown");
	CHECK_STR(op_clock_quality_name(OP_CLOCK_SET), "set");
	CHECK_STR(op_clock_quality_name(OP_CLOCK_SYNCHRONISED), "synchronised");
}

TEST(the_clocks_of_this_machine_are_read_at_one_instant)
{
	struct op_clock_sight a, b;
	uint64_t before = op_now_ns();
	op_clock_look(&a);
	op_clock_look(&b);
	CHECK(a.boot_ns >= before && a.boot_ns <= b.boot_ns && b.boot_ns <= op_now_ns());
	CHECK(a.wall_ns > BUILT - 10 * YEAR && b.chip == a.chip);
	int64_t apart = (b.wall_ns - (int64_t)b.boot_ns) - (a.wall_ns - (int64_t)a.boot_ns);
	CHECK(apart < S && apart > -S);
}
