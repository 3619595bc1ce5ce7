/*
 * last_alert.c - the alert, or end of one, that came last.
 *
 * Kept here, since the topic begins empty with each start of the alerts service. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "last_alert.h"

#include <stdio.h>
#include <string.h>

#include "web.h"

#define TOPIC "alerts.event"
#define PERIOD_MS 1000

static void take(struct last_alert *l, const struct op_topic_type *type, const char *slot)
{
	const struct op_field *rule = op_topic_field(type, "rule");
	const struct op_field *state = op_topic_field(type, "state");
	const char *record = slot + OP_SLOT_RECORD;
	char label[16];
	if (!rule || rule->type != OP_TEXT || !state)
		return;
	memcpy(&l->at_ns, slot, sizeof(l->at_ns));
	(void)snprintf(l->rule, sizeof(l->rule), "%.*s", (int)rule->bytes, record + rule->offset);
	op_field_label(state, record, label, sizeof(label));
	l->raised = !strcmp(label, "raised");
}

static void on_records(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		       const void *slots, size_t n, size_t stride)
{
	if (type && n)
		take(arg, type, (const char *)slots + (n - 1) * stride);
}

/* After a restart of this program the newest one is there already. */
static void on_open(void *arg, struct op_reader *reader)
{
	op_reader_rewind(reader, 1);
}

int last_alert_open(struct temp_web *t)
{
	struct last_alert *l = &t->last_alert;
	int r = op_subscribe(t->web->service, TOPIC, PERIOD_MS, on_records, l, &l->events);
	if (r == 0)
		op_subscription_on_open(l->events, on_open);
	return r;
}

void last_alert_close(struct temp_web *t)
{
	if (t->last_alert.events)
		op_subscription_close(OP_STEAL(t->last_alert.events));
}

void last_alert_refresh(struct temp_web *t)
{
	op_subscription_read(t->last_alert.events);
}
