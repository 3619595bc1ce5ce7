/*
 * ask.c - a request that is answered when another service has been asked (ask.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "ask.h"

/* The first of those that wait for their turn. */
static void start(struct temp_ask *a)
{
	temp_ask_next(a, a->method, NULL, a->timeout_ms, a->done);
}

static void leave_turn(struct temp_ask *a)
{
	struct temp_ask **at = &a->t->turn;
	bool first = *at == a;
	while (*at != a)
		at = &(*at)->behind;
	*at = a->behind;
	if (first && *at)
		start(*at);
}

static void destroy(struct temp_ask *a)
{
	if (a->in_turn)
		leave_turn(a);
	json_decref(a->data);
	free(a);
}

static void on_gone(struct op_http_reply *r, void *arg)
{
	struct temp_ask *a = arg;
	if (a->call)
		web_call_cancel(a->call);
	destroy(a);
}

static const struct op_http_reply_events events = {.gone = on_gone};

static void on_answer(void *arg, int status, json_t *result, const char *error)
{
	struct temp_ask *a = arg;
	a->call = NULL;
	a->done(a, status, result, error);
}

void temp_ask_next(struct temp_ask *a, const char *method, const json_t *args, unsigned timeout_ms,
		   temp_ask_fn done)
{
	a->done = done;
	int r = a->service ? web_call(a->t->web, a->service, method, args, timeout_ms, on_answer, a,
				      &a->call)
			   : -ENOENT;
	if (r < 0)
		done(a, 503, NULL, op_strerror(r));
}

/* NULL: it is answered. */
static struct temp_ask *defer(struct op_http_request *rq, struct temp_web *t, const char *service,
			      json_t *data)
{
	struct temp_ask *a = calloc(1, sizeof(*a));
	if (!a || !(a->reply = op_http_defer(rq, &events, a))) {
		json_decref(data);
		free(a);
		op_http_error(rq, 503, "out of memory");
		return NULL;
	}
	a->t = t;
	a->service = service;
	a->data = data;
	return a;
}

void temp_ask(struct op_http_request *rq, struct temp_web *t, const char *service,
	      const char *method, const json_t *args, unsigned timeout_ms, temp_ask_fn done,
	      json_t *data)
{
	struct temp_ask *a = defer(rq, t, service, data);
	if (a)
		temp_ask_next(a, method, args, timeout_ms, done);
}

void temp_ask_in_turn(struct op_http_request *rq, struct temp_web *t, const char *service,
		      const char *method, unsigned timeout_ms, temp_ask_fn done, json_t *data)
{
	struct temp_ask *a = defer(rq, t, service, data), **at = &t->turn;
	if (!a)
		return;
	a->in_turn = true;
	a->method = method;
	a->timeout_ms = timeout_ms;
	a->done = done;
	while (*at)
		at = &(*at)->behind;
	*at = a;
	if (t->turn == a)
		start(a);
}

void temp_ask_answer(struct temp_ask *a, int status, struct op_buf *b)
{
	struct op_http_reply *r = a->reply;
	op_buf_putc(b, '\n');
	if (b->err)
		op_http_reply_error(r, 500, "the answer failed: %s", op_strerror(b->err));
	else
		op_http_reply_answer(r, status, "application/json", b->data, b->len);
	destroy(a);
}
