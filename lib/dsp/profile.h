/*
 * profile.h - named sets of constants of the hit detector, and peak -> pulse width.
 *
 * A profile is everything that turns samples into pulse widths: filter constants, levels, times
 * and the mapping. The names are those of the contract, sections 2.4 and 2.6. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_PROFILE_H
#define OUTPOST_DSP_PROFILE_H

#include <outpost/base.h>

/* Width = from at_min to at_max as the peak goes from peak_min to peak_max, then clamped. Inverse
 * profiles have at_min > at_max. */
struct op_width_map {
	double peak_min, peak_max;   /* counts of envelope */
	double at_min_ms, at_max_ms; /* width at peak_min and at peak_max */
	double width_min_ms, width_max_ms;
	bool extrapolate; /* the line goes on below peak_min, up to the clamp of the width */
};

struct op_hit_profile {
	const char *name, *help;
	double envelope_alpha, baseline_alpha; /* 0 ... 1, per sample */
	double threshold;                      /* counts of envelope that start a capture */
	double end_ratio, rearm_ratio;         /* of the threshold */
	double capture_ms, refractory_ms;
	double hold_ms;    /* the pulse sequence lasts width + this */
	double min_sample; /* lower samples are passed over by filter and detector */
	double min_peak;   /* lower peaks are rejected */
	struct op_width_map width;
};

/* NULL-terminated names, for a settings table; the index is that of op_hit_profile_at. */
extern const char *const op_hit_profile_names[];
const struct op_hit_profile *op_hit_profile_at(size_t index);
/* NULL if there is none of that name. */
const struct op_hit_profile *op_hit_profile_find(const char *name);

/* Milliseconds, not rounded, always in [width_min_ms, width_max_ms]. */
double op_width_of(const struct op_width_map *m, double peak);
static inline bool op_width_inverse(const struct op_width_map *m)
{
	return m->at_min_ms > m->at_max_ms;
}

#endif
