/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "topics.h"

OP_TOPIC_DEFINE(point2, POINT2_FIELDS, .name = "test.point", .help = "Points, declared anew",
		.rate_mhz = 1000000, .max_age_ms = 1000, .capacity = 4096);
