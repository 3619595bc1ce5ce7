/*
 * topic_reading.c - the declaration of climate.reading: one record per cycle.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(climate_reading, CLIMATE_READING_FIELDS, .name = "climate.reading",
		.help = "Temperature and humidity of the room, once per cycle", .rate_mhz = 17);
