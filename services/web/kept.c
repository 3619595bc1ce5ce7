/*
 * kept.c - GET /api/history: which topics are kept, since when, and whether somebody keeps them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "call.h"
#include "history.h"

/* ---- on a work thread -------------------------------------------------------------------- */

static void write_fields(const struct op_query_topic *t, struct op_buf *b)
{
	op_json_key(b, "fields");
	op_json_begin(b, '[');
	for (uint32_t i = 0; i < t->type->n_fields; i++) {
		const struct op_field *f = &t->type->fields[i];
		if (!(t->rows || (t->fields >> i & 1)))
			continue;
		op_json_begin(b, '{');
		op_json_kv_str(b, "name", f->name);
		op_json_kv_str(b, "unit", f->unit);
		op_json_kv_str(b, "help", f->help);
		op_json_end(b, '}');
	}
	op_json_end(b, ']');
}

static void write_time(const char *key, bool any, int64_t wall_ns, struct op_buf *b)
{
	char text[OP_RFC3339_BYTES];
	op_json_key(b, key);
	if (any) {
		op_time_rfc3339(wall_ns, text);
		op_json_str(b, text);
	} else {
		op_json_null(b);
	}
}

static void write_topic(const struct op_query_topic *t, struct op_buf *b)
{
	op_json_begin(b, '{');
	op_json_kv_str(b, "topic", t->name);
	op_json_kv_str(b, "help", t->type->help);
	op_json_kv_str(b, "kind", t->rows ? "rows" : "chunks");
	op_json_kv_f64(b, "rate_hz", t->type->rate_mhz / 1000.0);
	write_fields(t, b);
	write_time("from", t->any, t->from_wall_ns, b);
	write_time("to", t->any, t->to_wall_ns, b);
	write_time("raw_from", t->any && t->any_raw, t->raw_from_wall_ns, b);
	op_json_kv_str(b, "clock", op_clock_quality_name(t->quality));
	op_json_end(b, '}');
}

static int step(struct web_job *j)
{
	const struct op_query_topic *topics;
	size_t n = 0;
	struct op_query *q;
	int r = web_job_query(j, &q);
	if (!r)
		r = op_query_topics(q, &topics, &n);
	if (r < 0 && !j->no_database)
		return r;
	op_json_begin(&j->body, '[');
	for (size_t i = 0; i < n; i++)
		write_topic(&topics[i], &j->body);
	op_json_end(&j->body, ']');
	return j->body.err;
}

/* ---- on the loop ------------------------------------------------------------------------- */

static void write_recorder(struct web *w, struct op_buf *b)
{
	struct web_service_look s;
	op_json_key(b, "recorder");
	if (!w->recorder) {
		op_json_null(b);
		return;
	}
	web_service_look(w, w->recorder, &s);
	op_json_begin(b, '{');
	op_json_kv_str(b, "service", w->recorder);
	op_json_kv_str(b, "status", op_health_name(s.is.health));
	op_json_kv_str(b, "state", s.is.state);
	op_json_kv_str(b, "reason", s.is.reason);
	op_json_end(b, '}');
}

static enum web_job_next after(struct web_job *j)
{
	if (j->result < 0)
		return web_job_fail(j);
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, WEB_BODY_MAX + 4096);
	op_json_begin(&b, '{');
	write_recorder(j->w, &b);
	op_json_key(&b, "topics");
	op_json_raw(&b, j->body.data);
	op_json_end(&b, '}');
	op_buf_putc(&b, '\n');
	op_http_reply_field(j->reply, "Cache-Control", "no-store");
	if (b.err)
		op_http_reply_error(j->reply, 500, "the answer is too large");
	else
		op_http_reply_answer(j->reply, 200, "application/json", b.data, b.len);
	j->reply = NULL;
	return WEB_JOB_DONE;
}

void web_kept_get(struct op_http_request *rq, void *arg)
{
	static const char *const names[] = {NULL};
	static const struct web_job_kind kind = {.step = step, .after = after};
	struct web *w = arg;
	web_job_ask(rq, w, &kind, names, &w->asked.lists);
}

#define FLUSH_NS (10 * OP_NS_PER_S) /* an SD card is not for everybody to wear out */

void web_flush_post(struct op_http_request *rq, void *arg)
{
	struct web *w = arg;
	uint64_t now = op_now_ns();
	if (!w->recorder) {
		op_http_error(rq, 404, "this appliance has no recorder");
	} else if (w->flushed_ns && now - w->flushed_ns < FLUSH_NS) {
		op_http_answer(rq, 200, "application/json", "null", 4);
	} else {
		w->flushed_ns = now;
		web_call_relay(rq, w, w->recorder, "flush", NULL);
	}
}
