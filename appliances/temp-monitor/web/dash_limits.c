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

void dash_limits_read(const json_t *config, struct dash_limits *ret)
{
	const json_t *rules = json_object_get(config, "rules");
	*ret = (struct dash_limits){
		.known = json_is_object(rules),
		.temp_min = limit(rules, "temp_low", "below"),
		.temp_max = limit(rules, "temp_high", "above"),
		.humidity_min = limit(rules, "humidity_low", "below"),
		.humidity_max = limit(rules, "humidity_high", "above"),
	};
}
