/*
 * call.c - the client's side of a call, for tools: connect, one line out, one line in.
 *
 * Blocks the calling thread, at most until one absolute deadline for everything. Follows
 * outpost-call(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = op_now_ns();
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		struct pollfd p = {.fd = fd, .events = events};
		int r = poll(&p, 1, (int)((deadline_ns - now) / OP_NS_PER_MS) + 1);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *runtime_dir, const char *service, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/call/%s.sock", runtime_dir,
			 service);
	if (n < 0 || n >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	OP_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A Unix socket connects at once or not at all; EAGAIN is a full backlog. */
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	*ret_fd = op_steal_fd(&fd);
	return 0;
}

static int send_all(int fd, const char *data, size_t n, uint64_t deadline_ns)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EPIPE)
			return 0; /* refused while we wrote: the reason waits to be read */
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent < 0) {
			int r = wait_for(fd, POLLOUT, deadline_ns);
			if (r < 0)
				return r;
			continue;
		}
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int receive_line(int fd, struct op_buf *in, uint64_t deadline_ns)
{
	char chunk[4096];
	while (!in->len || in->data[in->len - 1] != '\n') {
		int r = wait_for(fd, POLLIN, deadline_ns);
		if (r < 0)
			return r;
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0)
			return -OP_EGONE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno == ECONNRESET ? -OP_EGONE : -errno;
		if (n > 0)
			op_buf_put(in, chunk, (size_t)n);
		if (in->err)
			return in->err;
	}
	return 0;
}

/* request ends with its newline. */
static int exchange(int fd, const char *request, uint64_t deadline_ns, json_t **ret_answer)
{
	OP_AUTO_BUF struct op_buf in;
	op_buf_init(&in, CALL_ANSWER_MAX + 512);
	int r = send_all(fd, request, strlen(request), deadline_ns);
	if (r == 0)
		r = receive_line(fd, &in, deadline_ns);
	if (r < 0)
		return r;
	json_t *answer = json_loadb(in.data, in.len, 0, NULL);
	if (!json_is_object(answer)) {
		json_decref(answer);
		return -EBADMSG;
	}
	*ret_answer = answer;
	return 0;
}

int op_call(const char *runtime_dir, const char *service, const char *method, json_t *args,
	    unsigned timeout_ms, json_t **ret_answer)
{
	uint64_t deadline_ns = op_now_ns() + timeout_ms * OP_NS_PER_MS;
	OP_AUTO_CLOSE int fd = -1;
	int r = connect_to(runtime_dir, service, &fd);
	if (r < 0)
		return r;
	json_t *request = json_pack("{s:s, s:O?}", "method", method, "args", args);
	OP_AUTO_FREE char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!text)
		return -ENOMEM;
	OP_AUTO_BUF struct op_buf line;
	op_buf_init(&line, strlen(text) + 2);
	op_buf_puts(&line, text);
	op_buf_putc(&line, '\n');
	return line.err ? line.err : exchange(fd, line.data, deadline_ns, ret_answer);
}
