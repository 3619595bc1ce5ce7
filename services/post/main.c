/*
 * main.c - outpost-post: makes HTTP(S) requests for the service that started it, see
 * outpost-post(8).
 *
 * Frames (lib/net/wire.c) come and go on standard input, which is a socket. It ends when that is
 * closed, and only then: SIGTERM, SIGINT and SIGHUP are for the service, which decides what becomes
 * of its requests and closes the socket when it is done. One thread beside those in which libcurl
 * looks up names. A frame that is none ends it with status 1.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch.h"
#include "lib/net/internal.h"

struct task {
	uint32_t id;
	struct fetch *fetch;
	struct task *next;
};

struct sending {
	uv_write_t write;
	char *data;
};

static uv_loop_t loop;
static uv_pipe_t service;
static struct fetcher *fetcher;
static struct task *tasks;
static size_t n_tasks;
static struct net_intake intake;
static int exit_status;

static struct task *find(uint32_t id)
{
	struct task *t = tasks;
	while (t && t->id != id)
		t = t->next;
	return t;
}

static void drop(struct task *t)
{
	struct task **at = &tasks;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	n_tasks--;
	free(t);
}

static void quit(int status)
{
	if (uv_is_closing((uv_handle_t *)&service))
		return;
	exit_status = status;
	uv_close((uv_handle_t *)&service, NULL);
	while (tasks) {
		fetch_cancel(tasks->fetch);
		drop(tasks);
	}
	fetcher_close(OP_STEAL(fetcher));
}

/* ---- answers --------------------------------------------------------------------------- */

static void on_sent(uv_write_t *write, int status)
{
	struct sending *s = write->data;
	free(s->data);
	free(s);
	if (status < 0)
		quit(0); /* nobody is there */
}

/* Without memory for an answer the service hears of the end of this program instead. */
static void answer(uint32_t id, const struct op_post_result *result)
{
	OP_AUTO_BUF struct op_buf frame;
	op_buf_init(&frame, NET_FRAME_MAX);
	net_put_answer(&frame, id, result);
	struct sending *s = calloc(1, sizeof(*s));
	if (!s || frame.err) {
		free(s);
		quit(1);
		return;
	}
	uv_buf_t buf = uv_buf_init(frame.data, (unsigned)frame.len);
	s->write.data = s;
	if (uv_write(&s->write, (uv_stream_t *)&service, &buf, 1, on_sent) == 0) {
		s->data = op_buf_steal(&frame);
	} else {
		free(s);
		quit(1);
	}
}

static void on_result(void *arg, const struct op_post_result *result)
{
	struct task *t = arg;
	uint32_t id = t->id;
	drop(t);
	answer(id, result);
}

/* ---- requests -------------------------------------------------------------------------- */

static void refuse(uint32_t id, int error)
{
	const struct op_post_result result = {
		.error = error,
		.answer = "",
		.message = error == -EINVAL ? "not a URL or a header field that can be sent"
					    : op_strerror(error),
	};
	answer(id, &result);
}

static void ask(uint32_t id, const struct op_post_request *rq)
{
	struct task *t = calloc(1, sizeof(*t));
	int r = t ? 0 : -ENOMEM;
	if (r == 0) {
		*t = (struct task){.id = id, .next = tasks};
		tasks = t;
		n_tasks++;
		r = fetch_begin(fetcher, rq, on_result, t, &t->fetch);
		if (r < 0)
			drop(t);
	}
	if (r < 0)
		refuse(id, r);
}

static int take(const struct net_frame *f)
{
	const char *fields[OP_POST_FIELDS_MAX + 1];
	struct op_post_request rq;
	struct task *t = find(f->id);
	if (f->kind == NET_CANCEL) { /* perhaps answered already */
		if (t) {
			fetch_cancel(t->fetch);
			drop(t);
		}
		return 0;
	}
	if (f->kind != NET_ASK || t || n_tasks >= OP_POST_MAX)
		return -EPROTO;
	int r = net_get_ask(f, fields, &rq);
	if (r == 0)
		ask(f->id, &rq);
	return r;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	*ret = net_intake_room(&intake);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct net_frame f;
	int r = 0;
	if (n < 0) {
		quit(n == UV_EOF || n == UV_ECONNRESET ? 0 : 1);
		return;
	}
	net_intake_add(&intake, (size_t)n);
	while (!uv_is_closing((uv_handle_t *)stream) && (r = net_intake_next(&intake, &f)) == 1 &&
	       (r = take(&f)) == 0)
		;
	if (r >= 0)
		return;
	op_log(OP_ERR, OP_POST_PROGRAM ": %s",
	       r == -OP_ENEWER ? "of another version than the service: start the service anew"
			       : "the service says what is no request");
	quit(1);
}

/* ---- start ----------------------------------------------------------------------------- */

static bool is_socket(void)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_UNIX;
}

static int help(const char *option)
{
	bool version = !strcmp(option, "--version"), usage = !strcmp(option, "--help");
	if (version)
		(void)puts(OP_POST_PROGRAM " " OUTPOST_VERSION);
	else
		(void)fputs(
			"usage: " OP_POST_PROGRAM " [--help | --version]\n\n"
			"Makes the HTTP requests of a service, which starts it with a socket as\n"
			"its standard input; see outpost-post(8).\n",
			usage ? stdout : stderr);
	return version || usage ? 0 : 2;
}

static int start(void)
{
	int r = uv_loop_init(&loop);
	if (r == 0)
		r = uv_pipe_init(&loop, &service, 0);
	if (r == 0)
		r = uv_pipe_open(&service, STDIN_FILENO);
	if (r == 0)
		r = fetcher_create(&loop, &fetcher);
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&service, on_alloc, on_read);
	return r;
}

int main(int argc, char **argv)
{
	static const int not_ours[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	op_log_open();
	if (argc > 1 || !is_socket())
		return help(argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < OP_ARRAY_SIZE(not_ours); i++)
		(void)signal(not_ours[i], SIG_IGN); /* fails for unknown numbers only */
	int r = start();
	if (r < 0) {
		op_log(OP_ERR, OP_POST_PROGRAM ": %s%s", op_strerror(r),
		       r == -ENOTSUP ? ": libcurl has no TLS, or no threads for names" : "");
		return 1;
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until quit has closed everything */
	(void)uv_loop_close(&loop);          /* nothing is left in it */
	net_intake_finish(&intake);
	return exit_status;
}
