/*
 * monitor.h - the loop's side of the pressure sensor service: state, log, and topic pbt.stats.
 *
 * Loop thread. Watches the work thread from outside: its counters once a second, its report when it
 * says that something changed, its hits by their topic like any other reader.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SENSORHUB_PBT_MONITOR_H
#define OUTPOST_SENSORHUB_PBT_MONITOR_H

#include "acquire.h"
#include "topics.h"

#define MONITOR_RATE_WINDOW 5 /* seconds the shown rate is measured over */

struct monitor {
	struct op_service *service;
	const struct pbt_settings *settings;
	struct acquire *acquire;
	struct op_hit_chain_params chain; /* in force */
	struct op_writer *stats;
	struct op_subscription *hits;
	uv_timer_t second, grace;
	uv_async_t changed;
	unsigned handles; /* were made and are not closed yet */
	void (*closed)(void *arg);
	void *closed_arg;
	bool graced; /* the first moments are over: what is not live is degraded */

	uint64_t samples_ns[MONITOR_RATE_WINDOW]; /* ring: when the count was what */
	uint64_t samples_at[MONITOR_RATE_WINDOW];
	size_t ring;
	struct op_serial_counters driver_base; /* of the device when it was opened */
	uint64_t driver_opens;                 /* which opening driver_base belongs to */
	uint64_t overruns, framing;            /* since start */
	uint64_t settled;                      /* start baselines logged */
	int error_logged;
	enum op_link_state link_said; /* the device's name is that of the change to it */
	char device_said[96];
	uint64_t lost_logged, rejected_logged, overruns_logged, fault_log_ns;
	struct pbt_stats last;
};

/* Takes service, settings and chain as set by the caller; makes topic and handles. */
int monitor_open(struct monitor *m) OP_MUST_CHECK;
/* Begins to watch m->acquire. */
int monitor_watch(struct monitor *m) OP_MUST_CHECK;
/* After the work thread has ended. Calls closed(arg) when no handle is left, perhaps at once: then
 * m may be freed. */
void monitor_stop(struct monitor *m, void (*closed)(void *arg), void *arg);
/* From any thread: look at the report soon. */
void monitor_changed(void *m);
/* Totals for the status topic. */
void monitor_count(struct monitor *m);

#endif
