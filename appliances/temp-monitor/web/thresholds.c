/*
 * thresholds.c - the limits of alerts as they are now, which may change at run time.
 *
 * Loop thread. The alerts service is asked every few seconds, in the turn of the loop in which the
 * service wakes up anyway; what it answered is kept while it does not for a minute, and then no
 * limits are shown, rather than wrong ones.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "thresholds.h"

#include "services/web/call.h"

#define FIRST_MS 1000
#define EACH_MS 3000
#define LATE_MS 2000
#define KEPT_NS (60 * OP_NS_PER_S)

struct thresholds {
	struct temp_web *t;
	const char *service; /* NULL: nobody raises alerts */
	uv_timer_t timer;
	struct web_call *call; /* under way */
	struct dash_limits now;
	uint64_t heard_ns;
};

static void on_answer(void *arg, int status, json_t *result, const char *error)
{
	struct thresholds *l = arg;
	l->call = NULL;
	if (status != 200)
		return;
	dash_limits_read(result, &l->now);
	l->heard_ns = op_now_ns();
}

static void on_beat(uv_timer_t *timer)
{
	struct thresholds *l = timer->data;
	(void)op_service_beat(l->t->web->service, timer, on_beat, EACH_MS); /* an open handle */
	if (!l->call &&
	    web_call(l->t->web, l->service, "config", NULL, LATE_MS, on_answer, l, &l->call) < 0)
		l->call = NULL; /* the next beat asks again */
}

int thresholds_open(struct temp_web *t, struct thresholds **ret)
{
	struct thresholds *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->t = t;
	l->service = web_find_service(t->web, "outpost-alerts");
	int r = uv_timer_init(op_service_loop(t->web->service), &l->timer);
	if (r < 0) {
		free(l);
		return r;
	}
	l->timer.data = l;
	*ret = l;
	return l->service ? op_service_beat(t->web->service, &l->timer, on_beat, FIRST_MS) : 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void thresholds_close(struct thresholds *l)
{
	if (!l)
		return;
	if (l->call)
		web_call_cancel(l->call);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

struct dash_limits thresholds_now(const struct thresholds *l)
{
	bool fresh = l->heard_ns && op_now_ns() - l->heard_ns < KEPT_NS;
	return fresh ? l->now : (struct dash_limits){.known = false};
}
