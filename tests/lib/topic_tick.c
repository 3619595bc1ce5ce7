/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "bus_topics.h"

OP_TOPIC_DEFINE(tick, TICK_FIELDS, .name = "test.tick", .help = "A number and when it was sent",
		.rate_mhz = 0, .capacity = 65536);
