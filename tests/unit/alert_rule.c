/*
 * alert_rule.c - services/alerts/rule.c: its table of states, noise, gaps, cooldown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "services/alerts/rule.h"

#include "test.h"

#include <math.h>

#define S OP_NS_PER_S
#define MS OP_NS_PER_MS

static struct rule make(struct rule_params p)
{
	struct rule r;
	rule_init(&r, &p);
	return r;
}

static uint64_t state = 88172645463325252ULL; /* xorshift64, the same numbers every time */

static double uniform(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (double)(state >> 11) / 9007199254740992.0;
}

TEST(a_value_beyond_raises_and_one_back_clears)
{
	struct rule r = make((struct rule_params){.condition = RULE_ABOVE, .high = 27});
	CHECK_INT(rule_value(&r, 1 * S, 26), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 2 * S, 27), RULE_NOTHING); /* equal is not above */
	CHECK_INT(rule_value(&r, 3 * S, 27.5), RULE_RAISE);
	CHECK_NEAR(r.value, 27.5, 0);
	CHECK_NEAR(r.threshold, 27, 0);
	CHECK_INT(r.since_ns, 3 * S);
	CHECK_INT(rule_value(&r, 4 * S, 40), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 5 * S, 27), RULE_CLEAR);
	CHECK(!rule_is_raised(&r));
}

TEST(below_and_outside_know_their_side)
{
	struct rule low = make((struct rule_params){.condition = RULE_BELOW, .low = 15});
	CHECK_INT(rule_value(&low, 1 * S, 99), RULE_NOTHING);
	CHECK_INT(rule_value(&low, 2 * S, 14), RULE_RAISE);
	struct rule both = make((struct rule_params){
		.condition = RULE_OUTSIDE, .low = 15, .high = 27, .hysteresis = 1});
	CHECK_INT(rule_value(&both, 1 * S, 28), RULE_RAISE);
	CHECK_NEAR(both.threshold, 27, 0);
	CHECK_INT(rule_value(&both, 2 * S, 26.5), RULE_NOTHING);
	CHECK_INT(rule_value(&both, 3 * S, 14), RULE_NOTHING); /* through: still outside */
	CHECK_INT(rule_value(&both, 4 * S, 15.5), RULE_NOTHING);
	CHECK_INT(rule_value(&both, 5 * S, 16), RULE_CLEAR);
	CHECK_INT(rule_value(&both, 6 * S, 14), RULE_RAISE);
	CHECK_NEAR(both.threshold, 15, 0);
}

TEST(it_must_hold_so_long_and_be_over_so_long)
{
	struct rule r = make((struct rule_params){
		.condition = RULE_ABOVE, .high = 1, .for_ns = 10 * S, .clear_ns = 5 * S});
	CHECK_INT(rule_value(&r, 100 * S, 2), RULE_NOTHING);
	CHECK_INT(r.state, RULE_PENDING);
	CHECK_INT(rule_value(&r, 109 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 109 * S + 1, 0), RULE_NOTHING); /* begins anew */
	CHECK_INT(rule_value(&r, 110 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 120 * S, 2), RULE_RAISE);
	CHECK_INT(r.since_ns, 110 * S);
	CHECK_INT(rule_value(&r, 121 * S, 0), RULE_NOTHING);
	CHECK_INT(r.state, RULE_CLEARING);
	CHECK_INT(rule_value(&r, 125 * S, 2), RULE_NOTHING); /* not over after all */
	CHECK_INT(rule_value(&r, 126 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 131 * S, 0), RULE_CLEAR);
}

TEST(a_missing_value_is_no_crossing)
{
	struct rule r = make((struct rule_params){.condition = RULE_OUTSIDE, .low = 1, .high = 2});
	CHECK_INT(rule_value(&r, 1 * S, NAN), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 2 * S, 1.5), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 3 * S, NAN), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 4 * S, INFINITY), RULE_RAISE); /* a value, and beyond */
	CHECK_INT(rule_value(&r, 5 * S, NAN), RULE_NOTHING);
	CHECK(rule_is_raised(&r));
}

TEST(a_gap_is_no_crossing)
{
	struct rule_params p = {.condition = RULE_ABOVE,
				.high = 1,
				.hysteresis = 0.5,
				.for_ns = 10 * S,
				.clear_ns = 10 * S,
				.gap_ns = 3 * S};
	struct rule r = make(p);
	CHECK_INT(rule_value(&r, 1 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 20 * S, 2), RULE_NOTHING); /* held? nobody knows */
	CHECK_INT(r.mark_ns, 20 * S);
	CHECK_INT(rule_value(&r, 40 * S, 0.7), RULE_NOTHING); /* within: holds no longer */
	CHECK_INT(r.state, RULE_OK);
	for (uint64_t t = 50; t < 60; t++)
		CHECK_INT(rule_value(&r, t * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 60 * S, 2), RULE_RAISE);
	CHECK_INT(rule_value(&r, 61 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 90 * S, 0), RULE_NOTHING); /* over for how long? */
	CHECK_INT(r.mark_ns, 90 * S);
	CHECK_INT(rule_value(&r, 93 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 96 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 99 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 100 * S, 0), RULE_CLEAR);
}

TEST(the_cooldown_lies_between_raises)
{
	struct rule r = make(
		(struct rule_params){.condition = RULE_ABOVE, .high = 1, .cooldown_ns = 60 * S});
	CHECK_INT(rule_value(&r, 100 * S, 2), RULE_RAISE);
	CHECK_INT(rule_value(&r, 101 * S, 0), RULE_CLEAR);
	CHECK_INT(rule_value(&r, 102 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 103 * S, 0), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 130 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 160 * S, 2), RULE_RAISE); /* it held on */
	CHECK_INT(r.since_ns, 130 * S);
}

TEST(a_restored_rule_is_not_raised_again_and_clears)
{
	struct rule r = make((struct rule_params){.condition = RULE_ABOVE, .high = 1});
	rule_restore(&r, 0, 0, 5, 1);
	CHECK_INT(rule_value(&r, 3 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 4 * S, 0), RULE_CLEAR);
}

TEST(time_that_goes_back_stands_still)
{
	struct rule r = make((struct rule_params){
		.condition = RULE_ABOVE, .high = 1, .for_ns = 2 * S, .gap_ns = 5 * S});
	CHECK_INT(rule_value(&r, 10 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 4 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 11 * S, 2), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 12 * S, 2), RULE_RAISE);
}

TEST(a_match_is_the_callers)
{
	struct rule r = make((struct rule_params){.condition = RULE_MATCH, .for_ns = S});
	CHECK_INT(rule_match(&r, 1 * S, true, 7), RULE_NOTHING);
	CHECK_INT(rule_match(&r, 2 * S, true, 8), RULE_RAISE);
	CHECK_NEAR(r.value, 8, 0);
	CHECK_INT(rule_match(&r, 3 * S, false, 9), RULE_CLEAR);
}

/* Noise of any kind and any timing: within the hysteresis it raises once and never clears. */
TEST_WITHIN(noise_about_the_threshold_raises_once, 60)
{
	for (unsigned round = 0; round < 2000; round++) {
		double hysteresis = 0.1 + uniform() * 10, amplitude = hysteresis * uniform();
		struct rule r = make((struct rule_params){.condition = RULE_ABOVE,
							  .high = 27,
							  .hysteresis = hysteresis,
							  .for_ns = (uint64_t)(uniform() * 5e9)});
		uint64_t t = S;
		unsigned raised = 0;
		double walk = 0;
		for (unsigned i = 0; i < 500; i++) {
			double n = 2 * uniform() - 1;
			walk = round % 3 == 0 ? n : round % 3 == 1 ? sin(i * n) : walk + n / 3;
			walk = fmax(-0.999, fmin(1, walk));
			t += (uint64_t)(uniform() * 1e9);
			enum rule_event e = rule_value(&r, t, 27 + walk * amplitude);
			CHECK(e != RULE_CLEAR);
			raised += e == RULE_RAISE;
		}
		CHECK(raised <= 1);
		CHECK(r.params.for_ns > 0 || raised == 1 || !r.beyond);
		CHECK(raised == 1 || !r.beyond || t - r.mark_ns < r.params.for_ns);
	}
}

/* Whatever comes: raises and clears take turns, and each raise has held. */
TEST_WITHIN(raises_and_clears_take_turns, 60)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct rule_params p = {.condition = RULE_OUTSIDE,
					.low = -1,
					.high = 1,
					.hysteresis = uniform(),
					.for_ns = (uint64_t)(uniform() * 3e9),
					.clear_ns = (uint64_t)(uniform() * 3e9),
					.cooldown_ns = (uint64_t)(uniform() * 9e9),
					.gap_ns = round % 2 ? 0 : 2 * S};
		struct rule r = make(p);
		uint64_t t = S, good_ns = 0, last_ns = 0;
		bool up = false;
		for (unsigned i = 0; i < 500; i++) {
			double v =
				uniform() < 0.1 ? NAN : 3 * uniform() * (uniform() < 0.5 ? 1 : -1);
			t += (uint64_t)(uniform() * (uniform() < 0.05 ? 9e9 : 1e9));
			if (fabs(v) <= 1 - p.hysteresis)
				good_ns = t;
			enum rule_event e = rule_value(&r, t, v);
			CHECK(e != RULE_RAISE || !up);
			CHECK(e != RULE_CLEAR || up);
			if (e == RULE_RAISE) {
				CHECK(t - good_ns >= p.for_ns);
				CHECK(last_ns == 0 || t - last_ns >= p.cooldown_ns);
				last_ns = t;
			}
			up = rule_is_raised(&r);
		}
	}
}
