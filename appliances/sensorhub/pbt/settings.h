/*
 * settings.h - the settings of the pressure sensor service, and what the filter makes of them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SENSORHUB_PBT_SETTINGS_H
#define OUTPOST_SENSORHUB_PBT_SETTINGS_H

#include <outpost/config.h>

#include "lib/dev/link.h"
#include "lib/dsp/hit_chain.h"

enum pbt_sense { PBT_SENSE_PROFILE, PBT_SENSE_INVERSE, PBT_SENSE_DIRECT };

/* In the constants of the detector, 0 means: as the profile says. */
struct pbt_settings {
	struct op_device_uri device;
	char by_id_dir[256];
	int profile; /* index into op_hit_profile_names */
	double samples_per_s;
	double envelope_alpha, baseline_alpha, threshold, end_ratio, rearm_ratio;
	double capture_ms, refractory_ms, hold_ms, min_sample, min_peak;
	double peak_min, peak_max, width_min_ms, width_max_ms;
	int sense; /* enum pbt_sense */
	bool freeze_baseline, one_sided;
	double max_wait_ms;
	int64_t settle_samples, settle_band, settle_max_ms, settle_gap_ms;
	int64_t first_ms, silence_ms, retry_first_ms, retry_ms;
};

extern const struct op_setting pbt_settings_table[];
extern const size_t pbt_settings_count;

/* What the table cannot say: what a serial device may be. */
void pbt_settings_check(const struct op_config *c, const char *service, const void *settings,
			struct op_buf *errors);
/* The profile of that index with everything that was set by itself on top. */
struct op_hit_chain_params pbt_settings_chain(const struct pbt_settings *s, size_t profile);
struct op_link_params pbt_settings_link(const struct pbt_settings *s);

#endif
