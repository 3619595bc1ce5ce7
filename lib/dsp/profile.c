/*
 * profile.c - the table of profiles (contract 2.4, 2.6).
 *
 * Constants and mapping come from different files of the systems in the field; a profile joins
 * those that run together. Where only a mapping is known, the constants are the default ones.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/profile.h"

#include <string.h>

#define CONFIG_PY(level) \
	.envelope_alpha = 0.12, .baseline_alpha = 0.001, .threshold = (level), COMMON
#define CONFIG_SICK10BAR_PY \
	.envelope_alpha = 0.08, .baseline_alpha = 0.0005, .threshold = 40, COMMON
#define COMMON                                                                         \
	.end_ratio = 0.5, .rearm_ratio = 0.4, .capture_ms = 250, .refractory_ms = 200, \
	.hold_ms = 100

#define DIRECT(pmin, pmax, wmin, wmax)                                                    \
	{                                                                                 \
		.peak_min = pmin, .peak_max = pmax, .at_min_ms = wmin, .at_max_ms = wmax, \
		.width_min_ms = wmin, .width_max_ms = wmax                                \
	}
#define INVERSE(pmin, pmax, wmin, wmax)                                                   \
	{                                                                                 \
		.peak_min = pmin, .peak_max = pmax, .at_min_ms = wmax, .at_max_ms = wmin, \
		.width_min_ms = wmin, .width_max_ms = wmax                                \
	}

static const struct op_hit_profile profiles[] = {
	{"default", "the same as combined", CONFIG_PY(60), .width = INVERSE(60, 95, 10, 100)},
	{"combined", "peak 60-95, pulse 100-10 ms", CONFIG_PY(60),
	 .width = INVERSE(60, 95, 10, 100)},
	{"sick10bar", "slower filter and threshold 40 for the 10 bar sensor", CONFIG_SICK10BAR_PY,
	 .width = INVERSE(60, 95, 10, 100)},
	{"gpio18", "peak 80-700, pulse 60-1500 ms", CONFIG_PY(60),
	 .width = DIRECT(80, 700, 60, 1500)},
	{"guide", "peak 80-700, pulse 1500-60 ms", CONFIG_PY(60),
	 .width = INVERSE(80, 700, 60, 1500)},
	{"history100", "peak 60-100, pulse 1500-10 ms", CONFIG_PY(60),
	 .width = INVERSE(60, 100, 10, 1500)},
	{"history85", "peak 60-85, pulse 1500-10 ms", CONFIG_PY(60),
	 .width = INVERSE(60, 85, 10, 1500)},
	{"later", "threshold 24, samples from 10 and peaks from 25, pulse 40-10 ms", CONFIG_PY(24),
	 .min_sample = 10, .min_peak = 25,
	 .width = {.peak_min = 30,
		   .peak_max = 100,
		   .at_min_ms = 40,
		   .at_max_ms = 10,
		   .width_min_ms = 10,
		   .width_max_ms = 100,
		   .extrapolate = true}},
	{"tester", "peak 30-80, pulse 55-10 ms", CONFIG_PY(60), .width = INVERSE(30, 80, 10, 55)},
};

const char *const op_hit_profile_names[] = {"default", "combined",   "sick10bar", "gpio18",
					    "guide",   "history100", "history85", "later",
					    "tester",  NULL};
_Static_assert(OP_ARRAY_SIZE(op_hit_profile_names) == OP_ARRAY_SIZE(profiles) + 1,
	       "a profile without a name");

const struct op_hit_profile *op_hit_profile_at(size_t index)
{
	return index < OP_ARRAY_SIZE(profiles) ? &profiles[index] : NULL;
}

const struct op_hit_profile *op_hit_profile_find(const char *name)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(profiles); i++) {
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	}
	return NULL;
}

static double clamp(double v, double lowest, double highest)
{
	return v < lowest ? lowest : v > highest ? highest : v;
}

double op_width_of(const struct op_width_map *m, double peak)
{
	double lowest = m->extrapolate ? 0 : m->peak_min;
	double share =
		(clamp(peak, lowest, m->peak_max) - m->peak_min) / (m->peak_max - m->peak_min);
	double width = m->at_min_ms + share * (m->at_max_ms - m->at_min_ms);
	return clamp(width, m->width_min_ms, m->width_max_ms);
}
