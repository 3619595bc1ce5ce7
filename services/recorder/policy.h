/*
 * policy.h - which records of a topic are kept.
 *
 * Pure but for memory taken at the start: records come in the order of their times, those that are
 * kept go to take() in the same order. around holds raw records back for as long as an event may
 * still ask for them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_POLICY_H
#define OUTPOST_RECORDER_POLICY_H

#include "settings.h"

#define POLICY_SLACK_NS (2 * OP_NS_PER_S) /* an event is heard of at most so late */
#define POLICY_WINDOWS_MAX 64
#define POLICY_HELD_MAX (2 * 1024 * 1024) /* bytes held back for events */

/* n records as op_reader_read gives them. */
typedef void (*policy_take_fn)(void *arg, uint64_t first_seq, const void *slots, size_t n);

struct policy;
/* Borrows set and type; fields: those that count as changes. -ENOMEM. */
int policy_create(const struct keep_settings *set, const struct op_topic_type *type, size_t stride,
		  op_field_set fields, policy_take_fn take, void *arg,
		  struct policy **ret) OP_MUST_CHECK;
void policy_destroy(struct policy *p);
void policy_add(struct policy *p, uint64_t first_seq, const void *slots, size_t n);
/* Something happened at this time: what lies around it is kept. */
void policy_event(struct policy *p, uint64_t boot_ns);
/* Records that an event might have asked for and that there was no room for. */
uint64_t policy_short(const struct policy *p);

#endif
