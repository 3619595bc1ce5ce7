/*
 * hit_chain.h - sample in; baseline, envelope, detector state and hits out.
 *
 * Joins settle, envelope and detector as contract 2.3 to 2.5 orders them. The service and the
 * golden tests run this same object. Pure, constant memory, one thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_HIT_CHAIN_H
#define OUTPOST_DSP_HIT_CHAIN_H

#include "lib/dsp/detector.h"
#include "lib/dsp/envelope.h"
#include "lib/dsp/settle.h"

struct op_hit_chain_params {
	struct op_hit_profile profile;
	struct op_settle_params settle;
	double rate_hz;
	double max_wait_ms;   /* 0: wait for ever for the envelope to fall (B8) */
	bool freeze_baseline; /* from trigger to re-arming (B8) */
	bool one_sided;       /* only excursions upward count (B9) */
};

struct op_hit_chain {
	struct op_hit_chain_params params;
	struct op_settle settle;
	struct op_envelope filter;
	struct op_detector detector;
	uint64_t next;    /* number of the next sample */
	uint64_t settled; /* times a start baseline was found */
};

/* first is the number of the first sample to come: that of its record in the topic. */
void op_hit_chain_init(struct op_hit_chain *c, const struct op_hit_chain_params *params,
		       uint64_t first);
/* Detector off until a new start baseline is found. */
void op_hit_chain_settle(struct op_hit_chain *c);
/* Takes a sample (0 ... 1023). True when a hit fires: see c->detector.hit. */
bool op_hit_chain_step(struct op_hit_chain *c, unsigned value);

static inline double op_hit_chain_baseline(const struct op_hit_chain *c)
{
	return c->detector.state == OP_DETECTOR_SETTLING ? c->settle.mean : c->filter.baseline;
}

#endif
