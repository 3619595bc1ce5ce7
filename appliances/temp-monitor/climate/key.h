/*
 * key.h - the joystick: its input device, and climate.key.
 *
 * Loop thread. One that is missing is no fault: it is logged once and looked for again by key_look.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_KEY_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_KEY_H

#include <linux/input.h>
#include <outpost/service.h>

#include "topics.h"

struct key_watch;
/* place: "auto", "off" or the path of an input device or a FIFO of struct input_event; borrowed. */
int key_open(struct op_service *s, const char *place, struct key_watch **ret_watch) OP_MUST_CHECK;
/* Looks for the device if it is not open, at most once a second. */
void key_look(struct key_watch *k);
/* Accepts NULL. */
void key_close(struct key_watch *k);
/* What an event of the device means; false: nothing for us. */
bool key_decode(const struct input_event *e, struct climate_key *ret);

#endif
