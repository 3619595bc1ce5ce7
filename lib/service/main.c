/*
 * main.c - the life of a service: op_service_main, from the command line to the exit status.
 *
 * One thread, one loop. Start: settings, place, status topic, scheduling, calls, the service's own
 * start. Stop (SIGTERM, SIGINT, a call, op_service_quit): the service's stop, then the loop runs
 * until every handle is closed or the time is up. The handles of this file are unreferenced, so
 * that the loop ends when the service's own have gone.
 *
 *     starting --start()--> (starting|ready|degraded) --quit--> stopping --loop empty--> stopped
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

/* ---- what the service asks of us ---------------------------------------------------------- */

uv_loop_t *op_service_loop(struct op_service *s)
{
	return &s->loop;
}

void *op_service_self(struct op_service *s)
{
	return s->self;
}

const char *op_service_name(const struct op_service *s)
{
	return s->name;
}

const char *op_service_bus_dir(const struct op_service *s)
{
	return s->bus_dir;
}

const char *op_service_state_dir(const struct op_service *s)
{
	return s->place.state;
}

const struct op_config *op_service_config(const struct op_service *s)
{
	return s->config;
}

int op_service_beat(struct op_service *s, uv_timer_t *timer, uv_timer_cb fn, uint64_t period_ms)
{
	uint64_t past = (uv_now(&s->loop) - s->began_ms) % period_ms;
	return uv_timer_start(timer, fn, period_ms - past, 0);
}

void op_service_quit(struct op_service *s, int exit_status)
{
	int expected = -1;
	/* Pairs with the acquire in on_quit: whoever asks first decides the status. */
	if (atomic_compare_exchange_strong_explicit(&s->exit_status, &expected, exit_status,
						    memory_order_release, memory_order_relaxed))
		(void)uv_async_send(&s->on_quit); /* cannot fail on an open handle */
}

/* ---- stop --------------------------------------------------------------------------------- */

static void on_stop_timeout(uv_timer_t *timer)
{
	struct op_service *s = timer->data;
	op_log(OP_WARNING, "not stopped after %lld s: leaving as it is",
	       (long long)s->common.stop_timeout_s);
	uv_stop(&s->loop);
}

static void begin_stop(struct op_service *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	op_service_set_state(s, OP_STATE_STOPPING, NULL);
	if (op_notify_send(&s->notify, "STOPPING=1") < 0)
		s->status.dirty = true; /* the supervisor sees the exit all the same */
	(void)uv_timer_start(&s->stop_timer, on_stop_timeout,
			     (uint64_t)s->common.stop_timeout_s * 1000, 0); /* open handle */
	service_calls_close(s);
	if (s->desc->stop)
		s->desc->stop(s, s->self);
	uv_unref((uv_handle_t *)&s->on_quit); /* it kept the loop alive until now */
}

static void on_quit(uv_async_t *async)
{
	begin_stop(async->data);
}

static void on_signal(uv_signal_t *handle, int number)
{
	op_service_quit(handle->data, 0);
}

/* ---- watchdog ------------------------------------------------------------------------------ */

static void on_watchdog(uv_timer_t *timer)
{
	struct op_service *s = timer->data;
	/* An open handle: cannot fail. */
	(void)op_service_beat(s, timer, on_watchdog, s->notify.watchdog_us / 2000);
	bool moves = s->stopping || !s->desc->alive || s->desc->alive(s, s->self);
	if (!moves && !s->work_stalled)
		op_log(OP_ERR, "the work does not move: waiting for the watchdog");
	s->work_stalled = !moves;
	if (moves && op_notify_send(&s->notify, "WATCHDOG=1") < 0)
		return; /* a full queue: the next one is in time, half a period is left */
}

/* ---- start --------------------------------------------------------------------------------- */

/* Started by `outpost run`, we end with it, however it ends: two writers of the next run's topics
 * must never meet. */
static int bind_to_supervisor(bool *ret_supervised)
{
	const char *text = getenv("OUTPOST_SUPERVISOR");
	*ret_supervised = text;
	if (!text)
		return 0;
	long pid = strtol(text, NULL, 10);
	(void)unsetenv("OUTPOST_SUPERVISOR"); /* for us alone, not for what we start */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == (pid_t)pid ? 0 : -ESRCH; /* it died before we asked */
}

static int make_places(struct op_service *s)
{
	int r = op_runtime_make(s->place.runtime);
	if (r < 0) {
		op_log(OP_ERR,
		       "runtime directory %s: %s; make it writable, with room, or use "
		       "--runtime",
		       s->place.runtime, op_strerror(r));
		return r == -ENOSPC || r == -EDQUOT ? OP_EXIT_FAULT : OP_EXIT_CONFIG;
	}
	r = op_dir_make(s->place.state, 0750);
	if (r < 0 && r != -EEXIST && !s->supervised) /* outpost run has said it, once for all */
		op_log(OP_WARNING, "state directory %s: %s; nothing will be kept there",
		       s->place.state, op_strerror(r));
	return 0;
}

static int open_status(struct op_service *s)
{
	int owner = 0;
	int r = service_status_open(s, &owner);
	if (r == -EBUSY)
		op_log(OP_ERR, "already running as process %d; stop it first", owner);
	else if (r < 0)
		op_log(OP_ERR, "%s/status.%s: %s", s->bus_dir, s->name, op_strerror(r));
	return r < 0 ? OP_EXIT_FAULT : 0;
}

static int start_timers(struct op_service *s)
{
	int r = uv_timer_init(&s->loop, &s->stop_timer);
	if (r == 0)
		r = uv_timer_init(&s->loop, &s->watchdog);
	s->stop_timer.data = s->watchdog.data = s;
	uint64_t half_ms = s->notify.watchdog_us / 2000;
	if (r == 0 && half_ms > 0)
		r = uv_timer_start(&s->watchdog, on_watchdog, 0, 0);
	uv_unref((uv_handle_t *)&s->stop_timer);
	uv_unref((uv_handle_t *)&s->watchdog);
	return r;
}

static int start_signal(struct op_service *s, uv_signal_t *handle, int number)
{
	int r = uv_signal_init(&s->loop, handle);
	handle->data = s;
	if (r == 0)
		r = uv_signal_start(handle, on_signal, number);
	uv_unref((uv_handle_t *)handle);
	return r;
}

static int open_loop(struct op_service *s)
{
	int r = uv_async_init(&s->loop, &s->on_quit, on_quit);
	s->on_quit.data = s;
	if (r == 0)
		r = start_signal(s, &s->on_term, SIGTERM);
	if (r == 0)
		r = start_signal(s, &s->on_int, SIGINT);
	if (r == 0)
		r = start_timers(s);
	if (r == 0)
		r = service_status_start(s);
	if (r < 0)
		op_log(OP_ERR, "event loop: %s", uv_strerror(r));
	return r < 0 ? OP_EXIT_FAULT : 0;
}

static int open_calls(struct op_service *s)
{
	int r = service_calls_open(s);
	if (r == -ENAMETOOLONG)
		op_log(OP_ERR, "%s: too long for a socket; use a shorter --runtime", s->calls.path);
	else if (r < 0)
		op_log(OP_ERR, "%s: %s", s->calls.path, uv_strerror(r));
	return r == -ENAMETOOLONG ? OP_EXIT_CONFIG : r < 0 ? OP_EXIT_FAULT : 0;
}

/* Whoever asked for an exit status knew the reason and has said it. */
static void explain_start(const struct op_service *s, int err)
{
	if (atomic_load_explicit(&s->exit_status, memory_order_relaxed) >= 0)
		return;
	if (err == -ENOSPC || err == -EDQUOT)
		op_log(OP_ERR, "cannot start: %s: make room below %s", op_strerror(err),
		       s->place.runtime);
	else
		op_log(OP_ERR, "cannot start: %s", op_strerror(err));
}

/* What is half built is taken down before the loop goes round: no timer, call or watchdog may ever
 * meet it. */
static void start_work(struct op_service *s)
{
	if (!s->desc->alive)
		op_service_sched_thread(s);
	int r = s->desc->start(s, s->settings, &s->self);
	if (r == 0)
		return;
	explain_start(s, r);
	op_service_quit(s, OP_EXIT_FAULT); /* unless start asked for another status */
	begin_stop(s);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* After a stop that timed out the service's handles are in memory that nobody will touch again. */
static void close_loop(struct op_service *s)
{
	uv_walk(&s->loop, close_handle, NULL);
	(void)uv_run(&s->loop, UV_RUN_NOWAIT); /* runs the close callbacks, which is all there is */
	(void)uv_loop_close(&s->loop); /* busy only after the time-out above; the exit mends it */
}

static int live(struct op_service *s)
{
	int status = open_loop(s);
	if (status == 0)
		status = open_calls(s);
	if (status == 0) {
		start_work(s);
		(void)uv_run(&s->loop, UV_RUN_DEFAULT); /* what is left open was logged */
		status = atomic_load_explicit(&s->exit_status, memory_order_acquire);
	}
	if (status == 0)
		op_service_set_state(s, OP_STATE_STOPPED, NULL);
	close_loop(s);
	return status;
}

static int run(struct op_service *s)
{
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for these signals */
	(void)signal(SIGHUP, SIG_IGN);  /* a terminal that closes is the supervisor's business */
	int r = op_notify_open(&s->notify);
	if (r < 0)
		op_log(OP_WARNING, "NOTIFY_SOCKET: %s; nobody is told", op_strerror(r));
	int status = make_places(s);
	if (status == 0)
		status = open_status(s);
	if (status != 0)
		return status;
	service_sched_process(s);
	r = uv_loop_init(&s->loop);
	s->began_ms = r == 0 ? uv_now(&s->loop) : 0;
	if (r == 0)
		status = live(s);
	service_status_close(s);
	op_notify_close(&s->notify);
	return r < 0 ? OP_EXIT_FAULT : status;
}

static int print_reference(const struct op_service_desc *desc)
{
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, 1024 * 1024);
	op_config_reference(desc->program, desc->settings, desc->n_settings, &out);
	return out.err || fputs(out.data, stdout) == EOF || fflush(stdout) == EOF ? OP_EXIT_FAULT
										  : 0;
}

static int act(struct op_service *s)
{
	if (s->args.action == ACTION_REFERENCE)
		return print_reference(s->desc);
	int status = service_load(s);
	if (status != 0 || s->args.action == ACTION_CHECK)
		return status;
	return s->args.action == ACTION_SHOW ? service_show(s) : run(s);
}

int op_service_main(int argc, char **argv, const struct op_service_desc *desc)
{
	op_log_open();
	bool supervised;
	int r = bind_to_supervisor(&supervised);
	if (r < 0) {
		op_log(OP_ERR, "supervisor: %s", op_strerror(r));
		return OP_EXIT_FAULT;
	}
	struct op_service *s = calloc(1, sizeof(*s));
	if (!s)
		return OP_EXIT_FAULT;
	s->desc = desc;
	s->supervised = supervised;
	s->exit_status = -1;
	s->log_level = OP_INFO;
	(void)pthread_mutex_init(&s->sched.lock, NULL); /* default attributes never fail */
	int status = service_args_parse(&s->args, desc, argc, argv);
	status = status != 0 ? status - 1 : act(s);
	free(s->settings);
	op_config_free(s->config);
	free(s);
	return status;
}
