/*
 * dashboard.h - the routes of the dashboard: /, /dashboard/data, /dashboard/history, /static/.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_DASHBOARD_H
#define OUTPOST_TEMP_MONITOR_DASHBOARD_H

#include "web.h"

/* All of them are public: what they show is what hangs on the wall, never a secret or a setting but
 * the limits of alerts and whether these are sent. t is borrowed for as long as the server runs.
 * Loop thread. */
int dashboard_mount(struct temp_web *t) OP_MUST_CHECK;
/* Before the server closes. Also after a mount that failed. */
void dashboard_close(struct temp_web *t);

#endif
