/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <outpost/topic.h>
#include <stdio.h>

#define EVENT_FIELDS(F, E, T)            \
	F(f64, third, "", "n / 3")       \
	E(end, "dropped|window", "odd?") \
	T(note, 32, "with a comma")
OP_TOPIC_DECLARE(event, EVENT_FIELDS);
OP_TOPIC_DEFINE(event, EVENT_FIELDS, .name = "feed.event");

const struct op_topic_type *feed_event_type(void);
void feed_event_fill(void *record, uint32_t n);

const struct op_topic_type *feed_event_type(void)
{
	return &event_topic;
}

void feed_event_fill(void *record, uint32_t n)
{
	struct event *e = record;
	*e = (struct event){.third = n / 3.0, .end = n & 1};
	(void)snprintf(e->note, sizeof(e->note), "event, %u", n); /* fits */
}
