/*
 * source.h - where readings come from: the chips of the Sense HAT, or a mock.
 *
 * What is not there yet is -EAGAIN: ask again a few milliseconds later. Any other failure has its
 * reason in source_why(), and the cycle is lost. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_SOURCE_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_SOURCE_H

#include "hat.h"
#include "mock.h"
#include "settings.h"

struct source {
	const struct climate_settings *settings;
	struct hat hat;
	struct mock mock;
	char why[HAT_WHY_BYTES]; /* of what the source itself finds wrong */
	const char *said;        /* the reason in force: why, or that of hat or mock */
	unsigned got;            /* chips of this round that were read */
	bool odd;                /* what they gave while they settled was no measurement */
	struct op_hts221_values humidity_chip; /* the last reading */
	struct op_lps25h_values pressure_chip;
	uint64_t humidity_chip_ns; /* when; 0: never */
	int64_t unchanged;         /* cycles in a row */
	bool sound;                /* the last cycle was complete and could be believed */
};

void source_init(struct source *s, const struct climate_settings *settings);
void source_finish(struct source *s);
/* A cycle begins: opens what is closed and looks whether the chips are as we left them. 1: their
 * first conversion has to be waited for, with source_settle. */
int source_begin(struct source *s) OP_MUST_CHECK;
int source_settle(struct source *s) OP_MUST_CHECK;
/* One round of temperatures: number n of the sample. */
int source_temperatures(struct source *s, struct sample *sample, size_t n) OP_MUST_CHECK;
int source_humidity(struct source *s, struct sample *sample, size_t n) OP_MUST_CHECK;
/* The cycle is complete: whether its values can be believed. */
int source_end(struct source *s, const struct sample *sample) OP_MUST_CHECK;
/* -EAGAIN lasted too long: says so in source_why(). */
void source_stalled(struct source *s);
/* After any failure: everything is opened and checked anew by the next source_begin. */
void source_failed(struct source *s);
const char *source_why(const struct source *s);
/* Temperature of the humidity chip, degC: read now, or at most 200 ms ago. NaN: not readable, or
 * not to be believed, since the last cycle failed or there was none. */
double source_raw(struct source *s);

#endif
