/*
 * outbox.h - what must reach the outside: a durable queue per destination.
 *
 * An item that op_outbox_put has taken survives crashes and power cuts and leaves in one of three
 * ways: delivered, dead (attempts or time used up, or the receiver will never take it), or evicted
 * by the cap. Each is counted. Delivery is at least once and in order within a queue and priority;
 * the key tells the receiver that something came twice. Queues do not wait for each other.
 *
 * Sending is lib/net's: see op_pump in lib/net/pump.h. Everything blocks as long as the medium
 * takes. One thread at a time. Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_OUTBOX_H
#define OUTPOST_OUTBOX_H

#include <outpost/base.h>
#include <outpost/buf.h>

#define OP_OUTBOX_BODY_MAX (1024 * 1024) /* bytes */

struct op_outbox;

struct op_outbox_limits {   /* per queue; zero: the default in brackets */
	uint64_t max_items; /* [1000] */
	uint64_t max_bytes; /* [16 MiB] */
};

/* path: a database of its own, made if needed; see op_db_open for errors and note. */
int op_outbox_open(const char *path, const struct op_outbox_limits *limits, struct op_outbox **ret,
		   struct op_buf *note) OP_MUST_CHECK;
void op_outbox_close(struct op_outbox *o);

struct op_outbox_put {
	const char *queue;        /* name of the destination */
	const char *key;          /* idempotency key; NULL: made here, random */
	const char *content_type; /* of the body */
	const void *body;
	size_t body_bytes;
	const char *about;  /* one line for people: "alert too-hot raised" */
	int priority;       /* higher goes first [0] */
	uint64_t expires_s; /* from now; 0: never. Counted on the boot clock, and across boots on
			       the wall clock where it is known; else it waits */
	unsigned attempts;  /* at most; 0: until it expires */
};
/* Durable when it returns 0. -EEXIST: this key is in the queue already (which is as good). Over the
 * cap the oldest of the lowest priority make room (counted as evicted); -E2BIG: the body alone is
 * too large; -ENOSPC, -EIO, ...: not taken. */
int op_outbox_put(struct op_outbox *o, const struct op_outbox_put *put,
		  int64_t *ret_id) OP_MUST_CHECK;

struct op_outbox_item {
	int64_t id;
	char queue[64], key[64], content_type[64], about[160];
	const void *body; /* valid until the next call on o */
	size_t body_bytes;
	int priority;
	unsigned tried, attempts;
	int64_t created_wall_ns;
	uint64_t due_boot_ns; /* not before this boot time; 0: at once */
	char error[160];      /* of the last attempt, "" none */
};
/* The item of the queue whose turn it is. 1, 0 (empty), or an error. due_boot_ns may lie ahead. */
int op_outbox_next(struct op_outbox *o, const char *queue,
		   struct op_outbox_item *ret) OP_MUST_CHECK;
int op_outbox_delivered(struct op_outbox *o, int64_t id) OP_MUST_CHECK;
/* A failed attempt; it is tried again retry_ms from now, or is dead if its attempts are used up. */
int op_outbox_failed(struct op_outbox *o, int64_t id, uint64_t retry_ms,
		     const char *error) OP_MUST_CHECK;
/* No use in trying again. */
int op_outbox_dead(struct op_outbox *o, int64_t id, const char *error) OP_MUST_CHECK;

/* ---- for people ----------------------------------------------------------------------- */

struct op_outbox_counts { /* of one queue; totals since the database was made */
	char queue[64];
	uint64_t waiting, waiting_bytes, dead; /* now */
	uint64_t taken, delivered, failed_attempts, died, expired, evicted;
};
int op_outbox_counts(struct op_outbox *o, struct op_outbox_counts *ret, size_t max,
		     size_t *ret_n) OP_MUST_CHECK;
/* All items, waiting and dead, queue NULL: of all; fn returns non-zero to stop. */
int op_outbox_list(struct op_outbox *o, const char *queue,
		   int (*fn)(const struct op_outbox_item *item, bool dead, void *arg),
		   void *arg) OP_MUST_CHECK;
/* Dead ones get all their attempts again, waiting ones are due at once; drop deletes. id 0: all of
 * the queue that are dead. *ret_n: how many it were. */
int op_outbox_retry(struct op_outbox *o, const char *queue, int64_t id,
		    uint64_t *ret_n) OP_MUST_CHECK;
int op_outbox_drop(struct op_outbox *o, const char *queue, int64_t id,
		   uint64_t *ret_n) OP_MUST_CHECK;

#endif
