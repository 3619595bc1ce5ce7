/*
 * run_lines.c - the output of one process: bytes from its pipe to whole lines within a rate.
 *
 * Loop thread. "<4>text" has its level (sd-daemon(3)), any other line is information. A process
 * that floods is held to a rate by dropping lines, which are counted and reported; past a
 * volume its pipe is left alone until the next second, and then the flooding process waits, not
 * the supervisor and not its neighbours.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LINES_PER_S 100.0
#define LINES_BURST 500.0
#define BYTES_PER_S (1024 * 1024)

static bool take_token(struct run_lines *l)
{
	uint64_t now = op_now_ns();
	l->tokens += LINES_PER_S * (double)(now - l->refilled_ns) / (double)OP_NS_PER_S;
	l->refilled_ns = now;
	if (l->tokens > LINES_BURST)
		l->tokens = LINES_BURST;
	if (l->tokens < 1.0)
		return false;
	l->tokens -= 1.0;
	return true;
}

static void report_suppressed(struct unit *u)
{
	struct run_lines *l = &u->lines;
	if (l->suppressed > 0)
		run_say(u->run, OP_WARNING,
			"%s: %llu lines of its log suppressed (over %d a second)", u->name,
			(unsigned long long)l->suppressed, (int)LINES_PER_S);
	l->suppressed = 0;
}

/* Whoever reads that may be paused, as with standard error: then it is only in the log. */
static void print(const struct unit *u, const char *text, size_t n)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	char line[RUN_LINE_MAX + 1];
	if (!op_config_own(u->run->config)->log.print || n >= sizeof(line))
		return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return; /* nothing for a terminal */
	memcpy(line, text, n);
	line[n] = '\n';
	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT && write(STDOUT_FILENO, line, n + 1) < 0)
		return; /* nobody is there */
}

static void emit(struct unit *u)
{
	struct run_lines *l = &u->lines;
	const char *text = l->line;
	size_t n = l->len;
	enum op_level level = OP_INFO;
	bool bare = !(n >= 3 && text[0] == '<');
	if (n >= 3 && text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
		level = (enum op_level)(text[1] - '0');
		text += 3;
		n -= 3;
	}
	if (l->too_long) {
		memcpy(l->line + sizeof(l->line) - 6, " [cut]", 6);
		n = sizeof(l->line) - (size_t)(text - l->line);
	}
	l->len = 0;
	l->too_long = false;
	if (n == 0)
		return;
	if (!take_token(l)) {
		l->suppressed++;
		return;
	}
	if (bare)
		print(u, text, n);
	run_log_line(&u->run->log, u->name, level, text, n);
}

static void feed(struct unit *u, const char *bytes, size_t n)
{
	struct run_lines *l = &u->lines;
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;
		size_t room = sizeof(l->line) - l->len;
		size_t fits = part < room ? part : room;
		memcpy(l->line + l->len, bytes, fits);
		l->len += fits;
		l->too_long = l->too_long || part > room;
		if (end)
			emit(u);
		part += end != NULL;
		bytes += part;
		n -= part;
	}
}

/* One chunk a turn, so that every pipe gets its turn. Returns what read(2) did. */
static ssize_t read_chunk(struct unit *u)
{
	char chunk[8192];
	ssize_t n = read(u->lines.fd, chunk, sizeof(chunk));
	if (n > 0) {
		u->lines.bytes += (uint64_t)n;
		feed(u, chunk, (size_t)n);
	}
	return n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct unit *u = poll->data;
	ssize_t n = read_chunk(u);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		(void)uv_poll_stop(poll); /* closed: the exit follows, and closes our end */
	else if (u->lines.bytes > BYTES_PER_S)
		(void)uv_poll_stop(poll); /* until the next second */
}

static void on_closed(uv_handle_t *handle)
{
	struct unit *u = handle->data;
	u->lines.poll.data = NULL;
}

int run_lines_open(struct unit *u, int fd)
{
	struct run_lines *l = &u->lines;
	int r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	l->fd = fd;
	l->len = 0;
	l->too_long = false;
	l->bytes = 0;
	if (l->refilled_ns == 0) { /* a restart gives no new burst */
		l->tokens = LINES_BURST;
		l->refilled_ns = op_now_ns();
	}
	if (r == 0)
		r = uv_poll_init(&u->run->loop, &l->poll, fd);
	if (r < 0) {
		(void)close(fd); /* nobody read from it yet */
		l->fd = -1;
		return r;
	}
	l->poll.data = u;
	return uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

void run_lines_close(struct unit *u)
{
	struct run_lines *l = &u->lines;
	if (l->fd < 0)
		return;
	for (unsigned i = 0; i < 64 && read_chunk(u) > 0; i++)
		; /* a pipe holds 64 KiB by default, that is eight chunks */
	if (l->len > 0)
		emit(u);
	report_suppressed(u);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	(void)close(l->fd); /* read end: nothing is lost */
	l->fd = -1;
}

void run_lines_tick(struct unit *u)
{
	struct run_lines *l = &u->lines;
	report_suppressed(u);
	if (l->fd >= 0 && l->bytes > BYTES_PER_S)
		(void)uv_poll_start(&l->poll, UV_READABLE, on_readable); /* worked before */
	l->bytes = 0;
}
