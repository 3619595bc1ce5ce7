/*
 * main.c - outpost-sim-pbt: start, wait, stop.
 *
 * A service cannot tell it from the board: it opens a serial port either way. One thread; every
 * wait is for the next deadline, a command, the host's bytes or room to write.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>

#include "sim.h"

static int load_trace(struct sim *s)
{
	if (!s->options->play)
		return 0;
	FILE *f = fopen(s->options->play, "rb");
	if (!f)
		return -errno;
	long n = fseek(f, 0, SEEK_END) ? -1 : ftell(f);
	rewind(f);
	s->trace = n > 0 ? malloc((size_t)n) : NULL;
	bool ok = s->trace && fread(s->trace, 1, (size_t)n, f) == (size_t)n;
	fclose(f);
	s->at = s->trace;
	s->end = s->trace + (ok ? n : 0);
	return ok ? 0 : -EIO;
}

static int start(struct sim *s)
{
	const struct options *o = s->options;
	int err = load_trace(s);
	if (err < 0) {
		op_log(OP_ERR, "%s: %s", o->play, op_strerror(err));
		return err;
	}
	if (o->truth && !(s->truth = fopen(o->truth, "w"))) {
		op_log(OP_ERR, "%s: %s", o->truth, strerror(errno));
		return -EIO;
	}
	board_init(&s->board, o->rate_hz, o->baseline, o->seed);
	if (o->quiet) {
		s->board.automatic = false;
		s->board.next_hit = UINT64_MAX;
	}
	memcpy(s->port.link, o->link, sizeof(o->link));
	memcpy(s->port.by_id, o->by_id, sizeof(o->by_id));
	err = port_plug(&s->port);
	if (err == 0)
		err = sim_fifo_open(&s->control, o->control);
	if (err < 0)
		op_log(OP_ERR, "cannot make the terminal, %s or %s: %s", o->link, o->control,
		       op_strerror(err));
	s->start_ns = op_now_ns();
	return err;
}

/* What the host writes to the board: lines that end with CR or LF. */
static void read_host(struct sim *s)
{
	char bytes[256], mem[1024];
	ssize_t n = read(s->port.master, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < n; i++) {
		struct op_buf out;
		bool end = bytes[i] == '\n' || bytes[i] == '\r';
		if (!end && s->host_len < sizeof(s->host_line) - 1)
			s->host_line[s->host_len++] = bytes[i];
		if (!end || s->host_len == 0)
			continue;
		s->host_line[s->host_len] = '\0';
		s->host_len = 0;
		op_buf_init_fixed(&out, mem, sizeof(mem));
		board_command(&s->board, s->host_line, &out);
		port_send(&s->port, mem, out.len);
	}
}

static void wait_for(struct sim *s, uint64_t due_ns, const sigset_t *waiting)
{
	uint64_t now = op_now_ns(), left = due_ns > now ? due_ns - now : 0;
	short room = s->port.pending > 0 ? POLLOUT : 0;
	/* Full: the reader sets the pace. Closed: poll would return at once, for ever. */
	if (s->options->fast && s->port.pending > PORT_BUFFER / 2)
		left = 2 * OP_NS_PER_MS;
	struct timespec ts = {(time_t)(left / OP_NS_PER_S), (long)(left % OP_NS_PER_S)};
	struct pollfd fds[2] = {{s->control.fd, POLLIN, 0},
				{s->open ? s->port.master : -1, (short)(POLLIN | room), 0}};
	if (ppoll(fds, 2, &ts, waiting) <= 0)
		return;
	if (fds[0].revents & POLLIN)
		sim_fifo_read(&s->control, "outpost-sim-pbt", control_obey, s, op_now_ns());
	if (fds[1].revents & POLLIN)
		read_host(s);
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct sim s;
	sigset_t waiting;
	op_log_open();
	int end = options_parse(&options, argc, argv);
	if (end)
		return end - 1;
	s.options = &options;
	s.control.fd = -1;
	port_init(&s.port);
	sim_catch_signals(&waiting);
	(void)prctl(PR_SET_TIMERSLACK, 1UL); /* refused: the pace is a little less even */
	int err = start(&s);
	if (err == 0)
		sim_tell_ready();
	while (err == 0 && !sim_is_stopping() && !s.quit) {
		uint64_t now = op_now_ns();
		sim_schedule_run(&options.schedule, &s.scheduled, s.start_ns, now, control_obey,
				 &s);
		sim_step(&s, now);
		wait_for(&s, sim_due_ns(&s, now), &waiting);
	}
	if (s.port.dropped)
		op_log(OP_WARNING, "%llu bytes were not taken in time",
		       (unsigned long long)s.port.dropped);
	port_unplug(&s.port);
	sim_fifo_close(&s.control);
	if (s.truth)
		fclose(s.truth);
	free(s.trace);
	return err < 0 ? 1 : 0;
}
