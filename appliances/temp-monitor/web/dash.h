/*
 * dash.h - what the dashboard of the temperature monitor shows, as a page and as JSON.
 *
 * Pure: values in, text out; any thread. Where they come from is dashboard.c's.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_DASH_H
#define OUTPOST_TEMP_MONITOR_DASH_H

#include <jansson.h>
#include <outpost/buf.h>

#define DASH_LED_TEXT 384 /* 64 colours RRGGBB */
#define DASH_PAGE_MAX 16384
#define DASH_DATA_MAX 4096

/* How well the service is that reads the sensor, and the one that keeps what was read. */
enum dash_sensor { DASH_SENSOR_UNKNOWN, DASH_SENSOR_OK, DASH_SENSOR_FAILING, DASH_SENSOR_DOWN };

/* Who is told of alerts besides the log. */
enum dash_webhook { DASH_WEBHOOK_UNKNOWN, DASH_WEBHOOK_UNSET, DASH_WEBHOOK_OFF, DASH_WEBHOOK_ON };

/* Alerts are raised beyond these; NaN: that one is off. */
struct dash_limits {
	bool known;
	double temp_min, temp_max, humidity_min, humidity_max;
	enum dash_webhook webhook;
};

/* Everything the page shows. Text is UTF-8 of any origin and is escaped here. */
struct dash_view {
	const char *location; /* the line below the title */
	double interval_s;    /* between two readings */
	bool any;             /* there was a reading; else the next eight mean nothing */
	double temperature_c, temperature_f; /* compensated */
	double humidity;                     /* %RH */
	double pressure_hpa;                 /* NaN: unknown */
	bool compensated;                    /* the heat of the processor was taken off */
	char timestamp[32];                  /* local time of the reading, as people read it */
	double age_s;                        /* of the reading, now */
	int64_t at_ms;                       /* wall time of the reading; 0: the clock is not set */
	bool mock;                           /* nothing was measured */
	bool stale;                          /* it is missing, or too old to be called present */
	bool clock_unset;                    /* wall time is not known: texts of times tell ages */
	enum dash_sensor sensor;
	char reason[128]; /* why it is not well; "" for no reason */
	enum dash_sensor recorder;
	char recorder_reason[128]; /* as reason */
	struct dash_limits limits;
	bool alerts;      /* it is known which rules are raised: */
	char raised[257]; /* their names, with blanks between them */
	/* The newest raise or clear since the alerts service started; "": there was none. */
	char last_rule[64], last_time[32];
	bool last_raised;
	bool muted;                  /* of some rules nobody is told */
	bool undelivered;            /* a channel's last message was not taken */
	char led[DASH_LED_TEXT + 1]; /* what the light matrix shows; "": not known */
};

/* Appends the page. out->err tells of one that does not fit. */
void dash_page(const struct dash_view *v, struct op_buf *out);
/* Appends the same as one JSON object (outpost-temp-monitor(8)). */
void dash_data(const struct dash_view *v, struct op_buf *out);

/* Takes the limits out of what the alerts service answers to `config`: those of its rules temp_low,
 * temp_high, humidity_low and humidity_high; and whether any channel is on. What is no such answer
 * leaves them unknown. */
void dash_limits_read(const json_t *config, struct dash_limits *ret);

/* What somebody should see to: the sensor, the alerts, the clock. Appends line i of those that
 * apply; false: there are fewer. */
bool dash_notice(const struct dash_view *v, size_t i, struct op_buf *out);

/* A number as the contract writes floats: the shortest text, with ".0" if it has no decimals. */
void dash_number(struct op_buf *out, double value);
/* "95 S", "3 MIN", "2 H", "4 DAYS". */
void dash_age(struct op_buf *out, double s);
/* "unset", "off", "on", or "": not known. */
const char *dash_webhook_name(const struct dash_view *v);
/* "FAILING: the reason". */
void dash_sensor(const struct dash_view *v, struct op_buf *out);
/* A rule's name for people: "temp_high" is "TEMPERATURE HIGH", "fan-broken" is "FAN BROKEN". */
void dash_rule(struct op_buf *out, const char *name, size_t n);

#endif
