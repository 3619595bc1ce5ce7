/*
 * run_unit.c - one supervised process: when it is started, killed, started again, given up.
 *
 * Loop thread. Every transition is in the table below; each action runs after the state has
 * changed. One timer per unit: what its expiry (TIMEOUT) means depends on the state.
 *
 *              START      READY  EXIT       TIMEOUT                   STOP
 *   idle       starting   -      -          -                         done
 *   starting   -          up     waiting    killing (start time-out)  stopping (SIGTERM)
 *   up         -          -      waiting    killing (watchdog)        stopping (SIGTERM)
 *   killing    -          -      waiting    killing (SIGKILL)         stopping (SIGKILL)
 *   waiting    -          -      -          starting                  done
 *   stopping   -          -      done       stopping (SIGKILL)        -
 *   done       -          -      -          -                         -
 *
 * Restarts wait backoff_ms, doubled with each failure in a row up to backoff_max_ms, a quarter
 * more or less by chance, so that several services do not start in step. After restart_limit
 * failures in a row the unit is given up for cooldown_s, and then tried again from the start:
 * a box that nobody looks after must not stay down. A life of cooldown_s after READY clears the
 * count, half a second does if it was ended by a SIGKILL that was not ours: what is killed from
 * outside now and then is back at once, what falls over its own feet is not.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

#define SETTLED_NS (500 * OP_NS_PER_MS)
#define KILL_AFTER_MS 1000 /* between SIGABRT, which leaves a core, and SIGKILL */

/* After a stall of our own (a slow disk under the log, a stopped process) timers come before the
 * messages that waited meanwhile. Nobody is killed for our lateness: the messages are heard first.
 */
static void on_timer(uv_timer_t *timer)
{
	struct unit *u = timer->data;
	enum unit_state before = u->state;
	run_notify_hear(u->run);
	if (u->state == before && !uv_is_active((uv_handle_t *)timer))
		unit_event(u, EV_TIMEOUT);
}

static void arm(struct unit *u, uint64_t ms)
{
	(void)uv_timer_start(&u->timer, on_timer, ms, 0); /* fails only on a closing handle */
}

static void disarm(struct unit *u)
{
	(void)uv_timer_stop(&u->timer); /* always 0 */
}

static void signal_group(const struct unit *u, int number)
{
	if (u->pid > 0)
		(void)kill(-u->pid, number); /* gone already: its exit is on the way */
}

/* ---- actions ------------------------------------------------------------------------------- */

static void start(struct unit *u)
{
	run_status_release(u);
	u->ready_this_life = false;
	u->reason[0] = '\0';
	int r = unit_spawn(u);
	if (r < 0) {
		(void)snprintf(u->reason, sizeof(u->reason), "cannot run %.80s: %s", u->program,
			       op_strerror(r)); /* cut if long */
		u->wait_status = W_EXITCODE(OP_EXIT_CONFIG, 0);
		unit_event(u, EV_EXIT);
		return;
	}
	arm(u, (uint64_t)u->common.start_timeout_s * 1000);
}

static void become_up(struct unit *u)
{
	u->was_ready = u->ready_this_life = true;
	u->ready_ns = op_now_ns();
	if (u->common.watchdog_s > 0)
		arm(u, (uint64_t)u->common.watchdog_s * 1000);
	else
		disarm(u);
}

static void abort_it(struct unit *u)
{
	if (!u->ready_this_life)
		(void)snprintf(u->reason, sizeof(u->reason), "not ready after %lld s",
			       (long long)u->common.start_timeout_s); /* fits */
	else
		(void)snprintf(u->reason, sizeof(u->reason), "watchdog: no sign of work for %lld s",
			       (long long)u->common.watchdog_s); /* fits */
	run_say(u->run, OP_ERR, "%s: %s: killing process %d", u->name, u->reason, (int)u->pid);
	signal_group(u, SIGABRT);
	arm(u, KILL_AFTER_MS);
}

static void kill_it(struct unit *u)
{
	signal_group(u, SIGKILL);
}

static void ask_to_stop(struct unit *u)
{
	if (u->pid > 0)
		(void)kill(u->pid, SIGTERM); /* gone already: its exit is on the way */
	arm(u, (uint64_t)u->common.stop_timeout_s * 1000);
}

static void kill_stopping(struct unit *u)
{
	run_say(u->run, OP_WARNING, "%s: not stopped after %lld s: killing process %d", u->name,
		(long long)u->common.stop_timeout_s, (int)u->pid);
	kill_it(u);
}

static void finish(struct unit *u)
{
	disarm(u);
	run_status_release(u);
}

static void describe_exit(struct unit *u)
{
	int ws = u->wait_status;
	if (u->reason[0])
		return; /* we killed it and said why, or it never ran */
	if (WIFSIGNALED(ws))
		(void)snprintf(u->reason, sizeof(u->reason), "killed by signal %d (%s)",
			       WTERMSIG(ws), strsignal(WTERMSIG(ws)));
	else
		(void)snprintf(u->reason, sizeof(u->reason), "exit status %d", WEXITSTATUS(ws));
}

static uint64_t backoff_ms(const struct unit *u)
{
	uint64_t ms = (uint64_t)u->common.backoff_ms, most = (uint64_t)u->common.backoff_max_ms;
	for (unsigned i = 1; i < u->failures && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	uint16_t chance = 0x8000;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0x8000; /* early at boot: without jitter, then */
	return ms * 3 / 4 + ms * chance / 0x20000;
}

static void give_up(struct unit *u, const char *why)
{
	char reason[256];
	uint64_t pause_s = (uint64_t)u->common.cooldown_s;
	(void)snprintf(reason, sizeof(reason), "%s: given up for %llu s: %s", why,
		       (unsigned long long)pause_s, u->reason); /* fits */
	run_say(u->run, OP_ERR, "%s: %s", u->name, reason);
	run_status_take(u, OP_STATE_FAILED, reason);
	u->failures = 0;
	arm(u, pause_s * 1000);
}

static void retry(struct unit *u)
{
	uint64_t ms = backoff_ms(u);
	run_say(u->run, OP_WARNING, "%s: %s: restart in %llu ms (failure %u of %lld)", u->name,
		u->reason, (unsigned long long)ms, u->failures, (long long)u->common.restart_limit);
	run_status_take(u, OP_STATE_RESTARTING, u->reason);
	arm(u, ms);
}

/* True if the life that has ended, as u->reason and u->wait_status say, was a good one. */
static bool was_healthy(const struct unit *u)
{
	bool from_outside =
		!u->reason[0] && WIFSIGNALED(u->wait_status) && WTERMSIG(u->wait_status) == SIGKILL;
	uint64_t enough = from_outside ? SETTLED_NS : (uint64_t)u->common.cooldown_s * OP_NS_PER_S;
	return u->ready_this_life && op_now_ns() - u->ready_ns > enough;
}

/* It ended, and nobody had asked it to. */
static void pause_after_exit(struct unit *u)
{
	char why[64];
	bool healthy = was_healthy(u); /* before describe_exit */
	bool config = WIFEXITED(u->wait_status) && WEXITSTATUS(u->wait_status) == OP_EXIT_CONFIG;
	disarm(u);
	if (u->run->stopping)
		return; /* its turn to be stopped comes */
	describe_exit(u);
	if (healthy)
		u->failures = 0;
	if (WIFEXITED(u->wait_status) && WEXITSTATUS(u->wait_status) == 0 && u->ready_this_life) {
		run_say(u->run, OP_NOTICE, "%s: stopped by itself: starting it again", u->name);
		arm(u, (uint64_t)u->common.backoff_ms);
		return;
	}
	u->failures++;
	if (config && !u->run->ready_said) {
		run_say(u->run, OP_ERR, "%s: %s: a restart will not help (see its lines above)",
			u->name, u->reason);
		run_stop(u->run, OP_EXIT_CONFIG);
	} else if (config) {
		give_up(u, "a restart will not help");
	} else if (u->failures >= u->common.restart_limit) {
		(void)snprintf(why, sizeof(why), "%u failures in a row", u->failures); /* fits */
		give_up(u, why);
	} else {
		retry(u);
	}
}

/* ---- the table ------------------------------------------------------------------------------ */

struct transition {
	enum unit_state next;
	void (*act)(struct unit *u); /* NULL: this event means nothing in this state */
};

static const struct transition table[UNIT_STATES][UNIT_EVENTS] = {
	[UNIT_IDLE] = {[EV_START] = {UNIT_STARTING, start}, [EV_STOP] = {UNIT_DONE, finish}},
	[UNIT_STARTING] = {[EV_READY] = {UNIT_UP, become_up},
			   [EV_EXIT] = {UNIT_WAITING, pause_after_exit},
			   [EV_TIMEOUT] = {UNIT_KILLING, abort_it},
			   [EV_STOP] = {UNIT_STOPPING, ask_to_stop}},
	[UNIT_UP] = {[EV_EXIT] = {UNIT_WAITING, pause_after_exit},
		     [EV_TIMEOUT] = {UNIT_KILLING, abort_it},
		     [EV_STOP] = {UNIT_STOPPING, ask_to_stop}},
	[UNIT_KILLING] = {[EV_EXIT] = {UNIT_WAITING, pause_after_exit},
			  [EV_TIMEOUT] = {UNIT_KILLING, kill_it},
			  [EV_STOP] = {UNIT_STOPPING, kill_it}},
	[UNIT_WAITING] = {[EV_TIMEOUT] = {UNIT_STARTING, start}, [EV_STOP] = {UNIT_DONE, finish}},
	[UNIT_STOPPING] =
		{[EV_EXIT] = {UNIT_DONE, finish}, [EV_TIMEOUT] = {UNIT_STOPPING, kill_stopping}},
};

void unit_event(struct unit *u, enum unit_event event)
{
	const struct transition *t = &table[u->state][event];
	if (!t->act)
		return;
	u->state = t->next;
	t->act(u);
	run_changed(u->run);
}

void unit_alive(struct unit *u)
{
	if (u->state == UNIT_UP && u->common.watchdog_s > 0)
		arm(u, (uint64_t)u->common.watchdog_s * 1000);
}

void unit_exited(struct unit *u, int wait_status)
{
	u->pid = 0;
	u->wait_status = wait_status;
	run_lines_close(u);
	unit_event(u, EV_EXIT);
}

void unit_force(struct unit *u)
{
	if (u->pid > 0)
		kill_it(u);
}

int unit_init(struct unit *u)
{
	u->state = UNIT_IDLE;
	u->lines.fd = -1;
	u->timer.data = u;
	return uv_timer_init(&u->run->loop, &u->timer);
}

void unit_free(struct unit *u)
{
	free(u->argv);
	free(u->program);
}
