/*
 * envelope.h - baseline and envelope of a sampled signal (contract 2.4).
 *
 *     baseline <- (1 - Ab) baseline + Ab v
 *     x         = |v - baseline|               with the new baseline; full wave
 *     envelope <- (1 - Ae) envelope + Ae x
 *
 * In double precision and in this order: the golden files pin both. Pure; one thread per object.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_ENVELOPE_H
#define OUTPOST_DSP_ENVELOPE_H

#include <math.h>
#include <outpost/base.h>

struct op_envelope {
	double baseline_alpha, envelope_alpha; /* 0 ... 1 */
	double baseline, envelope;             /* counts */
	bool one_sided;                        /* only what lies above the baseline counts (B9) */
};

static inline void op_envelope_init(struct op_envelope *e, double baseline_alpha,
				    double envelope_alpha, double baseline)
{
	*e = (struct op_envelope){baseline_alpha, envelope_alpha, baseline, 0, false};
}

/* Takes one sample; frozen leaves the baseline where it is. Returns the new envelope. */
static inline double op_envelope_step(struct op_envelope *e, double v, bool frozen)
{
	if (!frozen)
		e->baseline = (1 - e->baseline_alpha) * e->baseline + e->baseline_alpha * v;
	double x = e->one_sided ? fmax(v - e->baseline, 0) : fabs(v - e->baseline);
	e->envelope = (1 - e->envelope_alpha) * e->envelope + e->envelope_alpha * x;
	return e->envelope;
}

#endif
