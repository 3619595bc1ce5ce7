/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "history_world.h"

OP_TOPIC_DEFINE(event, EVENT_FIELDS, .name = "test.event");
