/*
 * sim.h - the simulator: a board on a port, its faults, and time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_PBT_SIM_H
#define OUTPOST_SIM_PBT_SIM_H

#include <stdio.h>

#include "board.h"
#include "port.h"
#include "tools/sim/common.h"

struct options {
	char link[PATH_MAX], by_id[PATH_MAX], control[PATH_MAX];
	const char *truth, *play;
	double rate_hz;
	int baseline;
	uint64_t seed, samples; /* samples: stop after so many; 0: never */
	unsigned batch;
	bool uno, fast, split, quiet;
	struct sim_schedule schedule;
};

struct sim {
	const struct options *options;
	struct board board;
	struct port port;
	FILE *truth;
	char *trace; /* --play: what is left of it lies between at and end */
	const char *at, *end;
	struct sim_fifo control;
	char host_line[64];
	size_t host_len;
	size_t scheduled; /* commands of the schedule already given */

	bool open;         /* a program has the port open */
	bool booting;      /* says its banner with the next sample */
	uint64_t start_ns; /* program start */
	uint64_t next_ns;  /* when the next sample is due; 0: not running */
	/* faults, each until this time */
	uint64_t away_until_ns, silent_until_ns, stalled_until_ns, garbage_until_ns, split_until_ns;
	uint64_t skip; /* samples measured and not sent */
	bool quit;
};

/* sim.c: lets time pass up to now. */
void sim_step(struct sim *s, uint64_t now_ns);
/* The time sim_step wants to be called next. */
uint64_t sim_due_ns(const struct sim *s, uint64_t now_ns);

/* control.c: obeys one command line; false if it knows none such. */
bool control_obey(void *sim, const char *line, uint64_t now_ns);

/* options.c: exit status plus one when the program is to end, 0 to go on. */
int options_parse(struct options *o, int argc, char **argv) OP_MUST_CHECK;

#endif
