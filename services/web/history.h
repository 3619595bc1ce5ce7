/*
 * history.h - what the files share that answer questions about the past (outpost-http(7)).
 *
 * A question is a job. Its handler checks the parameters (ask.c) and defers the answer; the work is
 * done in steps on one of two threads (jobs.c), so that the loop never waits for the disk; what a
 * step made is sent by the loop (points.c, kept.c, export.c).
 *
 *     put --> waiting --> working --more to come--> waiting, or while the client is slow: parked
 *                            |
 *                            +--done, or the client is gone--> let go
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_WEB_HISTORY_H
#define OUTPOST_WEB_HISTORY_H

#include <stdatomic.h>

#include "lib/store/query.h"
#include "web.h"

#define WEB_JOBS_WORKING 2  /* threads */
#define WEB_JOBS_WAITING 16 /* that have not begun; one more is refused */
#define WEB_EXPORTS_MAX 4   /* under way, however slow their clients are */
#define WEB_BODY_MAX (4 * 1024 * 1024)

/* What is asked. */
struct web_ask {
	char topic[OP_TOPIC_NAME_MAX + 1];
	char fields[1024];
	int64_t from_ns, to_ns; /* wall time */
	unsigned points, level;
	uint64_t limit;
	enum op_export_format format;
	bool newest_first;
	bool fixed; /* no part of the address is relative to now */
	bool gzip;
	char match[96]; /* If-None-Match */
};

/* An open database, kept for the next question. */
struct web_query {
	struct op_query *q;
	dev_t device;
	ino_t inode;
};

#define WEB_QUERIES_KEPT 2

/* What is under way, all kinds together. Loop thread but for what the lock is said to guard. */
struct web_jobs {
	struct web_job *first, *last; /* waiting */
	struct web_job *parked;
	unsigned n_waiting; /* of them: not begun yet */
	unsigned n_working, n_exports;
	uv_timer_t idle;
	uv_work_t closing; /* of kept databases that nobody asked for */
	bool closing_now;
	uv_mutex_t lock; /* kept, n_kept, stopping, and web_job.query */
	struct web_query kept[WEB_QUERIES_KEPT];
	unsigned n_kept;
	bool stopping;
	uint64_t used_ms; /* a job ended last */
	int told;         /* the error that was logged last */
};

enum web_job_state { WEB_JOB_WAITING, WEB_JOB_WORKING, WEB_JOB_PARKED };
enum web_job_next { WEB_JOB_DONE, WEB_JOB_MORE, WEB_JOB_PARK };

struct web_job {
	uv_work_t work;
	struct web *w;
	const struct web_job_kind *kind;
	struct op_http_reply *reply; /* loop thread; NULL: the client is gone */
	struct web_job *next;        /* of those waiting, or parked */
	uint64_t parked_ms;          /* since then */
	bool placed;                 /* it counts in n_exports */
	enum web_job_state state;
	bool begun; /* a step has run */
	enum web_job_end end;
	bool streaming;         /* the head of the answer is out */
	atomic_bool cancelled;  /* no further step, only let_go */
	struct web_query query; /* under the lock of the jobs */
	struct web_ask ask;
	/* Of the step in hand, or of the last: by the work thread while it works, else the loop's.
	 */
	int result;
	bool no_database, no_field, zipped;
	struct op_buf body, note;
	uint64_t hash; /* of the body before it was compressed */
	enum op_clock_quality quality;
	struct op_export *export;
	uint64_t records, sent_records, damaged, work_ns;
};

struct web_job_kind {
	bool stays; /* counts as an export */
	/* Work thread. 1: there is more to come behind what body holds; 0: that is all; or a
	 * negative error, with more in note. Nothing stays open after 0 and errors but the query.
	 */
	int (*step)(struct web_job *j);
	/* Loop thread, after a step whose client is still there. */
	enum web_job_next (*after)(struct web_job *j);
	/* Work thread, in place of a further step. May be NULL. */
	void (*let_go)(struct web_job *j);
};

/* ask.c: false after it answered 400 or 404. names: those that the address may have, up to NULL. */
bool web_ask_read(struct op_http_request *rq, const char *const *names, struct web_ask *ret);

/* jobs.c */
int web_jobs_start(struct web *w) OP_MUST_CHECK;
void web_jobs_stop(struct web *w); /* after op_http_close: no client is left */
/* Takes the request and counts it. Answers 400 or 404 to what web_ask_read() does not take, 503 if
 * there is no place. */
void web_job_ask(struct op_http_request *rq, struct web *w, const struct web_job_kind *kind,
		 const char *const *names, uint64_t *count);
/* Work thread: the job's open database. As op_query_open; sets no_database on -ENOENT. */
int web_job_query(struct web_job *j, struct op_query **ret) OP_MUST_CHECK;

/* points.c, export.c, kept.c */
void web_points_get(struct op_http_request *rq, void *arg);
void web_export_get(struct op_http_request *rq, void *arg);
void web_kept_get(struct op_http_request *rq, void *arg);
void web_flush_post(struct op_http_request *rq, void *arg);

/* points.c. The parts of web_points_get, for who asks in another name. */
int web_points_step(struct web_job *j);
enum web_job_next web_points_after(struct web_job *j);

/* points.c. Work thread: is it the topic that there is not, or a field of it? */
bool web_has_topic(struct op_query *q, const char *name);
/* Loop thread: answers with what went wrong. */
enum web_job_next web_job_fail(struct web_job *j);

#endif
