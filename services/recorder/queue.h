/*
 * queue.h - what waits for the disk: the only way from the loop to the writer, bounded by bytes.
 *
 * The loop puts items and asks for commits; the writer takes a batch, and says whether it is on
 * disk or goes back. When there is no room the least valuable and oldest item that is not being
 * written is dropped and counted. The loop never waits: the lock is held for a few instructions.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_QUEUE_H
#define OUTPOST_RECORDER_QUEUE_H

#include <pthread.h>

#include "lib/store/clock.h"
#include "stream.h"

#define QUEUE_CLOCKS_MAX 64

/* A chunk of some level, or rows: records with their sequence numbers, each ITEM_ROW_BYTES. */
struct item {
	struct item *next;
	struct stream *stream; /* holds it */
	unsigned level;
	bool rows;
	bool taken;       /* being written */
	uint64_t cut;     /* items of one cut go into one transaction */
	uint64_t records; /* of level 0: what is lost with it */
	uint64_t put_ns;  /* boot time */
	size_t bytes;     /* of memory */
	struct op_chunk chunk;
	unsigned char payload[];
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct item *first, *last; /* oldest first; those being written are at the front */
	size_t bytes, bytes_most, limit;
	uint64_t cuts;                                    /* the loop's: of the last cut */
	struct op_clock_segment clocks[QUEUE_CLOCKS_MAX]; /* not on disk yet */
	size_t n_clocks, clocks_taken;
	bool clocks_due; /* worth a commit of their own */
	bool quit;
	uint64_t asked, answered; /* commits: tickets */
	uint64_t dropped;         /* records */
	uint64_t dropped_items;
};

/* -ENOMEM. */
int queue_init(struct queue *q, size_t limit) OP_MUST_CHECK;
/* The writer must have ended. */
void queue_finish(struct queue *q);

/* ---- the loop ---- */

/* Makes an item of so many payload bytes; NULL: no memory. */
struct item *item_create(struct stream *s, unsigned level, size_t bytes);
void item_destroy(struct item *i);
/* Takes the items (linked by next). Items that find no room are dropped, those or older ones. */
void queue_put(struct queue *q, struct item *items);
/* The segment replaces one with the same begin; due: it must not wait for the next records. */
void queue_put_clock(struct queue *q, const struct op_clock_segment *segment, bool due);
/* Wakes the writer; the ticket is answered when all that was put before is on disk or dropped. */
uint64_t queue_ask(struct queue *q);
/* The same, and the writer ends after it. */
void queue_quit(struct queue *q);

/* What there is, for stats and states. */
struct queue_look {
	size_t bytes, bytes_most;
	uint64_t dropped, dropped_items, asked, answered;
	uint64_t oldest_ns; /* when the oldest item was put; 0: empty */
};
void queue_look(struct queue *q, struct queue_look *ret);

/* ---- the writer ---- */

/* Sleeps until a commit is asked for, but not before not_before_ns, or until_ns (boot clock). The
 * wish to end ends it at once. True: a commit is asked for. */
bool queue_wait(struct queue *q, uint64_t not_before_ns, uint64_t until_ns, bool *ret_quit);
/* The items to be written next, up to about most bytes and whole cuts; they stay in the queue.
 * Copies the segments of the clock (QUEUE_CLOCKS_MAX). NULL with *ret_clocks 0: nothing. */
struct item *queue_take(struct queue *q, size_t most, struct op_clock_segment *clocks,
			size_t *ret_clocks);
/* What was taken is on disk: it leaves the queue. */
void queue_done(struct queue *q);
/* It is not: it stays, and may be dropped. */
void queue_return(struct queue *q);
/* This one of the taken items can never be written. */
void queue_reject(struct queue *q, struct item *i);
/* Everything asked for up to this ticket has been dealt with. */
void queue_answer(struct queue *q, uint64_t ticket);
uint64_t queue_asked(struct queue *q);
/* A commit is asked for, and not answered. */
bool queue_waits(struct queue *q);
bool queue_empty(struct queue *q);

#endif
