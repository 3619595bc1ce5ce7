/*
 * pbt_signal.h - records of pbt.sample as the sensor hub makes them, without waiting for them.
 *
 * Values come from a recorded trace, played over and over, or from the simulated board; they pass
 * the service's own filter, and its sample clock with arrivals as late as on a real machine. For
 * tests and benches of what stores them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_PBT_SIGNAL_H
#define OUTPOST_TEST_PBT_SIGNAL_H

#include "appliances/sensorhub/pbt/topics.h"
#include "lib/dsp/hit_chain.h"
#include "lib/dsp/sample_clock.h"
#include "tools/sim-pbt/board.h"

/* As in the ring of the topic. */
struct pbt_slot {
	uint64_t boot_ns;
	struct pbt_sample sample;
};
_Static_assert(sizeof(struct pbt_slot) == 24, "a slot is stamp and record, rounded up to 8");

struct pbt_signal {
	struct board board;
	unsigned *trace; /* NULL: the board */
	size_t trace_n, trace_at;
	struct op_hit_chain chain;
	struct op_sample_clock clock;
	uint64_t made, start_ns, seed;
};

/* trace: file of lines (tests/golden/data/X.ser), NULL: the simulated board. profile: of the hit
 * detector, "default" or "sick10bar". Ends the program if the trace cannot be read. */
void pbt_signal_init(struct pbt_signal *s, const char *trace, const char *profile,
		     uint64_t start_ns);
void pbt_signal_finish(struct pbt_signal *s);
/* The next n records. */
void pbt_signal_fill(struct pbt_signal *s, struct pbt_slot *slots, size_t n);

#endif
