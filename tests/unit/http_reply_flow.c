/*
 * http_reply_flow.c - tests of answers given later to slow clients and to those that vanish, and of
 * answers that fail.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "http_reply_support.h"

#define PIECE 10000

static size_t written, most_queued;

/* Writes until the queue is full: what an owner does at the beginning and whenever there is room.
 */
static void fill(struct op_http_reply *r)
{
	static char piece[PIECE];
	ssize_t queued;
	memset(piece, 'x', sizeof(piece));
	do {
		queued = op_http_reply_write(r, piece, sizeof(piece));
		CHECK(queued > 0);
		written += sizeof(piece);
		most_queued = (size_t)queued > most_queued ? (size_t)queued : most_queued;
	} while (queued < OP_HTTP_QUEUE_LOW && written < 300 * PIECE);
	if (written == 300 * PIECE)
		op_http_reply_end(r);
}

static void begin_filling(void)
{
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/plain"), 0);
	then = fill;
	fill(replies[0]);
}

/* Takes only so much at a time. */
static int ask_small(int bytes)
{
	int fd = ask_later();
	CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
	return fd;
}

TEST(a_slow_reader_holds_up_its_writer)
{
	char *body;
	size_t bytes;
	start();
	int fd = ask_small(65536);
	begin_filling();
	for (int i = 0; i < 100; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	int other = dial(); /* nobody else waits */
	say(other, "GET /now/b HTTP/1.0\r\n\r\n");
	CHECK(hear(other, NULL));
	uint64_t deadline = op_now_ns() + 30 * OP_NS_PER_S;
	for (got_len = 0; got_len < 300 * PIECE || memcmp(got + got_len - 5, "0\r\n\r\n", 5);) {
		ssize_t r = recv(fd, got + got_len, 20000, MSG_DONTWAIT);
		got_len += r > 0 ? (size_t)r : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
		CHECK(op_now_ns() < deadline);
	}
	CHECK(unchunk(&body, &bytes) > 3);
	CHECK_INT(bytes, 300 * PIECE);
	CHECK(rooms > 3);
	CHECK(most_queued < OP_HTTP_QUEUE_LOW + PIECE + 64);
	CHECK_INT(gones, 0);
	close(fd);
	close(other);
	stop();
}

TEST(the_queue_has_an_end)
{
	static char much[OP_HTTP_QUEUE_MAX];
	start();
	int fd = ask_later();
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/plain"), 0);
	CHECK(hear(fd, "\r\n\r\n"));
	CHECK_INT(op_http_reply_write(replies[0], much, sizeof(much)), sizeof(much));
	CHECK_INT(op_http_reply_write(replies[0], much, 1), -ENOBUFS);
	op_http_reply_end(replies[0]); /* what was taken is not lost */
	CHECK(hear(fd, "\r\n0\r\n\r\n"));
	CHECK_INT(got_len, sizeof(much) + strlen("100000\r\n\r\n0\r\n\r\n"));
	close(fd);
	stop();
}

TEST(a_reader_that_takes_nothing_is_closed)
{
	start();
	int fd = ask_small(4096);
	begin_filling();
	until(&gones, 1);
	CHECK_INT(op_http_counters(http)->timed_out, 1);
	CHECK_INT(op_http_counters(http)->deferred_now, 0);
	CHECK_INT(op_http_counters(http)->open, 0);
	CHECK(written < 300 * PIECE);
	close(fd);
	stop();
}

static void on_timer(uv_timer_t *timer)
{
	++*(unsigned *)timer->data;
}

struct drip {
	unsigned left; /* times to take */
	int fd;
};

/* Takes a little each time: what a phone far away does. */
static void on_drip(uv_timer_t *timer)
{
	char some[4096];
	struct drip *d = timer->data;
	ssize_t r = recv(d->fd, some, sizeof(some), MSG_DONTWAIT);
	CHECK(r > 0 || (r < 0 && errno == EAGAIN));
	if (--d->left == 0)
		uv_timer_stop(timer);
}

TEST(a_reader_that_takes_little_is_not_closed)
{
	struct drip d = {.left = 120};
	uv_timer_t timer;
	start();
	d.fd = ask_small(65536);
	begin_filling();
	CHECK_INT(uv_timer_init(&loop, &timer), 0);
	timer.data = &d;
	CHECK_INT(uv_timer_start(&timer, on_drip, 25, 25), 0);
	while (d.left) /* three times as long as it may take nothing */
		uv_run(&loop, UV_RUN_ONCE);
	CHECK_INT(op_http_counters(http)->timed_out, 0);
	CHECK_INT(gones, 0);
	uv_close((uv_handle_t *)&timer, NULL);
	until(&gones, 1); /* and now it takes nothing */
	CHECK_INT(op_http_counters(http)->timed_out, 1);
	close(d.fd);
	stop();
}

TEST(a_long_wait_is_not_a_slow_request)
{
	unsigned waited = 0;
	uv_timer_t timer;
	start();
	int fd = ask_later(), begun = ask_later();
	CHECK_INT(op_http_reply_begin(replies[1], 200, "text/plain"), 0);
	CHECK_INT(uv_timer_init(&loop, &timer), 0);
	timer.data = &waited;
	CHECK_INT(uv_timer_start(&timer, on_timer, 1500, 0), 0); /* longer than every limit */
	until(&waited, 1);
	CHECK_INT(gones, 0);
	op_http_reply_answer(replies[0], 200, "text/plain", "here", 4);
	CHECK(hear(fd, "here"));
	write_all(replies[1], "there");
	op_http_reply_end(replies[1]);
	CHECK(hear(begun, "there\r\n0\r\n\r\n"));
	uv_close((uv_handle_t *)&timer, NULL);
	close(fd);
	close(begun);
	stop();
}

TEST(a_client_that_leaves_is_noticed)
{
	start();
	int waiting = ask_later();
	close(waiting);
	until(&gones, 1);
	int streaming = ask_later();
	CHECK_INT(op_http_reply_begin(replies[1], 200, "text/plain"), 0);
	CHECK(hear(streaming, "\r\n\r\n"));
	close(streaming);
	until(&gones, 2);
	int full = ask_small(4096);
	n_replies = 0;
	replies[0] = replies[2];
	begin_filling();
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	close(full); /* with data unread: a reset */
	until(&gones, 3);
	int ended = ask_later(); /* has said that it will say no more */
	CHECK_INT(shutdown(ended, SHUT_WR), 0);
	until(&gones, 4);
	CHECK_INT(op_http_counters(http)->by_peer, 4);
	CHECK_INT(op_http_counters(http)->deferred, 4);
	CHECK_INT(op_http_counters(http)->deferred_now, 0);
	close(ended);
	stop();
}

TEST(an_answer_that_fails_is_cut_short)
{
	start();
	for (int version = 0; version < 2; version++) {
		char request[64];
		CHECK(snprintf(request, sizeof(request),
			       "GET /later/a HTTP/1.%d\r\nHost: x\r\n\r\n", version) > 0);
		int fd = ask(request);
		CHECK_INT(op_http_reply_begin(replies[version], 200, "text/plain"), 0);
		write_all(replies[version], "part");
		CHECK(hear(fd, "part"));
		op_http_reply_abort(replies[version]);
		char c;
		ssize_t r;
		while ((r = recv(fd, &c, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
			uv_run(&loop, UV_RUN_NOWAIT);
		CHECK(r < 0 || c == '\r'); /* the end of the chunk, but not the last chunk */
		while (r > 0)
			r = recv(fd, &c, 1, 0);
		CHECK_INT(r, -1);
		CHECK_INT(errno, ECONNRESET);
		close(fd);
	}
	CHECK_INT(op_http_counters(http)->cut, 2);
	CHECK_INT(gones, 0);
	stop();
}

static void abort_it(struct op_http_reply *r)
{
	op_http_reply_abort(r);
}

TEST(its_owner_may_end_it_when_told_of_room)
{
	start();
	int fd = ask_later();
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/plain"), 0);
	then = abort_it;
	static char much[OP_HTTP_QUEUE_LOW];
	CHECK(op_http_reply_write(replies[0], much, sizeof(much)) >= OP_HTTP_QUEUE_LOW);
	CHECK(hear(fd, NULL));
	CHECK_INT(rooms, 1);
	CHECK_INT(gones, 0);
	CHECK_INT(op_http_counters(http)->cut, 1);
	close(fd);
	stop();
}

TEST(a_server_that_closes_takes_its_replies_along)
{
	start();
	int fd = ask_later(), other = ask_later();
	CHECK_INT(op_http_reply_begin(replies[1], 200, "text/plain"), 0);
	write_all(replies[1], "never sent");
	stop();
	CHECK_INT(gones, 2);
	close(fd);
	close(other);
}
