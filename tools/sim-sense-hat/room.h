/*
 * room.h - the air of a server room, and how the board on a warm Pi feels it. Pure: time is passed
 * in.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_SENSE_HAT_ROOM_H
#define OUTPOST_SIM_SENSE_HAT_ROOM_H

#include "chip.h"

struct room {
	uint64_t start_ns, random;
	bool fixed_temperature, fixed_humidity, fixed_pressure, fixed_cpu;
	double pressure; /* without its noise */
	struct air air;  /* now */
};

void room_init(struct room *r, uint64_t start_ns, uint64_t seed);
/* Lets the air change to that of now; what is fixed stays. */
void room_at(struct room *r, uint64_t now_ns);

#endif
