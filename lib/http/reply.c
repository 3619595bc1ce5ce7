/*
 * reply.c - an answer that is given after its handler has returned, whole or piece by piece.
 *
 * Nothing here ends a connection but op_http_reply_abort, and nothing calls back: what is to be
 * sent is queued and the connection woken, so that its owner hears of room, and of a client that
 * left, from the loop alone. The body of an HTTP/1.1 answer goes out in chunks (RFC 9112, 7.1),
 * each of them all that had gathered when the one before it was sent.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_END 2 /* CR LF */

struct op_http_reply *op_http_defer(struct op_http_request *rq,
				    const struct op_http_reply_events *events, void *arg)
{
	struct op_http_conn *c = rq->conn;
	struct op_http *h = rq->server;
	assert(!c->answered);
	struct op_http_reply *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->conn = c;
	r->events = events;
	r->arg = arg;
	r->version = rq->version;
	r->page = http_wants_page(rq);
	r->error = h->error ? h->error : http_error_write;
	memcpy(r->extra, h->extra, h->extra_len);
	r->extra_len = h->extra_len;
	op_buf_init(&r->queue, CHUNK_ROOM + OP_HTTP_QUEUE_MAX + CHUNK_END + 1);
	c->reply = r;
	c->answered = true;
	h->count.deferred++;
	h->count.deferred_now++;
	return r;
}

static void destroy(struct op_http_reply *r)
{
	r->conn->server->count.deferred_now--;
	op_buf_finish(&r->queue);
	free(r);
}

/* The connection forgets the reply: whatever becomes of it, `gone` is not called any more. */
static struct op_http_conn *detach(struct op_http_reply *r)
{
	r->conn->reply = NULL;
	return r->conn;
}

void http_reply_closed(struct op_http_reply *r)
{
	if (r->events && r->events->gone)
		r->events->gone(r, r->arg);
	destroy(r);
}

void op_http_reply_field(struct op_http_reply *r, const char *name, const char *value)
{
	http_extra_add(r->extra, &r->extra_len, name, value);
}

bool op_http_reply_is_head(const struct op_http_reply *r)
{
	return r->conn->head_only;
}

static size_t write_head(struct op_http_reply *r, const struct answer_head *a, char out[1024])
{
	struct answer_head head = *a;
	head.extra = r->extra;
	head.n_extra = r->extra_len;
	return http_head_write(r->conn, &head, out, 1024);
}

/* ---- whole ------------------------------------------------------------------------------- */

void op_http_reply_answer(struct op_http_reply *r, int status, const char *type, const void *body,
			  size_t n)
{
	char head[1024];
	assert(!r->begun);
	struct answer_head a = {.status = status, .type = type, .bytes = n};
	size_t n_head = write_head(r, &a, head);
	struct op_http_conn *c = detach(r);
	destroy(r);
	http_conn_send(c, head, n_head, body, c->head_only ? 0 : n, NULL);
	http_conn_wake(c);
}

void op_http_reply_error(struct op_http_reply *r, int status, const char *fmt, ...)
{
	char message[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 8192);
	const char *type = r->error(&b, r->page, status, message);
	op_http_reply_field(r, "Cache-Control", "no-store");
	if (!strncmp(type, "text/html", 9))
		op_http_reply_field(r, "Content-Security-Policy", HTTP_ERROR_POLICY);
	op_http_reply_answer(r, status, type, b.data, b.len);
}

/* ---- piece by piece ---------------------------------------------------------------------- */

/* Bytes of the body that wait behind out. */
static size_t gathered(const struct op_http_reply *r)
{
	return r->queue.len ? r->queue.len - CHUNK_ROOM : 0;
}

size_t http_reply_queued(const struct op_http_reply *r)
{
	return r->conn->out_len - r->conn->out_pos + gathered(r);
}

int op_http_reply_begin(struct op_http_reply *r, int status, const char *type)
{
	char head[1024];
	struct op_http_conn *c = r->conn;
	assert(!r->begun);
	bool keep = c->keep, chunked = r->version >= 1;
	c->keep = c->keep && chunked;
	struct answer_head a = {
		.status = status, .type = type, .body = chunked ? BODY_CHUNKED : BODY_UNTIL_CLOSE};
	struct iovec parts[2] = {{head, write_head(r, &a, head)}};
	if (!http_conn_queue(c, parts)) {
		c->keep = keep;
		return -ENOMEM;
	}
	r->begun = true;
	r->chunked = chunked && !c->head_only;
	http_conn_wake(c);
	return 0;
}

/* Keeps room for the end of the chunk as well, so that closing it cannot fail. */
static bool gather(struct op_buf *queue, const void *bytes, size_t n)
{
	size_t before = queue->len;
	if (!before)
		op_buf_put(queue, "          ", CHUNK_ROOM);
	op_buf_put(queue, bytes, n);
	op_buf_put(queue, "\r\n", CHUNK_END);
	queue->len = queue->err ? before : queue->len - CHUNK_END;
	bool done = !queue->err;
	queue->err = 0;
	return done;
}

ssize_t op_http_reply_write(struct op_http_reply *r, const void *bytes, size_t n)
{
	assert(r->begun);
	if (r->conn->head_only)
		return 0;
	if (http_reply_queued(r) + n > OP_HTTP_QUEUE_MAX)
		return -ENOBUFS;
	if (n && !gather(&r->queue, bytes, n))
		return -ENOMEM;
	size_t queued = http_reply_queued(r);
	r->full = queued >= OP_HTTP_QUEUE_LOW;
	if (n)
		http_conn_wake(r->conn);
	return (ssize_t)queued;
}

/* Makes a chunk of what has gathered; returns where it begins in the queue. */
static size_t close_chunk(struct op_http_reply *r)
{
	char size[CHUNK_ROOM + 1];
	if (!r->chunked)
		return CHUNK_ROOM;
	int n = snprintf(size, sizeof(size), "%zx\r\n", gathered(r));
	memcpy(r->queue.data + CHUNK_ROOM - n, size, (size_t)n);
	op_buf_put(&r->queue, "\r\n", CHUNK_END);
	return CHUNK_ROOM - (size_t)n;
}

bool http_reply_push(struct op_http_reply *r)
{
	struct op_http_conn *c = r->conn;
	if (!gathered(r))
		return false;
	size_t begin = close_chunk(r);
	c->out_pos = begin;
	c->out_len = r->queue.len;
	c->out = op_buf_steal(&r->queue);
	return true;
}

void http_reply_sent(struct op_http_reply *r)
{
	if (!r->full || http_reply_queued(r) >= OP_HTTP_QUEUE_LOW)
		return;
	r->full = false;
	if (r->events && r->events->room)
		r->events->room(r, r->arg);
}

void op_http_reply_end(struct op_http_reply *r)
{
	static const char last[] = "0\r\n\r\n";
	struct iovec parts[2] = {{NULL, 0}, {NULL, 0}};
	assert(r->begun);
	if (gathered(r)) {
		size_t begin = close_chunk(r);
		parts[0] = (struct iovec){r->queue.data + begin, r->queue.len - begin};
	}
	if (r->chunked)
		parts[1] = (struct iovec){(void *)last, sizeof(last) - 1};
	if ((parts[0].iov_len || parts[1].iov_len) && !http_conn_queue(r->conn, parts)) {
		op_http_reply_abort(r);
		return;
	}
	struct op_http_conn *c = detach(r);
	destroy(r);
	http_conn_wake(c);
}

void op_http_reply_abort(struct op_http_reply *r)
{
	struct op_http_conn *c = detach(r);
	destroy(r);
	http_conn_cut(c, &c->server->count.cut);
}
