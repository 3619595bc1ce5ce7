/*
 * outbox.h - what must reach the outside: a durable queue per destination.
 *
 * An item that op_outbox_put has taken survives crashes and power cuts and leaves in one of three
 * ways: delivered, dead (attempts or time used up, or the receiver will never take it), or evicted
 * by the cap. Each is counted. Delivery is at least once and in order within a queue and priority;
 * the key tells the receiver that something came twice. Queues do not wait for each other.
 *
 * Only what op_outbox_put takes, and what people do (retry, drop), waits for the medium. What
 * became of an attempt is written without an fsync: a crash of the program loses nothing of it, a
 * power cut may, and then the item goes out again under the same key.
 *
 * Sending is lib/net's: see op_pump in lib/net/pump.h. Everything blocks as long as the medium
 * takes. One thread at a time. Errors are those of op_db_open (lib/store/db.h) unless said. A
 * database that proves damaged is set aside, see op_outbox_note. Tables: outpost-store(7).
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

/* Per queue, waiting and dead items together; zero: the default in brackets. */
struct op_outbox_limits {
	uint64_t max_items; /* [1000] */
	uint64_t max_bytes; /* of bodies [16 MiB] */
};

/* path: a database of its own, made if needed; see op_db_open for errors and note. limits may be
 * NULL. */
int op_outbox_open(const char *path, const struct op_outbox_limits *limits, struct op_outbox **ret,
		   struct op_buf *note) OP_MUST_CHECK;
/* For looking only (counts, list), also while its owner writes. */
int op_outbox_open_read(const char *path, struct op_outbox **ret) OP_MUST_CHECK;
void op_outbox_close(struct op_outbox *o);

/* What happened to a database that proved damaged after it was opened: one line, "" for nothing.
 * The call that met it began a new one and went on with that. Forgotten by reading. */
int op_outbox_note(struct op_outbox *o, struct op_buf *note) OP_MUST_CHECK;

struct op_outbox_put {
	const char *queue;        /* name of the destination: 1-63 printable ASCII */
	const char *key;          /* idempotency key, the same; NULL: made here, random */
	const char *content_type; /* of the body, the same; NULL: none */
	const void *body;
	size_t body_bytes;
	const char *about;  /* one line for people: "alert too-hot raised"; cut at 159 bytes */
	int priority;       /* higher goes first [0] */
	uint64_t expires_s; /* from now; 0: never. Counted on the boot clock, and across boots on
			       the wall clock where it is known. Where it is not, an item is kept
			       until this boot alone has lasted that long */
	unsigned attempts;  /* at most; 0: until it expires */
};
/* Durable when it returns 0. -EEXIST: this key waits in the queue already (which is as good; a dead
 * one is replaced). Over the cap dead ones make room first (counted as forgotten), then the oldest
 * of the lowest priority (counted as evicted); -EDQUOT: the queue is full of higher ones (counted
 * as refused); -E2BIG: the body alone is too large; -EINVAL: a bad name; -ENOSPC, -EIO, ...: not
 * taken. ret_id may be NULL. */
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

/* What became of an attempt. -ENOENT: the item is gone, because it was evicted or dropped
 * meanwhile (or expired, which op_outbox_delivered revokes). */
int op_outbox_delivered(struct op_outbox *o, int64_t id) OP_MUST_CHECK;
/* A failed attempt; it is tried again retry_ms from now, or is dead if its attempts are used up. */
int op_outbox_failed(struct op_outbox *o, int64_t id, uint64_t retry_ms,
		     const char *error) OP_MUST_CHECK;
/* No use in trying again. */
int op_outbox_dead(struct op_outbox *o, int64_t id, const char *error) OP_MUST_CHECK;

/* ---- for people ----------------------------------------------------------------------- */

/* Of one queue; totals since the database was made. Always
 *     waiting = taken + retried - delivered - died - expired - evicted - dropped
 *     dead = died + expired - retried - forgotten */
struct op_outbox_counts {
	char queue[64];
	uint64_t waiting, waiting_bytes, dead, dead_bytes; /* now */
	uint64_t taken, delivered, failed_attempts;
	uint64_t died, expired; /* became dead: attempts used up or no use; time used up */
	uint64_t evicted;       /* waiting ones that made room */
	uint64_t retried;       /* dead ones that wait again */
	uint64_t dropped;       /* waiting ones that somebody deleted */
	uint64_t forgotten;     /* dead ones that made room, were replaced or deleted */
	uint64_t refused;       /* never taken: the queue was full of higher ones */
};
/* *ret_n: how many queues there are, of which at most max are in ret; by name. */
int op_outbox_counts(struct op_outbox *o, struct op_outbox_counts *ret, size_t max,
		     size_t *ret_n) OP_MUST_CHECK;
/* All items, waiting and dead, queue NULL: of all; by queue, waiting before dead, in the order of
 * their turn. fn returns non-zero to stop, which is then returned, and must not use o. Without
 * bodies (body NULL, body_bytes set). */
int op_outbox_list(struct op_outbox *o, const char *queue,
		   int (*fn)(const struct op_outbox_item *item, bool dead, void *arg),
		   void *arg) OP_MUST_CHECK;
/* The body of an item; out has room for OP_OUTBOX_BODY_MAX. -ENOENT. */
int op_outbox_body(struct op_outbox *o, int64_t id, struct op_buf *out) OP_MUST_CHECK;
/* Dead ones get all their attempts and their time again, waiting ones are due at once; drop
 * deletes. queue NULL: of any; id 0: all that are dead. *ret_n: how many it were; -ENOENT: no such
 * item. Durable. */
int op_outbox_retry(struct op_outbox *o, const char *queue, int64_t id,
		    uint64_t *ret_n) OP_MUST_CHECK;
int op_outbox_drop(struct op_outbox *o, const char *queue, int64_t id,
		   uint64_t *ret_n) OP_MUST_CHECK;

#endif
