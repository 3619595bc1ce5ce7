/*
 * detector.c - the table of detector.h, walked once per sample.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/detector.h"

#include <math.h>

enum event { DUE, HALVED, LOW, ABOVE, EVENTS };

/* An action may choose another next state than the table's; it returns the state to enter. */
typedef enum op_detector_state (*action_fn)(struct op_detector *d, enum event e,
					    enum op_detector_state next);

static enum op_detector_state begin(struct op_detector *d, enum event e,
				    enum op_detector_state next)
{
	d->hit = (struct op_hit){.trigger = d->sample, .peak = d->envelope};
	d->due_s = d->now_s + d->params.capture_s;
	return next;
}

static enum op_detector_state fire(struct op_detector *d, enum event e, enum op_detector_state next)
{
	d->due_s = INFINITY;
	if (d->hit.peak < d->params.min_peak) {
		d->too_low++;
		return OP_DETECTOR_ARMED;
	}
	d->hit.fire = d->sample;
	d->hit.end = e == DUE ? OP_DETECTOR_WINDOW : OP_DETECTOR_DROPPED;
	d->hit.width_ms = op_width_of(&d->params.width, d->hit.peak);
	d->due_s = d->now_s + d->hit.width_ms / 1000 + d->params.hold_s;
	d->hits++;
	return next;
}

/* Counted from the end of the sequence, not from the first sample after it. */
static enum op_detector_state rest(struct op_detector *d, enum event e, enum op_detector_state next)
{
	d->due_s += d->params.refractory_s;
	return next;
}

static enum op_detector_state wait(struct op_detector *d, enum event e, enum op_detector_state next)
{
	d->due_s = d->params.max_wait_s > 0 ? d->due_s + d->params.max_wait_s : INFINITY;
	return next;
}

static enum op_detector_state rearm(struct op_detector *d, enum event e,
				    enum op_detector_state next)
{
	d->due_s = INFINITY;
	return next;
}

static enum op_detector_state give_up(struct op_detector *d, enum event e,
				      enum op_detector_state next)
{
	d->lost++;
	d->due_s = INFINITY;
	return next;
}

struct row {
	action_fn action; /* NULL: the event changes nothing */
	enum op_detector_state next;
	bool ends; /* nothing more is looked at on this sample */
};

static const struct row table[OP_DETECTOR_STATES][EVENTS] = {
	[OP_DETECTOR_ARMED] = {[ABOVE] = {begin, OP_DETECTOR_CAPTURE, true}},
	[OP_DETECTOR_CAPTURE] = {[DUE] = {fire, OP_DETECTOR_PULSE, true},
				 [HALVED] = {fire, OP_DETECTOR_PULSE, true}},
	[OP_DETECTOR_PULSE] = {[DUE] = {rest, OP_DETECTOR_REFRACTORY, false}},
	[OP_DETECTOR_REFRACTORY] = {[DUE] = {wait, OP_DETECTOR_WAIT, false}},
	[OP_DETECTOR_WAIT] = {[DUE] = {give_up, OP_DETECTOR_SETTLING, true},
			      [LOW] = {rearm, OP_DETECTOR_ARMED, true}},
};

void op_detector_init(struct op_detector *d, const struct op_detector_params *params)
{
	*d = (struct op_detector){.params = *params};
	op_detector_settle(d);
}

void op_detector_settle(struct op_detector *d)
{
	d->state = OP_DETECTOR_SETTLING;
	d->due_s = INFINITY;
}

void op_detector_arm(struct op_detector *d)
{
	d->state = OP_DETECTOR_ARMED;
	d->due_s = INFINITY;
}

static bool holds(const struct op_detector *d, enum event e)
{
	switch (e) {
	case DUE:
		return d->now_s >= d->due_s;
	case HALVED:
		return d->envelope < d->params.end_level;
	case LOW:
		return d->envelope < d->params.rearm_level;
	case ABOVE:
		return d->envelope > d->params.threshold;
	default:
		return false;
	}
}

bool op_detector_step(struct op_detector *d, uint64_t n, double envelope)
{
	uint64_t before = d->hits;
	d->sample = n;
	d->envelope = envelope;
	d->now_s = (double)n / d->params.rate_hz;
	if (d->state == OP_DETECTOR_CAPTURE && envelope > d->hit.peak)
		d->hit.peak = envelope;
	for (enum event e = DUE; e < EVENTS;) {
		const struct row *r = &table[d->state][e];
		if (!r->action || !holds(d, e)) {
			e++;
			continue;
		}
		d->state = r->action(d, e, r->next);
		e = r->ends ? EVENTS : DUE;
	}
	return d->hits != before;
}
