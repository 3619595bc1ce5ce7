/*
 * topic_stats.c - the declaration of recorder.stats.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(recorder_stats, RECORDER_STATS_FIELDS, .name = "recorder.stats",
		.help = "What the recorder keeps, and how the disk does", .rate_mhz = 1000,
		.max_age_ms = 3000);
