/*
 * hit_chain.c - settle, then filter and detect, sample by sample.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/hit_chain.h"

static struct op_detector_params detector_params(const struct op_hit_chain_params *p)
{
	const struct op_hit_profile *f = &p->profile;
	return (struct op_detector_params){
		.threshold = f->threshold,
		.end_level = f->end_ratio * f->threshold,
		.rearm_level = f->rearm_ratio * f->threshold,
		.capture_s = f->capture_ms / 1000,
		.hold_s = f->hold_ms / 1000,
		.refractory_s = f->refractory_ms / 1000,
		.max_wait_s = p->max_wait_ms / 1000,
		.min_peak = f->min_peak,
		.rate_hz = p->rate_hz,
		.width = f->width,
	};
}

void op_hit_chain_init(struct op_hit_chain *c, const struct op_hit_chain_params *params,
		       uint64_t first)
{
	struct op_detector_params d = detector_params(params);
	c->params = *params;
	c->next = first;
	c->settled = 0;
	op_settle_init(&c->settle, &params->settle);
	op_envelope_init(&c->filter, params->profile.baseline_alpha, params->profile.envelope_alpha,
			 0);
	c->filter.one_sided = params->one_sided;
	op_detector_init(&c->detector, &d);
}

void op_hit_chain_settle(struct op_hit_chain *c)
{
	op_settle_restart(&c->settle);
	c->filter.envelope = 0;
	op_detector_settle(&c->detector);
}

static void settle(struct op_hit_chain *c, unsigned value)
{
	double baseline;
	if (!op_settle_step(&c->settle, value, &baseline))
		return;
	c->filter.baseline = baseline;
	c->filter.envelope = 0;
	c->settled++;
	op_detector_arm(&c->detector);
}

/* The rest of an event, for which the baseline may be held. */
static bool in_event(const struct op_detector *d)
{
	return d->state >= OP_DETECTOR_CAPTURE;
}

static bool detect(struct op_hit_chain *c, unsigned value, uint64_t n)
{
	bool frozen = c->params.freeze_baseline && in_event(&c->detector);
	double envelope = op_envelope_step(&c->filter, value, frozen);
	bool fired = op_detector_step(&c->detector, n, envelope);
	if (c->detector.state == OP_DETECTOR_SETTLING)
		op_hit_chain_settle(c);
	return fired;
}

bool op_hit_chain_step(struct op_hit_chain *c, unsigned value)
{
	uint64_t n = c->next++;
	if (value < c->params.profile.min_sample)
		return false;
	if (c->detector.state != OP_DETECTOR_SETTLING)
		return detect(c, value, n);
	settle(c, value);
	return false;
}
