/*
 * calls.c - the call socket: one JSON line in, one JSON line out, several clients at once.
 *
 * Loop thread. Follows outpost-call(7). Everything a client can make us hold is bounded: how many
 * there are, how long a line is, how long they may be idle; and while an answer is being
 * written nothing more is read, so a client that sends without reading blocks itself only.
 * Whoever gets here holds the service's status topic, so a socket file that is in the way is a
 * dead predecessor's.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct call_client {
	uv_pipe_t pipe;
	uv_timer_t idle;
	uv_write_t write;
	struct op_service *s;
	struct call_client *next;
	struct op_buf in, out;
	struct op_call_later *later; /* the answer to the last request is still to come */
	bool writing, last_answer, closing;
	unsigned handles; /* not closed yet */
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct call_client *c = handle->data;
	if (--c->handles > 0)
		return;
	op_buf_finish(&c->in);
	op_buf_finish(&c->out);
	free(c);
}

static void drop(struct call_client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->later)
		c->later->client = NULL;
	struct call_client **at = &c->s->calls.clients;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->s->calls.n_clients--;
	uv_close((uv_handle_t *)&c->pipe, on_handle_closed);
	uv_close((uv_handle_t *)&c->idle, on_handle_closed);
}

static void on_idle(uv_timer_t *timer)
{
	drop(timer->data);
}

static void next_line(struct call_client *c);

static void on_written(uv_write_t *req, int status)
{
	struct call_client *c = req->data;
	c->writing = false;
	if (c->closing)
		return;
	if (status < 0 || c->last_answer) {
		drop(c);
		return;
	}
	op_buf_reset(&c->out);
	next_line(c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char chunk[4096]; /* filled and emptied within one turn of the loop */
	*ret = uv_buf_init(chunk, sizeof(chunk));
}

static void send_answer(struct call_client *c)
{
	uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);
	(void)uv_read_stop((uv_stream_t *)&c->pipe); /* always 0 */
	(void)uv_timer_again(&c->idle);              /* it was started with a period */
	c->write.data = c;
	c->writing = uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) == 0;
	if (!c->writing)
		drop(c);
}

static void refuse(struct call_client *c, int err, const char *message)
{
	c->s->calls.refused++;
	c->last_answer = true;
	op_buf_reset(&c->out);
	service_call_error(&c->out, err, message);
	send_answer(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct call_client *c = stream->data;
	if (n < 0) {
		drop(c);
		return;
	}
	op_buf_put(&c->in, buf->base, (size_t)n);
	if (c->in.err)
		refuse(c, -EMSGSIZE, "the request is longer than 65536 bytes");
	else if (n > 0)
		next_line(c);
}

/* Nothing more is read until the answer has come and gone. */
static void await(struct call_client *c)
{
	c->later = OP_STEAL(c->s->calls.later);
	(void)uv_read_stop((uv_stream_t *)&c->pipe); /* always 0 */
	/* Not closing: cannot fail. */
	(void)uv_timer_start(&c->idle, on_idle, c->later->patience_ms, CALL_IDLE_MS);
}

/* Answers the first whole line there is, or goes on reading. */
static void next_line(struct call_client *c)
{
	char *end = memchr(c->in.data, '\n', c->in.len);
	if (!end) {
		int r = uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
		if (r < 0 && r != UV_EALREADY) /* half a line came and we still read */
			drop(c);
		return;
	}
	size_t n = (size_t)(end - c->in.data);
	c->s->calls.served++;
	c->s->calls.asking = c;
	service_call_answer(c->s, c->in.data, n, &c->out);
	c->s->calls.asking = NULL;
	memmove(c->in.data, end + 1, c->in.len - n); /* with the closing NUL */
	c->in.len -= n + 1;
	if (c->s->calls.later)
		await(c);
	else
		send_answer(c);
}

struct op_call_later *op_call_defer_for(struct op_service *s, unsigned seconds)
{
	struct op_call_later *later = s->calls.asking ? calloc(1, sizeof(*later)) : NULL;
	if (!later)
		return NULL;
	*later = (struct op_call_later){
		.s = s, .client = s->calls.asking, .patience_ms = seconds * 1000ULL};
	s->calls.later = later;
	return later;
}

struct op_call_later *op_call_defer(struct op_service *s)
{
	return op_call_defer_for(s, CALL_IDLE_MS / 1000);
}

void op_call_finish(struct op_call_later *later, int r, json_t *result, const char *error)
{
	struct call_client *c = later->client;
	if (c) {
		c->later = NULL;
		service_call_result(r, result, error, &c->out);
		send_answer(c);
	}
	json_decref(result);
	free(later);
}

static int accept_client(struct op_service *s, struct call_client *c)
{
	c->s = s;
	op_buf_init(&c->in, CALL_LINE_MAX + 2);
	op_buf_init(&c->out, CALL_ANSWER_MAX + 256);
	c->pipe.data = c->idle.data = c;
	c->handles = 2;
	c->next = s->calls.clients;
	s->calls.clients = c;
	s->calls.n_clients++;
	int r = uv_accept((uv_stream_t *)&s->calls.listener, (uv_stream_t *)&c->pipe);
	if (r == 0)
		r = uv_timer_start(&c->idle, on_idle, CALL_IDLE_MS, CALL_IDLE_MS);
	return r;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct op_service *s = listener->data;
	struct call_client *c = status == 0 ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return; /* the next connection tries again */
	if (uv_pipe_init(&s->loop, &c->pipe, 0) < 0 || uv_timer_init(&s->loop, &c->idle) < 0)
		abort(); /* neither can fail in libuv on Linux; half a client has no owner */
	if (accept_client(s, c) < 0)
		drop(c);
	else if (s->calls.n_clients > CALL_CLIENTS_MAX)
		refuse(c, -EBUSY, "too many clients at once");
	else
		next_line(c);
}

static int listen_at(struct op_service *s, const char *path)
{
	struct service_calls *calls = &s->calls;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	int r = uv_pipe_bind(&calls->listener, path);
	if (r < 0)
		return r;
	if (chmod(path, 0660) < 0) /* calls command: the owner and the group, not the world */
		return -errno;
	r = uv_listen((uv_stream_t *)&calls->listener, CALL_CLIENTS_MAX, on_connection);
	calls->listening = r == 0;
	return r;
}

int service_calls_open(struct op_service *s)
{
	struct service_calls *calls = &s->calls;
	int n = snprintf(calls->path, sizeof(calls->path), "%s/call/%s.sock", s->place.runtime,
			 s->name);
	if (n >= (int)sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG; /* libuv would cut it silently */
	int r = uv_pipe_init(&s->loop, &calls->listener, 0);
	calls->listener.data = s;
	if (r == 0)
		r = listen_at(s, calls->path);
	uv_unref((uv_handle_t *)&calls->listener);
	return r;
}

void service_calls_close(struct op_service *s)
{
	struct service_calls *calls = &s->calls;
	if (calls->listening)
		(void)unlink(calls->path); /* the next owner replaces what stays */
	calls->listening = false;
	while (calls->clients)
		drop(calls->clients);
	if (calls->listener.loop && !uv_is_closing((uv_handle_t *)&calls->listener))
		uv_close((uv_handle_t *)&calls->listener, NULL);
}
