/*
 * http_reply_support.h - for the tests of answers given later: the handler hands its reply to the
 * test, which plays its owner.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_HTTP_REPLY_SUPPORT_H
#define OUTPOST_TEST_HTTP_REPLY_SUPPORT_H

#include "http_support.h"

static struct op_http_reply *replies[16];
static size_t n_replies;
static unsigned rooms, gones;
static void (*then)(struct op_http_reply *r); /* called when there is room */

static inline void on_room(struct op_http_reply *r, void *arg)
{
	CHECK(arg == &rooms);
	rooms++;
	if (then)
		then(r);
}

static inline void on_gone(struct op_http_reply *r, void *arg)
{
	CHECK(arg == &rooms);
	gones++;
	for (size_t i = 0; i < n_replies; i++)
		if (replies[i] == r)
			replies[i] = NULL;
}

static const struct op_http_reply_events events = {.room = on_room, .gone = on_gone};

static inline void on_later(struct op_http_request *rq, void *arg)
{
	op_http_field_add(rq, "X-Early", rq->params[0]);
	CHECK(n_replies < OP_ARRAY_SIZE(replies));
	replies[n_replies] = op_http_defer(rq, &events, &rooms);
	CHECK(replies[n_replies++]);
}

static inline void on_now(struct op_http_request *rq, void *arg)
{
	op_http_answer(rq, 200, "text/plain", rq->params[0], strlen(rq->params[0]));
}

/* Deferred, and answered before the handler returns. */
static inline void on_both(struct op_http_request *rq, void *arg)
{
	struct op_http_reply *r = op_http_defer(rq, &events, &rooms);
	if (!strcmp(rq->params[0], "abort"))
		op_http_reply_abort(r);
	else
		op_http_reply_answer(r, 200, "text/plain", "both", 4);
}

static inline void start(void)
{
	struct op_http_settings set = {.host = "127.0.0.1",
				       .max_requests = 5,
				       .max_body = 100,
				       .request_timeout_ms = 300,
				       .idle_timeout_ms = 300,
				       .write_timeout_ms = 1000};
	CHECK_INT(uv_loop_init(&loop), 0);
	CHECK_INT(op_http_create(&loop, &set, &http), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/later/{id}", on_later, NULL), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/now/{id}", on_now, NULL), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/both/{id}", on_both, NULL), 0);
}

/* Runs the loop until *count is n. */
static inline void until(const unsigned *count, unsigned n)
{
	uint64_t deadline = op_now_ns() + 30 * OP_NS_PER_S;
	while (*count < n && op_now_ns() < deadline)
		uv_run(&loop, UV_RUN_NOWAIT);
	CHECK_INT(*count, n);
}

/* Asks, and waits until the handler was there. */
static inline int ask(const char *request)
{
	int fd = dial();
	uint64_t before = op_http_counters(http)->deferred,
		 deadline = op_now_ns() + 30 * OP_NS_PER_S;
	say(fd, request);
	while (op_http_counters(http)->deferred == before && op_now_ns() < deadline)
		uv_run(&loop, UV_RUN_NOWAIT);
	CHECK_INT(op_http_counters(http)->deferred, before + 1);
	return fd;
}

static inline int ask_later(void)
{
	return ask("GET /later/a HTTP/1.1\r\nHost: x\r\n\r\n");
}

static inline void write_all(struct op_http_reply *r, const char *text)
{
	CHECK(op_http_reply_write(r, text, strlen(text)) >= (ssize_t)strlen(text));
}

/* Takes the chunks of the answer in got apart, in place; returns how many, *body is without them.
 */
static inline unsigned unchunk(char **body, size_t *bytes)
{
	CHECK_HAS(got, "\r\nTransfer-Encoding: chunked\r\n");
	CHECK(!strstr(got, "Content-Length"));
	char *from = strstr(got, "\r\n\r\n") + 4, *to = from, *end = got + got_len;
	unsigned n = 0;
	for (*body = from;; n++) {
		size_t size = strtoul(from, &from, 16);
		CHECK(end - from >= (ptrdiff_t)size + 4 && !memcmp(from, "\r\n", 2));
		memmove(to, from + 2, size);
		to += size;
		from += 2 + size;
		CHECK(!memcmp(from, "\r\n", 2));
		from += 2;
		if (!size)
			break;
	}
	*bytes = (size_t)(to - *body);
	return n;
}

#endif
