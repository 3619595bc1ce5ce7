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
 * What a person or a chip said is corrected by the kernel's word in the same way, as the boot clock
 * went on evenly all the time. A known clock that leaps by more than OP_CLOCK_DOUBT_NS is not
 * believed: unknown until the kernel has kept to it, synchronised, for OP_CLOCK_TRUST_NS. Once the
 * kernel is synchronised no more, its time is believed until it steps. Whoever flaps gets
 * OP_CLOCK_BURST segments and then one each OP_CLOCK_PAUSE_NS; steps in between are passed over.
 *
 * Durations and deadlines never use any of this, they are boot time. Who acts on the date uses boot
 * time + now.offset_ns, and only where the quality is not unknown.
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
#define OP_CLOCK_DOUBT_NS (86400 * OP_NS_PER_S)
#define OP_CLOCK_TRUST_NS (3600 * OP_NS_PER_S)
#define OP_CLOCK_PAUSE_NS (60 * OP_NS_PER_S)
#define OP_CLOCK_BURST 16
#define OP_CLOCK_NEVER_BEFORE_NS 1735689600000000000LL /* 2025: less was never set */

enum op_clock_quality { OP_CLOCK_UNKNOWN, OP_CLOCK_SET, OP_CLOCK_SYNCHRONISED };
const char *op_clock_quality_name(enum op_clock_quality q); /* "unknown" "set" "synchronised" */

struct op_clock_segment {
	uint64_t from_ns;  /* boot time; 0 for the first segment of a boot */
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
/* Four system calls and a look at /sys; any thread. */
void op_clock_look(struct op_clock_sight *ret);

struct op_clock {
	struct op_clock_segment now;
	int64_t floor_wall_ns; /* the newest wall time that is certain to be past */
	bool any;
	enum op_clock_quality trusted; /* the best there was in this boot, */
	int64_t trusted_offset_ns;     /* and what was known last */
	bool doubted;                  /* the kernel says another one since: */
	uint64_t doubted_since_ns;     /* boot time */
	int64_t doubted_offset_ns;
	uint64_t paid_ns; /* boot time up to which segments are used up */
};

/* floor_wall_ns: the newest known wall time in store, or that of the build. */
void op_clock_init(struct op_clock *c, int64_t floor_wall_ns);
/* After op_clock_init: goes on with the last segment that was stored in this boot
 * (op_history_last_clock), so that a recorder started again still corrects what the one before it
 * left open. */
void op_clock_resume(struct op_clock *c, const struct op_clock_segment *last);

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
