/*
 * post.c - requests under way: handed to outpost-post, which is started when there are any, and
 * what it answers.
 *
 * One program per client, and beside it those of before that are still ending. A request belongs to
 * the one it was sent to; if that ends first, it fails, and says so. What could not be sent at all
 * fails on the next turn of the loop. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/post.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/program.h"
#include "lib/net/internal.h"

#define MESSAGE_BYTES 256
/* A loop that was late itself hears first what came meanwhile. */
#define LATE_MS 1000

struct op_post {
	struct op_post_client *client;
	struct op_post *next;
	struct net_child *child; /* NULL: it could not be sent */
	uint32_t id;
	int error; /* why */
	op_post_fn fn;
	void *arg;
	uint64_t began_ns;
	uint64_t hung_ms; /* by now_ms: no answer by then */
	bool late, hung;
};

/* Not the loop's, which stands still while a callback takes its time. */
static uint64_t now_ms(void)
{
	return uv_hrtime() / OP_NS_PER_MS;
}

/* ---- life ------------------------------------------------------------------------------ */

static void release(struct op_post_client *c)
{
	if (--c->handles == 0)
		free(c);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void on_child_closed(void *arg)
{
	release(arg);
}

static void on_timer(uv_timer_t *timer);

/* The timer waits for the first of: a request that could not be sent, one that hangs, and without
 * any the end of the program. */
static void arm(struct op_post_client *c)
{
	uint64_t now = now_ms(), at = UINT64_MAX;
	for (const struct op_post *p = c->posts; p; p = p->next) {
		uint64_t due = p->child ? p->hung_ms : now;
		at = due < at ? due : at;
	}
	if (!c->posts && c->child)
		at = c->idle_ms + OP_POST_LINGER_MS;
	/* Neither fails for a timer that is not closing. */
	if (at == UINT64_MAX)
		(void)uv_timer_stop(&c->timer);
	else
		(void)uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
}

/* ---- the end of a request -------------------------------------------------------------- */

static void post_unlink(struct op_post *p)
{
	struct op_post_client *c = p->client;
	struct op_post **at = &c->posts;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	c->n_posts--;
	if (!c->posts)
		c->idle_ms = now_ms();
}

/* fn may close the client, which then stays until its handles are closed. */
static void post_finish(struct op_post *p, struct op_post_result *result)
{
	result->took_ns = op_now_ns() - p->began_ns;
	post_unlink(p);
	p->fn(p->arg, result);
	free(p);
}

static void post_fail(struct op_post *p, int error, const char *why)
{
	char message[MESSAGE_BYTES];
	struct op_post_result result = {.error = error, .answer = "", .message = message};
	(void)snprintf(message, sizeof(message), OP_POST_PROGRAM " %s", why); /* cut at worst */
	post_finish(p, &result);
}

static void say_unstarted(int error, char *out, size_t size)
{
	(void)snprintf(out, size, "cannot be started: %s%s", op_strerror(error),
		       error == -ENOENT ? " (install it)" : ""); /* fits */
}

static struct op_post *find_child(struct op_post_client *c, const struct net_child *child)
{
	struct op_post *p = c->posts;
	while (p && p->child != child)
		p = p->next;
	return p;
}

/* ---- the timer ------------------------------------------------------------------------- */

static void fail_unsent(struct op_post_client *c)
{
	char why[MESSAGE_BYTES];
	struct op_post *p;
	while (!c->closed && (p = find_child(c, NULL))) {
		say_unstarted(p->error, why, sizeof(why));
		post_fail(p, p->error, why);
	}
}

/* All that a hung program was to do fails when it has ended. */
static void kill_hung(struct op_post_client *c)
{
	uint64_t now = now_ms();
	for (struct op_post *p = c->posts; p; p = p->next) {
		if (!p->child || p->hung_ms > now)
			continue;
		p->hung = p->late;
		p->hung_ms = p->late ? UINT64_MAX : now + LATE_MS;
		p->late = true;
		if (p->hung)
			net_child_kill(p->child);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct op_post_client *c = timer->data;
	fail_unsent(c);
	if (c->closed)
		return;
	kill_hung(c);
	if (!c->posts && c->child && now_ms() - c->idle_ms >= OP_POST_LINGER_MS)
		net_child_end(OP_STEAL(c->child));
	arm(c);
}

/* ---- what the program tells ------------------------------------------------------------ */

static void on_frame(void *arg, struct net_child *child, const struct net_frame *f)
{
	struct op_post_client *c = arg;
	struct op_post_result result;
	char answer[OP_POST_ANSWER_MAX + 1];
	struct op_post *p = c->posts;
	while (p && (p->child != child || p->id != f->id))
		p = p->next;
	if (f->kind != NET_ANSWER || net_get_answer(f, &result) < 0) {
		net_child_kill(child);
		return;
	}
	if (!p)
		return;                                         /* cancelled meanwhile */
	memcpy(answer, result.answer, result.answer_bytes + 1); /* not in the way of what is read */
	result.answer = answer;
	post_finish(p, &result);
	if (!c->closed)
		arm(c);
}

static void on_lost(void *arg, struct net_child *child)
{
	struct op_post_client *c = arg;
	if (c->child == child)
		c->child = NULL;
}

static void on_ended(void *arg, struct net_child *child, const char *why)
{
	struct op_post_client *c = arg;
	struct op_post *p;
	on_lost(arg, child);
	while (!c->closed && (p = find_child(c, child)))
		post_fail(p, p->hung ? -ETIMEDOUT : -EPIPE,
			  p->hung ? "did not answer and was killed" : why);
	if (!c->closed)
		arm(c);
}

static const struct net_child_events events = {
	.frame = on_frame, .lost = on_lost, .ended = on_ended, .closed = on_child_closed};

/* ---- one request ----------------------------------------------------------------------- */

static bool is_field(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return false;
	return true;
}

static int check(const struct op_post_client *c, const struct op_post_request *rq)
{
	size_t n = 0;
	if (!op_url_ok(rq->url) || (rq->content_type && !is_field(rq->content_type)))
		return -EINVAL;
	for (; rq->fields && rq->fields[n]; n++)
		if (!is_field(rq->fields[n]))
			return -EINVAL;
	if (n > OP_POST_FIELDS_MAX)
		return -E2BIG;
	return c->n_posts < OP_POST_MAX ? 0 : -EBUSY;
}

/* Starts the program if it does not run. */
static int need_child(struct op_post_client *c)
{
	if (c->child)
		return 0;
	int r = net_child_start(c->loop, &events, c, &c->child);
	if (r == 0)
		c->handles++;
	return r;
}

static int send_ask(struct op_post *p, const struct op_post_request *rq)
{
	struct op_post_client *c = p->client;
	OP_AUTO_BUF struct op_buf frame;
	op_buf_init(&frame, OP_POST_BYTES_MAX);
	net_put_ask(&frame, p->id, rq);
	if (frame.err)
		return frame.err == -ENOBUFS ? -EMSGSIZE : frame.err;
	p->error = need_child(c);
	if (p->error)
		return 0; /* told on the next turn */
	if (net_child_queued(c->child) + frame.len > OP_POST_QUEUED_MAX)
		return -ENOBUFS;
	p->child = c->child;
	return net_child_send(c->child, &frame);
}

int op_post(struct op_post_client *c, const struct op_post_request *rq, op_post_fn fn, void *arg,
	    struct op_post **ret)
{
	int r = check(c, rq);
	if (r < 0)
		return r;
	struct op_post *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	uint64_t total = rq->total_timeout_ms ? rq->total_timeout_ms : OP_POST_TOTAL_MS;
	*p = (struct op_post){.client = c,
			      .id = ++c->last_id,
			      .fn = fn,
			      .arg = arg,
			      .began_ns = op_now_ns(),
			      .hung_ms = now_ms() + total + OP_POST_HUNG_MS};
	r = send_ask(p, rq);
	if (r < 0) {
		free(p);
		return r;
	}
	p->next = c->posts;
	c->posts = p;
	c->n_posts++;
	arm(c);
	if (ret)
		*ret = p;
	return 0;
}

static bool runs(const struct op_post *p)
{
	return p->child && p->child == p->client->child;
}

void op_post_cancel(struct op_post *p)
{
	struct op_post_client *c = p->client;
	OP_AUTO_BUF struct op_buf frame;
	op_buf_init(&frame, 64);
	net_put_cancel(&frame, p->id);
	if (runs(p) && net_child_send(c->child, &frame) < 0)
		net_child_kill(c->child); /* no memory: what nobody waits for must not go on */
	post_unlink(p);
	free(p);
	if (!c->closed)
		arm(c);
}

/* ---- the client ------------------------------------------------------------------------ */

int op_post_client_create(uv_loop_t *loop, struct op_post_client **ret)
{
	struct op_post_client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct op_post_client){.loop = loop, .handles = 1};
	(void)uv_timer_init(loop, &c->timer); /* cannot fail */
	c->timer.data = c;
	*ret = c;
	return 0;
}

void op_post_client_close(struct op_post_client *c)
{
	if (!c)
		return;
	c->closed = true;
	if (c->child)
		net_child_end(OP_STEAL(c->child));
	while (c->posts)
		op_post_cancel(c->posts);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

int op_post_installed(struct op_buf *problem)
{
	char path[PATH_MAX], why[MESSAGE_BYTES];
	int r = op_program_find(OP_POST_PROGRAM, path, sizeof(path));
	if (r < 0) {
		say_unstarted(r, why, sizeof(why));
		op_buf_printf(problem, OP_POST_PROGRAM " %s", why);
	}
	return r;
}
