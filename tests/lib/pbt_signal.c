/*
 * pbt_signal.c - a trace or the simulated board, through filter and sample clock.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "pbt_signal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_NS (1250000.0 * 1.00003) /* of a board whose crystal is 30 ppm slow */

static void read_trace(struct pbt_signal *s, const char *path)
{
	char line[64];
	FILE *f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		char *end;
		unsigned long v = strtoul(line, &end, 10);
		if (end == line || v > 1023)
			continue;
		if (s->trace_n % 4096 == 0)
			s->trace = realloc(s->trace, (s->trace_n + 4096) * sizeof(*s->trace));
		if (!s->trace)
			exit(2);
		s->trace[s->trace_n++] = (unsigned)v;
	}
	fclose(f);
	if (s->trace_n == 0)
		exit(2);
}

void pbt_signal_init(struct pbt_signal *s, const char *trace, const char *profile,
		     uint64_t start_ns)
{
	*s = (struct pbt_signal){.start_ns = start_ns, .seed = 1};
	struct op_hit_chain_params params = {
		.profile = *op_hit_profile_find(profile),
		.settle = {.window = 160, .band = 20, .max_samples = 8000},
		.rate_hz = 800,
	};
	op_hit_chain_init(&s->chain, &params, 0);
	op_sample_clock_init(&s->clock, 800);
	board_init(&s->board, 800, 40, 7);
	if (trace)
		read_trace(s, trace);
}

void pbt_signal_finish(struct pbt_signal *s)
{
	free(s->trace);
	s->trace = NULL;
}

static unsigned next_value(struct pbt_signal *s)
{
	unsigned v = 0;
	if (!s->trace) {
		(void)board_sample(&s->board, &v); /* whether a hit began is of no interest */
		return v;
	}
	v = s->trace[s->trace_at];
	s->trace_at = (s->trace_at + 1) % s->trace_n;
	return v;
}

/* Uniform in [0, 1). */
static double random_share(struct pbt_signal *s)
{
	s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(s->seed >> 11) * 0x1p-53;
}

/* Mostly 60 us and what a scheduler adds; one in a hundred a millisecond more. */
static uint64_t arrival_ns(struct pbt_signal *s)
{
	double late = 60e3 - 40e3 * log(1 - random_share(s));
	if (random_share(s) < 0.01)
		late += 1e6 * random_share(s);
	return s->start_ns + (uint64_t)((double)s->made * PERIOD_NS + late);
}

void pbt_signal_fill(struct pbt_signal *s, struct pbt_slot *slots, size_t n)
{
	memset(slots, 0, n * sizeof(*slots));
	for (size_t i = 0; i < n; i++) {
		unsigned value = next_value(s);
		(void)op_hit_chain_step(&s->chain, value); /* hits are another topic */
		op_sample_clock_batch(&s->clock, arrival_ns(s), 1, &slots[i].boot_ns);
		slots[i].sample = (struct pbt_sample){
			.baseline = (float)op_hit_chain_baseline(&s->chain),
			.envelope = (float)s->chain.filter.envelope,
			.raw = (uint16_t)value,
			.phase = (uint8_t)s->chain.detector.state,
		};
		s->made++;
	}
}
