/*
 * points.c - GET /api/topics/{topic}/history: so many points of a span of time, as one answer.
 *
 * Steps run on a work thread, answers are given on the loop (history.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GZIP_FROM 1400 /* bytes; less fits one packet anyway */
#define TAG_BYTES 24
/* Older than this, what is kept of a time changes no more but by retention: batches of the recorder
 * have long been written, and clocks that were corrected are. */
#define SETTLED_NS (3600 * (int64_t)OP_NS_PER_S)

/* ---- on a work thread -------------------------------------------------------------------- */

bool web_has_topic(struct op_query *q, const char *name)
{
	const struct op_query_topic *topics;
	size_t n;
	if (op_query_topics(q, &topics, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(topics[i].name, name))
			return true;
	return false;
}

static int compress(struct web_job *j)
{
	struct op_buf plain = j->body;
	if (!j->ask.gzip || plain.len < GZIP_FROM)
		return 0;
	op_buf_init(&j->body, WEB_BODY_MAX);
	j->zipped = true;
	int r = op_http_gzip(plain.data, plain.len, &j->body);
	op_buf_finish(&plain);
	return r;
}

int web_points_step(struct web_job *j)
{
	const struct web_ask *a = &j->ask;
	struct op_query_span span = {.topic = a->topic,
				     .from_wall_ns = a->from_ns,
				     .to_wall_ns = a->to_ns,
				     .points = a->points,
				     .fields = a->fields};
	struct op_query_points points;
	struct op_query *q;
	int r = web_job_query(j, &q);
	if (r < 0)
		return r;
	r = op_query_span(q, &span, &points, &j->note);
	j->no_field = r == -ENOENT && web_has_topic(q, a->topic);
	if (r < 0)
		return r;
	op_query_points_json(&span, &points, &j->body);
	if (j->body.err)
		return j->body.err;
	j->quality = points.quality;
	j->damaged = points.damaged;
	j->hash = op_schema_hash(j->body.data, j->body.len);
	return compress(j);
}

/* ---- on the loop ------------------------------------------------------------------------- */

static void fail_by(struct web_job *j)
{
	const char *note = j->note.len ? j->note.data : NULL;
	if (j->no_database)
		op_http_reply_error(j->reply, 404, "nothing is kept: %s",
				    j->w->recorder ? "the recorder has stored nothing yet"
						   : "the recorder is not part of this appliance");
	else if (j->result == -ENOENT)
		op_http_reply_error(j->reply, j->no_field ? 400 : 404, "%s%s",
				    j->no_field ? "fields: " : "",
				    note ? note : "there is no such topic in store");
	else if (j->result == -EINVAL)
		op_http_reply_error(j->reply, 400, "%s", note ? note : "the span is empty");
	else if (j->result == -ENOTSUP)
		op_http_reply_error(j->reply, 400,
				    "order=desc: expected asc; %s is kept in chunks, not in rows",
				    j->ask.topic);
	else if (j->result == -ENOBUFS)
		op_http_reply_error(j->reply, 400,
				    "points: the answer is larger than %d bytes; ask for fewer "
				    "points or fields",
				    WEB_BODY_MAX);
	else
		op_http_reply_error(j->reply, 503, "history cannot be read: %s%s%s",
				    op_strerror(j->result), note ? ": " : "", note ? note : "");
}

/* Each kind of failure once, until history can be read again. */
static void tell(struct web_job *j)
{
	if (j->w->jobs->told != j->result)
		op_log(OP_WARNING, "history %s cannot be read: %s%s%s", j->w->history_path,
		       op_strerror(j->result), j->note.len ? ": " : "", j->note.data);
	j->w->jobs->told = j->result;
}

enum web_job_next web_job_fail(struct web_job *j)
{
	bool wrong = j->result == -ENOENT || j->result == -EINVAL || j->result == -ENOTSUP ||
		     j->result == -ENOBUFS;
	j->end = wrong ? WEB_WRONG : WEB_FAILED;
	if (!wrong) {
		tell(j);
		op_http_reply_field(j->reply, "Retry-After", "5");
	}
	fail_by(j);
	j->reply = NULL;
	return WEB_JOB_DONE;
}

static bool settled(const struct web_job *j)
{
	return j->ask.fixed && j->quality != OP_CLOCK_UNKNOWN &&
	       j->ask.to_ns < op_wall_ns(op_now_ns()) - SETTLED_NS;
}

enum web_job_next web_points_after(struct web_job *j)
{
	char tag[TAG_BYTES];
	if (j->result < 0)
		return web_job_fail(j);
	snprintf(tag, sizeof(tag), "\"%016" PRIx64 "%s\"", j->hash, j->zipped ? "-gz" : "");
	op_http_reply_field(j->reply, "ETag", tag);
	op_http_reply_field(j->reply, "Cache-Control",
			    settled(j) ? "private, max-age=600" : "no-cache");
	op_http_reply_field(j->reply, "Vary", "Accept-Encoding");
	if (strstr(j->ask.match, tag)) {
		op_http_reply_answer(j->reply, 304, NULL, NULL, 0);
	} else {
		if (j->zipped)
			op_http_reply_field(j->reply, "Content-Encoding", "gzip");
		op_http_reply_answer(j->reply, 200, "application/json", j->body.data, j->body.len);
	}
	j->reply = NULL;
	return WEB_JOB_DONE;
}

void web_points_get(struct op_http_request *rq, void *arg)
{
	static const char *const names[] = {"from", "to", "points", "fields", NULL};
	static const struct web_job_kind kind = {.step = web_points_step,
						 .after = web_points_after};
	struct web *w = arg;
	web_job_ask(rq, w, &kind, names, &w->asked.points);
}
