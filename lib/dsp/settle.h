/*
 * settle.h - the start baseline, measured from data that have come to rest (contract 2.3, B7).
 *
 * A board that is opened resets, says nothing for seconds and may come back at another level.
 * Until a window of samples lies still, there is no baseline and nothing may be detected.
 *
 * A window is still when at least 15 of 16 of its samples lie within `band` of its median and the
 * means of its halves differ by less than half a band, and those of its quarters, without the
 * outliers, by less than a fifth of it; the baseline is the mean of
 * those that do, which for a clean signal is the plain mean (docs/decisions/020). If the
 * signal never comes to rest, the median of the last window is taken after max_samples.
 *
 * Pure, constant memory. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_SETTLE_H
#define OUTPOST_DSP_SETTLE_H

#include <outpost/base.h>

#define OP_SETTLE_WINDOW_MAX 4096
#define OP_SETTLE_LEVELS 1024 /* sample values are 0 ... 1023 */

struct op_settle_params {
	unsigned window;      /* samples of a window, 16 ... OP_SETTLE_WINDOW_MAX; contract: 160 */
	unsigned band;        /* counts about the median that are still rest */
	unsigned max_samples; /* give up waiting for rest after so many */
};

struct op_settle {
	struct op_settle_params params;
	unsigned seen; /* samples since the start of this measurement */
	unsigned step; /* samples until the window is looked at again */
	bool forced;   /* the last baseline came from max_samples, not from rest */
	double mean;   /* of the window so far: what to show meanwhile */
	uint64_t sum;
	uint16_t ring[OP_SETTLE_WINDOW_MAX];
	uint16_t histogram[OP_SETTLE_LEVELS];
};

void op_settle_init(struct op_settle *s, const struct op_settle_params *params);
/* Begin anew: the board was reset or the stream was interrupted. */
void op_settle_restart(struct op_settle *s);
/* Takes a sample (0 ... 1023). True when the baseline is known: *ret_baseline is then set. */
bool op_settle_step(struct op_settle *s, unsigned value, double *ret_baseline);

#endif
