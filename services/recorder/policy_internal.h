/*
 * policy_internal.h - what policy.c and policy_around.c share.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_POLICY_INTERNAL_H
#define OUTPOST_RECORDER_POLICY_INTERNAL_H

#include "policy.h"

struct window {
	uint64_t from_ns, to_ns; /* both within */
};

struct policy {
	const struct keep_settings *set;
	const struct op_topic_type *type;
	size_t stride;
	op_field_set fields;
	policy_take_fn take;
	void *arg;

	bool any; /* rate, change: one was kept already */
	uint64_t period_ns, period;
	uint64_t gap_ns, last_ns;
	unsigned char *last; /* record */

	/* around: a ring of records, each with its sequence number before its slot */
	unsigned char *held;
	size_t held_bytes, held_max, held_first, held_n; /* of one; records */
	uint64_t before_ns, after_ns, newest_ns;
	uint64_t cut_short;
	struct window windows[POLICY_WINDOWS_MAX];
	size_t n_windows;
};

int policy_around_open(struct policy *p) OP_MUST_CHECK;
void policy_around_add(struct policy *p, uint64_t first_seq, const void *slots, size_t n);
void policy_around_event(struct policy *p, uint64_t boot_ns);

#endif
