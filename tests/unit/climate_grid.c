/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "grid.h"

#include "test.h"

TEST(points_are_an_interval_apart)
{
	struct grid g;
	grid_init(&g, 1000, 60);
	CHECK_INT(grid_due_ns(&g), 1000);
	for (uint64_t i = 1; i < 1000; i++) { /* each cycle takes another time */
		CHECK_INT(grid_advance(&g, grid_due_ns(&g) + i * 59 * OP_NS_PER_MS), 0);
		CHECK_INT(grid_due_ns(&g), 1000 + i * 60 * OP_NS_PER_S);
	}
}

/* A third of a second is no whole number of nanoseconds: an error of one each time is what an
 * interval rounded once makes, and it must not be more. */
TEST(a_year_of_odd_intervals_does_not_drift)
{
	struct grid g;
	grid_init(&g, 7, 1.0 / 3);
	const uint64_t points = 3ULL * 86400 * 365;
	for (uint64_t i = 0; i < points; i += 1000) {
		g.next = i;
		CHECK_INT(grid_advance(&g, grid_due_ns(&g) + 1), 0);
	}
	g.next = points;
	CHECK_INT(grid_due_ns(&g), 7 + points * 333333333);
}

TEST(what_takes_too_long_passes_points_over)
{
	struct grid g;
	grid_init(&g, 0, 0.1);
	CHECK_INT(grid_advance(&g, 0), 0);
	CHECK_INT(grid_due_ns(&g), 100 * OP_NS_PER_MS);
	CHECK_INT(grid_advance(&g, 550 * OP_NS_PER_MS), 4); /* 200, 300, 400, 500 */
	CHECK_INT(grid_due_ns(&g), 600 * OP_NS_PER_MS);
	CHECK_INT(grid_advance(&g, 700 * OP_NS_PER_MS), 1); /* the one that is due now is gone */
	CHECK_INT(grid_due_ns(&g), 800 * OP_NS_PER_MS);
	CHECK_INT(grid_advance(&g, 750 * OP_NS_PER_MS), 0); /* done before it was due */
	CHECK_INT(grid_due_ns(&g), 900 * OP_NS_PER_MS);
}
