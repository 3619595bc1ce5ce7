/*
 * writer_internal.h - what the files of the writer share. All but the atomics and what the lock
 * guards belongs to its thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_WRITER_INTERNAL_H
#define OUTPOST_RECORDER_WRITER_INTERNAL_H

#include "sink.h"
#include "writer.h"

struct writer {
	struct writer_settings set;
	struct op_retention bounds;
	pthread_t thread;
	pthread_mutex_t lock; /* for shown, resume and n_resume */
	struct writer_report shown;
	struct resume resume[RECORDER_KEEP_MAX];
	size_t n_resume;
	atomic_uint_least64_t busy_since, beat; /* CLOCK_MONOTONIC; busy_since 0: idle */
	atomic_int tid;
	atomic_bool ended;
	atomic_int_least64_t wall_offset; /* INT64_MIN: unknown */

	struct op_db *db;
	struct op_history *history;
	uint64_t epoch; /* of history; from 1 */
	bool resumed, caught_up;
	unsigned failures;                                /* in a row */
	struct op_clock_segment clocks[QUEUE_CLOCKS_MAX]; /* of this boot, that were stored, */
	size_t n_clocks;
	bool clocks_due;   /* and this database may not have them */
	uint64_t retry_ns; /* not before */
	uint64_t tidied_ns, tidied_commits;
	struct writer_report now;
};

void writer_begin_work(struct writer *w);
void writer_end_work(struct writer *w);
void writer_tell(struct writer *w);
void writer_failed(struct writer *w, int err);
/* Segments that are on disk: another database will need them too. */
void writer_keep_clocks(struct writer *w, const struct op_clock_segment *clocks, size_t n);

/* ---- writer_open.c ---- */

/* Opens the database if it is not, learns where to go on, catches up. */
int writer_ensure_open(struct writer *w) OP_MUST_CHECK;
/* After a failure: sets a damaged database aside, closes one that fails again and again. */
void writer_mend(struct writer *w, int err);
/* What is known of the tables is not true any more. */
int writer_forget(struct writer *w) OP_MUST_CHECK;
void writer_close(struct writer *w);

#endif
