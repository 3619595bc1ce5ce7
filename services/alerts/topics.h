/*
 * topics.h - what the alerts service says on the bus.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_TOPICS_H
#define OUTPOST_ALERTS_TOPICS_H

#include <outpost/topic.h>

#include "settings.h"

#define ALERT_EVENT_FIELDS(F, E, T)                                      \
	F(f64, value, "", "value that did it, in the unit of its field") \
	F(f64, threshold, "", "threshold that was crossed")              \
	E(state, "raised|cleared", "what happened")                      \
	E(severity, ALERTS_SEVERITY_LABELS, "how bad it is")             \
	E(muted, "no|yes", "whether nobody is told")                     \
	T(alert, 24, "id that a raise and its clear share")              \
	T(rule, 48, "rule")                                              \
	T(topic, 64, "topic it looks at")                                \
	T(field, 64, "field it looks at")                                \
	T(message, 192, "what is told")
OP_TOPIC_DECLARE(alert_event, ALERT_EVENT_FIELDS);

#define ALERT_STATE_FIELDS(F, E, T)                                                       \
	F(u64, events, "", "raises and clears since the service started")                 \
	F(u64, cycles_told, "", "records of which at least one raise or clear was taken") \
	F(u64, dropped, "", "messages lost because neither disk nor memory took them")    \
	F(u32, rules, "", "rules")                                                        \
	F(u32, raised, "", "alerts that are raised now")                                  \
	F(u32, critical, "", "of those, critical ones")                                   \
	F(u32, warning, "", "of those, warnings")                                         \
	F(u32, muted, "", "rules that are muted")                                         \
	F(u32, waiting, "", "messages in the outbox")                                     \
	F(u32, dead, "", "messages in the outbox that were given up")                     \
	F(u32, spooled, "", "messages in memory, because the disk fails")                 \
	F(u32, failing, "", "channels whose last attempt failed")                         \
	T(names, 256, "rules that are raised now, with blanks between them")
OP_TOPIC_DECLARE(alert_state, ALERT_STATE_FIELDS);

#endif
