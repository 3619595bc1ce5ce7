/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "bus_topics.h"

OP_TOPIC_DEFINE(mark, MARK_FIELDS, .name = "test.mark",
		.help = "Records that show if they are torn", .rate_mhz = 800000,
		.max_age_ms = 1000, .capacity = 8);
