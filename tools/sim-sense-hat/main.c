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
#include <string.h>

#include "sim.h"

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
		err = sim_fifo_open(&s->control, s->options->control);
	if (err < 0)
		op_log(OP_ERR, "cannot make %s or what stands beside it: %s", s->options->bus,
		       op_strerror(err));
	return err;
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
	if (s->scheduled < s->options->schedule.n) {
		double at_s = s->options->schedule.at[s->scheduled].at_s;
		uint64_t at = s->start_ns + (uint64_t)(at_s * (double)OP_NS_PER_S);
		due = at < due ? at : due;
	}
	return due > now_ns ? due : now_ns;
}

static void wait_for(struct sim *s, uint64_t left_ns, const sigset_t *waiting)
{
	struct timespec ts = {(time_t)(left_ns / OP_NS_PER_S), (long)(left_ns % OP_NS_PER_S)};
	struct pollfd fds[2 + CLIENTS_MAX] = {{s->control.fd, POLLIN, 0}, {s->listener, POLLIN, 0}};
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
		sim_fifo_read(&s->control, "outpost-sim-sense-hat", control_obey, s, op_now_ns());
}

static void run(struct sim *s, const sigset_t *waiting)
{
	while (!sim_is_stopping() && !s->quit) {
		uint64_t now = op_now_ns();
		sim_schedule_run(&s->options->schedule, &s->scheduled, s->start_ns, now,
				 control_obey, s);
		come_back(s, now);
		room_at(&s->room, now);
		files_cpu(s);
		wait_for(s, due_ns(s, now) - now, waiting);
	}
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct sim s = {
		.options = &options, .listener = -1, .control = {.fd = -1}, .joystick = -1};
	sigset_t waiting;
	op_log_open();
	memset(s.clients, -1, sizeof(s.clients));
	int end = options_parse(&options, argc, argv);
	if (end)
		return end - 1;
	sim_catch_signals(&waiting);
	int err = start(&s);
	if (err == 0) {
		sim_tell_ready();
		run(&s, &waiting);
		op_log(OP_INFO, "%llu transfers, %llu not answered",
		       (unsigned long long)s.transfers, (unsigned long long)s.dropped);
	}
	bus_close(&s);
	sim_fifo_close(&s.control);
	files_close(&s);
	return err < 0 ? 1 : 0;
}
