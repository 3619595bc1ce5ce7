/*
 * bus_zeromq.c - the ZeroMQ lane: PUB/SUB over ipc://.
 *
 * The publishing socket is an XPUB, which is a PUB that shows the subscriptions, so that the round
 * starts when everybody is in. High-water marks are raised from 1,000 to 100,000 messages: the
 * default throws records away as soon as a reader pauses. The library's own I/O threads are started
 * before the process is pinned and may run on any core.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_bench.h"

#include <zmq.h>

static void *open_socket(struct bench *b, int type)
{
	void *ctx = zmq_ctx_new();
	void *s = ctx ? zmq_socket(ctx, type) : NULL;
	int most = 100000, none = 0;
	if (!s || zmq_setsockopt(s, ZMQ_SNDHWM, &most, sizeof(most)) ||
	    zmq_setsockopt(s, ZMQ_RCVHWM, &most, sizeof(most)) ||
	    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none)))
		bench_die("zmq: %s", zmq_strerror(zmq_errno()));
	return b->end = s;
}

static void open_writer(struct bench *b)
{
	char at[96];
	int every = 1; /* show the second subscription to the same thing too */
	snprintf(at, sizeof(at), "ipc://%s/zmq", b->dir);
	void *s = open_socket(b, ZMQ_XPUB);
	if (zmq_setsockopt(s, ZMQ_XPUB_VERBOSE, &every, sizeof(every)) || zmq_bind(s, at))
		bench_die("zmq_bind %s: %s", at, zmq_strerror(zmq_errno()));
}

static void await_readers(struct bench *b)
{
	char subscription[8];
	for (unsigned i = 0; i < b->readers; i++)
		if (zmq_recv(b->end, subscription, sizeof(subscription), 0) < 0)
			bench_die("zmq_recv: %s", zmq_strerror(zmq_errno()));
}

static void open_reader(struct bench *b)
{
	char at[96];
	snprintf(at, sizeof(at), "ipc://%s/zmq", b->dir);
	void *s = open_socket(b, ZMQ_SUB);
	if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0) || zmq_connect(s, at))
		bench_die("zmq_connect %s: %s", at, zmq_strerror(zmq_errno()));
}

static void send_ticks(struct bench *b, const struct tick *ticks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (zmq_send(b->end, ticks + i, sizeof(*ticks), 0) < 0)
			bench_die("zmq_send: %s", zmq_strerror(zmq_errno()));
}

static size_t receive(struct bench *b, struct tick *last, bool block)
{
	size_t n = 0;
	while (n < BATCH_MOST) {
		int r = zmq_recv(b->end, last, sizeof(*last), n || !block ? ZMQ_DONTWAIT : 0);
		if (r < 0 && zmq_errno() == EAGAIN)
			break;
		if (r < 0)
			bench_die("zmq_recv: %s", zmq_strerror(zmq_errno()));
		n++;
	}
	return n;
}

const struct lane lane_zeromq = {
	.name = "zeromq",
	.open_writer = open_writer,
	.await_readers = await_readers,
	.open_reader = open_reader,
	.send = send_ticks,
	.receive = receive,
};
