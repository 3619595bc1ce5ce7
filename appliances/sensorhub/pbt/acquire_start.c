/*
 * acquire_start.c - the loop's side of the acquisition: starts its thread, asks it, stops it.
 *
 * Runs on the event loop's thread. Commands go to the work thread as bits and a wake-up; figures
 * come back as relaxed atomics (acquire_view) and, where they belong together, under a lock that
 * the thread takes only when the device's state changes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "acquire_internal.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define STACK_BYTES (256 * 1024) /* glob(3) and realpath(3) while there is no stream */

static void command(struct acquire *a, enum command c)
{
	uint64_t one = 1;
	/* Pairs with the acquire in acquire_run(). */
	atomic_fetch_or_explicit(&a->commands, c, memory_order_release);
	(void)!write(a->wake, &one, sizeof(one)); /* full means: it will wake anyway */
}

static int make_writers(struct acquire *a)
{
	const char *dir = op_service_bus_dir(a->params.service);
	int err = op_writer_open(dir, NULL, &pbt_sample_topic, &a->samples, NULL);
	return err < 0 ? err : op_writer_open(dir, NULL, &pbt_hit_topic, &a->hits, NULL);
}

static int make_waiting(struct acquire *a)
{
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->epoll < 0 || a->timer < 0 || a->wake < 0)
		return -errno;
	int err = acquire_watch(a, a->timer, EPOLLIN);
	return err < 0 ? err : acquire_watch(a, a->wake, EPOLLIN);
}

static int make_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);
	if (err)
		return -err;
	/* The loop's niceness must not become the work thread's while it holds the lock. */
	err = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (!err)
		err = pthread_mutex_init(lock, &attr);
	(void)pthread_mutexattr_destroy(&attr); /* cannot fail on one that was made */
	return -err;
}

static void init(struct acquire *a)
{
	op_serial_init(&a->serial);
	op_link_init(&a->link, &a->params.link, op_now_ns());
	op_pbt_init(&a->parser);
	op_sample_clock_init(&a->clock, a->params.chain.rate_hz);
	op_loss_init(&a->loss, a->params.chain.rate_hz);
	op_hit_chain_init(&a->chain, &a->params.chain, op_writer_next_seq(a->samples));
	SET(a, beat_ns, op_now_ns());
	(void)snprintf(a->report.device, sizeof(a->report.device), "%.95s", /* a label */
		       a->params.serial.path);
	a->report.since_ns = a->link.since_ns;
}

int acquire_start(const struct acquire_params *params, struct acquire **ret)
{
	struct acquire *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->params = *params;
	a->serial.fd = a->epoll = a->timer = a->wake = -1;
	int err = make_lock(&a->lock);
	if (err < 0) {
		free(a);
		return err;
	}
	err = make_waiting(a);
	if (err == 0)
		err = make_writers(a);
	if (err == 0) {
		init(a);
		err = op_thread_create(&a->thread, "pbt-acquire", STACK_BYTES, acquire_run, a);
	}
	a->started = err == 0;
	if (err < 0)
		acquire_stop(a);
	else
		*ret = a;
	return err;
}

void acquire_stop(struct acquire *a)
{
	if (!a)
		return;
	if (a->started) {
		command(a, COMMAND_STOP);
		pthread_join(a->thread, NULL);
	}
	op_serial_close(&a->serial);
	op_writer_close(a->samples);
	op_writer_close(a->hits);
	pthread_mutex_destroy(&a->lock);
	(void)close(a->epoll); /* -1 if there was none */
	(void)close(a->timer);
	(void)close(a->wake);
	free(a);
}

const struct acquire_view *acquire_view(const struct acquire *a)
{
	return &a->view;
}

void acquire_report(struct acquire *a, struct acquire_report *ret)
{
	pthread_mutex_lock(&a->lock);
	*ret = a->report;
	pthread_mutex_unlock(&a->lock);
}

int acquire_counters(struct acquire *a, struct op_serial_counters *ret)
{
	pthread_mutex_lock(&a->lock);
	int err = a->serial.fd < 0 ? -ENODEV : op_serial_counters(a->serial.fd, ret);
	pthread_mutex_unlock(&a->lock);
	return err;
}

void acquire_recalibrate(struct acquire *a)
{
	command(a, COMMAND_SETTLE);
}

int acquire_set_chain(struct acquire *a, const struct op_hit_chain_params *chain)
{
	/* Pairs with the release in obey() (acquire.c): the thread has done with next_chain. */
	if (atomic_load_explicit(&a->commands, memory_order_acquire) & COMMAND_CHAIN)
		return -EBUSY;
	a->next_chain = *chain;
	command(a, COMMAND_CHAIN);
	return 0;
}
