/*
 * acquire_internal.h - what both sides of the acquisition share: acquire.c, the work thread, and
 * acquire_start.c, the loop that starts it, asks it and stops it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_PBT_ACQUIRE_INTERNAL_H
#define OUTPOST_PBT_ACQUIRE_INTERNAL_H

#include <pthread.h>

#include "acquire.h"
#include "lib/dsp/loss.h"
#include "lib/dsp/sample_clock.h"
#include "lib/proto/pbt.h"
#include "topics.h"

#define READ_BYTES 16384 /* a pty gives 4095 at a time, a serial port less */
#define BATCH_MAX 1024   /* samples published together */
#define HITS_MAX 16      /* in a batch: a cycle takes more than 64 samples at any setting */

enum command { COMMAND_STOP = 1, COMMAND_SETTLE = 2, COMMAND_CHAIN = 4 };

struct acquire {
	struct acquire_params params;
	struct acquire_view view;
	pthread_t thread;
	bool started;
	int epoll, timer, wake; /* timerfd, eventfd */
	_Atomic unsigned commands;
	struct op_hit_chain_params
		next_chain; /* belongs to the thread while COMMAND_CHAIN is set */

	pthread_mutex_t lock; /* of report, and of serial.fd against acquire_counters */
	struct acquire_report report;

	/* work thread only */
	struct op_serial serial;
	struct op_link link;
	struct op_pbt parser;
	struct op_hit_chain chain;
	struct op_sample_clock clock;
	struct op_loss loss;
	struct op_writer *samples, *hits;
	uint64_t timer_ns;    /* when timer runs out */
	uint64_t heard_ns;    /* last sample's arrival; 0: none since opening */
	double owed_ns;       /* sampled time in excess of the time it arrived in, while settling */
	uint64_t settling_ns; /* since opening */
	int error;
	size_t n_values, n_hits;
	uint16_t values[BATCH_MAX];
	uint64_t times[BATCH_MAX];
	struct pbt_sample records[BATCH_MAX];
	struct pbt_hit fired[HITS_MAX];
	uint64_t fired_ns[HITS_MAX];
	char bytes[READ_BYTES];
};

/* See acquire_view: the loop may read them at any time. */
#define SET(a, member, value) atomic_store_explicit(&(a)->view.member, value, memory_order_relaxed)

/* The work thread; arg is the struct acquire. */
void *acquire_run(void *arg);
/* Adds a descriptor to what the thread waits for. 0 or a negative errno. */
int acquire_watch(struct acquire *a, int fd, uint32_t events) OP_MUST_CHECK;

#endif
