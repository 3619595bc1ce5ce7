/*
 * topics.h - what the climate service says: readings, the light matrix, keys of the joystick.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_TOPICS_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_TOPICS_H

#include <outpost/topic.h>

/* One record per complete cycle; a cycle in which anything failed leaves none. */
#define CLIMATE_READING_FIELDS(F, E, T)                                                   \
	F(f64, temperature_c, "degC", "room temperature, compensated, one decimal")       \
	F(f64, temperature_f, "degF", "the same in Fahrenheit, one decimal")              \
	F(f64, humidity, "%RH", "relative humidity, corrected, one decimal")              \
	F(f64, raw_c, "degC", "what the chips measured, before compensation")             \
	F(f64, cpu_c, "degC", "temperature of the processor; NaN when it cannot be read") \
	F(f64, pressure_hpa, "hPa", "air pressure; NaN when unknown")                     \
	E(compensated, "no|yes", "whether the processor's heat was taken off temperature_c")
OP_TOPIC_DECLARE(climate_reading, CLIMATE_READING_FIELDS);

#define CLIMATE_LED_FIELDS(F, E, T) \
	T(pixels, 385, "64 colours RRGGBB, row by row from the top left")
OP_TOPIC_DECLARE(climate_led, CLIMATE_LED_FIELDS);

#define CLIMATE_KEY_LABELS "up|down|left|right|push"
#define CLIMATE_ACTION_LABELS "release|press|hold"
#define CLIMATE_KEY_FIELDS(F, E, T)                            \
	E(key, CLIMATE_KEY_LABELS, "which way the stick went") \
	E(action, CLIMATE_ACTION_LABELS, "what happened to it")
OP_TOPIC_DECLARE(climate_key, CLIMATE_KEY_FIELDS);

#endif
