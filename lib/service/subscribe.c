/*
 * subscribe.c - a topic read on the loop, at a frame rate: op_subscribe.
 *
 * Loop thread. A timer rather than a futex: the loop may not sleep on anything but its own poll,
 * and whoever shows or stores data works in frames anyway. The topic may not exist yet, may be
 * replaced by one of another schema, and comes back after its writer did; each is looked for again
 * at most four times a second.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <stdio.h>
#include <string.h>

#define RUN_BYTES (16 * 1024) /* copied at a time; a fast topic takes several runs a period */
#define RETRY_NS (250 * OP_NS_PER_MS)

struct op_subscription {
	struct op_service *service;
	uv_timer_t timer;
	uint64_t period_ms;
	char bus_dir[PATH_MAX - 64], topic[OP_TOPIC_NAME_MAX + 1], who[32];
	op_records_fn fn;
	op_opened_fn opened;
	void *arg;
	struct op_reader *reader;
	void *slots;
	size_t max; /* slots in a run */
	uint64_t missed_before, next_try_ns;
	bool closed;
};

static void close_reader(struct op_subscription *sub)
{
	if (!sub->reader)
		return;
	sub->missed_before += op_reader_missed(sub->reader);
	op_reader_close(OP_STEAL(sub->reader));
	free(OP_STEAL(sub->slots));
	sub->fn(sub->arg, NULL, 0, NULL, 0, 0);
}

static bool open_reader(struct op_subscription *sub)
{
	uint64_t now = op_now_ns();
	if (now < sub->next_try_ns)
		return false;
	sub->next_try_ns = now + RETRY_NS;
	if (op_reader_open(sub->bus_dir, sub->topic, sub->who, &sub->reader) < 0)
		return false;
	size_t stride = op_reader_stride(sub->reader);
	sub->max = RUN_BYTES / stride ? RUN_BYTES / stride : 1;
	sub->slots = malloc(sub->max * stride);
	if (!sub->slots) {
		op_reader_close(OP_STEAL(sub->reader));
		return false;
	}
	if (sub->opened)
		sub->opened(sub->arg, sub->reader);
	return true;
}

/* A run at a time until nothing is left. Bounded by a full ring, so that a writer that is faster
 * than fn cannot keep the loop here. */
static int read_runs(struct op_subscription *sub)
{
	uint64_t left = op_reader_capacity(sub->reader);
	for (;;) {
		uint64_t first;
		ssize_t n = op_reader_read(sub->reader, sub->slots, sub->max, &first);
		if (n <= 0)
			return (int)n;
		sub->fn(sub->arg, op_reader_type(sub->reader), first, sub->slots, (size_t)n,
			op_reader_stride(sub->reader));
		if (sub->closed || (uint64_t)n >= left)
			return 0;
		left -= (uint64_t)n;
	}
}

static void read_now(struct op_subscription *sub)
{
	if (!sub->reader && !open_reader(sub))
		return;
	int r = read_runs(sub);
	if (r < 0 && !sub->closed) {
		close_reader(sub);
		sub->next_try_ns = 0;
	}
}

static void on_period(uv_timer_t *timer)
{
	struct op_subscription *sub = timer->data;
	/* Before the reading, which may close it: an open handle. */
	(void)op_service_beat(sub->service, timer, on_period, sub->period_ms);
	read_now(sub);
}

void op_subscription_read(struct op_subscription *sub)
{
	sub->next_try_ns = 0;
	read_now(sub);
}

void op_subscription_on_open(struct op_subscription *sub, op_opened_fn fn)
{
	sub->opened = fn;
}

int op_subscribe(struct op_service *s, const char *topic, uint64_t period_ms, op_records_fn fn,
		 void *arg, struct op_subscription **ret_sub)
{
	if (strlen(topic) > OP_TOPIC_NAME_MAX || period_ms == 0)
		return -EINVAL;
	struct op_subscription *sub = calloc(1, sizeof(*sub));
	if (!sub)
		return -ENOMEM;
	(void)snprintf(sub->bus_dir, sizeof(sub->bus_dir), "%s", s->bus_dir); /* same size */
	(void)snprintf(sub->topic, sizeof(sub->topic), "%s", topic);          /* checked above */
	(void)snprintf(sub->who, sizeof(sub->who), "%.31s", s->name);         /* a label */
	sub->service = s;
	sub->period_ms = period_ms;
	sub->fn = fn;
	sub->arg = arg;
	sub->timer.data = sub;
	int r = uv_timer_init(&s->loop, &sub->timer);
	if (r == 0)
		r = uv_timer_start(&sub->timer, on_period, 0, 0);
	if (r < 0) {
		free(sub);
		return r;
	}
	*ret_sub = sub;
	return 0;
}

uint64_t op_subscription_missed(const struct op_subscription *sub)
{
	return sub->missed_before + (sub->reader ? op_reader_missed(sub->reader) : 0);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void op_subscription_close(struct op_subscription *sub)
{
	if (!sub || sub->closed)
		return;
	sub->closed = true;
	/* read_runs may be below us on the stack: it looks at closed before it touches these. */
	op_reader_close(OP_STEAL(sub->reader));
	free(OP_STEAL(sub->slots));
	uv_close((uv_handle_t *)&sub->timer, on_closed);
}
