/*
 * alerts.c - /api/alerts: calls of the alerts service, for the page (outpost-http(7)).
 *
 * Loop thread. A request becomes a line on the service's call socket and is answered when the
 * service does; meanwhile nothing waits but that request. Only the calls named here can be made,
 * and those that do something ask for a body of type application/json, which a page of another
 * origin cannot send unasked. At most ASKS_MAX at a time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "alerts.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/json_tree.h"

#define ASKS_MAX 8
#define ASK_MS 8000
#define ANSWER_MAX (1024 * 1024 + 512)
#define HANDLES 2

struct ask {
	struct op_http_reply *reply; /* NULL: answered, or nobody is left to be */
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct op_buf request, answer;
	unsigned handles;
	bool closing;
};

static unsigned n_asks;

/* ---- the end ---------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct ask *q = handle->data;
	if (--q->handles > 0)
		return;
	op_buf_finish(&q->request);
	op_buf_finish(&q->answer);
	n_asks--;
	free(q);
}

static void finish(struct ask *q)
{
	if (q->closing)
		return;
	q->closing = true;
	uv_close((uv_handle_t *)&q->pipe, on_closed);
	uv_close((uv_handle_t *)&q->timer, on_closed);
}

static void fail(struct ask *q, int status, const char *message)
{
	if (q->reply)
		op_http_reply_error(OP_STEAL(q->reply), status, "%s", message);
	finish(q);
}

static void on_gone(struct op_http_reply *r, void *arg)
{
	struct ask *q = arg;
	q->reply = NULL;
	finish(q);
}

static const struct op_http_reply_events events = {.gone = on_gone};

static void on_late(uv_timer_t *timer)
{
	fail(timer->data, 504, "the alerts service does not answer");
}

/* ---- the answer ------------------------------------------------------------------------- */

static int status_of(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} list[] = {{"EINVAL", 400}, {"ENOENT", 404}, {"EBUSY", 429}, {"EIO", 502}};
	for (size_t i = 0; code && i < OP_ARRAY_SIZE(list); i++)
		if (!strcmp(code, list[i].code))
			return list[i].status;
	return 500;
}

static void answer(struct ask *q)
{
	json_t *o = json_loadb(q->answer.data, q->answer.len, 0, NULL);
	json_t *result = json_object_get(o, "result");
	const char *error = json_string_value(json_object_get(o, "error"));
	bool ok = json_is_true(json_object_get(o, "ok"));
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, ANSWER_MAX);
	if (ok && result)
		op_json_tree(&text, result, 0);
	if (text.len && !text.err && q->reply) {
		op_http_reply_field(q->reply, "Cache-Control", "no-store");
		op_http_reply_answer(OP_STEAL(q->reply), 200, "application/json", text.data,
				     text.len);
	}
	fail(q, status_of(json_string_value(json_object_get(o, "code"))),
	     error ? error : "the alerts service gave no answer");
	json_decref(o);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char chunk[16384]; /* filled and emptied within one turn of the loop */
	*ret = uv_buf_init(chunk, sizeof(chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ask *q = stream->data;
	if (n < 0) {
		fail(q, 502, "the alerts service ended before it answered");
		return;
	}
	op_buf_put(&q->answer, buf->base, (size_t)n);
	if (q->answer.err)
		fail(q, 502, "the answer of the alerts service is too long");
	else if (n > 0 && memchr(buf->base, '\n', (size_t)n))
		answer(q);
}

/* ---- the question ----------------------------------------------------------------------- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct ask *q = connect->data;
	uv_buf_t line = uv_buf_init(q->request.data, (unsigned)q->request.len);
	if (q->closing)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read);
	if (status == 0)
		status = uv_write(&q->write, (uv_stream_t *)&q->pipe, &line, 1, NULL);
	if (status < 0)
		fail(q, 503, "the alerts service is not running");
}

static int start(struct web *w, struct ask *q)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *bus = op_service_bus_dir(w->service);
	int n = snprintf(path, sizeof(path), "%.*s/call/%s.sock", (int)(strlen(bus) - 4), bus,
			 w->alerts);
	if (n < 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	uv_loop_t *loop = op_service_loop(w->service);
	(void)uv_pipe_init(loop, &q->pipe, 0); /* neither can fail on Linux */
	(void)uv_timer_init(loop, &q->timer);
	q->pipe.data = q->timer.data = q->connect.data = q;
	q->handles = HANDLES;
	n_asks++;
	uv_pipe_connect(&q->connect, &q->pipe, path, on_connected);
	return uv_timer_start(&q->timer, on_late, ASK_MS, 0);
}

static int write_request(struct ask *q, const char *method, json_t *args)
{
	char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
	op_buf_init(&q->request, 64 * 1024);
	op_buf_init(&q->answer, ANSWER_MAX);
	op_json_begin(&q->request, '{');
	op_json_kv_str(&q->request, "method", method);
	if (text) {
		op_json_key(&q->request, "args");
		op_json_raw(&q->request, text);
	}
	op_json_end(&q->request, '}');
	op_buf_putc(&q->request, '\n');
	free(text);
	return q->request.err;
}

static void ask(struct op_http_request *rq, struct web *w, const char *method, json_t *args)
{
	struct ask *q = n_asks < ASKS_MAX ? calloc(1, sizeof(*q)) : NULL;
	if (!w->alerts) {
		free(q);
		op_http_error(rq, 404, "this appliance has no alerts");
		return;
	}
	if (!q || write_request(q, method, args) < 0 ||
	    !(q->reply = op_http_defer(rq, &events, q))) {
		if (q)
			op_buf_finish(&q->request);
		free(q);
		op_http_error(rq, 503, "too many questions at a time: try again");
		return;
	}
	int r = start(w, q);
	if (r == 0)
		return;
	op_http_reply_error(OP_STEAL(q->reply), 500, "%s", op_strerror(r));
	if (q->handles) {
		finish(q);
		return;
	}
	op_buf_finish(&q->request);
	free(q);
}

/* ---- routes ----------------------------------------------------------------------------- */

static void on_list(struct op_http_request *rq, void *arg)
{
	ask(rq, arg, "list", NULL);
}

static bool is_json(const struct op_http_request *rq)
{
	const char *type = op_http_field_get(rq, "content-type");
	return type && !strncmp(type, "application/json", 16) &&
	       (!type[16] || strchr("; ", type[16]));
}

static void on_act(struct op_http_request *rq, void *arg)
{
	static const char *const acts[] = {"test", "mute", "unmute"};
	size_t i = 0;
	while (i < OP_ARRAY_SIZE(acts) && strcmp(rq->params[0], acts[i]) != 0)
		i++;
	if (i == OP_ARRAY_SIZE(acts)) {
		op_http_error(rq, 404, "there is no such act: test, mute or unmute");
		return;
	}
	if (!is_json(rq)) {
		op_http_error(rq, 415, "expected a body of type application/json");
		return;
	}
	json_t *args =
		rq->body_bytes ? json_loadb(rq->body, rq->body_bytes, 0, NULL) : json_object();
	if (json_is_object(args))
		ask(rq, arg, acts[i], args);
	else
		op_http_error(rq, 400, "the body is no JSON object");
	json_decref(args);
}

int web_alerts_mount(struct web *w)
{
	w->alerts = web_find_service(w, "outpost-alerts");
	int r = op_http_route(w->http, OP_HTTP_GET, "/api/alerts", on_list, w);
	return r ? r : op_http_route(w->http, OP_HTTP_POST, "/api/alerts/{act}", on_act, w);
}
