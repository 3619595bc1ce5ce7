/*
 * http_support.h - for the tests of lib/http: a server on a loop, and clients beside it.
 *
 * The client's side is a plain socket that is driven from the same loop; nothing waits for time
 * but with a deadline.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_HTTP_SUPPORT_H
#define OUTPOST_TEST_HTTP_SUPPORT_H

#include <arpa/inet.h>
#include <outpost/http.h>
#include <sys/socket.h>

#include "test.h"

static uv_loop_t loop;
static struct op_http *http;
static char got[4 << 20]; /* what hear() heard last */
static size_t got_len;

static inline void stop(void)
{
	op_http_close(http);
	CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
	CHECK_INT(uv_loop_close(&loop), 0);
	uv_library_shutdown(); /* closes its pipe for signals */
}

static inline int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(op_http_port(http))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static inline void say(int fd, const char *text)
{
	CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `until` has come, or the end if it is NULL; runs the loop meanwhile. True: it came.
 */
static inline bool hear(int fd, const char *until)
{
	uint64_t deadline = op_now_ns() + 30 * OP_NS_PER_S;
	got_len = 0;
	for (ssize_t r = 1; r && op_now_ns() < deadline;) {
		uv_run(&loop, UV_RUN_NOWAIT);
		r = recv(fd, got + got_len, sizeof(got) - 1 - got_len, MSG_DONTWAIT);
		got_len += r > 0 ? (size_t)r : 0;
		got[got_len] = '\0';
		if (until && memmem(got, got_len, until, strlen(until)))
			return true;
		if (r == 0 || (r < 0 && errno != EAGAIN))
			return until == NULL;
	}
	return false;
}

#endif
