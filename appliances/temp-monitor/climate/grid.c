/*
 * grid.c - points of time by their number, so that no rounding adds up.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "grid.h"

void grid_init(struct grid *g, uint64_t start_ns, double interval_s)
{
	*g = (struct grid){
		.start_ns = start_ns,
		.interval_ns = (uint64_t)(interval_s * (double)OP_NS_PER_S + 0.5),
	};
}

uint64_t grid_due_ns(const struct grid *g)
{
	return g->start_ns + g->next * g->interval_ns;
}

uint64_t grid_advance(struct grid *g, uint64_t now_ns)
{
	uint64_t done = g->next;
	uint64_t after = now_ns < g->start_ns ? 0 : (now_ns - g->start_ns) / g->interval_ns + 1;
	g->next = after > done ? after : done + 1;
	return g->next - done - 1;
}
