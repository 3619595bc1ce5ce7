/*
 * topic_stats.c - the declaration of pbt.stats: how well the line is heard, once a second.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(pbt_stats, PBT_STATS_FIELDS, .name = "pbt.stats",
		.help = "Counters and health of the pressure sensor line", .rate_mhz = 1000,
		.max_age_ms = 3000);
