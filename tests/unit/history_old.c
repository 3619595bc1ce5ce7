/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "history_world.h"

OP_TOPIC_DEFINE(old_world, OLD_WORLD_FIELDS, .name = "test.world");
