/*
 * topic_key.c - the declaration of climate.key: keys of the joystick.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(climate_key, CLIMATE_KEY_FIELDS, .name = "climate.key",
		.help = "Keys of the joystick as they are pressed and let go");
