/*
 * courier.c - the loop's side of the courier: hands jobs over, hears what became of them.
 *
 * Loop thread but for courier_note and courier_tell_attempt, which the courier's thread calls. One
 * lock, held for a copy or a link of a list, joins both sides; a job that is too many is dropped
 * and counted, since a loop that waited for the disk would watch nothing.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "courier_internal.h"

#define STACK_BYTES (192 * 1024) /* SQLite, and what starts outpost-post; it is locked memory */

struct courier_job *courier_job_create(size_t n_messages)
{
	struct courier_job *job = calloc(1, sizeof(*job));
	if (job && n_messages)
		job->messages = calloc(n_messages, sizeof(*job->messages));
	if (job && n_messages && !job->messages)
		free(OP_STEAL(job));
	if (job)
		job->n = n_messages;
	return job;
}

void courier_job_free(struct courier_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->n; i++)
		free(job->messages[i].body);
	free(job->messages);
	free(job->value);
	free(job->after);
	free(job);
}

/* ---- what the thread tells -------------------------------------------------------------- */

void courier_note(struct courier *c, struct note *n)
{
	(void)pthread_mutex_lock(&c->lock); /* a default mutex used rightly cannot fail */
	*c->notes_end = n;
	c->notes_end = &n->next;
	(void)pthread_mutex_unlock(&c->lock);
	(void)uv_async_send(&c->back); /* cannot fail on an open handle */
}

/* What a receiver wrote may repeat the address it was asked at, which was perhaps another one. */
static void put_answer(struct courier *c, const struct op_post_result *r, struct courier_attempt *a)
{
	const char *answer = r && r->answer ? r->answer : "";
	bool changed = r && op_now_ns() - r->took_ns <= c->changed_ns[a->channel];
	if (changed && *answer)
		(void)snprintf(a->answer, sizeof(a->answer), "<redacted>"); /* fits */
	else
		op_url_scrub(c->channel[a->channel].url, answer, a->answer, sizeof(a->answer));
}

void courier_tell_attempt(struct courier *c, const struct courier_attempt *a, const char *key,
			  const struct op_post_result *r)
{
	struct note *n = calloc(1, sizeof(*n));
	if (!n)
		return; /* the next attempt is told */
	n->kind = NOTE_ATTEMPT;
	n->attempt = *a;
	n->attempt.status = r ? r->status : 0;
	n->attempt.took_ns = r ? r->took_ns : 0;
	put_answer(c, r, &n->attempt);
	(void)snprintf(n->attempt.key, sizeof(n->attempt.key), "%s", key);
	(void)snprintf(n->attempt.message, sizeof(n->attempt.message), "%s",
		       r && r->message ? r->message : "it could not be sent"); /* cut at worst */
	courier_note(c, n);
}

static void hear(struct courier *c, struct note *n)
{
	const struct courier_params *p = &c->params;
	if (n->kind == NOTE_ENTRY && !c->closed)
		p->entry(p->arg, n->key, n->value);
	else if (n->kind == NOTE_LOADED && !c->closed)
		p->loaded(p->arg, n->err);
	else if (n->kind == NOTE_ATTEMPT && !c->closed)
		p->attempt(p->arg, &n->attempt);
	else if (n->kind == NOTE_ANSWER)
		n->fn(n->arg, n->err, OP_STEAL(n->result), n->value);
	free(n->key);
	free(n->value);
	free(n);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct courier *c = handle->data;
	void (*closed)(void *arg) = c->closed;
	void *arg = c->closed_arg;
	(void)pthread_mutex_destroy(&c->lock); /* nobody holds it */
	free(c);
	closed(arg);
}

static void end(struct courier *c)
{
	(void)pthread_join(c->thread, NULL); /* it is past its last act */
	uv_close((uv_handle_t *)&c->back, on_handle_closed);
}

static void on_back(uv_async_t *async)
{
	struct courier *c = async->data;
	(void)pthread_mutex_lock(&c->lock);
	struct note *n = OP_STEAL(c->notes);
	c->notes_end = &c->notes;
	bool ended = c->ended;
	(void)pthread_mutex_unlock(&c->lock);
	while (n) {
		struct note *next = n->next;
		hear(c, n);
		n = next;
	}
	if (ended && !uv_is_closing((uv_handle_t *)async))
		end(c);
}

/* ---- what it is told -------------------------------------------------------------------- */

void courier_post(struct courier *c, struct courier_job *job)
{
	job->next = NULL;
	(void)pthread_mutex_lock(&c->lock);
	bool room = c->n_jobs < COURIER_JOBS_MAX;
	if (room) {
		*c->jobs_end = job;
		c->jobs_end = &job->next;
		c->n_jobs++;
	} else {
		c->view.jobs_dropped++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (room)
		(void)uv_async_send(&c->wake); /* cannot fail on an open handle */
	else
		courier_job_free(job);
}

void courier_configure(struct courier *c, unsigned channel, const struct alerts_channel *to)
{
	(void)pthread_mutex_lock(&c->lock);
	c->wanted[channel] = *to;
	c->changed |= 1u << channel;
	(void)pthread_mutex_unlock(&c->lock);
	(void)uv_async_send(&c->wake);
}

int courier_ask(struct courier *c, enum courier_ask what, const json_t *args, courier_answer_fn fn,
		void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	json_t *copy = json_deep_copy(args);
	if (!q || !copy) {
		free(q);
		json_decref(copy);
		return -ENOMEM;
	}
	*q = (struct question){.what = what, .args = copy, .fn = fn, .arg = arg};
	(void)pthread_mutex_lock(&c->lock);
	*c->questions_end = q;
	c->questions_end = &q->next;
	(void)pthread_mutex_unlock(&c->lock);
	(void)uv_async_send(&c->wake);
	return 0;
}

void courier_view(struct courier *c, struct courier_view *ret)
{
	(void)pthread_mutex_lock(&c->lock);
	*ret = c->view;
	(void)pthread_mutex_unlock(&c->lock);
}

/* ---- start and stop --------------------------------------------------------------------- */

static bool any_address(const struct courier *c)
{
	for (size_t i = 0; i < c->params.set->channels.n; i++)
		if (*c->channel[i].url)
			return true;
	return false;
}

static int start_thread(struct courier *c)
{
	int r = uv_loop_init(&c->loop);
	if (r < 0)
		return r;
	r = uv_async_init(&c->loop, &c->wake, courier_wake);
	if (r == 0)
		r = op_thread_create(&c->thread, "courier", STACK_BYTES, courier_work, c);
	c->started = r == 0;
	return r;
}

int courier_start(const struct courier_params *params, struct courier **ret)
{
	struct courier *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->params = *params;
	memcpy(c->channel, params->live->channel, sizeof(c->channel));
	c->sends = any_address(c);
	c->jobs_end = &c->jobs;
	c->questions_end = &c->questions;
	c->notes_end = &c->notes;
	c->back.data = c->wake.data = c;
	(void)pthread_mutex_init(&c->lock, NULL); /* default attributes never fail */
	int r = uv_async_init(op_service_loop(params->service), &c->back, on_back);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return start_thread(c);
}

void courier_stop(struct courier *c, void (*closed)(void *arg), void *arg)
{
	if (!c) {
		closed(arg);
		return;
	}
	c->closed = closed;
	c->closed_arg = arg;
	if (!c->started) {
		uv_close((uv_handle_t *)&c->back, on_handle_closed);
		return;
	}
	(void)pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void)pthread_mutex_unlock(&c->lock);
	(void)uv_async_send(&c->wake);
}
