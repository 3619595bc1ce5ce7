/*
 * rule.c - the states of an alert rule.
 *
 * The condition has hysteresis: it begins to hold with a value beyond the threshold, and ends with
 * one that is back by the hysteresis; in between it stays what it was. What it says goes through
 * this table, where "due" is: so long without a break.
 *
 *              holds                          is over                      gap
 *     ok       -> pending, from now           -                            -
 *     pending  due for `for` and past the     -> ok                        -> ok
 *              cooldown: RAISE -> raised
 *     raised   due for `repeat`, or nobody    -> clearing, from now        -
 *              took it: REPEAT
 *     clearing -> raised                      due for `clear`: CLEAR -> ok -> raised
 *
 * pending and clearing look at once whether they are due, so that with no time asked for the first
 * value does it. A confirmed rule is silent from its RAISE or REPEAT until rule_told. Nothing here
 * fails.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "rule.h"

#include <math.h>

const char *rule_state_name(enum rule_state state)
{
	static const char *const names[] = {"ok", "pending", "raised", "clearing"};
	return names[state];
}

void rule_init(struct rule *r, const struct rule_params *params)
{
	*r = (struct rule){.params = *params, .value = NAN, .threshold = NAN};
}

bool rule_is_raised(const struct rule *r)
{
	return r->state == RULE_RAISED || r->state == RULE_CLEARING;
}

void rule_restore(struct rule *r, uint64_t since_ns, uint64_t raised_ns, double value,
		  double threshold)
{
	r->state = RULE_RAISED;
	r->beyond = true;
	r->since_ns = since_ns;
	r->raised_ns = raised_ns;
	r->value = value;
	r->threshold = threshold;
	r->told = !r->params.confirmed; /* else the caller says what is known */
	r->told_ns = r->seen_ns;
}

void rule_told(struct rule *r, uint64_t boot_ns, bool delivered)
{
	r->asked = false;
	if (!delivered)
		return;
	r->told = true;
	r->told_ns = boot_ns;
}

void rule_set(struct rule *r, const struct rule_params *params)
{
	uint64_t gap_ns = r->params.gap_ns;
	r->params = *params;
	r->params.gap_ns = gap_ns;
	if (!params->off)
		return;
	r->state = RULE_OK;
	r->beyond = r->told = false;
}

void rule_gap(struct rule *r)
{
	if (r->state == RULE_PENDING) {
		r->state = RULE_OK;
		r->beyond = false;
	} else if (r->state == RULE_CLEARING) {
		r->state = RULE_RAISED;
		r->beyond = true;
	}
}

/* From now on it is told, or it is asked whether it is. */
static void tell(struct rule *r, uint64_t now)
{
	if (r->params.confirmed) {
		r->asked = true;
		return;
	}
	r->told = true;
	r->told_ns = now;
}

static enum rule_event when_pending(struct rule *r, uint64_t now)
{
	const struct rule_params *p = &r->params;
	if (now - r->mark_ns < p->for_ns)
		return RULE_NOTHING;
	if (r->raised_ns && now - r->raised_ns < p->cooldown_ns)
		return RULE_NOTHING;
	r->state = RULE_RAISED;
	r->since_ns = r->mark_ns;
	r->raised_ns = now;
	r->told = false;
	tell(r, now);
	return RULE_RAISE;
}

static enum rule_event when_raised(struct rule *r, uint64_t now)
{
	bool due = now >= r->told_ns && now - r->told_ns >= r->params.repeat_ns;
	if (r->asked || (r->told && !(r->params.repeat && due)))
		return RULE_NOTHING;
	tell(r, now);
	return RULE_REPEAT;
}

static enum rule_event when_clearing(struct rule *r, uint64_t now)
{
	if (now - r->mark_ns < r->params.clear_ns)
		return RULE_NOTHING;
	r->state = RULE_OK;
	r->told = false;
	return RULE_CLEAR;
}

static enum rule_event step(struct rule *r, uint64_t now)
{
	if (r->state == RULE_OK && r->beyond) {
		r->state = RULE_PENDING;
		r->mark_ns = now;
	} else if (r->state == RULE_RAISED && !r->beyond) {
		r->state = RULE_CLEARING;
		r->mark_ns = now;
	} else if (r->state == RULE_PENDING && !r->beyond) {
		r->state = RULE_OK;
	} else if (r->state == RULE_CLEARING && r->beyond) {
		r->state = RULE_RAISED;
	}
	if (r->state == RULE_PENDING)
		return when_pending(r, now);
	if (r->state == RULE_RAISED)
		return when_raised(r, now);
	return r->state == RULE_CLEARING ? when_clearing(r, now) : RULE_NOTHING;
}

/* Whether the condition holds after this value; where it just did not, which threshold it was. */
static bool holds(struct rule *r, double v)
{
	const struct rule_params *p = &r->params;
	bool low = p->condition != RULE_ABOVE, high = p->condition != RULE_BELOW;
	if (p->off)
		return false;
	if (high && v > p->high) {
		r->threshold = p->high;
		return true;
	}
	if (low && v < p->low) {
		r->threshold = p->low;
		return true;
	}
	bool back =
		(!high || v <= p->high - p->hysteresis) && (!low || v >= p->low + p->hysteresis);
	return !back && r->beyond;
}

static uint64_t observe(struct rule *r, uint64_t now)
{
	if (now < r->seen_ns)
		now = r->seen_ns;
	if (r->params.gap_ns && r->seen_ns && now - r->seen_ns > r->params.gap_ns)
		rule_gap(r);
	r->seen_ns = now;
	return now;
}

enum rule_event rule_match(struct rule *r, uint64_t boot_ns, bool matches, double value)
{
	uint64_t now = observe(r, boot_ns);
	r->beyond = matches;
	enum rule_event event = step(r, now);
	if (event != RULE_NOTHING)
		r->value = value;
	return event;
}

enum rule_event rule_value(struct rule *r, uint64_t boot_ns, double value)
{
	if (isnan(value))
		return RULE_NOTHING;
	uint64_t now = observe(r, boot_ns);
	r->beyond = holds(r, value);
	if (r->state == RULE_OK && !r->beyond) /* nearly every value of a healthy box */
		return RULE_NOTHING;
	enum rule_event event = step(r, now);
	if (event != RULE_NOTHING)
		r->value = value;
	return event;
}
