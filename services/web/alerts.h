/*
 * alerts.h - what the page asks the alerts service: the list, a test message, quiet for a while.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_WEB_ALERTS_H
#define OUTPOST_WEB_ALERTS_H

#include "web.h"

/* Routes below /api/alerts; answers 404 where the appliance has no such service. */
int web_alerts_mount(struct web *w) OP_MUST_CHECK;

#endif
