/*
 * topic_led.c - the declaration of climate.led: what the light matrix shows.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(climate_led, CLIMATE_LED_FIELDS, .name = "climate.led",
		.help = "What the light matrix shows, when it changes");
