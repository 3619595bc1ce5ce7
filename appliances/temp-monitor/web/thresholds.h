/*
 * thresholds.h - the limits of alerts as they are now.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_THRESHOLDS_H
#define OUTPOST_TEMP_MONITOR_THRESHOLDS_H

#include "dash.h"
#include "web.h"

struct thresholds;

/* Begins to ask the alerts service, if the appliance has one. t is borrowed. Loop thread. */
int thresholds_open(struct temp_web *t, struct thresholds **ret) OP_MUST_CHECK;
/* NULL is fine. Memory goes when the loop has closed the timer. */
void thresholds_close(struct thresholds *l);
/* Not known: the service has not answered for a minute, or never. */
struct dash_limits thresholds_now(const struct thresholds *l);

#endif
