/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/service/internal.h"
#include "test.h"

struct beat {
	struct op_service service;
	uv_timer_t fast, slow;
	uint64_t now_ms, fast_ms, slow_ms; /* the loop's clock: one per turn */
	unsigned n_slow, n_apart;
};

/* Of the turn before this one: the slow timer comes with the fast one, or not at all. */
static void look_back(struct beat *b)
{
	uint64_t now = uv_now(&b->service.loop);
	if (now == b->now_ms)
		return;
	b->n_apart += b->slow_ms == b->now_ms && b->fast_ms != b->now_ms;
	b->now_ms = now;
}

static void on_fast(uv_timer_t *timer)
{
	struct beat *b = timer->data;
	look_back(b);
	b->fast_ms = b->now_ms;
	CHECK_INT(op_service_beat(&b->service, timer, on_fast, 10), 0);
}

static void on_slow(uv_timer_t *timer)
{
	struct beat *b = timer->data;
	look_back(b);
	b->slow_ms = b->now_ms;
	if (++b->n_slow == 6)
		uv_stop(&b->service.loop);
	CHECK_INT(op_service_beat(&b->service, timer, on_slow, 40), 0);
}

TEST(timers_of_the_beat_come_together)
{
	static struct beat b;
	uv_loop_t *loop = &b.service.loop;
	CHECK_INT(uv_loop_init(loop), 0);
	b.service.began_ms = uv_now(loop) - 3;
	b.fast.data = b.slow.data = &b;
	CHECK_INT(uv_timer_init(loop, &b.fast), 0);
	CHECK_INT(uv_timer_init(loop, &b.slow), 0);
	CHECK_INT(op_service_beat(&b.service, &b.slow, on_slow, 40), 0);
	CHECK_INT(uv_timer_get_due_in(&b.slow), 37);
	CHECK_INT(uv_timer_start(&b.fast, on_fast, 5, 0), 0); /* begins off the beat */
	(void)uv_run(loop, UV_RUN_DEFAULT);                   /* stopped by on_slow */
	CHECK_INT(b.n_slow, 6);
	CHECK_INT(b.n_apart, 0);
	uv_close((uv_handle_t *)&b.fast, NULL);
	uv_close((uv_handle_t *)&b.slow, NULL);
	CHECK_INT(uv_run(loop, UV_RUN_DEFAULT), 0);
	CHECK_INT(uv_loop_close(loop), 0);
	uv_library_shutdown(); /* closes the pipe that libuv keeps for signals */
}
