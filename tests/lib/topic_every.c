/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "bus_topics.h"

OP_TOPIC_DEFINE(every, EVERY_FIELDS, .name = "test.every", .help = "One \"field\" of each type",
		.rate_mhz = 2500, .max_age_ms = 4000, .capacity = 16);
