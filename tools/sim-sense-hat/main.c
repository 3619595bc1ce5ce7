/*
 * main.c - outpost-sim-sense-hat: start, wait, stop.
 *
 * A service cannot tell it from the board: the driver above the bus is the same. One thread; every
 * wait is for a request, a command or the next second, in which the processor's temperature moves.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/service/notify.h"
#include "sim.h"

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	stopping = 1;
}

/* SIGTERM is let in only while we wait, so that none is missed between test and wait. */
static void catch_signals(sigset_t *ret_waiting)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		sigaddset(&blocked, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &blocked, ret_waiting); /* cannot fail with these */
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++) {
		sigdelset(ret_waiting, numbers[i]);
		(void)sigaction(numbers[i], &sa, NULL); /* nor this */
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

static int start(struct sim *s)
{
	s->start_ns = op_now_ns();
	room_init(&s->room, s->start_ns, s->options->seed);
	chip_init(&s->chips[CHIP_HTS221], &chip_hts221, &s->room.air, &s->room.random);
	chip_init(&s->chips[CHIP_LPS25H], &chip_lps25h, &s->room.air, &s->room.random);
	for (size_t i = 0; i < CHIPS; i++)
		s->chips[i].speed = s->options->speed;
	int err = files_open(s);
	if (!err)
		err = bus_open(s);
	if (!err)
		err = control_open(s);
	if (err < 0)
		op_log(OP_ERR, "cannot make %s or what stands beside it: %s", s->options->bus,
		       op_strerror(err));
	return err;
}

static void run_schedule(struct sim *s, uint64_t now_ns)
{
	const struct options *o = s->options;
	for (; s->scheduled < o->n_schedule; s->scheduled++) {
		const char *command = o->schedule[s->scheduled].command;
		double at = o->schedule[s->scheduled].at_s * (double)OP_NS_PER_S;
		if ((double)(now_ns - s->start_ns) < at)
			return;
		if (!control_obey(s, command, now_ns))
			op_log(OP_ERR, "no such command: %s", command);
	}
}

static void come_back(struct sim *s, uint64_t now_ns)
{
	if (s->listener >= 0 || now_ns < s->absent_ns)
		return;
	int err = bus_open(s);
	if (err < 0) {
		op_log(OP_ERR, "%s: %s", s->options->bus, op_strerror(err));
		s->quit = true;
	}
}

/* At most a second; less when the schedule or the end of an absence is nearer. */
static uint64_t due_ns(const struct sim *s, uint64_t now_ns)
{
	uint64_t due = now_ns + OP_NS_PER_S;
	if (s->listener < 0 && s->absent_ns < due)
		due = s->absent_ns;
	if (s->scheduled < s->options->n_schedule) {
		uint64_t at = s->start_ns + (uint64_t)(s->options->schedule[s->scheduled].at_s *
						       (double)OP_NS_PER_S);
		due = at < due ? at : due;
	}
	return due > now_ns ? due : now_ns;
}

static void wait_for(struct sim *s, uint64_t left_ns, const sigset_t *waiting)
{
	struct timespec ts = {(time_t)(left_ns / OP_NS_PER_S), (long)(left_ns % OP_NS_PER_S)};
	struct pollfd fds[2 + CLIENTS_MAX] = {{s->control, POLLIN, 0}, {s->listener, POLLIN, 0}};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		fds[2 + i] = (struct pollfd){s->clients[i], POLLIN, 0};
	if (ppoll(fds, OP_ARRAY_SIZE(fds), &ts, waiting) <= 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (fds[2 + i].revents)
			bus_serve(s, i, op_now_ns());
	if (fds[1].revents)
		bus_accept(s);
	if (fds[0].revents)
		control_read(s, op_now_ns());
}

/* `outpost run` starts the services once the bus is there; alone, nobody listens. */
static void tell_ready(void)
{
	struct op_notify up;
	int r = op_notify_open(&up);
	if (r == 0)
		r = op_notify_send(&up, "READY=1");
	if (r < 0)
		op_log(OP_WARNING, "NOTIFY_SOCKET: %s", op_strerror(r));
	op_notify_close(&up);
}

static void run(struct sim *s, const sigset_t *waiting)
{
	while (!stopping && !s->quit) {
		uint64_t now = op_now_ns();
		run_schedule(s, now);
		come_back(s, now);
		room_at(&s->room, now);
		files_cpu(s);
		wait_for(s, due_ns(s, now) - now, waiting);
	}
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct sim s = {.options = &options, .listener = -1, .control = -1, .joystick = -1};
	sigset_t waiting;
	op_log_open();
	memset(s.clients, -1, sizeof(s.clients));
	int end = options_parse(&options, argc, argv);
	if (end)
		return end - 1;
	catch_signals(&waiting);
	int err = start(&s);
	if (err == 0) {
		tell_ready();
		run(&s, &waiting);
		op_log(OP_INFO, "%llu transfers, %llu not answered",
		       (unsigned long long)s.transfers, (unsigned long long)s.dropped);
	}
	bus_close(&s);
	control_close(&s);
	files_close(&s);
	return err < 0 ? 1 : 0;
}
