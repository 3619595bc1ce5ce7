/*
 * room.c - a wave a day, a cooler that comes and goes each quarter of an hour, and noise.
 *
 * The Pi warms the board: chips 16.25 degC above the room and the processor 12.5 above the chips
 * are what the shipped calibration was made for.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "room.h"

#include <math.h>

#define DAY 86400.0
#define COOLER 900.0

void room_init(struct room *r, uint64_t start_ns, uint64_t seed)
{
	*r = (struct room){.start_ns = start_ns, .random = seed ? seed : 1};
	room_at(r, start_ns);
}

/* Triangular about 0. */
static double noise(struct room *r, double most)
{
	double a = (double)chip_random(&r->random, 10001) - 5000;
	double b = (double)chip_random(&r->random, 10001) - 5000;
	return (a + b) / 10000 * most;
}

static double wave(double t, double period)
{
	return sin(2 * M_PI * t / period);
}

void room_at(struct room *r, uint64_t now_ns)
{
	double t = (double)(now_ns - r->start_ns) / (double)OP_NS_PER_S;
	double room = 22.4 + 1.5 * wave(t, DAY) + 0.4 * wave(t, COOLER);
	double board = room + 16.25 + noise(r, 0.03);
	struct air *a = &r->air;
	if (!r->fixed_temperature) {
		a->humidity_chip = board + noise(r, 0.02);
		a->pressure_chip = board + noise(r, 0.01);
	}
	if (!r->fixed_humidity)
		a->humidity = 40 - 3 * wave(t, DAY) - 0.8 * wave(t, COOLER) + noise(r, 0.1);
	if (!r->fixed_pressure)
		r->pressure = 1013.25 + 4 * wave(t, 3.3 * DAY);
	if (!r->fixed_cpu)
		a->cpu = board + 12.471 + 1.5 * wave(t, 60) * wave(t, 3600);
	a->pressure = r->pressure + noise(r, 0.005); /* no two conversions are the same */
}
