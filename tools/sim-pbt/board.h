/*
 * board.h - what the simulated board measures and says: samples, hits of known time and peak,
 * banner, statistics, answers to commands (contract 2.2, 2.7, 2.8). Pure: no I/O, no clock.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_PBT_BOARD_H
#define OUTPOST_SIM_PBT_BOARD_H

#include <outpost/base.h>
#include <outpost/buf.h>

struct hit {
	uint64_t start; /* sample number */
	double peak;    /* counts at its top */
	double ms;      /* duration */
};

struct board {
	double rate_hz;
	int baseline;
	bool automatic;  /* makes hits by itself */
	uint64_t random; /* state of the generator */
	uint64_t made;   /* samples measured since the program started */
	uint64_t sent;   /* since the board's last reset: what STATS says */
	struct hit hit;  /* going on while sample < start + its length */
	uint64_t next_hit;
	unsigned raw_min, raw_max; /* since the last STATS */
	bool pin5, pin6;
	int credits, credit_hits;
};

void board_init(struct board *b, double rate_hz, int baseline, uint64_t seed);
/* Power on: counts from 0 and appends the banner to out (NULL: says nothing). */
void board_reset(struct board *b, struct op_buf *out);
/* A hit begins with the next sample. */
void board_hit(struct board *b, double peak, double ms);
/* Measures one sample. True when a hit began with it: b->hit. */
bool board_sample(struct board *b, unsigned *ret_value);
/* Appends the statistics that are due after this sample, if any. */
void board_stats(struct board *b, struct op_buf *out);
/* Does what the host's line says and appends the answer. */
void board_command(struct board *b, const char *line, struct op_buf *out);
/* Uniform in [0, n). */
uint64_t board_random(struct board *b, uint64_t n);

#endif
