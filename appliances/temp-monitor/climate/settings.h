/*
 * settings.h - the settings of the climate service.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_SETTINGS_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_SETTINGS_H

#include <outpost/config.h>

#include "sample.h"

#define CLIMATE_PATH_MAX 256

struct climate_settings {
	struct op_device_uri device;
	double interval_s;
	int64_t round_ms;
	char cpu_temp_path[CLIMATE_PATH_MAX];
	double cpu_factor, offset_f, humidity_offset;
	int filter; /* enum sample_filter */
	bool mock;
	char mock_file[CLIMATE_PATH_MAX];
	char led[CLIMATE_PATH_MAX], joystick[CLIMATE_PATH_MAX]; /* "auto", "off" or a path */
	double retry_s;
	int64_t frozen_after;
};

extern const struct op_setting climate_settings_table[];
extern const size_t climate_settings_count;

/* What the table cannot say. */
void climate_settings_check(const struct op_config *c, const char *service, const void *settings,
			    struct op_buf *errors);
struct sample_params climate_settings_sample(const struct climate_settings *s);

#endif
