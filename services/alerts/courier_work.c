/*
 * courier_work.c - the courier's thread: keeps, puts into the outbox, and carries it.
 *
 * Its loop blocks for as long as the medium takes, and only this loop. A store or outbox that
 * cannot be opened, or does not take what it is given, is tried again every two seconds; what was
 * to be kept waits in memory, the newest value of each key; what was to be sent goes by
 * courier_spool.c. With nothing to do and nothing broken the thread sleeps: no timer of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "courier_internal.h"
#include "lib/net/outbox_calls.h"

/* ---- keeping ---------------------------------------------------------------------------- */

static void tell_loaded(struct courier *c, int err)
{
	struct note *n = calloc(1, sizeof(*n));
	if (!n)
		return; /* the loop begins without it after a while */
	n->kind = NOTE_LOADED;
	n->err = err;
	courier_note(c, n);
}

static int tell_entry(const char *key, const char *value, void *arg)
{
	struct note *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->kind = NOTE_ENTRY;
	n->key = strdup(key);
	n->value = strdup(value);
	if (!n->key || !n->value) {
		free(n->key);
		free(n->value);
		free(n);
		return -ENOMEM;
	}
	courier_note(arg, n);
	return 0;
}

static void log_note(const struct op_buf *note)
{
	if (note->len)
		op_log(OP_WARNING, "%s", note->data);
}

/* Faults are logged once per change. */
static void set_error(struct courier *c, int *kept, int err, const char *what)
{
	if (*kept == err)
		return;
	if (err)
		op_log(OP_WARNING, "%s: %s; alerts go on from memory", what, op_strerror(err));
	else
		op_log(OP_NOTICE, "%s is well again", what);
	*kept = err;
	COURIER_SET(c, keep_error, =, c->keep_error);
	COURIER_SET(c, outbox_error, =, c->outbox_error);
}

static void open_keep(struct courier *c)
{
	OP_AUTO_BUF struct op_buf note;
	op_buf_init(&note, 1024);
	int r = op_kv_open(c->params.keep_path, &c->kv, &note);
	log_note(&note);
	set_error(c, &c->keep_error, r, c->params.keep_path);
	if (r == 0)
		r = op_kv_each(c->kv, "", tell_entry, c);
	if (r == 0 || !c->loaded)
		tell_loaded(c, r);
	c->loaded = true;
}

static int keep_now(struct courier *c, const char *key, const char *value)
{
	int r = c->kv ? op_kv_set(c->kv, key, value) : c->keep_error ? c->keep_error : -EAGAIN;
	if (c->kv)
		set_error(c, &c->keep_error, r, c->params.keep_path);
	if (r ==
	    -OP_EDAMAGED) /* opened again it is set aside, and the loop keeps everything anew */
		op_kv_close(OP_STEAL(c->kv));
	return r;
}

static struct unkept **find_unkept(struct courier *c, const char *key)
{
	struct unkept **at = &c->unkept;
	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

/* Behind a value that is waiting, or refused itself, it waits in its place. */
static void keep(struct courier *c, const char *key, const char *value)
{
	struct unkept **at = find_unkept(c, key);
	if (!*at && keep_now(c, key, value) == 0)
		return;
	struct unkept *u = *at ? *at : calloc(1, sizeof(*u));
	if (!u)
		return; /* no memory: it is kept with the next change */
	if (!*at) {
		(void)snprintf(u->key, sizeof(u->key), "%s", key); /* of that size */
		*at = u;
	}
	free(u->value);
	u->value = value ? strdup(value) : NULL;
}

static void keep_again(struct courier *c)
{
	while (c->unkept && keep_now(c, c->unkept->key, c->unkept->value) == 0) {
		struct unkept *done = c->unkept;
		c->unkept = done->next;
		free(done->value);
		free(done);
	}
}

/* ---- sending ---------------------------------------------------------------------------- */

int courier_put(struct courier *c, const struct courier_message *m)
{
	const struct alerts_channel *ch = &c->channel[m->channel];
	struct op_outbox_put put = {
		.queue = ch->name,
		.key = m->key,
		.content_type = "application/json",
		.body = m->body,
		.body_bytes = strlen(m->body),
		.about = m->about,
		.priority = m->test ? 10 : 0,
		.expires_s = m->expires_s ? m->expires_s : (uint64_t)(ch->expires_h * 3600),
		.attempts = m->attempts ? m->attempts : (unsigned)ch->attempts,
	};
	if (!c->outbox)
		return c->outbox_error ? c->outbox_error : -EAGAIN;
	int r = op_outbox_put(c->outbox, &put, NULL);
	if (r == -EEXIST)
		r = 0;
	set_error(c, &c->outbox_error, r, c->params.outbox_path);
	return r;
}

/* What a channel still has in memory goes first: order is kept. True if it is durable now. */
static bool hand_on(struct courier *c, struct courier_message *m)
{
	bool put = c->spool[m->channel].n == 0 && courier_put(c, m) == 0;
	if (!put)
		spool_add(c, m);
	else if (c->pump)
		op_pump_kick(c->pump);
	return put;
}

static unsigned channel_of(const struct courier *c, const char *queue)
{
	unsigned i = 0;
	while (i < c->params.set->channels.n &&
	       strcmp(alerts_channel_at(c->params.set, i)->name, queue) != 0)
		i++;
	return i;
}

/* What nobody is to send later, since the next record tells what is then. */
static void forget_failed(struct courier *c, unsigned channel, int64_t id)
{
	uint64_t n;
	if (!c->channel[channel].keep_failed &&
	    op_outbox_drop(c->outbox, alerts_channel_at(c->params.set, channel)->name, id, &n) < 0)
		return; /* it is dead as it is */
}

static void on_attempt(void *arg, const struct op_outbox_item *item,
		       const struct op_post_result *result, bool delivered, bool final)
{
	struct courier *c = arg;
	unsigned channel = channel_of(c, item->queue);
	const struct courier_attempt a = {.channel = channel,
					  .delivered = delivered,
					  .final = final,
					  .tried = item->tried + 1,
					  .attempts = item->attempts};
	if (channel < c->params.set->channels.n && final && !delivered)
		forget_failed(c, channel, item->id);
	if (channel < c->params.set->channels.n)
		courier_tell_attempt(c, &a, item->key, result);
	courier_count(c);
	c->uncounted |= op_pump_error(c->pump) < 0;
}

void courier_count(struct courier *c)
{
	struct op_outbox_counts counts[2 * ALERTS_CHANNELS_MAX];
	size_t n = 0;
	if (!c->outbox || op_outbox_counts(c->outbox, counts, OP_ARRAY_SIZE(counts), &n) < 0)
		return;
	(void)pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < n && i < OP_ARRAY_SIZE(counts); i++) {
		unsigned k = channel_of(c, counts[i].queue);
		if (k >= c->params.set->channels.n)
			continue; /* of a channel that is no more */
		struct courier_channel_view *v = &c->view.channel[k];
		v->waiting = counts[i].waiting;
		v->dead = counts[i].dead;
		v->taken = counts[i].taken;
		v->delivered = counts[i].delivered;
		v->failed = counts[i].failed_attempts;
		v->died = counts[i].died;
		v->expired = counts[i].expired;
		v->evicted = counts[i].evicted;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

void courier_open_outbox(struct courier *c)
{
	OP_AUTO_BUF struct op_buf note;
	op_buf_init(&note, 1024);
	int r = op_outbox_open(c->params.outbox_path, NULL, &c->outbox, &note);
	log_note(&note);
	if (r == 0)
		r = op_pump_create(&c->loop, c->outbox, c->client, on_attempt, c, &c->pump);
	if (r == 0)
		r = courier_targets(c);
	set_error(c, &c->outbox_error, r, c->params.outbox_path);
	if (r < 0) {
		op_pump_close(OP_STEAL(c->pump));
		op_outbox_close(OP_STEAL(c->outbox));
		return;
	}
	courier_count(c);
	op_pump_kick(c->pump);
}

/* ---- jobs ------------------------------------------------------------------------------- */

static void set_busy(struct courier *c, uint64_t since_ns)
{
	COURIER_SET(c, busy_ns, =, since_ns);
}

/* While a message is only in memory the store goes on holding it too. */
static void do_job(struct courier *c, struct courier_job *job)
{
	bool durable = true;
	if (job->value || job->forget)
		keep(c, job->key, job->value);
	for (size_t i = 0; i < job->n; i++)
		durable &= hand_on(c, &job->messages[i]);
	if (job->after && durable)
		keep(c, job->key, job->after);
	if (job->n)
		courier_count(c);
	courier_job_free(job);
}

static struct courier_job *next_job(struct courier *c)
{
	(void)pthread_mutex_lock(&c->lock);
	struct courier_job *job = c->jobs;
	if (job) {
		c->jobs = job->next;
		c->n_jobs--;
		if (!c->jobs)
			c->jobs_end = &c->jobs;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return job;
}

/* ---- questions about the outbox --------------------------------------------------------- */

static int answer_question(struct courier *c, const struct question *q, json_t **ret_result,
			   struct op_buf *error)
{
	if (!c->outbox) {
		op_buf_puts(error, c->sends ? "the outbox cannot be opened now"
					    : "no channel has an address: there is no outbox");
		return c->outbox_error ? c->outbox_error : -ENOENT;
	}
	int r = q->what == COURIER_RETRY
			? op_outbox_call_retry(c->outbox, c->pump, q->args, ret_result, error)
			: op_outbox_call_drop(c->outbox, c->pump, q->args, ret_result, error);
	courier_count(c);
	return r;
}

static struct question *take_questions(struct courier *c)
{
	(void)pthread_mutex_lock(&c->lock);
	struct question *q = OP_STEAL(c->questions);
	c->questions_end = &c->questions;
	(void)pthread_mutex_unlock(&c->lock);
	return q;
}

static void answer_questions(struct courier *c)
{
	for (struct question *next, *q = take_questions(c); q; q = next) {
		OP_AUTO_BUF struct op_buf error;
		struct note *n = calloc(1, sizeof(*n));
		next = q->next;
		op_buf_init(&error, 1024);
		if (n) { /* else nobody can be told: the client's time runs out */
			*n = (struct note){.kind = NOTE_ANSWER, .fn = q->fn, .arg = q->arg};
			n->err = answer_question(c, q, &n->result, &error);
			n->value = error.len ? op_buf_steal(&error) : NULL;
			courier_note(c, n);
		}
		json_decref(q->args);
		free(q);
	}
}

/* ---- life ------------------------------------------------------------------------------- */

static void begin_stop(struct courier *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	keep_again(c);
	spool_look(c, true);
	spool_close(c);
	op_pump_close(OP_STEAL(c->pump));
	op_post_client_close(OP_STEAL(c->client));
	uv_close((uv_handle_t *)&c->tick, NULL);
	uv_close((uv_handle_t *)&c->before_sleep, NULL);
	uv_close((uv_handle_t *)&c->wake, NULL);
}

void courier_wake(uv_async_t *async)
{
	struct courier *c = async->data;
	set_busy(c, op_now_ns());
	courier_change(c);
	for (struct courier_job *job; (job = next_job(c));)
		do_job(c, job);
	answer_questions(c);
	set_busy(c, 0);
	(void)pthread_mutex_lock(&c->lock);
	bool stop = c->stop;
	(void)pthread_mutex_unlock(&c->lock);
	if (stop)
		begin_stop(c);
}

static void mend(struct courier *c)
{
	if (!c->kv)
		open_keep(c);
	if (c->kv)
		keep_again(c);
	if (c->sends && !c->outbox)
		courier_open_outbox(c);
	/* With nothing left to put, the store beside it tells how the disk is. */
	else if (c->outbox_error && !c->keep_error && !c->n_spooled && !op_pump_error(c->pump))
		set_error(c, &c->outbox_error, 0, c->params.outbox_path);
}

/* A database that proved damaged while it was open. */
static void tell_set_aside(struct courier *c)
{
	OP_AUTO_BUF struct op_buf note;
	op_buf_init(&note, 1024);
	if (c->outbox && op_outbox_note(c->outbox, &note) == 0)
		log_note(&note);
}

static bool is_broken(const struct courier *c)
{
	return !c->kv || c->unkept || (c->sends && !c->outbox) || c->n_spooled || c->outbox_error;
}

/* Once a second while something is broken. */
static void on_tick(uv_timer_t *timer)
{
	struct courier *c = timer->data;
	uint64_t now = op_now_ns();
	bool retry = now >= c->retry_ns;
	set_busy(c, now);
	if (retry) {
		mend(c);
		c->retry_ns = op_now_ns() + COURIER_RETRY_NS;
	}
	spool_look(c, retry);
	set_busy(c, 0);
}

/* Whatever woke the thread is done. */
static void on_sleep(uv_prepare_t *prepare)
{
	struct courier *c = prepare->data;
	int pump_error = c->pump ? op_pump_error(c->pump) : 0;
	COURIER_SET(c, pump_error, =, pump_error);
	if (c->uncounted && pump_error == 0) {
		c->uncounted = false;
		courier_count(c);
	}
	tell_set_aside(c);
	/* Neither fails for a timer that is not closing. */
	if (!is_broken(c))
		(void)uv_timer_stop(&c->tick);
	else if (!c->stopping && !uv_is_active((uv_handle_t *)&c->tick))
		(void)uv_timer_start(&c->tick, on_tick, COURIER_TICK_MS, COURIER_TICK_MS);
}

static void close_all(struct courier *c)
{
	op_outbox_close(OP_STEAL(c->outbox));
	op_kv_close(OP_STEAL(c->kv));
	while (c->unkept) {
		struct unkept *next = c->unkept->next;
		free(c->unkept->value);
		free(c->unkept);
		c->unkept = next;
	}
	for (struct courier_job *job; (job = next_job(c));)
		courier_job_free(job);
}

void *courier_work(void *arg)
{
	struct courier *c = arg;
	(void)uv_timer_init(&c->loop, &c->tick); /* these cannot fail */
	(void)uv_prepare_init(&c->loop, &c->before_sleep);
	c->tick.data = c->before_sleep.data = c;
	(void)uv_prepare_start(&c->before_sleep, on_sleep); /* has a function */
	for (unsigned i = 0; i < ALERTS_CHANNELS_MAX; i++)
		c->spool[i] = (struct spool){.courier = c, .channel = i};
	int r = c->sends ? op_post_client_create(&c->loop, &c->client) : 0;
	if (r < 0)
		op_log(OP_ERR, "HTTP client: %s; only the log is told", op_strerror(r));
	c->sends = c->sends && r == 0;
	mend(c);
	(void)uv_run(&c->loop, UV_RUN_DEFAULT); /* until begin_stop has closed everything */
	close_all(c);
	(void)uv_loop_close(&c->loop); /* nothing is left in it */
	(void)pthread_mutex_lock(&c->lock);
	c->ended = true;
	(void)pthread_mutex_unlock(&c->lock);
	(void)uv_async_send(&c->back);
	return NULL;
}
