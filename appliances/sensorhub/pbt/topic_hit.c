/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "topics.h"

OP_TOPIC_DEFINE(pbt_hit, PBT_HIT_FIELDS, .name = "pbt.hit",
		.help = "One record per hit: when, how hard, and the pulse asked for",
		.capacity = 256);
