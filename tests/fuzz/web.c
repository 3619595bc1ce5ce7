/*
 * web.c - fuzz target of the whole server: bytes into a loopback connection of a real one.
 *
 * An even first byte: the rest is what an HTTP client sends. An odd one: the connection is made a
 * WebSocket first, and the rest are its frames. Afterwards the client ends its side, and the
 * server must let go of the connection. Answers below /later come from the loop: whole, in pieces,
 * cut short, as the path says.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <assert.h>
#include <outpost/hub.h>
#include <outpost/topic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bus_topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static struct op_http *http;
static struct op_hub *hub;
static struct op_writer *writer;

static void on_echo(struct op_http_request *rq, void *arg)
{
	op_http_answer(rq, 200, "text/plain", rq->body, rq->body_bytes);
}

/* ---- answers that come later ------------------------------------------------------------ */

static struct op_http_reply *owed; /* one at a time; more are errors */
static char owed_how;
static unsigned owed_left;
static uv_idle_t pace;

static void on_gone(struct op_http_reply *r, void *arg)
{
	owed = NULL;
}

static void on_later(struct op_http_request *rq, void *arg)
{
	static const struct op_http_reply_events events = {.gone = on_gone};
	if (owed) {
		op_http_error(rq, 503, "one at a time");
		return;
	}
	owed_how = rq->params[0][0];
	owed_left = 3;
	owed = op_http_defer(rq, &events, NULL);
	assert(owed);
	if (owed_how == 's' && op_http_reply_begin(owed, 200, "text/plain") < 0)
		abort();
}

static void go_on(struct op_http_reply *r)
{
	if (owed_how != 's') {
		op_http_reply_answer(r, 200, "text/plain", "later", 5);
	} else if (owed_left--) {
		assert(op_http_reply_write(r, "piece", 5) >= 0);
		return;
	} else {
		op_http_reply_end(r);
	}
	owed = NULL;
}

static void on_pace(uv_idle_t *idle)
{
	struct op_http_reply *r = owed;
	if (r && owed_how == 'c') {
		owed = NULL;
		op_http_reply_abort(r);
	} else if (r) {
		go_on(r);
	}
}

/* ---- the server -------------------------------------------------------------------------- */

static void start(void)
{
	static char dir[] = "/tmp/outpost-fuzz-XXXXXX";
	struct op_http_settings set = {.host = "127.0.0.1", .max_body = 4096};
	assert(mkdtemp(dir) && !uv_loop_init(&loop));
	assert(op_writer_open(dir, "a", &tick_topic, &writer, NULL) == 0);
	assert(op_http_raise_files(256) > 0);
	assert(op_http_create(&loop, &set, &http) == 0);
	assert(op_hub_create(&loop, &(struct op_hub_settings){.bus_dir = dir}, &hub) == 0);
	assert(op_hub_mount(hub, http, "/ws") == 0);
	assert(op_http_route(http, OP_HTTP_PUT, "/echo/{a}", on_echo, NULL) == 0);
	assert(op_http_route(http, OP_HTTP_GET, "/later/{how}", on_later, NULL) == 0);
	assert(op_http_static(http, dir) == 0);
	assert(!uv_idle_init(&loop, &pace) && !uv_idle_start(&pace, on_pace));
}

/* Thousands a second, each leaving a TIME_WAIT that holds its port for a while: one loopback
 * address has too few, so they come from two hundred in turn. */
static int connect_client(void)
{
	static uint32_t turn;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(op_http_port(http))};
	struct sockaddr_in from = {.sin_family = AF_INET};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 200);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	assert(fd >= 0);
	assert(!setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)));
	assert(!bind(fd, (struct sockaddr *)&from, sizeof(from)));
	/* The alarms of libFuzzer interrupt it; then it goes on by itself and is asked again. */
	while (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EISCONN)
		if (errno != EINTR && errno != EALREADY) {
			perror("connect");
			abort();
		}
	return fd;
}

static void drain(int fd)
{
	char sink[65536];
	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

static void run_while_open(int fd)
{
	uint64_t deadline = op_now_ns() + 5 * OP_NS_PER_S;
	while (op_http_counters(http)->open || op_hub_counters(hub)->clients) {
		uv_run(&loop, UV_RUN_NOWAIT);
		drain(fd);
		assert(op_now_ns() < deadline); /* it holds on to the connection */
	}
}

static void send_all(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r < 0 && errno != EAGAIN)
			return; /* the server has had enough */
		p = (const char *)p + (r > 0 ? r : 0);
		n -= r > 0 ? (size_t)r : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
		drain(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char upgrade[] =
		"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	if (!http)
		start();
	if (size < 1)
		return 0;
	int fd = connect_client();
	uint64_t accepted = op_http_counters(http)->accepted;
	while (op_http_counters(http)->accepted == accepted)
		uv_run(&loop, UV_RUN_NOWAIT);
	op_writer_publish(writer, op_now_ns(), &(struct tick){0});
	if (data[0] & 1) {
		send_all(fd, upgrade, sizeof(upgrade) - 1);
		while (op_http_counters(http)->open)
			uv_run(&loop, UV_RUN_NOWAIT);
		assert(op_hub_counters(hub)->clients == 1);
	}
	send_all(fd, data + 1, size - 1);
	(void)shutdown(fd, SHUT_WR); /* fails if the server has closed: just as well */
	run_while_open(fd);
	close(fd);
	return 0;
}
