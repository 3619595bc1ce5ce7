/*
 * pump.h - carries an outbox to its destinations: one request at a time per queue, back-off with
 * jitter between attempts, order kept.
 *
 * Retry after attempt k (from 0): min(backoff_ms * 2^k, backoff_max_ms), times 0.5 ... 1.0 if
 * jitter; not before Retry-After. 2xx is delivered. What will never be taken (400, 404, 410, 413
 * ...) is dead at once only if give_up_4xx. Every request carries "Idempotency-Key: <key of the
 * item>". When the outbox cannot be read or written the pump tries again every five seconds; what
 * was delivered meanwhile is not sent again. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_PUMP_H
#define OUTPOST_NET_PUMP_H

#include <outpost/outbox.h>

#include "lib/net/post.h"

/* Zero means the default in brackets; more in post.h. */
struct op_pump_target {
	const char *queue;         /* borrowed, as all strings here but url */
	const char *url;           /* copied */
	const char *const *fields; /* NULL-terminated, or NULL */
	const char *ca_file;
	unsigned connect_timeout_ms, read_timeout_ms, max_redirects;
	unsigned total_timeout_ms; /* [60000, or more if the others want it] */
	unsigned backoff_ms;       /* [1000] */
	unsigned backoff_max_ms;   /* [300000] */
	bool exact;                /* no jitter, Retry-After not looked at */
	bool give_up_4xx;          /* but not on 408, 425, 429 */
};

struct op_pump;
/* After each attempt, for logs and states; final: it is not tried again. result->message tells what
 * happened; for a URL that cannot be asked error is -EINVAL. fn may put, kick and close. */
typedef void (*op_pump_fn)(void *arg, const struct op_outbox_item *item,
			   const struct op_post_result *result, bool delivered, bool final);
/* Borrows outbox and client, which must stay until op_pump_close. fn may be NULL. */
int op_pump_create(uv_loop_t *loop, struct op_outbox *outbox, struct op_post_client *client,
		   op_pump_fn fn, void *arg, struct op_pump **ret) OP_MUST_CHECK;
/* Requests under way are given up (and made again by the next pump). Memory goes when the handles
 * are closed. */
void op_pump_close(struct op_pump *p);
/* -EEXIST: the queue has a target; -ENOMEM. Begins with the next turn of the loop. */
int op_pump_add(struct op_pump *p, const struct op_pump_target *target) OP_MUST_CHECK;
/* From its next attempt on the queue goes to this target: one under way ends as it began, a pause
 * that has begun lasts as long as it was to. -ENOENT: op_pump_add does not know the queue; -ENOMEM:
 * nothing has changed. */
int op_pump_set(struct op_pump *p, const struct op_pump_target *target) OP_MUST_CHECK;
/* Nothing more is sent of the queue until it is on again; what waits stays, and its time runs on. A
 * request under way ends. -ENOENT. */
int op_pump_pause(struct op_pump *p, const char *queue, bool pause) OP_MUST_CHECK;
/* Something was put into the outbox, or retried: look again. */
void op_pump_kick(struct op_pump *p);
/* Why the outbox could not be read or written when it was last needed; 0: it could. */
int op_pump_error(const struct op_pump *p);
/* The first item of the queue was delivered, or given up, but the outbox does not take that: what
 * is behind it waits for the medium. */
bool op_pump_stands(const struct op_pump *p, const char *queue);

/* The pause after attempt k by the rule above, without Retry-After; random: 0 ... UINT32_MAX. */
uint64_t op_pump_backoff_ms(const struct op_pump_target *t, unsigned k, uint32_t random);

#endif
