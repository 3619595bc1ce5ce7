/*
 * queue.c - what waits for the disk, bounded by bytes; see queue.h.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "queue.h"

#include <string.h>
#include <time.h>

/* ---- life -------------------------------------------------------------------------------- */

int queue_init(struct queue *q, size_t limit)
{
	pthread_condattr_t attr;
	*q = (struct queue){.limit = limit};
	if (pthread_condattr_init(&attr) || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
	    pthread_cond_init(&q->wake, &attr) || pthread_mutex_init(&q->lock, NULL))
		return -ENOMEM;
	(void)pthread_condattr_destroy(&attr); /* always 0 */
	return 0;
}

void queue_finish(struct queue *q)
{
	while (q->first) {
		struct item *i = q->first;
		q->first = i->next;
		item_destroy(i);
	}
	(void)pthread_cond_destroy(&q->wake); /* nobody waits any more */
	(void)pthread_mutex_destroy(&q->lock);
}

struct item *item_create(struct stream *s, unsigned level, size_t bytes)
{
	struct item *i = calloc(1, sizeof(*i) + bytes);
	if (!i)
		return NULL;
	i->stream = stream_ref(s);
	i->level = level;
	i->bytes = sizeof(*i) + bytes;
	return i;
}

void item_destroy(struct item *i)
{
	if (!i)
		return;
	stream_unref(i->stream);
	free(i);
}

/* ---- room -------------------------------------------------------------------------------- */

/* The lowest goes first: what can be drawn coarser is worth less than what cannot be had again. */
static unsigned value_of(const struct item *i)
{
	bool event = i->stream->type->rate_mhz == 0;
	if (i->rows)
		return event ? 5 : 1;
	return i->level == 0 ? 0 : i->level + 1;
}

static struct item *victim(struct queue *q)
{
	struct item *least = NULL;
	for (struct item *i = q->first; i; i = i->next)
		if (!i->taken && (!least || value_of(i) < value_of(least)))
			least = i;
	return least;
}

static void unlink_item(struct queue *q, struct item *gone)
{
	struct item *before = NULL;
	for (struct item *i = q->first; i != gone; i = i->next)
		before = i;
	if (before)
		before->next = gone->next;
	else
		q->first = gone->next;
	if (q->last == gone)
		q->last = before;
	q->bytes -= gone->bytes;
}

static void drop(struct queue *q, struct item *i)
{
	unlink_item(q, i);
	q->dropped += i->records;
	q->dropped_items++;
	/* Relaxed: a count that others only show. */
	(void)atomic_fetch_add_explicit(&i->stream->dropped, i->records, memory_order_relaxed);
	item_destroy(i);
}

static void append(struct queue *q, struct item *i)
{
	i->next = NULL;
	i->put_ns = op_now_ns();
	if (q->last)
		q->last->next = i;
	else
		q->first = i;
	q->last = i;
	q->bytes += i->bytes;
}

void queue_put(struct queue *q, struct item *items)
{
	(void)pthread_mutex_lock(&q->lock); /* a plain mutex, held by nobody twice */
	while (items) {
		struct item *next = items->next;
		append(q, items);
		items = next;
	}
	struct item *gone;
	while (q->bytes > q->limit && (gone = victim(q)))
		drop(q, gone);
	if (q->bytes > q->bytes_most)
		q->bytes_most = q->bytes;
	(void)pthread_mutex_unlock(&q->lock);
}

/* ---- the clock --------------------------------------------------------------------------- */

void queue_put_clock(struct queue *q, const struct op_clock_segment *segment, bool due)
{
	(void)pthread_mutex_lock(&q->lock);
	size_t i = q->clocks_taken; /* those being written are not to be changed */
	while (i < q->n_clocks && q->clocks[i].from_ns != segment->from_ns)
		i++;
	if (i == QUEUE_CLOCKS_MAX)
		i--; /* a clock that flaps while the disk is away: the last word counts */
	q->clocks[i] = *segment;
	if (i == q->n_clocks)
		q->n_clocks++;
	q->clocks_due |= due;
	(void)pthread_mutex_unlock(&q->lock);
}

/* ---- commits ----------------------------------------------------------------------------- */

static uint64_t ask(struct queue *q, bool quit)
{
	(void)pthread_mutex_lock(&q->lock);
	uint64_t ticket = ++q->asked;
	q->quit |= quit;
	(void)pthread_cond_signal(&q->wake);
	(void)pthread_mutex_unlock(&q->lock);
	return ticket;
}

uint64_t queue_ask(struct queue *q)
{
	return ask(q, false);
}

void queue_quit(struct queue *q)
{
	(void)ask(q, true); /* nobody waits for the ticket but the end of the thread */
}

void queue_look(struct queue *q, struct queue_look *ret)
{
	(void)pthread_mutex_lock(&q->lock);
	*ret = (struct queue_look){
		.bytes = q->bytes,
		.bytes_most = q->bytes_most,
		.dropped = q->dropped,
		.dropped_items = q->dropped_items,
		.asked = q->asked,
		.answered = q->answered,
		.oldest_ns = q->first ? q->first->put_ns : 0,
	};
	(void)pthread_mutex_unlock(&q->lock);
}

/* ---- the writer -------------------------------------------------------------------------- */

/* Condition variables do not know the boot clock: the rest of the time on the monotonic one. */
static struct timespec until_time(uint64_t until_ns)
{
	struct timespec t;
	uint64_t now = op_now_ns(), left = until_ns > now ? until_ns - now : 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there */
	uint64_t ns = (uint64_t)t.tv_nsec + left % OP_NS_PER_S;
	t.tv_sec += (time_t)(left / OP_NS_PER_S + ns / OP_NS_PER_S);
	t.tv_nsec = (long)(ns % OP_NS_PER_S);
	return t;
}

bool queue_wait(struct queue *q, uint64_t not_before_ns, uint64_t until_ns, bool *ret_quit)
{
	struct timespec pause = until_time(not_before_ns), until = until_time(until_ns);
	int rc = 0;
	(void)pthread_mutex_lock(&q->lock);
	while (rc == 0 && !q->quit && not_before_ns > op_now_ns())
		rc = pthread_cond_timedwait(&q->wake, &q->lock, &pause);
	rc = 0;
	while (rc == 0 && !q->quit && q->asked == q->answered)
		rc = pthread_cond_timedwait(&q->wake, &q->lock, &until);
	bool asked = q->asked != q->answered;
	*ret_quit = q->quit;
	(void)pthread_mutex_unlock(&q->lock);
	return asked;
}

bool queue_waits(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	bool waits = q->asked != q->answered;
	(void)pthread_mutex_unlock(&q->lock);
	return waits;
}

struct item *queue_take(struct queue *q, size_t most, struct op_clock_segment *clocks,
			size_t *ret_clocks)
{
	(void)pthread_mutex_lock(&q->lock);
	size_t bytes = 0;
	uint64_t cut = 0;
	for (struct item *i = q->first; i && (bytes < most || i->cut == cut); i = i->next) {
		i->taken = true;
		bytes += i->bytes;
		cut = i->cut;
	}
	bool any = q->first || q->clocks_due;
	q->clocks_taken = any ? q->n_clocks : 0;
	memcpy(clocks, q->clocks, q->clocks_taken * sizeof(*clocks));
	*ret_clocks = q->clocks_taken;
	struct item *first = q->first;
	(void)pthread_mutex_unlock(&q->lock);
	return first;
}

static void forget_clocks(struct queue *q)
{
	q->n_clocks -= q->clocks_taken;
	memmove(q->clocks, q->clocks + q->clocks_taken, q->n_clocks * sizeof(q->clocks[0]));
	q->clocks_taken = 0;
	q->clocks_due &= q->n_clocks > 0;
}

void queue_done(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	while (q->first && q->first->taken) {
		struct item *i = q->first;
		unlink_item(q, i);
		item_destroy(i);
	}
	forget_clocks(q);
	(void)pthread_mutex_unlock(&q->lock);
}

void queue_return(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	for (struct item *i = q->first; i; i = i->next)
		i->taken = false;
	q->clocks_taken = 0;
	struct item *gone;
	while (q->bytes > q->limit && (gone = victim(q)))
		drop(q, gone);
	(void)pthread_mutex_unlock(&q->lock);
}

void queue_reject(struct queue *q, struct item *i)
{
	(void)pthread_mutex_lock(&q->lock);
	drop(q, i);
	(void)pthread_mutex_unlock(&q->lock);
}

uint64_t queue_asked(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	uint64_t asked = q->asked;
	(void)pthread_mutex_unlock(&q->lock);
	return asked;
}

void queue_answer(struct queue *q, uint64_t ticket)
{
	(void)pthread_mutex_lock(&q->lock);
	q->answered = ticket;
	(void)pthread_mutex_unlock(&q->lock);
}

bool queue_empty(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	bool empty = !q->first && !q->clocks_due;
	(void)pthread_mutex_unlock(&q->lock);
	return empty;
}
