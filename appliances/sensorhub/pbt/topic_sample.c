/*
 * topic_sample.c - the declaration of pbt.sample: every sample, in every phase.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(pbt_sample, PBT_SAMPLE_FIELDS, .name = "pbt.sample",
		.help = "Every sample of the pressure sensor with its filter and detector state",
		.rate_mhz = 800000, .max_age_ms = 1000, .capacity = 16384);
