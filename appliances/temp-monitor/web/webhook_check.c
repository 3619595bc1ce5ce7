/*
 * webhook_check.c - what a body of PUT /api/webhook/config may say (webhook_check.h).
 *
 * The first mistake counts, in the order of the fields here: the webhook's, the limits', the pairs
 * of limits as they would be together with what is stored, and last whether there is an address at
 * all.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "webhook_check.h"

#include <math.h>
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct webhook_limit webhook_limits[WEBHOOK_LIMITS] = {
	{"temp_min_c", "temp_low", "below", -50, 100},
	{"temp_max_c", "temp_high", "above", -50, 100},
	{"humidity_min", "humidity_low", "below", 0, 100},
	{"humidity_max", "humidity_high", "above", 0, 100},
};

static const struct {
	const char *key, *to;
	int lo, hi, factor;
} numbers[] = {
	{"retry_count", "attempts", 1, 10, 1},
	{"retry_delay", "backoff_ms", 1, 60, 1000},
	{"timeout", "timeout_ms", 5, 120, 1000},
};

/* ---- checking ---------------------------------------------------------------------------- */

const char webhook_url_wrong[] = "url must be a valid URL with scheme and host";

/* As Python sees it. */
static bool is_true(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
	case JSON_REAL:
		return json_number_value(v) != 0;
	default:
		return json_is_true(v);
	}
}

json_t *webhook_part(json_t *body, const char *key)
{
	json_t *v = json_object_get(body, key);
	return json_is_object(v) && is_true(v) ? v : NULL;
}

/* The scheme, "://" and a host; as in Python a wrong bracket is told before a wrong scheme. */
static const char *check_address(const char *url)
{
	size_t scheme = strcspn(url, ":/?#");
	if (strncmp(url + scheme, "://", 3))
		return webhook_url_wrong;
	const char *host = url + scheme + 3;
	size_t n = strcspn(host, "/?#");
	if (!memchr(host, '[', n) != !memchr(host, ']', n))
		return "Invalid IPv6 URL";
	if (strncasecmp(url, "http:", 5) && strncasecmp(url, "https:", 6))
		return webhook_url_wrong;
	const char *at = memrchr(host, '@', n);
	n -= at ? (size_t)(at + 1 - host) : 0;
	host = at ? at + 1 : host;
	return n == 0 || host[0] == ':' || strpbrk(url, " \t\r\n") ? webhook_url_wrong : NULL;
}

static const char *check_url(const json_t *v)
{
	const char *url = json_string_value(v);
	if (!v)
		return NULL;
	if (json_is_null(v))
		return "URL required: url must not be null";
	if (!url || !url[strspn(url, " \t\r\n\v\f")])
		return "url must be a non-empty string";
	if (strlen(url) < json_string_length(v)) /* a NUL */
		return webhook_url_wrong;
	return check_address(url);
}

static const char *check_enabled(const json_t *v)
{
	if (!v || json_is_boolean(v))
		return NULL;
	return json_is_null(v) ? "enabled must not be null" : "enabled must be a boolean";
}

static const char *check_number(const json_t *v, size_t i, char mem[96])
{
	const char *key = numbers[i].key;
	if (!v)
		return NULL;
	if (json_is_null(v))
		snprintf(mem, 96, "%s cannot be null", key);
	else if (!json_is_integer(v))
		snprintf(mem, 96, "%s must be an integer", key);
	else if (json_integer_value(v) < numbers[i].lo || json_integer_value(v) > numbers[i].hi)
		snprintf(mem, 96, "%s must be between %d and %d", key, numbers[i].lo,
			 numbers[i].hi);
	else
		return NULL;
	return mem;
}

static const char *check_webhook(json_t *body, char mem[96])
{
	json_t *v = json_object_get(body, "webhook");
	if (!is_true(v))
		return NULL;
	if (!json_is_object(v))
		return "webhook must be an object";
	const char *wrong = check_url(json_object_get(v, "url"));
	if (!wrong)
		wrong = check_enabled(json_object_get(v, "enabled"));
	for (size_t i = 0; !wrong && i < OP_ARRAY_SIZE(numbers); i++)
		wrong = check_number(json_object_get(v, numbers[i].key), i, mem);
	return wrong;
}

static const char *check_limit(const json_t *v, const struct webhook_limit *l, char mem[96])
{
	if (!v || json_is_null(v))
		return NULL;
	if (!json_is_number(v))
		snprintf(mem, 96, "%s must be a number", l->key);
	else if (!(json_number_value(v) >= l->lo && json_number_value(v) <= l->hi))
		snprintf(mem, 96, "%s must be between %d and %d", l->key, l->lo, l->hi);
	else
		return NULL;
	return mem;
}

static const char *check_limits(json_t *body, char mem[96])
{
	json_t *v = json_object_get(body, "thresholds");
	const char *wrong = NULL;
	if (!is_true(v))
		return NULL;
	if (!json_is_object(v))
		return "thresholds must be an object";
	for (size_t i = 0; !wrong && i < WEBHOOK_LIMITS; i++)
		wrong = check_limit(json_object_get(v, webhook_limits[i].key), &webhook_limits[i],
				    mem);
	return wrong;
}

/* What the limit would be. */
static double merged(json_t *part, const struct webhook_now *now, size_t i)
{
	json_t *v = json_object_get(part, webhook_limits[i].key);
	if (!v)
		return now->limits[i];
	return json_is_null(v) ? (double)NAN : json_number_value(v);
}

static const char *check_pairs(json_t *body, const struct webhook_now *now, char mem[96])
{
	json_t *part = webhook_part(body, "thresholds");
	for (size_t i = 0; part && i < WEBHOOK_LIMITS; i += 2)
		if (merged(part, now, i) >= merged(part, now, i + 1)) {
			snprintf(mem, 96, "%s must be less than %s", webhook_limits[i].key,
				 webhook_limits[i + 1].key);
			return mem;
		}
	return NULL;
}

const char *webhook_check(json_t *body, const struct webhook_now *now, char mem[96])
{
	if (!json_is_object(body))
		return "Request body must be a JSON object";
	const char *wrong = check_webhook(body, mem);
	if (!wrong)
		wrong = check_limits(body, mem);
	if (wrong || !now)
		return wrong;
	wrong = check_pairs(body, now, mem);
	json_t *webhook = webhook_part(body, "webhook");
	if (!wrong && webhook && !now->has_url && !json_object_get(webhook, "url"))
		wrong = "URL required when no existing webhook config";
	return wrong;
}

/* ---- asking ------------------------------------------------------------------------------ */

static json_t *channel_wish(json_t *webhook)
{
	json_t *to = json_object();
	static const char *const same[] = {"url", "enabled"};
	int bad = !to;
	for (size_t i = 0; i < OP_ARRAY_SIZE(same); i++)
		if (json_object_get(webhook, same[i]))
			bad |= json_object_set(to, same[i], json_object_get(webhook, same[i]));
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++) {
		json_t *v = json_object_get(webhook, numbers[i].key);
		if (v)
			bad |= json_object_set_new(
				to, numbers[i].to,
				json_integer(json_integer_value(v) * numbers[i].factor));
	}
	if (!bad)
		return to;
	json_decref(to);
	return NULL;
}

static json_t *limit_text(const json_t *v)
{
	char mem[48];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	if (json_is_null(v))
		return json_null();
	if (json_is_integer(v))
		op_json_i64(&b, json_integer_value(v));
	else
		op_json_float(&b, json_real_value(v));
	return json_string(mem);
}

static json_t *rules_wish(json_t *thresholds)
{
	json_t *to = json_object();
	int bad = !to;
	for (size_t i = 0; i < WEBHOOK_LIMITS; i++) {
		const struct webhook_limit *l = &webhook_limits[i];
		json_t *v = json_object_get(thresholds, l->key);
		if (v)
			bad |= json_object_set_new(to, l->rule,
						   json_pack("{s:o}", l->side, limit_text(v)));
	}
	if (!bad)
		return to;
	json_decref(to);
	return NULL;
}

json_t *webhook_wish(json_t *body)
{
	json_t *webhook = webhook_part(body, "webhook"),
	       *thresholds = webhook_part(body, "thresholds");
	json_t *wish = json_object();
	int bad = !wish;
	if (webhook)
		bad |= json_object_set_new(wish, "channels",
					   json_pack("{s:o}", "slack", channel_wish(webhook)));
	if (thresholds)
		bad |= json_object_set_new(wish, "rules", rules_wish(thresholds));
	if (!bad)
		return wish;
	json_decref(wish);
	return NULL;
}
