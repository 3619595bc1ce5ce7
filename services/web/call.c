/*
 * call.c - a line to the call socket of a service, and the line it answers with.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "call.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/json_tree.h"

#define RELAY_MS 8000
#define ANSWER_MAX (1024 * 1024 + 512)
#define HANDLES 2

struct web_call {
	struct web *w;
	struct web_call *next;
	web_call_fn fn; /* NULL: it has been called, or nobody wants to know */
	void *arg;
	char service[OP_TOPIC_NAME_MAX + 1];
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct op_buf request, answer;
	unsigned handles;
	bool closing;
};

/* ---- the end ----------------------------------------------------------------------------- */

static void let_go(struct web_call *c)
{
	op_buf_finish(&c->request);
	op_buf_finish(&c->answer);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct web_call *c = handle->data;
	if (--c->handles == 0)
		let_go(c);
}

static void finish(struct web_call *c)
{
	struct web_call **at = &c->w->calls;
	if (c->closing)
		return;
	c->closing = true;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->w->n_calls--;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void end(struct web_call *c, int status, json_t *result, const char *error)
{
	web_call_fn fn = OP_STEAL(c->fn);
	finish(c);
	if (fn)
		fn(c->arg, status, result, error);
}

OP_PRINTF(3, 4) static void fail(struct web_call *c, int status, const char *fmt, ...)
{
	char text[200];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	end(c, status, NULL, text);
}

void web_call_cancel(struct web_call *c)
{
	c->fn = NULL;
	finish(c);
}

void web_calls_stop(struct web *w)
{
	while (w->calls)
		web_call_cancel(w->calls);
}

static void on_late(uv_timer_t *timer)
{
	struct web_call *c = timer->data;
	fail(c, 504, "the service %s does not answer", c->service);
}

/* ---- the answer -------------------------------------------------------------------------- */

static int status_of(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} list[] = {
		{"EINVAL", 400}, {"ENOENT", 404}, {"EBUSY", 429}, {"EAGAIN", 503}, {"EIO", 502}};
	for (size_t i = 0; code && i < OP_ARRAY_SIZE(list); i++)
		if (!strcmp(code, list[i].code))
			return list[i].status;
	return 500;
}

static void answer(struct web_call *c)
{
	json_t *o = json_loadb(c->answer.data, c->answer.len, 0, NULL);
	const char *error = json_string_value(json_object_get(o, "error"));
	const char *code = json_string_value(json_object_get(o, "code"));
	if (json_is_true(json_object_get(o, "ok")))
		end(c, 200, json_object_get(o, "result"), NULL);
	else if (error)
		end(c, status_of(code), NULL, error);
	else
		fail(c, 502, "the service %s gave no answer", c->service);
	json_decref(o);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char chunk[16384]; /* filled and emptied within one turn of the loop */
	*ret = uv_buf_init(chunk, sizeof(chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct web_call *c = stream->data;
	if (n < 0) {
		fail(c, 502, "the service %s ended before it answered", c->service);
		return;
	}
	op_buf_put(&c->answer, buf->base, (size_t)n);
	if (c->answer.err)
		fail(c, 502, "the answer of the service %s is too long", c->service);
	else if (n > 0 && memchr(buf->base, '\n', (size_t)n))
		answer(c);
}

/* ---- the question ------------------------------------------------------------------------ */

static void on_connected(uv_connect_t *connect, int status)
{
	struct web_call *c = connect->data;
	uv_buf_t line = uv_buf_init(c->request.data, (unsigned)c->request.len);
	if (c->closing)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	if (status == 0)
		status = uv_write(&c->write, (uv_stream_t *)&c->pipe, &line, 1, NULL);
	if (status < 0)
		fail(c, 503, "the service %s is not running", c->service);
}

static int write_request(struct web_call *c, const char *method, const json_t *args)
{
	op_buf_init(&c->request, 64 * 1024);
	op_buf_init(&c->answer, ANSWER_MAX);
	op_json_begin(&c->request, '{');
	op_json_kv_str(&c->request, "method", method);
	if (args) {
		op_json_key(&c->request, "args");
		op_json_tree(&c->request, args, 0);
	}
	op_json_end(&c->request, '}');
	op_buf_putc(&c->request, '\n');
	return c->request.err;
}

static int start(struct web_call *c, unsigned timeout_ms)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *bus = op_service_bus_dir(c->w->service);
	int n = snprintf(path, sizeof(path), "%.*s/call/%s.sock", (int)(strlen(bus) - 4), bus,
			 c->service);
	if (n < 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	uv_loop_t *loop = op_service_loop(c->w->service);
	(void)uv_pipe_init(loop, &c->pipe, 0); /* neither can fail on Linux */
	(void)uv_timer_init(loop, &c->timer);
	c->pipe.data = c->timer.data = c->connect.data = c;
	c->handles = HANDLES;
	c->next = c->w->calls;
	c->w->calls = c;
	c->w->n_calls++;
	uv_pipe_connect(&c->connect, &c->pipe, path, on_connected);
	return uv_timer_start(&c->timer, on_late, timeout_ms, 0); /* cannot fail with a callback */
}

int web_call(struct web *w, const char *service, const char *method, const json_t *args,
	     unsigned timeout_ms, web_call_fn fn, void *arg, struct web_call **ret)
{
	struct web_call *c = w->n_calls < WEB_CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return w->n_calls < WEB_CALLS_MAX ? -ENOMEM : -EAGAIN;
	c->w = w;
	c->fn = fn;
	c->arg = arg;
	(void)snprintf(c->service, sizeof(c->service), "%s", service); /* names fit */
	int r = write_request(c, method, args);
	if (r == 0)
		r = start(c, timeout_ms);
	if (r < 0)
		let_go(c); /* no handle was made */
	else
		*ret = c;
	return r;
}

/* ---- for a client ------------------------------------------------------------------------ */

struct relay {
	struct op_http_reply *reply;
	struct web_call *call;
};

static void on_relayed(void *arg, int status, json_t *result, const char *error)
{
	struct relay *r = arg;
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, ANSWER_MAX);
	if (result)
		op_json_tree(&text, result, 0);
	if (text.len && !text.err) {
		op_http_reply_field(r->reply, "Cache-Control", "no-store");
		op_http_reply_answer(r->reply, 200, "application/json", text.data, text.len);
	} else {
		op_http_reply_error(r->reply, status == 200 ? 502 : status, "%s",
				    error ? error : "the service gave no answer");
	}
	free(r);
}

static void on_gone(struct op_http_reply *reply, void *arg)
{
	struct relay *r = arg;
	web_call_cancel(r->call);
	free(r);
}

void web_call_relay(struct op_http_request *rq, struct web *w, const char *service,
		    const char *method, const json_t *args)
{
	static const struct op_http_reply_events events = {.gone = on_gone};
	struct relay *r = calloc(1, sizeof(*r));
	int err =
		r ? web_call(w, service, method, args, RELAY_MS, on_relayed, r, &r->call) : -ENOMEM;
	if (err == 0 && !(r->reply = op_http_defer(rq, &events, r))) {
		web_call_cancel(r->call);
		err = -ENOMEM;
	}
	if (err == 0)
		return;
	free(r);
	op_http_error(rq, 503, "%s",
		      err == -EAGAIN ? "too many questions at a time: try again"
				     : op_strerror(err));
}
