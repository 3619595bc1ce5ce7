/*
 * alert_told.c - services/alerts/rule.c: who was told, and when it is told again.
 *
 * The judge is the rule of the temperature monitor's users, written down by itself: an alert is due
 * when it was never delivered or its cooldown is over, delivery alone begins the cooldown, a
 * reading that is back ends both, and only a delivered one has an end that is told.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "services/alerts/rule.h"

#include "test.h"

#include <math.h>
#include <string.h>

#define S OP_NS_PER_S
#define CYCLE (60 * S)

static struct rule make(uint64_t repeat_s)
{
	struct rule r;
	rule_init(&r, &(struct rule_params){.condition = RULE_ABOVE,
					    .high = 27,
					    .repeat = true,
					    .repeat_ns = repeat_s * S,
					    .confirmed = true});
	return r;
}

/* What is sent in one cycle: '.' nothing, 'A' an alert, 'R' resolved. taken: whether it arrives. */
static char cycle(struct rule *r, unsigned k, bool hot, bool taken)
{
	bool told = r->told;
	enum rule_event e = rule_value(r, (k + 1) * CYCLE, hot ? 30 : 20);
	if (e == RULE_RAISE || e == RULE_REPEAT) {
		rule_told(r, (k + 1) * CYCLE, taken);
		return 'A';
	}
	return e == RULE_CLEAR && told ? 'R' : '.';
}

/* The cycles of a day: '+' above, '-' not; '!' above and the receiver is dead. */
static void check_trace(uint64_t repeat_s, const char *cycles, const char *want)
{
	struct rule r = make(repeat_s);
	char got[64] = "";
	for (unsigned k = 0; cycles[k]; k++)
		got[k] = cycle(&r, k, cycles[k] != '-', cycles[k] != '!');
	CHECK_STR(got, want);
}

TEST(told_again_after_the_cooldown_of_a_delivery)
{
	check_trace(900, "+++++++++++++++++++", "A..............A...");
	check_trace(900, "-+-+-+", ".ARARA"); /* at once after a recovery */
	check_trace(120, "+++++++", "A.A.A.A");
	check_trace(121, "+++++++", "A..A..A");
	check_trace(0, "++++-", "AAAAR"); /* every cycle */
}

TEST(what_nobody_took_is_tried_with_the_next_value)
{
	check_trace(900, "!!!++-", "AAAA.R");
	check_trace(900, "!!-", "AA."); /* nobody knew of it */
	check_trace(900, "!-!-+-", "A.A.AR");
	check_trace(120, "+!!!+++-", "A.AAA.AR"); /* a repeat that failed: known all the same */
	check_trace(120, "+!!-", "A.AR");
}

struct judge {
	bool active;
	uint64_t last; /* 0: no cooldown */
};

static char judged(struct judge *j, unsigned k, bool hot, bool taken, uint64_t cooldown_s)
{
	uint64_t now = (k + 1) * CYCLE;
	if (!hot && j->active) {
		*j = (struct judge){0};
		return 'R';
	}
	if (!hot || (j->last && now - j->last < cooldown_s * S))
		return '.';
	if (taken)
		*j = (struct judge){true, now};
	return 'A';
}

TEST(any_run_of_cycles_and_outcomes_is_judged_the_same)
{
	uint64_t x = 88172645463325252ULL; /* xorshift64, the same numbers every time */
	static const uint64_t cooldowns[] = {0, 60, 90, 120, 300, 900};
	for (unsigned run = 0; run < 600; run++) {
		uint64_t cooldown_s = cooldowns[run % OP_ARRAY_SIZE(cooldowns)];
		struct rule r = make(cooldown_s);
		struct judge j = {0};
		bool hot = false, taken = true;
		for (unsigned k = 0; k < 300; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			hot ^= x % 5 == 0;
			taken ^= (x >> 20) % 4 == 0;
			CHECK_INT(cycle(&r, k, hot, taken), judged(&j, k, hot, taken, cooldown_s));
		}
	}
}

TEST(while_an_answer_is_awaited_nothing_is_told)
{
	struct rule r = make(60);
	CHECK_INT(rule_value(&r, 1 * S, 30), RULE_RAISE);
	CHECK_INT(rule_value(&r, 500 * S, 31), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 501 * S, 20), RULE_CLEAR); /* the caller keeps it to himself */
	CHECK_INT(rule_value(&r, 502 * S, 30), RULE_RAISE);
	rule_told(&r, 503 * S, false);
	CHECK_INT(rule_value(&r, 504 * S, 32), RULE_REPEAT);
	CHECK_NEAR(r.value, 32, 0);
	rule_told(&r, 600 * S, true);
	CHECK_INT(rule_value(&r, 601 * S, 33), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 599 * S, 33), RULE_NOTHING); /* seen before it was told */
	CHECK_INT(rule_value(&r, 660 * S, 33), RULE_REPEAT);
	CHECK_INT(rule_value(&r, 661 * S, NAN), RULE_NOTHING);
}

TEST(a_rule_that_is_not_confirmed_repeats_by_the_clock_or_never)
{
	struct rule r;
	struct rule_params p = {.condition = RULE_BELOW, .low = 15};
	rule_init(&r, &p);
	CHECK_INT(rule_value(&r, 1 * S, 10), RULE_RAISE);
	for (uint64_t t = 2; t < 5000; t += 60)
		CHECK_INT(rule_value(&r, t * S, 10), RULE_NOTHING);
	p.repeat = true;
	p.repeat_ns = 100 * S;
	rule_init(&r, &p);
	CHECK_INT(rule_value(&r, 1 * S, 10), RULE_RAISE);
	CHECK_INT(rule_value(&r, 100 * S, 10), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 101 * S, 10), RULE_REPEAT);
	CHECK_INT(rule_value(&r, 200 * S, 10), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 202 * S, 16), RULE_CLEAR);
	CHECK_INT(rule_value(&r, 203 * S, 14), RULE_RAISE);
}

TEST(other_thresholds_judge_the_next_value)
{
	struct rule r = make(900);
	struct rule_params p = r.params;
	CHECK_INT(rule_value(&r, 1 * S, 30), RULE_RAISE);
	rule_told(&r, 1 * S, true);
	r.params.gap_ns = 7;
	p.high = 35;
	rule_set(&r, &p);
	CHECK_INT(r.params.gap_ns, 7);
	CHECK(rule_is_raised(&r));
	CHECK_INT(rule_value(&r, 2 * S, 30), RULE_CLEAR);
	p.high = 29;
	rule_set(&r, &p);
	CHECK_INT(rule_value(&r, 3 * S, 30), RULE_RAISE);
	CHECK_NEAR(r.threshold, 29, 0);
	rule_told(&r, 3 * S, true);
	p.off = true;
	p.high = INFINITY;
	rule_set(&r, &p);
	CHECK(!rule_is_raised(&r));
	CHECK(!r.told);
	CHECK_INT(rule_value(&r, 4 * S, 1000), RULE_NOTHING);
	CHECK_INT(rule_value(&r, 5 * S, INFINITY), RULE_NOTHING);
	p.off = false;
	p.high = 27;
	rule_set(&r, &p);
	CHECK_INT(rule_value(&r, 6 * S, 30), RULE_RAISE);
}
