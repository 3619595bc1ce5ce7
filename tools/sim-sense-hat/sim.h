/*
 * sim.h - the simulator: two chips on a bus, the light matrix, the joystick, the processor's heat.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_SENSE_HAT_SIM_H
#define OUTPOST_SIM_SENSE_HAT_SIM_H

#include "room.h"
#include "tools/sim/common.h"

#define CLIENTS_MAX 8
#define LED_FILE_BYTES 128 /* 8 x 8 RGB565 */

struct options {
	char bus[PATH_MAX], control[PATH_MAX], cpu[PATH_MAX], led[PATH_MAX], joystick[PATH_MAX];
	uint64_t seed;
	unsigned speed;
	struct sim_schedule schedule;
};

enum { CHIP_HTS221, CHIP_LPS25H, CHIPS };

struct sim {
	const struct options *options;
	struct room room;
	struct chip chips[CHIPS];
	int listener, clients[CLIENTS_MAX]; /* -1: none */
	int joystick;                       /* FIFO; -1: none */
	struct sim_fifo control;
	size_t scheduled; /* commands of the schedule already given */
	uint64_t start_ns;
	uint64_t absent_ns; /* until then there is no bus at all */
	uint64_t hung_ns;   /* until then nobody answers */
	uint64_t unplugged_ns;
	bool no_cpu, quit;
	char cpu_written[32];
	uint64_t transfers, dropped; /* done; taken while the bus hung */
};

/* bus.c: the socket and its clients. */
int bus_open(struct sim *s) OP_MUST_CHECK;
void bus_close(struct sim *s);
void bus_accept(struct sim *s);
/* Answers one request of that client. */
void bus_serve(struct sim *s, size_t client, uint64_t now_ns);

/* files.c: what stands beside the bus on a Pi. Nothing is made for a path that is empty. */
int files_open(struct sim *s) OP_MUST_CHECK;
void files_close(struct sim *s);
/* Writes the processor's temperature if it changed. */
void files_cpu(struct sim *s);
/* A key goes down and up. False: there is no such key. */
bool files_key(struct sim *s, const char *name);

/* control.c: obeys one command line; false if it knows none such. */
bool control_obey(void *sim, const char *line, uint64_t now_ns);

/* options.c: exit status plus one when the program is to end, 0 to go on. */
int options_parse(struct options *o, int argc, char **argv) OP_MUST_CHECK;

#endif
