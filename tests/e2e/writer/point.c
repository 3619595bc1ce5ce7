/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "topics.h"

OP_TOPIC_DEFINE(point, POINT_FIELDS, .name = "test.point", .help = "Points for tests",
		.rate_mhz = 1000000, .max_age_ms = 1000, .capacity = 4096);
