/*
 * run_status.c - the status topic of a service that is down: restarting or failed, and why.
 *
 * Loop thread. A topic's writer must be alive for the topic to count, so while a service is dead
 * the supervisor takes the topic over and lets go before the next start. What the service counted
 * (restarts, records) is carried on from its last record. After a clean exit nothing is written:
 * the service's own "stopped" is the truth, and is how its successor knows that nothing crashed.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <stdio.h>
#include <string.h>

static bool open_topic(struct unit *u)
{
	char bus_dir[PATH_MAX], topic[OP_TOPIC_NAME_MAX + 1];
	uint64_t when;
	(void)snprintf(bus_dir, sizeof(bus_dir), "%s/bus", u->run->place.runtime); /* bounded */
	(void)snprintf(topic, sizeof(topic), "status.%.55s", u->name); /* config bounds names */
	if (op_writer_open(bus_dir, topic, &op_status_topic, &u->status, NULL) < 0)
		return false; /* no room, or somebody else's: health shows "no writer" either way */
	if (!op_writer_last(u->status, &when, &u->last))
		memset(&u->last, 0, sizeof(u->last));
	return true;
}

void run_status_take(struct unit *u, enum op_state state, const char *reason)
{
	if (u->simulator || (!u->status && !open_topic(u)))
		return;
	struct op_status *r = &u->last;
	r->since_boot_ns = op_now_ns();
	r->uptime_s = 0;
	r->cpu_percent = 0;
	r->rss_kib = r->threads = r->pid = 0;
	r->state = (uint8_t)state;
	memset(r->reason, 0, sizeof(r->reason));
	(void)snprintf(r->reason, sizeof(r->reason), "%s", reason); /* cut at the field's size */
	run_status_tick(u);
}

void run_status_tick(struct unit *u)
{
	if (u->status)
		(void)op_writer_publish(u->status, op_now_ns(), &u->last); /* sequence not needed */
}

void run_status_release(struct unit *u)
{
	op_writer_close(u->status);
	u->status = NULL;
}
