/*
 * conn.c - one HTTP connection: read, parse, dispatch, keep alive or close. What it sends: send.c.
 *
 * A request that arrives whole, which is nearly every one, is parsed in the server's receive
 * buffer and answered by one sendmsg(2): no allocation and no change of the poll set. Only the
 * beginning of a request, or the rest of an answer that the socket did not take, is kept in memory
 * of the connection's own. While an answer is pending nothing more is read. An answer that comes
 * later (reply.c) is pending from the request to its end.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_BYTES (256 * 1024)
/* Unsent bytes in a socket; more would only wait in the kernel's memory instead of ours. */
#define UNSENT_BYTES (128 * 1024)

static void on_event(uv_poll_t *poll, int status, int events);

static void unlink_conn(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	*(c->prev ? &c->prev->next : &h->lists[c->list].first) = c->next;
	*(c->next ? &c->next->prev : &h->lists[c->list].last) = c->prev;
	c->prev = c->next = NULL;
	h->n_conns--;
}

static void link_conn(struct op_http_conn *c, enum conn_list list)
{
	struct op_http *h = c->server;
	c->list = list;
	c->since_ms = uv_now(h->loop);
	c->prev = h->lists[list].last;
	*(c->prev ? &c->prev->next : &h->lists[list].first) = c;
	h->lists[list].last = c;
	h->n_conns++;
}

static void move_to(struct op_http_conn *c, enum conn_list list)
{
	unlink_conn(c);
	link_conn(c, list);
}

static void on_closed(uv_handle_t *handle)
{
	struct op_http_conn *c = (struct op_http_conn *)handle;
	struct op_http *h = c->server;
	free(c);
	http_handle_closed(h);
}

/* Everything but the socket. */
static void let_go(struct op_http_conn *c)
{
	c->gone = true;
	unlink_conn(c);
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	if (c->file_fd >= 0)
		close(c->file_fd);
	c->file_fd = -1;
	c->server->count.open--;
	http_conn_left(c->server);
	struct op_http_reply *reply = c->reply;
	c->reply = NULL;
	if (reply)
		http_reply_closed(reply);
}

void http_conn_close(struct op_http_conn *c, uint64_t *cause)
{
	if (c->gone)
		return;
	let_go(c);
	close(c->fd);
	++*cause;
}

void http_conn_cut(struct op_http_conn *c, uint64_t *cause)
{
	struct linger at_once = {.l_onoff = 1};
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); /* else FIN */
	http_conn_close(c, cause);
}

void http_conn_give_away(struct op_http_conn *c)
{
	let_go(c);
	c->server->count.upgraded++;
}

static int watch(struct op_http_conn *c, int events)
{
	if (c->events == events)
		return 0;
	c->events = (uint8_t)events;
	return uv_poll_start(&c->poll, events, on_event);
}

void http_conn_accept(struct op_http *h, int fd)
{
	struct op_http_conn *c = calloc(1, sizeof(*c));
	int one = 1, unsent = UNSENT_BYTES;
	if (!c || uv_poll_init(h->loop, &c->poll, fd)) {
		free(c);
		close(fd);
		h->count.failed++;
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only latency */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)); /* memory */
	c->server = h;
	c->fd = fd;
	c->file_fd = -1;
	h->n_handles++;
	h->count.open++;
	link_conn(c, L_FRESH);
	if (watch(c, UV_READABLE))
		http_conn_close(c, &h->count.failed);
}

/* The last answer is out: tell the peer, and read on for a moment so that data still on its way
 * does not reset the connection before the answer was read (RFC 9112, 9.6). */
static void linger(struct op_http_conn *c)
{
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	(void)shutdown(c->fd, SHUT_WR); /* fails only if the peer is gone; reading shows that too */
	move_to(c, L_LINGER);
	if (watch(c, UV_READABLE))
		http_conn_close(c, &c->server->count.failed);
}

/* Nothing to send now, but more to come. A peer that leaves meanwhile is noticed. */
static void await_reply(struct op_http_conn *c)
{
	move_to(c, L_DEFERRED);
	if (watch(c, UV_DISCONNECT))
		http_conn_close(c, &c->server->count.failed);
}

static void await_space(struct op_http_conn *c)
{
	move_to(c, L_SENDING);
	c->unacked = http_conn_unacked(c);
}

void http_conn_wake(struct op_http_conn *c)
{
	if (c->gone || c->list == L_LINGER)
		return;
	if (c->list != L_SENDING)
		await_space(c);
	/* It could fail only for a handle that is closing; if so the time-out ends it. */
	(void)watch(c, UV_WRITABLE | (c->reply ? UV_DISCONNECT : 0));
}

/* After an answer: the next list, or the end. */
static void settle(struct op_http_conn *c)
{
	if (c->gone)
		return;
	if (c->out_pos < c->out_len || c->file_fd >= 0 ||
	    (c->reply && http_reply_queued(c->reply))) {
		http_conn_wake(c);
	} else if (c->reply) {
		await_reply(c);
	} else if (!c->keep) {
		linger(c);
	} else {
		move_to(c, L_IDLE);
	}
}

static struct op_http_request bare_request(struct op_http_conn *c)
{
	c->server->extra_len = 0;
	c->answered = false;
	return (struct op_http_request){.server = c->server, .conn = c, .query = ""};
}

/* Answers what cannot be handled and ends the connection. */
static void reject(struct op_http_conn *c, struct op_http_request *rq, int status)
{
	struct op_http_request bare = bare_request(c);
	c->keep = false;
	if (!rq)
		rq = &bare;
	c->server->count.malformed += status != 503;
	c->server->error = status == 404 ? c->server->no_route : c->server->malformed;
	http_answer_status(rq, status);
	settle(c);
}

static void send_continue(struct op_http_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	c->expecting = true;
	http_conn_send(c, text, sizeof(text) - 1, NULL, 0, NULL);
}

static void handle(struct op_http_conn *c, struct http_head *head, const char *rest, size_t n_rest)
{
	struct op_http *h = c->server;
	h->count.requests++;
	c->requests++;
	c->keep = head->keep && c->requests < h->set.max_requests && !h->closing;
	c->head_only = head->rq.method == OP_HTTP_HEAD;
	c->answered = c->expecting = false;
	h->extra_len = 0;
	http_dispatch(h, head, rest, n_rest);
	if (!c->gone && c->requests == h->set.max_requests)
		h->count.requests_used_up++;
	settle(c);
}

/* The body at p, of which there are *n bytes and what follows it: 1 it is whole, 0 not yet, or a
 * negated status. */
static int take_body(struct op_http_conn *c, struct http_head *head, char *p, size_t *n)
{
	size_t max = c->server->set.max_body;
	int r = 0;
	head->rq.body = p;
	if (head->chunked) {
		r = http_chunks_take(p, n, &c->in_body, max);
		head->rq.body_bytes = c->in_body;
	} else {
		head->rq.body_bytes = head->content_length;
		r = head->content_length > max ? -413 : *n >= head->content_length;
	}
	if (r)
		c->in_body = 0;
	return r;
}

/* Bytes of one whole request handled, 0 if it is not whole yet or the connection has ended. What is
 * at p may become less: chunks are joined. */
static size_t take_request(struct op_http_conn *c, char *p, size_t *n)
{
	struct op_http *h = c->server;
	struct http_head head;
	c->head_only = false;
	int r = http_head_parse(p, *n, &h->rules, h->head, h->path, h->fields, &head);
	if (r <= 0) {
		if (r < 0)
			reject(c, NULL, -r);
		return 0;
	}
	head.rq.server = h;
	head.rq.conn = c;
	size_t rest = *n - (size_t)r;
	int body = take_body(c, &head, p + r, &rest);
	*n = (size_t)r + rest;
	if (body < 0) {
		h->extra_len = 0;
		reject(c, &head.rq, -body);
		return 0;
	}
	if (!body) {
		if (head.expect_continue && !rest && !c->expecting)
			send_continue(c);
		return 0;
	}
	size_t whole = (size_t)r + head.rq.body_bytes;
	handle(c, &head, p + whole, *n - whole);
	return whole;
}

static bool store_in(struct op_http_conn *c, const char *p, size_t n)
{
	char *in = n ? malloc(n) : NULL;
	if (n && !in)
		return false;
	if (n)
		memcpy(in, p, n);
	free(c->in);
	c->in = in;
	c->in_len = n;
	return true;
}

/* Handles what is in the receive buffer and keeps the rest. */
static void digest(struct op_http_conn *c, char *p, size_t n)
{
	size_t used = 1;
	while (n && used && !c->gone && c->list != L_LINGER && !http_conn_pending(c)) {
		used = take_request(c, p, &n);
		p += used;
		n -= used;
	}
	if (c->gone || c->list == L_LINGER)
		return;
	if (!store_in(c, p, n))
		http_conn_close(c, &c->server->count.failed);
	else if (n && c->list == L_IDLE)
		move_to(c, L_READING);
}

static void throw_away(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	ssize_t r = recv(c->fd, h->rx, h->rx_cap, 0);
	c->out_pos = c->out_len += r > 0 ? (size_t)r : 0;
	if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR) || c->out_len > LINGER_BYTES)
		http_conn_close(c, &h->count.by_peer);
}

static void on_readable(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	size_t have = c->in_len;
	if (have)
		memcpy(h->rx, c->in, have);
	ssize_t r = recv(c->fd, h->rx + have, h->rx_cap - have, 0);
	if (r > 0)
		digest(c, h->rx, have + (size_t)r);
	else if (r == 0 || (errno != EAGAIN && errno != EINTR))
		http_conn_close(c, &h->count.by_peer);
}

/* The answer is out: on with what came behind its request. */
static void go_on(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	if (watch(c, UV_READABLE)) {
		http_conn_close(c, &h->count.failed);
		return;
	}
	settle(c);
	if (!c->gone && c->list != L_LINGER && c->in_len) {
		size_t n = c->in_len;
		memcpy(h->rx, c->in, n);
		digest(c, h->rx, n);
	}
}

static void on_writable(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	uint64_t before = h->count.bytes_out;
	struct op_http_reply *reply = c->reply;
	int r = http_conn_flush(c);
	if (r < 0) {
		http_conn_close(c, &h->count.by_peer);
		return;
	}
	if (r == 0 && h->count.bytes_out != before)
		await_space(c);
	else if (r > 0 && reply)
		await_reply(c);
	else if (r > 0)
		go_on(c);
	if (reply && c->reply)
		http_reply_sent(reply);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct op_http_conn *c = (struct op_http_conn *)poll;
	if (status < 0)
		http_conn_close(c, &c->server->count.by_peer);
	else if (c->list == L_LINGER)
		throw_away(c);
	else if (c->reply && (events & UV_DISCONNECT))
		http_conn_close(c, &c->server->count.by_peer);
	else if (events & UV_WRITABLE)
		on_writable(c);
	else if (events & UV_READABLE)
		on_readable(c);
}

/* A full socket is told to be writable when a good part of it is free again: a slow peer may have
 * taken something all the while. */
static bool has_taken(const struct op_http_conn *c)
{
	return c->list == L_SENDING && http_conn_unacked(c) < c->unacked;
}

void http_conn_timeout(struct op_http_conn *c)
{
	struct op_http *h = c->server;
	if (has_taken(c)) {
		await_space(c);
		return;
	}
	bool told =
		(c->list == L_FRESH || c->list == L_READING) && c->in_len && !http_conn_pending(c);
	if (!told) {
		uint64_t none = 0;
		http_conn_close(c, c->list == L_LINGER || c->list == L_IDLE ? &none
									    : &h->count.timed_out);
		return;
	}
	h->count.timed_out++;
	c->head_only = false;
	reject(c, NULL, 408);
}
