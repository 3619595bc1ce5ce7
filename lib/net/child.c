/*
 * child.c - outpost-post while it runs: started with one end of a socket pair, heard, ended,
 * reaped.
 *
 *     running --- its end is closed, or closed by us ---> ending --- 2 s ---> killed
 *        |                                                   |                  |
 *        +----------------- the pidfd is readable -----------+------------------+---> over
 *
 * The child has the socket as its standard input, nothing on its output, our standard error and no
 * other descriptor; of the environment what NAMES says, since the rest may hold secrets. Requests
 * come by the socket alone: nothing of them is in its arguments. It ends when its socket is closed,
 * and so with us, however we end. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/program.h"
#include "lib/net/internal.h"

#define KILL_MS 2000
#define ENVIRONMENT_MAX 64

struct net_child {
	const struct net_child_events *events; /* NULL: nobody is told, the start failed */
	void *arg;
	uv_pipe_t pipe;
	uv_poll_t end;    /* of its pidfd */
	uv_timer_t later; /* see on_later */
	pid_t pid;        /* 0: reaped */
	int pidfd;
	unsigned handles; /* not closed yet */
	struct net_intake in;
	char why[80]; /* it ended */
};

struct sending {
	uv_write_t write;
	char *data;
};

/* ---- its start ------------------------------------------------------------------------- */

/* What TLS, name servers and proxies hang on, and what a tester sets. "*" stands for any end. */
static const char *const NAMES[] = {
	"ALL_PROXY",    "ASAN_OPTIONS", "CURL_*",         "FAKETIME*",      "GLIBC_TUNABLES",
	"HOME",         "HOSTALIASES",  "HTTPS_PROXY",    "HTTP_PROXY",     "LANG",
	"LC_*",         "LD_*",         "LOCALDOMAIN",    "LSAN_OPTIONS",   "MALLOC_*",
	"NO_PROXY",     "OPENSSL_*",    "OUTPOST_LOG",    "OUTPOST_SHIM",   "OUTPOST_TEST_*",
	"PATH",         "RES_OPTIONS",  "SSL_CERT_*",     "JOURNAL_STREAM", "TMPDIR",
	"TSAN_OPTIONS", "TZ",           "UBSAN_OPTIONS",  "all_proxy",      "http_proxy",
	"https_proxy",  "no_proxy",     "REQUEST_METHOD",
};

static bool is_passed_on(const char *entry)
{
	size_t len = strcspn(entry, "=");
	for (size_t i = 0; i < OP_ARRAY_SIZE(NAMES); i++) {
		size_t n = strlen(NAMES[i]);
		if (NAMES[i][n - 1] == '*' ? !strncmp(entry, NAMES[i], n - 1)
					   : n == len && !strncmp(entry, NAMES[i], n))
			return true;
	}
	return false;
}

static void choose_environment(char **ret)
{
	size_t n = 0;
	for (char **e = environ; *e && n < ENVIRONMENT_MAX; e++)
		if (is_passed_on(*e))
			ret[n++] = *e;
	ret[n] = NULL;
}

static int set_actions(posix_spawn_file_actions_t *a, int socket)
{
	int rc = posix_spawn_file_actions_adddup2(a, socket, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(a, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(a, STDERR_FILENO + 1);
	return rc;
}

/* No signal blocked (a thread of ours may have all), none ignored. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

static int spawn(const char *path, int socket, pid_t *ret_pid)
{
	char *argv[] = {(char *)OP_POST_PROGRAM, NULL};
	char *environment[ENVIRONMENT_MAX + 1];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	choose_environment(environment);
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = set_actions(&actions, socket);
		if (rc == 0)
			rc = set_signals(&attr);
		if (rc == 0)
			rc = posix_spawn(ret_pid, path, &actions, &attr, argv, environment);
		(void)posix_spawnattr_destroy(&attr); /* always 0 */
	}
	(void)posix_spawn_file_actions_destroy(&actions); /* the same */
	return -rc;
}

/* ---- its life -------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct net_child *child = handle->data;
	if (--child->handles > 0)
		return;
	const struct net_child_events *events = child->events;
	void *arg = child->arg;
	net_intake_finish(&child->in);
	free(child);
	if (events)
		events->closed(arg);
}

static bool is_shut(const struct net_child *child)
{
	return uv_is_closing((const uv_handle_t *)&child->pipe);
}

/* Reaped, and its socket closed: all that it said was heard. */
static void over(struct net_child *child)
{
	uv_close((uv_handle_t *)&child->later, on_handle_closed);
	child->events->ended(child->arg, child, child->why);
}

static void on_later(uv_timer_t *timer);

static void set_later(struct net_child *child, uint64_t ms)
{
	(void)uv_timer_start(&child->later, on_later, ms, 0); /* not closing: cannot fail */
}

void net_child_kill(struct net_child *child)
{
	if (child->pid > 0) /* ours and not reaped: it is nobody else */
		(void)kill(child->pid, SIGKILL);
}

void net_child_end(struct net_child *child)
{
	if (is_shut(child))
		return;
	uv_close((uv_handle_t *)&child->pipe, on_handle_closed);
	set_later(child, child->pid > 0 ? KILL_MS : 0);
}

static void lose(struct net_child *child)
{
	if (is_shut(child))
		return;
	net_child_end(child);
	child->events->lost(child->arg, child);
}

/* Too late for its end; or reaped, and either over, or its socket is open still, which somebody
 * must have that it started. */
static void on_later(uv_timer_t *timer)
{
	struct net_child *child = timer->data;
	if (child->pid > 0)
		net_child_kill(child);
	else if (is_shut(child))
		over(child);
	else
		lose(child);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct net_child *child = handle->data;
	*ret = net_intake_room(&child->in);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct net_child *child = stream->data;
	struct net_frame f;
	int r = n < 0 ? (int)n : 0;
	if (n > 0)
		net_intake_add(&child->in, (size_t)n);
	while (r >= 0 && !is_shut(child) && (r = net_intake_next(&child->in, &f)) == 1)
		child->events->frame(child->arg, child, &f);
	if (r < 0)
		lose(child);
}

static void say_why(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, size, "ended by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status))); /* cut at worst */
	else if (status != 0)
		(void)snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
	else
		(void)snprintf(out, size, "ended");
}

static void on_end(uv_poll_t *poll, int error, int events)
{
	struct net_child *child = poll->data;
	int status = 0;
	if (waitpid(child->pid, &status, WNOHANG) == 0)
		return; /* not yet */
	child->pid = 0;
	say_why(status, child->why, sizeof(child->why));
	uv_close((uv_handle_t *)&child->end, on_handle_closed);
	(void)close(child->pidfd); /* was only polled */
	if (is_shut(child))
		over(child);
	else
		set_later(child, KILL_MS); /* what it said is read first, up to its end */
}

/* ---- its beginning ---------------------------------------------------------------------- */

/* Takes socket. */
static int open_pipe(uv_loop_t *loop, struct net_child *child, int socket)
{
	child->pipe.data = child->end.data = child->later.data = child;
	(void)uv_timer_init(loop, &child->later);  /* cannot fail */
	(void)uv_pipe_init(loop, &child->pipe, 0); /* the same */
	child->handles = 2;
	int r = uv_pipe_open(&child->pipe, socket);
	if (r < 0)
		(void)close(socket); /* nothing was written */
	return r < 0 ? r : uv_read_start((uv_stream_t *)&child->pipe, on_alloc, on_read);
}

/* At the end of a process that runs: its number stays its own until we have waited for it. */
static int open_end(uv_loop_t *loop, struct net_child *child)
{
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0)
		return -errno;
	int r = uv_poll_init(loop, &child->end, child->pidfd);
	if (r == 0) {
		child->handles++;
		r = uv_poll_start(&child->end, UV_READABLE, on_end);
		if (r < 0)
			uv_close((uv_handle_t *)&child->end, on_handle_closed);
	}
	if (r < 0)
		(void)close(child->pidfd); /* was only polled */
	return r;
}

static int run(uv_loop_t *loop, struct net_child *child, int socket)
{
	char path[PATH_MAX];
	int r = op_program_find(OP_POST_PROGRAM, path, sizeof(path));
	if (r == 0)
		r = spawn(path, socket, &child->pid);
	if (r == 0)
		r = open_end(loop, child);
	if (r < 0 && child->pid > 0) {
		net_child_kill(child);
		(void)waitpid(child->pid, NULL, 0); /* ours, and dead: cannot fail */
	}
	return r;
}

int net_child_start(uv_loop_t *loop, const struct net_child_events *events, void *arg,
		    struct net_child **ret)
{
	int pair[2];
	struct net_child *child = calloc(1, sizeof(*child));
	if (!child)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		int err = errno;
		free(child);
		return -err;
	}
	OP_AUTO_CLOSE int its = pair[1];
	child->arg = arg;
	int r = open_pipe(loop, child, pair[0]);
	if (r == 0)
		r = run(loop, child, its);
	if (r < 0) {
		uv_close((uv_handle_t *)&child->pipe, on_handle_closed);
		uv_close((uv_handle_t *)&child->later, on_handle_closed);
		return r;
	}
	child->events = events;
	*ret = child;
	return 0;
}

/* ---- what it is told -------------------------------------------------------------------- */

static void on_sent(uv_write_t *write, int status)
{
	struct sending *s = write->data;
	struct net_child *child = write->handle->data;
	free(s->data);
	free(s);
	if (status < 0)
		lose(child);
}

int net_child_send(struct net_child *child, struct op_buf *frame)
{
	if (frame->err)
		return frame->err;
	struct sending *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	uv_buf_t buf = uv_buf_init(frame->data, (unsigned)frame->len);
	s->write.data = s;
	int r = uv_write(&s->write, (uv_stream_t *)&child->pipe, &buf, 1, on_sent);
	if (r < 0) {
		free(s);
		return r;
	}
	s->data = op_buf_steal(frame);
	return 0;
}

size_t net_child_queued(const struct net_child *child)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&child->pipe);
}
