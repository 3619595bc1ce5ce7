/*
 * bus_redis.c - the Redis lane: PUBLISH and SUBSCRIBE through hiredis and a Unix socket.
 *
 * Starts a server of its own without persistence and without a limit on a subscriber's buffer.
 * Batches are pipelined: all commands in one write, then all replies.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_bench.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char *socket_path(struct bench *b, char path[96])
{
	snprintf(path, 96, "%s/redis", b->dir);
	return path;
}

static redisContext *try_connect(struct bench *b)
{
	char path[96];
	redisContext *c = redisConnectUnix(socket_path(b, path));
	if (c && c->err) {
		redisFree(c);
		c = NULL;
	}
	return c;
}

static void run_server(struct bench *b)
{
	char path[96];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 1) < 0)
		_exit(127);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path(b, path),
	       "--save", "", "--appendonly", "no", "--dir", b->dir, "--client-output-buffer-limit",
	       "pubsub 0 0 0", (char *)NULL);
	_exit(127);
}

/* The server says nothing when it is ready: knock until it answers or ends. */
static void prepare(struct bench *b)
{
	b->server_pid = fork();
	if (b->server_pid == 0)
		run_server(b);
	for (int tries = 0; tries < 2000; tries++) {
		redisContext *c = try_connect(b);
		if (c) {
			redisFree(c);
			return;
		}
		if (waitpid(b->server_pid, NULL, WNOHANG) == b->server_pid)
			bench_die("redis-server does not start");
		poll(NULL, 0, 5);
	}
	bench_die("redis-server does not answer");
}

static void finish(struct bench *b)
{
	kill(b->server_pid, SIGKILL);
	waitpid(b->server_pid, NULL, 0);
}

static redisContext *open_end(struct bench *b)
{
	redisContext *c = try_connect(b);
	if (!c)
		bench_die("redis: cannot connect");
	return b->end = c;
}

static void open_writer(struct bench *b)
{
	open_end(b);
}

static void open_reader(struct bench *b)
{
	redisContext *c = open_end(b);
	redisReply *reply = redisCommand(c, "SUBSCRIBE tick");
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		bench_die("redis: SUBSCRIBE: %s", c->errstr);
	freeReplyObject(reply);
}

static void send_ticks(struct bench *b, const struct tick *ticks, size_t n)
{
	static const char head[] = "*3\r\n$7\r\nPUBLISH\r\n$4\r\ntick\r\n$16\r\n";
	redisContext *c = b->end;
	char command[sizeof(head) - 1 + sizeof(*ticks) + 2];
	memcpy(command, head, sizeof(head) - 1);
	memcpy(command + sizeof(command) - 2, "\r\n", 2);
	for (size_t i = 0; i < n; i++) {
		memcpy(command + sizeof(head) - 1, ticks + i, sizeof(*ticks));
		if (redisAppendFormattedCommand(c, command, sizeof(command)) != REDIS_OK)
			bench_die("redis: PUBLISH: %s", c->errstr);
	}
	for (size_t i = 0; i < n; i++) {
		void *reply;
		if (redisGetReply(c, &reply) != REDIS_OK)
			bench_die("redis: PUBLISH: %s", c->errstr);
		freeReplyObject(reply);
	}
}

static bool take(redisContext *c, struct tick *last)
{
	redisReply *reply = NULL;
	if (redisGetReplyFromReader(c, (void **)&reply) != REDIS_OK)
		bench_die("redis: %s", c->errstr);
	if (!reply)
		return false;
	if (reply->elements != 3 || reply->element[2]->len != sizeof(*last))
		bench_die("redis: unexpected message");
	memcpy(last, reply->element[2]->str, sizeof(*last));
	freeReplyObject(reply);
	return true;
}

static size_t receive(struct bench *b, struct tick *last, bool block)
{
	redisContext *c = b->end;
	size_t n = 0;
	while (n < BATCH_MOST && take(c, last))
		n++;
	while (n == 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		if (!block && poll(&p, 1, 0) == 0)
			return 0;
		if (redisBufferRead(c) != REDIS_OK)
			bench_die("redis: %s", c->errstr);
		while (n < BATCH_MOST && take(c, last))
			n++;
	}
	return n;
}

const struct lane lane_redis = {
	.name = "redis",
	.prepare = prepare,
	.finish = finish,
	.open_writer = open_writer,
	.open_reader = open_reader,
	.send = send_ticks,
	.receive = receive,
};
