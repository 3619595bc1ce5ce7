/*
 * recorder.h - what the files of the recorder's loop share.
 *
 * Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_H
#define OUTPOST_RECORDER_H

#include <limits.h>
#include <outpost/service.h>

#include "keep.h"
#include "topics.h"
#include "writer.h"

#define RECORDER_FLUSHES_MAX 16

/* A call that is answered when its ticket is. */
struct flush {
	struct op_call_later *later;
	uint64_t ticket, failures;
};

struct recorder {
	struct op_service *service;
	const struct recorder_settings *set;
	char path[PATH_MAX], boot_id[64];
	struct queue queue;
	bool queue_made;
	struct writer *writer;
	struct keep keeps[RECORDER_KEEP_MAX];
	size_t n_keeps;
	struct op_clock clock;
	bool clock_resumed;
	uint64_t started_ns;
	bool begun; /* topics are read */
	bool stopping;

	struct flush flushes[RECORDER_FLUSHES_MAX];
	size_t n_flushes;

	uv_async_t changed;
	uv_timer_t tick, grace;
	unsigned handles; /* were made and are not closed yet */
	unsigned ticks;

	/* monitor.c */
	struct op_writer *stats;
	struct recorder_stats last;
	struct writer_report report;
	struct queue_look waiting;
	uint64_t missed_ns; /* boot time of the last ones */
	uint64_t dropped_logged, logged_ns, aside_logged;
	uint64_t hint_ns;
	char hint[192]; /* a topic that is not there, but nearly */
};

/* Makes recorder.stats. */
int monitor_open(struct recorder *r) OP_MUST_CHECK;
void monitor_close(struct recorder *r);
/* Once a second: counts, state, recorder.stats. */
void monitor_look(struct recorder *r);
/* State and log after the writer said something new. */
void monitor_changed(struct recorder *r);
/* What the call `stats` answers. */
json_t *monitor_json(struct recorder *r);

#endif
