/*
 * acquire.h - the work thread: from the board's bytes to records in pbt.sample and pbt.hit.
 *
 * The thread owns the device, the parser, the filter and both writers. What others may see is
 * in struct acquire_view (atomics, any thread) and, for what changes only when the link does, in
 * struct acquire_report (copied under a lock that the sample path never takes).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SENSORHUB_PBT_ACQUIRE_H
#define OUTPOST_SENSORHUB_PBT_ACQUIRE_H

#include <outpost/service.h>
#include <stdatomic.h>

#include "lib/dev/serial.h"
#include "settings.h"

/* Counts since the service started. Written by the work thread alone, relaxed: each is a number by
 * itself and orders nothing. */
struct acquire_view {
	_Atomic uint64_t bytes, samples, comments, texts, empty, rejected, overlong;
	_Atomic uint64_t lost_rate, lost_board, hits, too_low, settled, anchors;
	_Atomic uint64_t beat_ns; /* when the thread last went round */
	_Atomic float baseline, envelope;
};

struct acquire_report {
	enum op_link_state link;
	uint64_t since_ns;
	int error; /* why the last attempt to open failed, 0 if it did not */
	uint64_t opens, losses;
	char device[96];             /* open now, or looked for */
	char identity[NAME_MAX + 1]; /* its by-id link */
};

struct acquire_params {
	struct op_service *service;
	struct op_serial_params serial;
	struct op_link_params link;
	struct op_hit_chain_params chain;
	uint64_t settle_gap_ns;
	void (*changed)(void *arg); /* report or settled changed; on the work thread, quickly */
	void *arg;
};

struct acquire;

/* Opens both topics and starts the thread. */
int acquire_start(const struct acquire_params *params, struct acquire **ret) OP_MUST_CHECK;
/* Ends the thread, closes everything. Accepts NULL. */
void acquire_stop(struct acquire *a);

const struct acquire_view *acquire_view(const struct acquire *a);
void acquire_report(struct acquire *a, struct acquire_report *ret);
/* Driver counters of the open device; -ENODEV without one, -ENOTTY if it counts nothing. */
int acquire_counters(struct acquire *a, struct op_serial_counters *ret) OP_MUST_CHECK;

/* Loop thread: measure the baseline anew. */
void acquire_recalibrate(struct acquire *a);
/* Loop thread: other constants from the next batch on; the baseline is measured anew. -EBUSY while
 * the ones before are still on their way. */
int acquire_set_chain(struct acquire *a, const struct op_hit_chain_params *chain) OP_MUST_CHECK;

#endif
