/*
 * loss.c - counts of missing samples, by rate and by the board.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/loss.h"

#define WINDOW_NS (10 * OP_NS_PER_S)
#define TOLERANCE 0.01

void op_loss_init(struct op_loss *l, double rate_hz)
{
	*l = (struct op_loss){.rate_hz = rate_hz};
}

void op_loss_restart(struct op_loss *l)
{
	l->window_ns = 0;
	l->suspected = 0;
	l->board_known = false;
}

static void close_window(struct op_loss *l, double seconds)
{
	double expected = l->rate_hz * seconds;
	double deficit = expected - (double)l->window_samples;
	double surplus = -deficit;
	if (surplus > 0)
		l->suspected -= surplus < (double)l->suspected ? (uint64_t)surplus : l->suspected;
	l->lost_rate += l->suspected;
	l->suspected = deficit > expected * TOLERANCE ? (uint64_t)deficit : 0;
	l->measured_hz = (double)l->window_samples / seconds;
}

void op_loss_samples(struct op_loss *l, uint64_t now_ns, uint64_t samples)
{
	if (l->window_ns == 0) { /* these came before the window: they only start it */
		l->window_ns = now_ns;
		l->window_samples = 0;
		return;
	}
	l->window_samples += samples;
	if (now_ns - l->window_ns < WINDOW_NS)
		return;
	close_window(l, (double)(now_ns - l->window_ns) / OP_NS_PER_S);
	l->window_ns = now_ns;
	l->window_samples = 0;
}

static void begin_board(struct op_loss *l, uint64_t board_count, uint64_t samples_total)
{
	l->board_known = true;
	l->board_first = board_count;
	l->samples_first = samples_total;
	l->board_counted = 0;
}

void op_loss_board(struct op_loss *l, uint64_t board_count, uint64_t samples_total)
{
	if (!l->board_known || board_count < l->board_last)
		begin_board(l, board_count, samples_total);
	l->board_last = board_count;
	uint64_t sent = board_count - l->board_first, got = samples_total - l->samples_first;
	if (sent > got + l->board_counted) {
		l->lost_board += sent - got - l->board_counted;
		l->board_counted = sent - got;
	}
}
