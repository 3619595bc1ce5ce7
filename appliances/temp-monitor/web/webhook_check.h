/*
 * webhook_check.h - what a body of PUT /api/webhook/config may say, and what it asks of the alerts
 * service. Pure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_WEBHOOK_CHECK_H
#define OUTPOST_TEMP_MONITOR_WEBHOOK_CHECK_H

#include <jansson.h>
#include <outpost/base.h>

/* temp_min_c, temp_max_c, humidity_min, humidity_max, in this order everywhere. */
#define WEBHOOK_LIMITS 4
struct webhook_limit {
	const char *key;         /* in bodies */
	const char *rule, *side; /* of the alerts service */
	int lo, hi;              /* inclusive */
};
extern const struct webhook_limit webhook_limits[WEBHOOK_LIMITS];

/* What is stored. */
struct webhook_now {
	bool has_url;
	double limits[WEBHOOK_LIMITS]; /* NaN: off */
};

/* webhook_json.c: application/json or application/...+json, with or without parameters. type may be
 * NULL. */
bool webhook_type_is_json(const char *type);
/* A value of JSON, or NULL. NaN, Infinity and numbers of any size are understood as Python does,
 * and become numbers that lie outside of every range. */
json_t *webhook_parse(const void *bytes, size_t n);
/* Of an address that cannot be asked. */
extern const char webhook_url_wrong[];
/* The first mistake of a body, or NULL. now NULL: what depends on it is not looked at. The text is
 * static or in mem. */
const char *webhook_check(json_t *body, const struct webhook_now *now, char mem[96]);
/* The arguments of alerts.configure for a body without mistakes; a new reference, NULL: no memory.
 * Limits are sent as their own text: "30" and "30.0" stay what they are. */
json_t *webhook_wish(json_t *body);
/* Member "webhook" or "thresholds" if it counts: an object that is not empty. */
json_t *webhook_part(json_t *body, const char *key);

#endif
