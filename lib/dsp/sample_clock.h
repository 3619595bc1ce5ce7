/*
 * sample_clock.h - when each sample was taken, by its number and the host's clock (B3).
 *
 * A sample's time is its number times the period, disciplined to the host clock. Samples can arrive
 * late (the driver, a stall of the board, a busy host) but never early, so the model line
 *
 *     t(n) = phase + period * n
 *
 * follows the lower envelope of the arrivals. It is looked at after each block of samples: the
 * block's smallest delay is added to the phase, and a share of it, over the block's length, to
 * the period. Blocks grow from 50 to 1600 samples (2 s at 800 Hz), longer than any stall that a
 * burst makes good, so a burst after a stall is spread over the time it was sampled in.
 * A delay that outlasts a block and exceeds reanchor_ns is a real gap: the line jumps.
 *
 * Times given out never go backwards, are never later than the arrival, and within one batch are
 * evenly spaced. Pure: time is passed in. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_SAMPLE_CLOCK_H
#define OUTPOST_DSP_SAMPLE_CLOCK_H

#include <outpost/base.h>

struct op_sample_clock {
	double nominal_ns, period_ns; /* between samples */
	bool anchored;
	uint64_t base_ns; /* host time that phase counts from: keeps doubles small and exact */
	double phase_ns;  /* model time of the next sample, from base_ns */
	uint64_t last_ns; /* latest time given out */
	double least_ns;  /* smallest delay of this block */
	unsigned block, in_block; /* samples of a block; of this one so far */
	uint64_t anchors;         /* times the line was placed anew, the first included */
};

void op_sample_clock_init(struct op_sample_clock *c, double rate_hz);
/* The stream was interrupted: the next batch places the line anew. The learnt period is kept. */
void op_sample_clock_restart(struct op_sample_clock *c);

/* n samples (>= 1) became readable together at arrival_ns. Writes their times. */
void op_sample_clock_batch(struct op_sample_clock *c, uint64_t arrival_ns, size_t n,
			   uint64_t *ret_times);

static inline double op_sample_clock_rate_hz(const struct op_sample_clock *c)
{
	return (double)OP_NS_PER_S / c->period_ns;
}

#endif
