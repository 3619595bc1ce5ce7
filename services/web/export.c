/*
 * export.c - GET /api/topics/{topic}/export: every record of a span, streamed as fast as the client
 * takes it.
 *
 * The first piece is made before the head of the answer, so that what cannot be done is refused
 * with a status. What goes wrong later cuts the connection: a client must not take half for the
 * whole. Memory is that of a piece and of the connection's queue.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "history.h"

#include <stdio.h>
#include <string.h>

#define PIECE_BYTES (64 * 1024)

/* ---- on a work thread -------------------------------------------------------------------- */

static void let_go(struct web_job *j)
{
	op_export_end(j->export);
	j->export = NULL;
}

static int begin(struct web_job *j)
{
	const struct web_ask *a = &j->ask;
	struct op_export_settings set = {.topic = a->topic,
					 .from_wall_ns = a->from_ns,
					 .to_wall_ns = a->to_ns,
					 .fields = a->fields,
					 .format = a->format,
					 .level = a->level,
					 .limit = a->limit,
					 .newest_first = a->newest_first};
	struct op_query *q;
	int r = web_job_query(j, &q);
	if (r < 0)
		return r;
	r = op_export_begin(q, &set, &j->export, &j->note);
	j->no_field = r == -ENOENT && web_has_topic(q, a->topic);
	return r;
}

static int step(struct web_job *j)
{
	int r = j->export ? 0 : begin(j);
	if (r < 0)
		return r;
	r = op_export_step(j->export, PIECE_BYTES, &j->body);
	if (r >= 0 && j->body.err)
		r = j->body.err;
	j->records = op_export_records(j->export);
	j->damaged = op_export_damaged(j->export);
	if (r <= 0)
		let_go(j);
	return r;
}

/* ---- on the loop ------------------------------------------------------------------------- */

/* "20261121T100000Z" */
static void write_stamp(int64_t wall_ns, char out[OP_RFC3339_BYTES])
{
	char text[OP_RFC3339_BYTES], *to = out;
	op_time_rfc3339(wall_ns, text);
	for (const char *p = text; *p && *p != '.'; p++)
		if (*p != '-' && *p != ':')
			*to++ = *p;
	*to++ = 'Z';
	*to = '\0';
}

static void name_file(struct web_job *j)
{
	char from[OP_RFC3339_BYTES], to[OP_RFC3339_BYTES], text[256];
	const struct web_ask *a = &j->ask;
	write_stamp(a->from_ns, from);
	write_stamp(a->to_ns, to);
	snprintf(text, sizeof(text), "attachment; filename=\"%s%s%s%s%s_%s.%s\"", a->topic,
		 a->level ? "_" : "", a->level ? op_tier_name(a->level) : "", a->from_ns ? "_" : "",
		 a->from_ns ? from : "", to, a->format == OP_EXPORT_CSV ? "csv" : "jsonl");
	op_http_reply_field(j->reply, "Content-Disposition", text);
}

static int open_answer(struct web_job *j)
{
	name_file(j);
	op_http_reply_field(j->reply, "Cache-Control", "no-store");
	j->streaming = true;
	return op_http_reply_begin(j->reply, 200,
				   j->ask.format == OP_EXPORT_CSV ? "text/csv; charset=utf-8"
								  : "application/x-ndjson");
}

static enum web_job_next cut_short(struct web_job *j, int err)
{
	op_log(OP_WARNING, "export of %s ended early: %s", j->ask.topic, op_strerror(err));
	j->end = WEB_FAILED;
	op_http_reply_abort(j->reply);
	j->reply = NULL;
	if (j->result <= 0)
		return WEB_JOB_DONE;
	atomic_store(&j->cancelled, true);
	return WEB_JOB_MORE;
}

static enum web_job_next close_answer(struct web_job *j)
{
	op_http_reply_end(j->reply);
	j->reply = NULL;
	if (j->result <= 0)
		return WEB_JOB_DONE;
	atomic_store(&j->cancelled, true); /* HEAD: what is open is let go */
	return WEB_JOB_MORE;
}

static enum web_job_next after(struct web_job *j)
{
	if (j->result < 0)
		return j->streaming ? cut_short(j, j->result) : web_job_fail(j);
	int r = j->streaming ? 0 : open_answer(j);
	if (r < 0)
		return cut_short(j, r);
	ssize_t queued = op_http_reply_write(j->reply, j->body.data, j->body.len);
	op_buf_reset(&j->body);
	if (queued < 0)
		return cut_short(j, (int)queued);
	j->w->asked.records += j->records - j->sent_records;
	j->sent_records = j->records;
	if (j->result == 0 || op_http_reply_is_head(j->reply))
		return close_answer(j);
	return queued < OP_HTTP_QUEUE_LOW ? WEB_JOB_MORE : WEB_JOB_PARK;
}

void web_export_get(struct op_http_request *rq, void *arg)
{
	static const char *const names[] = {"from",  "to",    "fields", "format",
					    "level", "limit", "order",  NULL};
	static const struct web_job_kind kind = {
		.stays = true, .step = step, .after = after, .let_go = let_go};
	struct web *w = arg;
	web_job_ask(rq, w, &kind, names, &w->asked.exports);
}
