/*
 * sample_clock.c - a phase and a period that follow the earliest arrivals.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/sample_clock.h"

#include <math.h>

#define BLOCK_FIRST 50
#define BLOCK_MAX 1600
#define REANCHOR_NS (100.0 * OP_NS_PER_MS)
#define PERIOD_GAIN 0.7   /* share of a block's drift taken for an error of the period */
#define PERIOD_BOUND 0.02 /* no board's resonator is worse; beyond it samples are being lost */

void op_sample_clock_init(struct op_sample_clock *c, double rate_hz)
{
	double period = (double)OP_NS_PER_S / rate_hz;
	*c = (struct op_sample_clock){.nominal_ns = period, .period_ns = period};
}

void op_sample_clock_restart(struct op_sample_clock *c)
{
	c->anchored = false;
}

static void start_block(struct op_sample_clock *c)
{
	c->least_ns = INFINITY;
	c->in_block = 0;
}

/* Places the line so that the last of n samples was taken when it arrived. */
static void anchor(struct op_sample_clock *c, uint64_t arrival_ns, size_t n)
{
	c->base_ns = arrival_ns;
	c->phase_ns = -((double)n - 1) * c->period_ns;
	c->anchored = true;
	c->block = BLOCK_FIRST;
	c->anchors++;
	start_block(c);
}

static double bound(double v, double about, double share)
{
	return fmin(fmax(v, about * (1 - share)), about * (1 + share));
}

static void discipline(struct op_sample_clock *c)
{
	double error = c->least_ns;
	if (error > REANCHOR_NS) {
		c->anchors++;
	} else if (c->block > BLOCK_FIRST) { /* the first only takes back how late the anchor was */
		c->period_ns += PERIOD_GAIN * error / c->in_block;
		c->period_ns = bound(c->period_ns, c->nominal_ns, PERIOD_BOUND);
	}
	c->phase_ns += error;
	c->block = c->block * 2 < BLOCK_MAX ? c->block * 2 : BLOCK_MAX;
	start_block(c);
}

/* Spreads n times evenly up to `until`, a period apart where there is room for it. */
static void spread(struct op_sample_clock *c, uint64_t until, size_t n, uint64_t *ret_times)
{
	uint64_t room = until > c->last_ns ? until - c->last_ns : 0;
	double step = fmin(c->period_ns, (double)room / (double)n);
	for (size_t i = 0; i < n; i++)
		ret_times[i] = until - (uint64_t)llround((double)(n - 1 - i) * step);
	if (room == 0) {
		for (size_t i = 0; i < n; i++)
			ret_times[i] = c->last_ns;
	}
	c->last_ns = ret_times[n - 1];
}

void op_sample_clock_batch(struct op_sample_clock *c, uint64_t arrival_ns, size_t n,
			   uint64_t *ret_times)
{
	if (!c->anchored)
		anchor(c, arrival_ns, n);
	double arrival = (double)(int64_t)(arrival_ns - c->base_ns);
	double last = c->phase_ns + ((double)n - 1) * c->period_ns;
	c->least_ns = fmin(c->least_ns, arrival - last);
	double until = fmin(last, arrival);
	spread(c, c->base_ns + (uint64_t)(int64_t)until, n, ret_times);
	c->phase_ns += (double)n * c->period_ns;
	c->in_block += (unsigned)n;
	if (c->in_block >= c->block)
		discipline(c);
}
