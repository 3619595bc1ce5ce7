/*
 * web.h - what the files of outpost-temp-monitor share: settings, and the newest reading.
 *
 * Loop thread only. Routes hold no state of their own: whatever they answer is taken from here,
 * from the board of topics of the web service, or asked of the service that knows it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_WEB_H
#define OUTPOST_TEMP_MONITOR_WEB_H

#include <outpost/http.h>
#include <outpost/service.h>

#include "appliances/temp-monitor/climate/settings.h"
#include "appliances/temp-monitor/climate/topics.h"
#include "last_alert.h"
#include "services/web/extra.h"
#include "system.h"

#define TEMP_STALE_INTERVALS 3 /* contract 2.4 */
#define TEMP_TIME_BYTES 32

/* Who may read /metrics. */
enum temp_metrics_auth { TEMP_METRICS_AUTO, TEMP_METRICS_OPEN, TEMP_METRICS_TOKEN };

struct temp_settings {
	struct web_settings web; /* first, see struct web_extra */
	char location[96];       /* what the dashboard says below its title */
	char static_dir[512];    /* of /static/; "": what was installed */
	int metrics_auth;        /* enum temp_metrics_auth */
};

struct thresholds;
struct temp_ask;

/* Requests without the token (auth.c). */
struct temp_refusals {
	uint64_t since_ns; /* of this window of the log */
	uint64_t total;
	unsigned lines, untold; /* in it */
};

/* What the machine and the appliance's processes use, taken last (metrics.c). */
struct temp_system {
	uint64_t at_ns;
	bool failed; /* they could not be had: a container may hide /proc/stat */
	struct system_ticks ticks;
	double cpu_percent;
	uint64_t rss_kib, threads;
	int files; /* -1: not to be had */
};

struct temp_web {
	struct web *web;
	const struct temp_settings *set;
	uint64_t started_ns; /* boot clock */
	/* The service that reads the Sense HAT, and its settings; the defaults if there is none. */
	const char *climate_name;
	struct climate_settings climate;
	struct op_subscription *readings;
	/* The newest reading, which stays when its writer goes. */
	struct climate_reading reading; /* zero before the first */
	uint64_t read_ns;               /* boot clock; 0: there was none yet */
	struct thresholds *thresholds;  /* dashboard.c */
	struct last_alert last_alert;
	struct temp_refusals refusals;
	struct temp_ask *turn; /* the one under way and those behind it (ask.h) */
	bool limits_put;       /* limits of alerts were set by PUT */
	char nobody[40];       /* in place of a token that is not set */
	struct temp_system system;
};

/* settings.c */
extern const struct op_setting temp_settings_table[];
extern const size_t temp_settings_count;

/* reading.c */
int temp_reading_open(struct temp_web *t) OP_MUST_CHECK;
void temp_reading_close(struct temp_web *t);
/* Takes what has come since; each route that shows a reading calls it first. */
void temp_reading_refresh(struct temp_web *t);
/* None yet, or the newest is older than three intervals of sampling. */
bool temp_reading_is_stale(const struct temp_web *t);
double temp_reading_age_s(const struct temp_web *t); /* if read_ns */
/* Its time in the local time zone, "2026-11-21 01:09:47", or "Never". */
void temp_reading_time(const struct temp_web *t, char ret[TEMP_TIME_BYTES]);
/* The same of any time of the boot clock; 0 is never. */
void temp_time(uint64_t boot_ns, char ret[TEMP_TIME_BYTES]);
/* The service that reads the board is up and its loop moves. */
bool temp_sampler_is_alive(struct temp_web *t);

#endif
