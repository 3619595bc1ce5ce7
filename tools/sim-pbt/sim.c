/*
 * sim.c - one sample each period against absolute deadlines, and what goes wrong on the way.
 *
 * Time is passed in, so that nothing here waits. Samples that are due late (a stall, a busy
 * machine) are sent together, as the board's firmware does: its next deadline is the last one plus
 * a period.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sim.h"

#include <string.h>

#define OPEN_POLL_NS (2 * OP_NS_PER_MS) /* how often we look whether somebody opened */
#define START_NS (50 * OP_NS_PER_MS)    /* from opening to the first sample */
#define BOOT_NS (2 * OP_NS_PER_S)       /* the same of an Uno, which is reset by it */
#define TEXT_BYTES 16384

static uint64_t period_ns(const struct sim *s)
{
	return (uint64_t)((double)OP_NS_PER_S / s->options->rate_hz);
}

/* ---- content --------------------------------------------------------------------------- */

static void write_truth(struct sim *s, uint64_t now_ns)
{
	const struct hit *h = &s->board.hit;
	if (!s->truth)
		return;
	fprintf(s->truth,
		"{\"start_sample\":%llu,\"start_t\":%.5f,\"peak_adc\":%d,\"duration_ms\":%.0f,"
		"\"baseline\":%d,\"boot_ns\":%llu}\n",
		(unsigned long long)h->start, (double)h->start / s->options->rate_hz, (int)h->peak,
		h->ms, s->board.baseline, (unsigned long long)now_ns);
	fflush(s->truth);
}

static void put_garbage(struct sim *s, struct op_buf *out)
{
	for (uint64_t n = 2 + board_random(&s->board, 8); n > 0; n--)
		op_buf_putc(out, (char)(128 + board_random(&s->board, 100)));
	op_buf_puts(out, "\r\n");
}

static void put_sample(struct sim *s, struct op_buf *out)
{
	unsigned value;
	if (board_sample(&s->board, &value))
		write_truth(s, s->next_ns);
	if (s->skip > 0) {
		s->skip--;
		return;
	}
	op_buf_printf(out, "%u\r\n", value);
	board_stats(&s->board, out);
}

static bool is_sample(const char *line)
{
	return line[0] >= '0' && line[0] <= '9';
}

/* The next sample of the trace, with the comments before it; its bytes as they are. */
static void put_trace(struct sim *s, struct op_buf *out)
{
	bool sample = false;
	while (!sample && s->at < s->end) {
		const char *lf = memchr(s->at, '\n', (size_t)(s->end - s->at));
		const char *next = lf ? lf + 1 : s->end;
		sample = is_sample(s->at);
		op_buf_put(out, s->at, (size_t)(next - s->at));
		s->at = next;
	}
	s->board.made += sample;
}

static void put_one(struct sim *s, struct op_buf *out)
{
	if (s->next_ns < s->garbage_until_ns)
		put_garbage(s, out);
	else if (s->trace)
		put_trace(s, out);
	else
		put_sample(s, out);
}

/* ---- faults and time ------------------------------------------------------------------- */

static void come_back(struct sim *s)
{
	s->away_until_ns = 0;
	board_reset(&s->board, NULL);
	int err = port_plug(&s->port);
	if (err < 0) {
		op_log(OP_ERR, "cannot make a pty: %s; see /dev/pts", op_strerror(err));
		s->quit = true;
	}
}

/* Power on or reset: silent until it has measured its level, then the banner. */
static void boot(struct sim *s, uint64_t now_ns)
{
	s->booting = true;
	s->next_ns = now_ns + BOOT_NS;
}

static void finish_boot(struct sim *s)
{
	char mem[512];
	struct op_buf out;
	op_buf_init_fixed(&out, mem, sizeof(mem));
	board_reset(&s->board, &out);
	port_send(&s->port, mem, out.len);
	s->booting = false;
}

/* Opening resets an Uno; any board starts to be heard. */
static void mind_opening(struct sim *s, uint64_t now_ns)
{
	bool open = port_is_open(&s->port);
	if (open && !s->open) {
		s->next_ns = now_ns + START_NS;
		if (s->options->uno)
			boot(s, now_ns);
	}
	if (!open) {
		s->port.pending = 0;
		s->next_ns = 0;
	}
	s->open = open;
}

static bool finished(const struct sim *s)
{
	if (s->trace)
		return s->at >= s->end;
	return s->options->samples && s->board.made >= s->options->samples;
}

/* Half a line now, half with the next: the reader sees every cut. */
static void send_split(struct sim *s, const char *bytes, size_t n)
{
	size_t cut = n ? (size_t)board_random(&s->board, n + 1) : 0;
	port_send(&s->port, bytes, cut);
	port_send(&s->port, bytes + cut, n - cut);
}

static void send_due(struct sim *s, uint64_t now_ns)
{
	static char mem[TEXT_BYTES];
	struct op_buf out;
	bool fast = s->options->fast;
	op_buf_init_fixed(&out, mem, sizeof(mem));
	while (!finished(s) && out.len < sizeof(mem) - 512 && port_room(&s->port) > TEXT_BYTES &&
	       (fast || s->next_ns <= now_ns)) {
		put_one(s, &out);
		s->next_ns += period_ns(s);
	}
	if (s->options->split || now_ns < s->split_until_ns)
		send_split(s, mem, out.len);
	else
		port_send(&s->port, mem, out.len);
}

void sim_step(struct sim *s, uint64_t now_ns)
{
	if (s->away_until_ns && now_ns >= s->away_until_ns)
		come_back(s);
	if (s->port.master < 0)
		return;
	mind_opening(s, now_ns);
	if (s->silent_until_ns && now_ns >= s->silent_until_ns) {
		s->silent_until_ns = 0;
		s->next_ns = s->next_ns ? now_ns : 0; /* it was off: nothing is owed */
	}
	if (!s->open || s->silent_until_ns || now_ns < s->stalled_until_ns)
		return;
	if (s->booting && now_ns >= s->next_ns)
		finish_boot(s);
	if (!s->booting)
		send_due(s, now_ns);
	port_flush(&s->port);
}

uint64_t sim_due_ns(const struct sim *s, uint64_t now_ns)
{
	uint64_t idle = now_ns + OPEN_POLL_NS;
	if (!s->open || s->silent_until_ns || now_ns < s->stalled_until_ns || s->next_ns == 0 ||
	    finished(s))
		return idle;
	if (s->options->fast && !s->booting)
		return now_ns;
	uint64_t due = s->next_ns + (s->options->batch - 1) * period_ns(s);
	return s->port.pending ? (due < idle ? due : idle) : due;
}
