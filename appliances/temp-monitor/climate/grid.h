/*
 * grid.h - when cycles begin: at fixed points of the boot clock, an interval apart, for ever.
 *
 * However long a cycle takes, the next one begins at a point of the grid: nothing adds up. Pure:
 * time is passed in. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_GRID_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_GRID_H

#include <outpost/base.h>

struct grid {
	uint64_t start_ns, interval_ns;
	uint64_t next; /* number of the point that is due next, from 0 */
};

/* The first point is start_ns. interval_s at least 1e-9. */
void grid_init(struct grid *g, uint64_t start_ns, double interval_s);
/* The time of the point that is due next. */
uint64_t grid_due_ns(const struct grid *g);
/* The point that was due is done with: the first one after now_ns is next. Returns how many points
 * lie between them and are passed over. */
uint64_t grid_advance(struct grid *g, uint64_t now_ns);

#endif
