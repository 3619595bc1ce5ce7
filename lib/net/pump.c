/*
 * pump.c - an outbox on its way out: a lane per queue, each with its timer and its request.
 *
 * A lane looks at the head of its queue; sends it, waits until it is due, or for a kick:
 *
 *             head is due            answer
 *     idle ---------------> sending --------> looking again at the next turn of the loop
 *       ^  <-- kick, timer: due or after an error of the outbox
 *
 * Loop thread. Errors of the outbox are kept for op_pump_error; all others become attempts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/pump.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define FIELDS_MAX 32
#define AGAIN_MS 5000 /* after an error of the outbox */
/* Timers stand still while the machine sleeps, and items behind the head expire. */
#define LOOK_MS 60000

struct lane {
	struct op_pump *pump;
	struct op_pump_target target;
	char *url;   /* the target's, ours */
	bool paused; /* nothing is sent */
	uv_timer_t timer;
	struct op_post *post; /* under way */
	struct op_outbox_item item;
	int64_t done_id;  /* it is over with, but the outbox does not know it yet; 0: none */
	bool delivered;   /* that one; else it was given up */
	int64_t tried_id; /* failed, and the outbox does not know how often */
	unsigned tried;   /* times more than that one's item says */
	int error;        /* of the outbox */
	struct lane *next;
};

struct op_pump {
	uv_loop_t *loop;
	struct op_outbox *outbox;
	struct op_post_client *client;
	op_pump_fn fn;
	void *arg;
	struct lane *lanes;
	unsigned handles; /* not closed yet, and one for the pump's owner */
	bool closed;
};

static void on_timer(uv_timer_t *timer);

static void lane_later(struct lane *lane, uint64_t ms)
{
	/* Cannot fail for a timer that is not closing. */
	(void)uv_timer_start(&lane->timer, on_timer, ms, 0);
}

static void lane_trouble(struct lane *lane, int error)
{
	lane->error = error;
	lane_later(lane, AGAIN_MS);
}

/* ---- back-off -------------------------------------------------------------------------- */

uint64_t op_pump_backoff_ms(const struct op_pump_target *t, unsigned k, uint32_t random)
{
	uint64_t ms = t->backoff_ms ? t->backoff_ms : 1000;
	uint64_t max = t->backoff_max_ms ? t->backoff_max_ms : 300000;
	ms = k < 32 ? ms << k : UINT64_MAX;
	if (ms > max)
		ms = max;
	return t->exact ? ms : ms / 2 + (((ms - ms / 2) * random) >> 32);
}

static uint64_t pause_ms(const struct lane *lane, const struct op_post_result *result)
{
	uint32_t random = UINT32_MAX;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = UINT32_MAX; /* too early in the boot: the whole pause then */
	uint64_t ms = op_pump_backoff_ms(&lane->target, lane->item.tried, random);
	uint64_t wanted = result->retry_after_s * 1000ULL;
	return !lane->target.exact && wanted > ms ? wanted : ms;
}

/* ---- outcomes -------------------------------------------------------------------------- */

static bool is_hopeless(const struct lane *lane, const struct op_post_result *result)
{
	int s = result->status;
	return lane->target.give_up_4xx && result->error == 0 && s >= 400 && s < 500 && s != 408 &&
	       s != 425 && s != 429;
}

static int store_delivered(struct lane *lane)
{
	int r = op_outbox_delivered(lane->pump->outbox, lane->item.id);
	if (r == -ENOENT)
		r = 0; /* evicted or dropped meanwhile */
	lane->done_id = r < 0 ? lane->item.id : 0;
	lane->delivered = true;
	return r;
}

/* What store_delivered, or store_failed, could not. */
static int store_again(struct lane *lane)
{
	if (lane->delivered)
		return store_delivered(lane);
	int r = op_outbox_dead(lane->pump->outbox, lane->item.id, "given up");
	if (r == 0 || r == -ENOENT)
		lane->done_id = 0;
	return r == -ENOENT ? 0 : r;
}

/* The outbox did not take it, and would have the item tried as if it never had been. */
static void count_unstored(struct lane *lane, bool final)
{
	lane->tried = lane->tried_id == lane->item.id ? lane->tried + 1 : 1;
	lane->tried_id = lane->item.id;
	lane->delivered = false;
	if (final)
		lane->done_id = lane->item.id;
}

static int store_failed(struct lane *lane, const struct op_post_result *result, bool *ret_final)
{
	struct op_outbox *o = lane->pump->outbox;
	const struct op_outbox_item *item = &lane->item;
	unsigned tried = item->tried + (lane->tried_id == item->id ? lane->tried : 0);
	bool hopeless = is_hopeless(lane, result);
	int r = hopeless ? op_outbox_dead(o, item->id, result->message)
			 : op_outbox_failed(o, item->id, pause_ms(lane, result), result->message);
	*ret_final =
		hopeless || r == -ENOENT || (item->attempts > 0 && tried + 1 >= item->attempts);
	r = r == -ENOENT ? 0 : r;
	if (r < 0)
		count_unstored(lane, *ret_final);
	return r;
}

/* An attempt is over: remembers it, tells of it, goes on. */
static void lane_done(struct lane *lane, const struct op_post_result *result)
{
	struct op_pump *p = lane->pump;
	bool delivered = result->error == 0 && result->status >= 200 && result->status < 300;
	bool final = delivered;
	int r = delivered ? store_delivered(lane) : store_failed(lane, result, &final);
	if (r < 0)
		lane_trouble(lane, r);
	else
		lane_later(lane, 0);
	if (p->fn)
		p->fn(p->arg, &lane->item, result, delivered, final);
}

static void on_result(void *arg, const struct op_post_result *result)
{
	struct lane *lane = arg;
	lane->post = NULL;
	lane_done(lane, result);
}

/* ---- sending --------------------------------------------------------------------------- */

static unsigned total_ms(const struct op_pump_target *t)
{
	unsigned wanted = t->connect_timeout_ms + 2 * t->read_timeout_ms;
	if (t->total_timeout_ms)
		return t->total_timeout_ms;
	return wanted > 60000 ? wanted : 60000;
}

static int lane_post(struct lane *lane)
{
	const struct op_pump_target *t = &lane->target;
	const char *fields[FIELDS_MAX + 2];
	char key[sizeof(lane->item.key) + 32];
	size_t n = 0;
	(void)snprintf(key, sizeof(key), "Idempotency-Key: %s", lane->item.key); /* fits */
	fields[n++] = key;
	for (const char *const *f = t->fields; f && *f && n <= FIELDS_MAX; f++)
		fields[n++] = *f;
	fields[n] = NULL;
	struct op_post_request rq = {
		.url = t->url,
		.content_type = *lane->item.content_type ? lane->item.content_type : NULL,
		.fields = fields,
		.body = lane->item.body,
		.body_bytes = lane->item.body_bytes,
		.connect_timeout_ms = t->connect_timeout_ms,
		.read_timeout_ms = t->read_timeout_ms,
		.total_timeout_ms = total_ms(t),
		.max_redirects = t->max_redirects,
		.ca_file = t->ca_file,
	};
	return op_post(lane->pump->client, &rq, on_result, lane, &lane->post);
}

/* A wrong URL is an attempt like any other: somebody may mend the settings. */
static void lane_send(struct lane *lane)
{
	int r = lane_post(lane);
	lane->item.body = NULL; /* the outbox may reuse it now */
	if (r == 0)
		return;
	struct op_post_result result = {.error = r, .answer = ""};
	result.message =
		r == -EINVAL ? "not a URL or a header field that can be sent" : op_strerror(r);
	lane_done(lane, &result);
}

static void lane_look(struct lane *lane)
{
	int r = op_outbox_next(lane->pump->outbox, lane->target.queue, &lane->item);
	if (r == 1 && lane->item.id == lane->done_id) {
		r = store_again(lane);
		if (r == 0)
			lane_later(lane, 0);
	} else if (r == 1) {
		uint64_t now = op_now_ns(), due = lane->item.due_boot_ns;
		uint64_t wait_ms = due > now ? (due - now) / OP_NS_PER_MS + 1 : 0;
		if (lane->paused)
			return; /* until it is on again */
		if (wait_ms > 0)
			lane_later(lane, wait_ms < LOOK_MS ? wait_ms : LOOK_MS);
		else
			lane_send(lane);
		return;
	}
	if (r < 0)
		lane_trouble(lane, r);
	else
		lane->error = 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct lane *lane = timer->data;
	if (!lane->post)
		lane_look(lane);
}

void op_pump_kick(struct op_pump *p)
{
	for (struct lane *l = p->lanes; l; l = l->next)
		if (!l->post)
			lane_later(l, 0);
}

int op_pump_error(const struct op_pump *p)
{
	const struct lane *l = p->lanes;
	while (l && l->error == 0)
		l = l->next;
	return l ? l->error : 0;
}

static struct lane *find_lane(const struct op_pump *p, const char *queue)
{
	struct lane *l = p->lanes;
	while (l && strcmp(l->target.queue, queue) != 0)
		l = l->next;
	return l;
}

bool op_pump_stands(const struct op_pump *p, const char *queue)
{
	const struct lane *l = find_lane(p, queue);
	return l && l->done_id != 0;
}

/* ---- life ------------------------------------------------------------------------------ */

static void release(struct op_pump *p)
{
	if (--p->handles > 0)
		return;
	while (p->lanes) {
		struct lane *l = p->lanes;
		p->lanes = l->next;
		free(l->url);
		free(l);
	}
	free(p);
}

static void on_closed(uv_handle_t *handle)
{
	struct lane *lane = handle->data;
	release(lane->pump);
}

int op_pump_create(uv_loop_t *loop, struct op_outbox *outbox, struct op_post_client *client,
		   op_pump_fn fn, void *arg, struct op_pump **ret)
{
	struct op_pump *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct op_pump){.loop = loop,
			      .outbox = outbox,
			      .client = client,
			      .fn = fn,
			      .arg = arg,
			      .handles = 1};
	*ret = p;
	return 0;
}

static int set_target(struct lane *lane, const struct op_pump_target *target)
{
	char *url = strdup(target->url ? target->url : "");
	if (!url)
		return -ENOMEM;
	free(lane->url);
	lane->url = url;
	lane->target = *target;
	lane->target.url = url;
	return 0;
}

int op_pump_set(struct op_pump *p, const struct op_pump_target *target)
{
	struct lane *lane = find_lane(p, target->queue);
	return lane ? set_target(lane, target) : -ENOENT;
}

int op_pump_pause(struct op_pump *p, const char *queue, bool pause)
{
	struct lane *lane = find_lane(p, queue);
	if (!lane)
		return -ENOENT;
	lane->paused = pause;
	if (!pause && !lane->post)
		lane_later(lane, 0);
	return 0;
}

int op_pump_add(struct op_pump *p, const struct op_pump_target *target)
{
	if (find_lane(p, target->queue))
		return -EEXIST;
	struct lane *lane = calloc(1, sizeof(*lane));
	if (!lane || set_target(lane, target) < 0) {
		free(lane);
		return -ENOMEM;
	}
	lane->pump = p;
	lane->next = p->lanes;
	p->lanes = lane;
	p->handles++;
	(void)uv_timer_init(p->loop, &lane->timer); /* cannot fail */
	lane->timer.data = lane;
	lane_later(lane, 0);
	return 0;
}

void op_pump_close(struct op_pump *p)
{
	if (!p || p->closed)
		return;
	p->closed = true;
	for (struct lane *l = p->lanes; l; l = l->next) {
		if (l->post)
			op_post_cancel(l->post);
		l->post = NULL;
		uv_close((uv_handle_t *)&l->timer, on_closed);
	}
	release(p);
}
