/*
 * topic_event.c - the declaration of alerts.event: one record per raise and per clear.
 *
 * One topic per file, because a declaration makes a type of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "topics.h"

OP_TOPIC_DEFINE(alert_event, ALERT_EVENT_FIELDS, .name = "alerts.event",
		.help = "One record per raise and per clear of an alert", .capacity = 256);
