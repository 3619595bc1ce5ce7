/*
 * sampler.h - cycles on a fixed grid of time: rounds of readings, a record or none, the next cycle.
 *
 * Loop thread. A cycle is a row of short steps with pauses between them, so that nothing else of
 * the loop waits for more than one transfer.
 *
 *     WAIT --grid--> (begin) --> SETTLE --> ROUNDS x 5 --> HUMIDITY x 3 --> record, WAIT
 *                       |          (only after the chips were set up)
 *                       any failure --> reason told once, WAIT for retry_s
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_SAMPLER_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_SAMPLER_H

#include <outpost/service.h>

#include "grid.h"
#include "source.h"

enum sampler_phase { SAMPLER_WAIT, SAMPLER_SETTLE, SAMPLER_ROUNDS, SAMPLER_HUMIDITY };

struct sampler {
	struct op_service *service;
	const struct climate_settings *settings;
	void (*done)(void *arg, const struct climate_reading *r); /* after each good cycle */
	void *arg;
	struct source source;
	struct grid grid;
	uv_timer_t *timer; /* closed by itself */
	struct op_writer *topic;
	enum sampler_phase phase;
	size_t n;          /* rounds of this phase that are done */
	uint64_t due_ns;   /* of the step that comes next */
	uint64_t round_ns; /* when this round was due */
	uint64_t limit_ns; /* of waiting for something new in this step */
	uint64_t begun_ns; /* this cycle, or the last one */
	uint64_t cycle_ns; /* how long the last good one took; 0: none yet */
	struct sample sample;
	uint64_t cycles, failed, skipped; /* good ones, lost ones, points of the grid passed over */
	uint64_t failed_in_a_row;
	bool cpu_missed;              /* told */
	char told[HAT_WHY_BYTES + 8]; /* reason of the last failure; "": none since */
};

/* done and arg are set by sampler_open's caller afterwards, before the loop runs on. */
int sampler_open(struct sampler *s, struct op_service *service,
		 const struct climate_settings *settings) OP_MUST_CHECK;
/* Accepts one that was zeroed only. */
void sampler_close(struct sampler *s);
/* Whether the step that comes next is not overdue. */
bool sampler_alive(const struct sampler *s);
/* Temperature of the processor in degC, NaN when it cannot be read; a change to that is logged. */
double sampler_cpu(struct sampler *s);

#endif
