/*
 * rule.h - one alert rule: a condition on a value, with hysteresis, debounced in time.
 *
 * Pure: values with their boot time in, raise and clear out. Records are its only clock, so that
 * neither a step of the wall clock nor a busy machine changes what it says. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_RULE_H
#define OUTPOST_ALERTS_RULE_H

#include <outpost/base.h>

enum rule_condition {
	RULE_ABOVE,   /* value > high */
	RULE_BELOW,   /* value < low */
	RULE_OUTSIDE, /* either */
	RULE_MATCH,   /* the caller says whether it holds: labels, texts, silence */
};

struct rule_params {
	enum rule_condition condition;
	double low, high;
	double hysteresis;    /* a value is back when it is so far inside, >= 0 */
	uint64_t for_ns;      /* it must hold so long before it is raised */
	uint64_t clear_ns;    /* and be over so long before it is cleared */
	uint64_t cooldown_ns; /* between two raises */
	bool repeat;          /* while it holds it is told again ... */
	uint64_t repeat_ns;   /* so long after it was told */
	bool confirmed;       /* told means that somebody took it: rule_told says so */
	bool off;             /* no threshold: it never holds */
	uint64_t gap_ns;      /* values further apart say nothing of the time between; 0: never */
};

enum rule_state { RULE_OK, RULE_PENDING, RULE_RAISED, RULE_CLEARING };
const char *rule_state_name(enum rule_state state);

/* RULE_REPEAT: it lasts, and is to be told again, or once more because nobody took it. */
enum rule_event { RULE_NOTHING, RULE_RAISE, RULE_REPEAT, RULE_CLEAR };

struct rule {
	struct rule_params params;
	enum rule_state state;
	bool beyond;        /* the condition, with hysteresis */
	uint64_t mark_ns;   /* since when it is pending or clearing */
	uint64_t since_ns;  /* the raised one: when it began to hold; 0 in another boot */
	uint64_t raised_ns; /* last raise, for the cooldown; 0: none in this boot */
	bool asked;         /* confirmed: what becomes of the last raise or repeat is awaited */
	bool told;          /* somebody knows of the raised one */
	uint64_t told_ns;   /* since when, or of the last repeat */
	uint64_t seen_ns;   /* newest value; 0: none */
	double value;       /* of the last change of state */
	double threshold;   /* that was crossed then */
};

void rule_init(struct rule *r, const struct rule_params *params);
/* One value. NaN says nothing. Times that go back count as the newest before. */
enum rule_event rule_value(struct rule *r, uint64_t boot_ns, double value);
/* The same for RULE_MATCH: value is only kept to be shown. */
enum rule_event rule_match(struct rule *r, uint64_t boot_ns, bool holds, double value);
/* confirmed: what became of the last raise or repeat. Not delivered: the next value that holds
 * tells it again. */
void rule_told(struct rule *r, uint64_t boot_ns, bool delivered);
/* Other thresholds from now on; the state stays and is judged by the next value. off: it is not
 * raised any more, and nobody is told of an end. gap_ns stays. */
void rule_set(struct rule *r, const struct rule_params *params);
/* Nothing is known of the time up to the next value. */
void rule_gap(struct rule *r);
/* It was raised by an earlier process; since and raised 0: in another boot. */
void rule_restore(struct rule *r, uint64_t since_ns, uint64_t raised_ns, double value,
		  double threshold);
/* True while it is raised, be it about to clear. */
bool rule_is_raised(const struct rule *r);

#endif
