/*
 * dash_limits.c - the limits of alerts, out of the answer of the alerts service.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdlib.h>

#include "dash.h"

/* Thresholds are texts, as they were given; null is off. */
static double limit(const json_t *rules, const char *rule, const char *side)
{
	const char *text = json_string_value(json_object_get(json_object_get(rules, rule), side));
	char *end;
	double v = text ? strtod(text, &end) : NAN;
	return text && end != text && !*end && isfinite(v) ? v : NAN;
}

/* The best of all channels; one without an address is none that needs one. */
static enum dash_webhook webhook(json_t *channels)
{
	enum dash_webhook best =
		json_is_object(channels) ? DASH_WEBHOOK_UNSET : DASH_WEBHOOK_UNKNOWN;
	const char *name;
	json_t *channel;
	json_object_foreach(channels, name, channel)
	{
		enum dash_webhook is =
			json_is_null(json_object_get(channel, "url"))        ? DASH_WEBHOOK_UNSET
			: json_is_false(json_object_get(channel, "enabled")) ? DASH_WEBHOOK_OFF
									     : DASH_WEBHOOK_ON;
		best = is > best ? is : best;
	}
	return best;
}

void dash_limits_read(const json_t *config, struct dash_limits *ret)
{
	const json_t *rules = json_object_get(config, "rules");
	*ret = (struct dash_limits){
		.known = json_is_object(rules),
		.temp_min = limit(rules, "temp_low", "below"),
		.temp_max = limit(rules, "temp_high", "above"),
		.humidity_min = limit(rules, "humidity_low", "below"),
		.humidity_max = limit(rules, "humidity_high", "above"),
		.webhook = webhook(json_object_get(config, "channels")),
	};
}
