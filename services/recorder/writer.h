/*
 * writer.h - the thread that owns the database: takes batches from the queue, commits, mends.
 *
 * Everything that waits for the disk happens here and nowhere else. A disk that fails is tried
 * again with pauses of up to 5 s for ever; meanwhile the queue fills. What the loop is to know is
 * in a report.
 *
 *     closed --open--> resuming --tiers caught up--> open <--failure, pause--> open
 *       ^                                             |  damaged: set aside, a new one
 *       +---------------- cannot be opened -----------+
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_WRITER_H
#define OUTPOST_RECORDER_WRITER_H

#include "queue.h"
#include "resume.h"
#include "settings.h"

struct writer_settings {
	const char *path; /* borrowed, as all here */
	const char *boot_id;
	const struct recorder_settings *set;
	struct queue *queue;
	void (*changed)(void *arg); /* from the writer: the report is another one */
	void *arg;
};

/* Totals since the start. */
struct writer_counts {
	uint64_t chunks, rows, bytes, records; /* stored */
	uint64_t commits, failures;
	uint64_t deleted_chunks, deleted_rows, deleted_bytes;
	uint64_t set_aside;
};

struct writer_report {
	bool tried;         /* the database was opened, or it was seen that it cannot be now */
	bool open;          /* and tiers are caught up */
	bool newest_known;  /* it was open once: what is said of the past is true */
	int err;            /* of the last attempt to open or commit; 0: it worked */
	char text[1000];    /* a line of the log: what SQLite or we say to that, or of what was set
			       aside */
	uint64_t aside_ns;  /* boot time; 0: nothing was */
	uint64_t commit_ns; /* time the last commit took */
	uint64_t db_used, db_file;     /* bytes */
	int64_t newest_wall_ns;        /* in store when it was opened; 0: unknown */
	struct op_clock_segment clock; /* of this boot as stored last */
	bool clock_known;
	struct writer_counts counts;
};

struct writer;
/* Begins the thread. The queue must outlive it. */
int writer_start(const struct writer_settings *settings, struct writer **ret) OP_MUST_CHECK;
/* After queue_quit and the last change: joins the thread. Accepts NULL. */
void writer_join(struct writer *w);
/* Whether the thread has nothing more to do. */
bool writer_ended(const struct writer *w);
void writer_report(struct writer *w, struct writer_report *ret);
/* Where the topic of that name stopped when the database was opened; false: it is not in store, or
 * nobody knows. */
bool writer_resume(struct writer *w, const char *topic, struct resume *ret);
/* False when it is stuck: waits for a lock, or does not come for what is asked. A disk that takes
 * its time is none of that. */
bool writer_alive(const struct writer *w);
/* How far the wall clock is ahead of the boot clock, if that is known. */
void writer_set_wall(struct writer *w, bool known, int64_t offset_ns);
/* How long the disk operation lasts that is going on now; 0: none is. */
uint64_t writer_busy_ns(const struct writer *w);

#endif
