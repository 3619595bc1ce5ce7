/*
 * run.c - `outpost run`: the order of start and stop, signals.
 *
 * One thread, one loop. Follows outpost-run(1). Start: check everything, take the runtime
 * directory, simulators, then all services at once; "ready" when all have said READY=1. Stop:
 * services one by one in reverse order, simulators last. When systemd started us we speak
 * sd_notify to it as our services do to us.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"
#include "tools/tools.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SETTLE_MS 300 /* services do not wait longer than this for simulators to be ready */

/* ---- ready and stopped ------------------------------------------------------------------------
 */

static void say_ready(struct run *run)
{
	char line[300];
	run->ready_said = true;
	int n = run->url[0] ? snprintf(line, sizeof(line), "ready: %s\n", run->url)
			    : snprintf(line, sizeof(line), "ready\n");
	if (write(STDOUT_FILENO, line, (size_t)n) < 0)
		run_say(run, OP_WARNING, "standard output: %s", strerror(errno));
	if (op_notify_send(&run->up, "READY=1\nSTATUS=all services are ready") < 0)
		run_say(run, OP_WARNING, "systemd was not told that all is ready");
}

static void event_to_services(struct run *run, enum unit_event event)
{
	for (size_t i = 0; i < run->n_services; i++)
		unit_event(&run->units[i], event);
}

static void start_services(struct run *run)
{
	if (run->services_started || run->stopping)
		return;
	run->services_started = true;
	event_to_services(run, EV_START);
}

static void check_ready(struct run *run)
{
	bool simulators = true, services = true;
	for (size_t i = 0; i < run->n_units; i++) {
		bool up = run->units[i].state == UNIT_UP;
		*(run->units[i].simulator ? &simulators : &services) &= up;
	}
	if (simulators)
		start_services(run);
	if (services && !run->ready_said)
		say_ready(run);
}

/* The last unit in order that is not down yet is the one to stop now. */
static void stop_next(struct run *run)
{
	for (size_t k = 0; k < run->n_units; k++) {
		size_t i = k < run->n_services ? run->n_services - 1 - k : k;
		struct unit *u = &run->units[i];
		if (u->state == UNIT_DONE)
			continue;
		unit_event(u, EV_STOP); /* no effect on one that is stopping already */
		return;
	}
	uv_stop(&run->loop);
}

void run_changed(struct run *run)
{
	if (run->stopping)
		stop_next(run);
	else
		check_ready(run);
}

void run_stop(struct run *run, int exit_status)
{
	if (run->stopping)
		return;
	run->stopping = true;
	run->exit_status = exit_status;
	if (op_notify_send(&run->up, "STOPPING=1") < 0)
		run_say(run, OP_WARNING,
			"systemd was not told that we stop"); /* it sees the exit */
	/* Who waits for another life does not get it. */
	for (size_t i = 0; i < run->n_units; i++)
		if (run->units[i].state == UNIT_WAITING)
			unit_event(&run->units[i], EV_STOP);
	stop_next(run);
}

/* ---- events ------------------------------------------------------------------------------------
 */

struct unit *run_unit_of(struct run *run, pid_t pid)
{
	for (size_t i = 0; i < run->n_units; i++)
		if (pid > 0 && run->units[i].pid == pid)
			return &run->units[i];
	return NULL;
}

/* Any child, because in a container we may be process 1 and inherit strangers. A unit's group is
 * killed before its leader is reaped: until then nobody else can have got that number. */
static void on_child(uv_signal_t *handle, int number)
{
	struct run *run = handle->data;
	siginfo_t info = {0};
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0) {
		int status = 0;
		struct unit *u = run_unit_of(run, info.si_pid);
		if (u)
			(void)kill(-u->pid, SIGKILL); /* nobody left in the group: good */
		if (waitpid(info.si_pid, &status, 0) == info.si_pid && u)
			unit_exited(u, status);
		info.si_pid = 0;
	}
}

/* timeout(1) and shells signal a process and then its group: that is one wish. A person who presses
 * Ctrl-C once more takes longer. */
static bool is_echo(const struct run *run, int number)
{
	uint64_t ms = number == SIGTERM ? 1000 : 300;
	return number == run->stop_signal && op_now_ns() - run->stop_ns < ms * OP_NS_PER_MS;
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
	struct run *run = handle->data;
	if (!run->stopping) {
		run->stop_signal = number;
		run->stop_ns = op_now_ns();
		run_say(run, OP_NOTICE, "stopping (%s)", strsignal(number));
		run_stop(run, 0);
		return;
	}
	if (is_echo(run, number))
		return;
	run_say(run, OP_WARNING, "second signal: killing what is left");
	for (size_t i = 0; i < run->n_units; i++)
		unit_force(&run->units[i]);
}

static void on_hangup(uv_signal_t *handle, int number)
{
	struct run *run = handle->data;
	run_file_close(&run->log.file);
	int r = run_file_open(&run->log.file);
	if (r < 0)
		run_say(run, OP_WARNING, "%s: %s", run->log.file.path, op_strerror(r));
}

static void on_second(uv_timer_t *timer)
{
	struct run *run = timer->data;
	for (size_t i = 0; i < run->n_units; i++) {
		run_lines_tick(&run->units[i]);
		run_status_tick(&run->units[i]);
	}
	run_repeat_tick(&run->log, false);
	run_memory_tick(run);
	run_place_tick(run);
}

static void on_settled(uv_timer_t *timer)
{
	start_services(timer->data);
}

static void on_watchdog(uv_timer_t *timer)
{
	struct run *run = timer->data;
	if (op_notify_send(&run->up, "WATCHDOG=1") < 0)
		return; /* a full queue: the next one is in time, half a period is left */
}

/* ---- loop ---------------------------------------------------------------------------------------
 */

static int open_signal(struct run *run, uv_signal_t *handle, uv_signal_cb fn, int number)
{
	int r = uv_signal_init(&run->loop, handle);
	handle->data = run;
	return r < 0 ? r : uv_signal_start(handle, fn, number);
}

static int open_timer(struct run *run, uv_timer_t *timer, uv_timer_cb fn, uint64_t ms, bool repeat)
{
	int r = uv_timer_init(&run->loop, timer);
	timer->data = run;
	return r < 0 || ms == 0 ? r : uv_timer_start(timer, fn, ms, repeat ? ms : 0);
}

static int open_handles(struct run *run)
{
	int r = open_signal(run, &run->on_term, on_stop_signal, SIGTERM);
	if (r == 0)
		r = open_signal(run, &run->on_int, on_stop_signal, SIGINT);
	if (r == 0)
		r = open_signal(run, &run->on_hup, on_hangup, SIGHUP);
	if (r == 0)
		r = open_signal(run, &run->on_child, on_child, SIGCHLD);
	if (r == 0)
		r = open_timer(run, &run->second, on_second, 1000, true);
	if (r == 0)
		r = open_timer(run, &run->settle, on_settled, SETTLE_MS, false);
	if (r == 0)
		r = open_timer(run, &run->watchdog, on_watchdog, run->up.watchdog_us / 2000, true);
	for (size_t i = 0; r == 0 && i < run->n_units; i++)
		r = unit_init(&run->units[i]);
	return r < 0 ? r : run_notify_open(run);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_loop(struct run *run)
{
	run_notify_close(run);
	uv_walk(&run->loop, close_handle, NULL);
	(void)uv_run(&run->loop, UV_RUN_DEFAULT); /* only close callbacks are left */
	(void)uv_loop_close(&run->loop);          /* nothing is open */
}

static int supervise(struct run *run)
{
	int r = uv_loop_init(&run->loop);
	if (r < 0) {
		run_say(run, OP_ERR, "event loop: %s", uv_strerror(r));
		return OP_EXIT_FAULT;
	}
	r = open_handles(run);
	if (r < 0) {
		run_say(run, OP_ERR, "%s: %s",
			run->notify.path[0] ? run->notify.path : "event loop", op_strerror(r));
	} else {
		for (size_t i = run->n_services; i < run->n_units; i++)
			unit_event(&run->units[i], EV_START);
		run_changed(run);
		(void)uv_run(&run->loop, UV_RUN_DEFAULT); /* stopped by stop_next, handles open */
	}
	close_loop(run);
	return r < 0 ? OP_EXIT_FAULT : run->exit_status;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static int open_outputs(struct run *run)
{
	int r = run_file_open(&run->log.file);
	if (r < 0) {
		run_say(run, OP_ERR, "--log-file %s: %s", run->log.file.path, op_strerror(r));
		return OP_EXIT_USAGE;
	}
	r = op_notify_open(&run->up);
	if (r < 0)
		run_say(run, OP_WARNING, "NOTIFY_SOCKET: %s; systemd is not told", op_strerror(r));
	return 0;
}

static int run_appliance(struct run *run)
{
	int status = open_outputs(run);
	if (status == 0)
		status = run_load(run);
	if (status != 0)
		return status;
	if (run_place_take(run) == 0)
		status = supervise(run);
	else
		status = OP_EXIT_FAULT;
	run_place_leave(run);
	return status;
}

/* What the appliance wants to leave with when it did not come to work. */
static int exit_status(const struct run *run, int status)
{
	int wanted = run->config ? op_config_start_failure(run->config) : 0;
	bool failed = status == OP_EXIT_USAGE || status == OP_EXIT_CONFIG;
	return failed && wanted ? wanted : status;
}

int op_tool_run(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	if (!run)
		return OP_EXIT_FAULT;
	run->lock_fd = run->notify.fd = run->up.fd = -1;
	run->log.file = (struct run_file){.max_bytes = 1024 * 1024, .keep = 5, .fd = -1};
	run_log_open(&run->log);
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
	int r = run_args_parse(run, argc, argv);
	r = r != 0 ? r - 1 : run_appliance(run);
	op_notify_close(&run->up);
	run_repeat_tick(&run->log, true);
	run_file_close(&run->log.file);
	r = exit_status(run, r);
	run_unload(run);
	free(run);
	return r;
}
