/*
 * clock.h - what the wall clock is worth on a machine that has no clock chip.
 *
 * Records carry boot time. A segment says which wall time that is, from a boot time on: wall = boot
 * + offset. As long as the clock is unknown there is one segment for the whole boot, open to
 * correction; once it is known that segment gets the true offset and so corrects everything this
 * boot stored before, without touching it. Later steps begin new segments. Slow slewing begins one
 * each time it has added up to OP_CLOCK_STEP_NS.
 *
 * unknown: the kernel is not synchronised, and there is no clock chip, or the time lies before what
 *          has been seen already; set: a clock chip or a person set it, it goes forward from what
 *          was seen; synchronised: the kernel says so (adjtimex(2), no STA_UNSYNC).
 *
 * Pure but for op_clock_look. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_CLOCK_H
#define OUTPOST_STORE_CLOCK_H

#include <outpost/base.h>

#define OP_CLOCK_STEP_NS (100 * OP_NS_PER_MS)

enum op_clock_quality { OP_CLOCK_UNKNOWN, OP_CLOCK_SET, OP_CLOCK_SYNCHRONISED };
const char *op_clock_quality_name(enum op_clock_quality q); /* "unknown" "set" "synchronised" */

struct op_clock_segment {
	uint64_t from_ns;  /* boot time */
	int64_t offset_ns; /* wall = boot + offset */
	enum op_clock_quality quality;
};

/* One look at the machine's clocks. */
struct op_clock_sight {
	uint64_t boot_ns;
	int64_t wall_ns;
	bool synchronised; /* adjtimex(2) */
	bool chip;         /* a clock chip set the time at boot (/sys/class/rtc, hctosys) */
};
void op_clock_look(struct op_clock_sight *ret);

struct op_clock {
	struct op_clock_segment now;
	int64_t floor_wall_ns; /* the newest wall time that is certain to be past */
	bool any;
};

/* floor_wall_ns: the newest known wall time in store, or that of the build. */
void op_clock_init(struct op_clock *c, int64_t floor_wall_ns);

enum op_clock_change {
	OP_CLOCK_SAME,      /* nothing to store */
	OP_CLOCK_BEGUN,     /* c->now is a new segment: add it */
	OP_CLOCK_CORRECTED, /* c->now replaces the segment with the same from_ns */
};
enum op_clock_change op_clock_see(struct op_clock *c,
				  const struct op_clock_sight *sight) OP_MUST_CHECK;

/* The segment in force at boot_ns among n in the order of from_ns: the last that has begun, else
 * the first. n > 0. */
const struct op_clock_segment *op_clock_at(const struct op_clock_segment *segments, size_t n,
					   uint64_t boot_ns);

#endif
