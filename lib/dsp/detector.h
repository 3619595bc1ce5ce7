/*
 * detector.h - from envelope to hits: the state machine of contract 2.5, on the sample clock.
 *
 *               ready               above               due | halved
 *     SETTLING ------> ARMED ----------------> CAPTURE --------------> PULSE
 *        ^               ^  ^                     |   fires              | due
 *        | due           |  +---- peak too low ---+                      v
 *        +----- WAIT <---|----------- due ----------------------- REFRACTORY
 *                 |      |
 *                 +------+ low
 *
 * state x event (what is not listed changes nothing):
 *
 *                  DUE                HALVED           LOW      ABOVE
 *     SETTLING     -                  -                -        -
 *     ARMED        -                  -                -        CAPTURE, begin
 *     CAPTURE      PULSE, fire        PULSE, fire      -        -
 *     PULSE        REFRACTORY, rest   -                -        -
 *     REFRACTORY   WAIT, wait         -                -        -
 *     WAIT         SETTLING, lost     -                ARMED    -
 *
 * DUE: the time of the state is over; HALVED: envelope < end level; LOW: envelope < re-arm level;
 * ABOVE: envelope > threshold. They are looked at in this order, so the end test is not made on the
 * sample that triggers, and the sample that ends REFRACTORY may already arm. The time of
 * PULSE is width + hold, of WAIT for ever unless max_wait_ms is set (B8).
 *
 * Time is sample number / rate in seconds, as double: in this form, and not as an exact number of
 * samples, it is what the expected events of the golden files were computed with (see
 * docs/decisions/020). Pure; one thread per object.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_DETECTOR_H
#define OUTPOST_DSP_DETECTOR_H

#include "lib/dsp/profile.h"

enum op_detector_state {
	OP_DETECTOR_SETTLING,
	OP_DETECTOR_ARMED,
	OP_DETECTOR_CAPTURE,
	OP_DETECTOR_PULSE,
	OP_DETECTOR_REFRACTORY,
	OP_DETECTOR_WAIT,
	OP_DETECTOR_STATES
};

enum op_detector_end { OP_DETECTOR_DROPPED, OP_DETECTOR_WINDOW };

struct op_hit {
	uint64_t trigger, fire; /* sample numbers */
	double peak;            /* counts */
	double width_ms;
	enum op_detector_end end;
};

struct op_detector_params {
	double threshold, end_level, rearm_level; /* counts */
	double capture_s, hold_s, refractory_s;
	double max_wait_s; /* 0: wait for ever */
	double min_peak;   /* 0: none is too low */
	double rate_hz;
	struct op_width_map width;
};

struct op_detector {
	struct op_detector_params params;
	enum op_detector_state state;
	double now_s, due_s; /* of the sample clock; due_s: when the time of the state is over */
	uint64_t sample;
	double envelope;
	struct op_hit hit;            /* being captured, or the last one */
	uint64_t hits, too_low, lost; /* fired; rejected by min_peak; waits given up */
};

void op_detector_init(struct op_detector *d, const struct op_detector_params *params);
/* Into SETTLING, from any state: the baseline is not known. A capture in progress is forgotten. */
void op_detector_settle(struct op_detector *d);
/* The baseline is known: SETTLING -> ARMED. */
void op_detector_arm(struct op_detector *d);
/* Takes the envelope of sample number n (rising). True when a hit fires: see d->hit. */
bool op_detector_step(struct op_detector *d, uint64_t n, double envelope);

#endif
