/*
 * last_alert.h - the alert, or end of one, that came last; it stays when the alerts service goes.
 *
 * Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_WEB_LAST_ALERT_H
#define OUTPOST_TEMP_MONITOR_WEB_LAST_ALERT_H

#include <outpost/service.h>

struct temp_web;

struct last_alert {
	struct op_subscription *events;
	char rule[64]; /* "": there was none yet */
	bool raised;
	uint64_t at_ns; /* boot clock */
};

int last_alert_open(struct temp_web *t) OP_MUST_CHECK;
void last_alert_close(struct temp_web *t);
/* Takes what has come since. */
void last_alert_refresh(struct temp_web *t);

#endif
