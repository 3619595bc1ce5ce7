/*
 * topic_state.c - the declaration of alerts.state: what is raised now, on each change and each ten
 * seconds.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(alert_state, ALERT_STATE_FIELDS, .name = "alerts.state",
		.help = "What is raised now, and what waits to be told", .rate_mhz = 100,
		.max_age_ms = 30000);
