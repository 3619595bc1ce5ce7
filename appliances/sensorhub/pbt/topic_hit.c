/*
 * topic_hit.c - the declaration of pbt.hit: one record per hit.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(pbt_hit, PBT_HIT_FIELDS, .name = "pbt.hit",
		.help = "One record per hit: when, how hard, and the pulse asked for",
		.capacity = 256);
