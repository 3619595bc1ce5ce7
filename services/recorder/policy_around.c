/*
 * policy_around.c - raw records from some time before each event to some time after it.
 *
 * Records are held back until no event can ask for them any more, since an event is heard of a
 * little later than it happened. Events open windows; what lies in one goes on, in order.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "policy_internal.h"

#include <string.h>

#define HELD_UNKNOWN 1024 /* records of a topic that declares no rate */

int policy_around_open(struct policy *p)
{
	p->before_ns = (uint64_t)(p->set->before_s * (double)OP_NS_PER_S);
	p->after_ns = (uint64_t)(p->set->after_s * (double)OP_NS_PER_S);
	p->held_bytes = sizeof(uint64_t) + p->stride;
	double s = (double)(p->before_ns + POLICY_SLACK_NS) / (double)OP_NS_PER_S;
	double n = s * (p->type->rate_mhz / 1000.0) * 1.1;
	p->held_max = n > HELD_UNKNOWN ? (size_t)n : HELD_UNKNOWN;
	if (p->held_max > POLICY_HELD_MAX / p->held_bytes)
		p->held_max = POLICY_HELD_MAX / p->held_bytes;
	p->held = malloc(p->held_max * p->held_bytes);
	return p->held ? 0 : -ENOMEM;
}

static unsigned char *held(const struct policy *p, size_t i)
{
	return p->held + (p->held_first + i) % p->held_max * p->held_bytes;
}

static uint64_t held_ns(const struct policy *p, size_t i)
{
	uint64_t ns;
	memcpy(&ns, held(p, i) + sizeof(uint64_t), sizeof(ns));
	return ns;
}

static void let_go(struct policy *p)
{
	p->held_first = (p->held_first + 1) % p->held_max;
	p->held_n--;
}

static bool in_window(const struct policy *p, uint64_t ns)
{
	for (size_t i = 0; i < p->n_windows; i++)
		if (ns >= p->windows[i].from_ns && ns <= p->windows[i].to_ns)
			return true;
	return false;
}

/* Windows that lie behind all that is held or may still come. */
static void forget_windows(struct policy *p)
{
	size_t kept = 0;
	uint64_t oldest = p->held_n ? held_ns(p, 0) : p->newest_ns;
	for (size_t i = 0; i < p->n_windows; i++)
		if (p->windows[i].to_ns >= oldest)
			p->windows[kept++] = p->windows[i];
	p->n_windows = kept;
}

static void hold(struct policy *p, uint64_t seq, const unsigned char *slot, uint64_t ns)
{
	uint64_t reach = p->before_ns + POLICY_SLACK_NS;
	while (p->held_n && (held_ns(p, 0) + reach < ns || p->held_n == p->held_max)) {
		p->cut_short += held_ns(p, 0) + reach >= ns;
		let_go(p);
	}
	p->held_n++;
	memcpy(held(p, p->held_n - 1), &seq, sizeof(seq));
	memcpy(held(p, p->held_n - 1) + sizeof(seq), slot, p->stride);
}

void policy_around_add(struct policy *p, uint64_t first_seq, const void *slots, size_t n)
{
	const unsigned char *slot = slots;
	for (size_t i = 0; i < n; i++, slot += p->stride) {
		uint64_t ns;
		memcpy(&ns, slot, sizeof(ns));
		p->newest_ns = ns;
		if (in_window(p, ns))
			p->take(p->arg, first_seq + i, slot, 1);
		else
			hold(p, first_seq + i, slot, ns);
	}
	if (p->n_windows)
		forget_windows(p);
}

/* What the windows want of what is held. What is older than that can go: events come in the order
 * of their times, so no later one reaches further back. */
static void release(struct policy *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->held_n; i++)
		if (in_window(p, held_ns(p, i)))
			n = i + 1;
	for (; n > 0; n--) {
		const unsigned char *h = held(p, 0);
		uint64_t seq;
		memcpy(&seq, h, sizeof(seq));
		if (in_window(p, held_ns(p, 0)))
			p->take(p->arg, seq, h + sizeof(seq), 1);
		let_go(p);
	}
}

void policy_around_event(struct policy *p, uint64_t boot_ns)
{
	struct window w = {boot_ns > p->before_ns ? boot_ns - p->before_ns : 0,
			   boot_ns + p->after_ns};
	forget_windows(p);
	struct window *last = p->n_windows ? &p->windows[p->n_windows - 1] : NULL;
	bool full = p->n_windows == POLICY_WINDOWS_MAX;
	if (last && (full || (w.from_ns <= last->to_ns && w.from_ns >= last->from_ns))) {
		last->to_ns = w.to_ns > last->to_ns ? w.to_ns : last->to_ns;
		last->from_ns = w.from_ns < last->from_ns ? w.from_ns : last->from_ns;
	} else {
		p->windows[p->n_windows++] = w;
	}
	release(p);
}
