/*
 * alerts_rule.c - how many records a second one rule judges: `bench-alerts-rule`.
 *
 * The way of outpost-alerts: a field of each slot as a number, and the states of the rule, over
 * runs as a subscription gives them. Prints records per second, quiet and with noise on the
 * threshold.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <outpost/topic.h>
#include <stdio.h>
#include <string.h>

#include "bus_topics.h"
#include "services/alerts/rule.h"

#define RUN 256
#define ROUNDS 40000

struct slot {
	uint64_t boot_ns;
	struct tick record;
};

static struct slot slots[RUN];

static unsigned judge(struct rule *r, const struct op_field *f)
{
	unsigned events = 0;
	const char *at = (const char *)slots;
	for (size_t i = 0; i < RUN; i++, at += sizeof(struct slot)) {
		uint64_t t;
		memcpy(&t, at, sizeof(t));
		events += rule_value(r, t, op_field_f64(f, at + OP_SLOT_RECORD)) != RULE_NOTHING;
	}
	return events;
}

static void bench(const char *name, uint64_t amplitude)
{
	struct rule_params p = {.condition = RULE_ABOVE,
				.high = 1000,
				.hysteresis = 10,
				.for_ns = OP_NS_PER_S,
				.gap_ns = OP_NS_PER_S};
	struct rule r;
	rule_init(&r, &p);
	unsigned events = 0;
	uint64_t t = OP_NS_PER_S, before = op_now_ns();
	for (unsigned n = 0; n < ROUNDS; n++) {
		for (size_t i = 0; i < RUN; i++)
			slots[i] = (struct slot){
				t += 1250000, {.number = 1000 - amplitude + i % (2 * amplitude)}};
		events += judge(&r, &tick_topic.fields[0]);
	}
	double s = (double)(op_now_ns() - before) / 1e9;
	printf("%s %.0f %u\n", name, (double)RUN * ROUNDS / s, events);
}

int main(void)
{
	bench("quiet", 1);
	bench("noisy", 5);
	return 0;
}
