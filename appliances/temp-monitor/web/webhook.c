/*
 * webhook.c - /api/webhook/...: the channel to Slack and the limits, as the alerts service has
 * them.
 *
 * Nothing is kept here: each request asks the alerts service (its calls config, configure and test,
 * outpost-alerts(8)) and translates. Several attempts to reach an address that does not answer keep
 * only that one request waiting.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "mask.h"
#include "webhook_check.h"

#define ASK_MS 5000
#define ANSWER_MAX 8192

/* ---- answers ----------------------------------------------------------------------------- */

static void write_tree(struct op_buf *b, json_t *v)
{
	const char *key;
	json_t *member;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		op_json_begin(b, '{');
		json_object_foreach(v, key, member)
		{
			op_json_key(b, key);
			write_tree(b, member);
		}
		op_json_end(b, '}');
		break;
	case JSON_STRING:
		op_json_strn(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		op_json_i64(b, json_integer_value(v));
		break;
	case JSON_REAL:
		op_json_float(b, json_real_value(v));
		break;
	default: /* no arrays are made here */
		op_json_raw(b, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
	}
}

/* Takes v (NULL: no memory). */
static void answer(struct temp_ask *a, int status, json_t *v)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, ANSWER_MAX);
	b.spaced = b.ascii = true;
	if (v)
		write_tree(&b, v);
	else
		b.err = -ENOMEM;
	json_decref(v);
	temp_ask_answer(a, status, &b);
}

static void say(struct temp_ask *a, int status, const char *message)
{
	answer(a, status, json_pack("{s:s}", "message", message));
}

/* The part of a success that the client wants. */
static void answer_masked(struct temp_ask *a, json_t *v)
{
	const char *mask = json_string_value(json_object_get(a->data, "mask"));
	json_t *part = NULL;
	if (mask && v && mask_apply(mask, v, &part) < 0) {
		json_decref(v);
		v = NULL;
	} else if (part) {
		json_decref(v);
		v = part;
	}
	answer(a, 200, v);
}

static void say_fault(struct temp_ask *a, const char *message, const char *why)
{
	char id[TEMP_ERROR_ID_BYTES];
	temp_error_id(id);
	op_log(OP_ERR, "%s: %s (error_id %s)", message, why ? why : "unknown", id);
	answer(a, 500, json_pack("{s:s, s:s}", "error_id", id, "message", message));
}

/* ---- what the alerts service has --------------------------------------------------------- */

static json_t *slack_of(json_t *config)
{
	return json_object_get(json_object_get(config, "channels"), "slack");
}

static bool has_url(json_t *config)
{
	return json_is_string(json_object_get(slack_of(config), "url"));
}

/* It is told as the text that somebody wrote. */
static double limit_of(json_t *config, const struct webhook_limit *l)
{
	json_t *v = json_object_get(json_object_get(json_object_get(config, "rules"), l->rule),
				    l->side);
	if (json_is_string(v))
		return strtod(json_string_value(v), NULL);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static json_int_t integer_of(json_t *slack, const char *key, json_int_t def)
{
	json_t *v = json_object_get(slack, key);
	return json_is_number(v) ? (json_int_t)json_number_value(v) : def;
}

static json_t *webhook_of(json_t *config)
{
	json_t *slack = slack_of(config), *url = json_object_get(slack, "url");
	if (!json_is_string(url))
		return json_pack("{s:n, s:b, s:i, s:i, s:i}", "url", "enabled", 0, "retry_count", 3,
				 "retry_delay", 5, "timeout", 10);
	return json_pack("{s:O, s:b, s:I, s:I, s:I}", "url", url, "enabled",
			 json_is_true(json_object_get(slack, "enabled")), "retry_count",
			 integer_of(slack, "attempts", 3), "retry_delay",
			 integer_of(slack, "backoff_ms", 5000) / 1000, "timeout",
			 integer_of(slack, "timeout_ms", 10000) / 1000);
}

/* Without an address they are told only when they have been set by PUT. */
static json_t *limits_of(const struct temp_web *t, json_t *config)
{
	json_t *to = json_object();
	bool told = has_url(config) || t->limits_put;
	for (size_t i = 0; i < WEBHOOK_LIMITS; i++) {
		double v = told ? limit_of(config, &webhook_limits[i]) : (double)NAN;
		if (json_object_set_new(to, webhook_limits[i].key,
					isnan(v) ? json_null() : json_real(v)) < 0)
			return json_decref(to), NULL;
	}
	return to;
}

static json_t *config_of(const struct temp_web *t, json_t *config)
{
	return json_pack("{s:o, s:o}", "webhook", webhook_of(config), "thresholds",
			 limits_of(t, config));
}

/* Asks for it first, whatever the request; takes body (may be NULL). A mask that is none is told
 * before anything is done. PUTs do so one at a time: what one has checked, no other changes. */
static void ask_config(struct op_http_request *rq, struct temp_web *t, json_t *body,
		       temp_ask_fn done)
{
	const char *mask = op_http_field_get(rq, "x-fields");
	if (mask && !*mask)
		mask = NULL;
	if (mask && !mask_is_valid(mask)) {
		json_decref(body);
		op_http_error(rq, 400, "Mask parse error: X-Fields is not a list of fields");
		return;
	}
	json_t *data = json_pack("{s:s*, s:o*}", "mask", mask, "body", body);
	if (rq->method == OP_HTTP_PUT)
		temp_ask_in_turn(rq, t, t->web->alerts, "config", ASK_MS, done, data);
	else
		temp_ask(rq, t, t->web->alerts, "config", NULL, ASK_MS, done, data);
}

/* ---- GET --------------------------------------------------------------------------------- */

static void on_config(struct temp_ask *a, int status, json_t *result, const char *error)
{
	if (json_is_object(result))
		answer_masked(a, config_of(a->t, result));
	else
		say_fault(a, "Failed to read webhook configuration", error);
}

static void on_get(struct op_http_request *rq, void *arg)
{
	ask_config(rq, arg, NULL, on_config);
}

/* ---- PUT --------------------------------------------------------------------------------- */

static const char put_failed[] = "Failed to update webhook configuration";

static void on_configured(struct temp_ask *a, int status, json_t *result, const char *error)
{
	if (status == 400) {
		bool url = !strncmp(error, "channels.slack.url:", 19);
		say(a, 400, url ? webhook_url_wrong : error);
		return;
	}
	if (!json_is_object(result)) {
		say_fault(a, put_failed, error);
		return;
	}
	a->t->limits_put |= webhook_part(json_object_get(a->data, "body"), "thresholds") != NULL;
	answer_masked(a, json_pack("{s:s, s:o}", "message",
				   "Webhook configuration updated successfully", "config",
				   config_of(a->t, result)));
}

static void on_config_to_put(struct temp_ask *a, int status, json_t *result, const char *error)
{
	json_t *body = json_object_get(a->data, "body");
	struct webhook_now now = {.has_url = has_url(result)};
	char mem[96];
	for (size_t i = 0; i < WEBHOOK_LIMITS; i++)
		now.limits[i] = limit_of(result, &webhook_limits[i]);
	if (!json_is_object(result)) {
		say_fault(a, put_failed, error);
		return;
	}
	const char *wrong = webhook_check(body, &now, mem);
	if (wrong) {
		say(a, 400, wrong);
		return;
	}
	json_t *wish = webhook_wish(body);
	if (wish)
		temp_ask_next(a, "configure", wish, ASK_MS, on_configured);
	else
		say_fault(a, put_failed, op_strerror(-ENOMEM));
	json_decref(wish);
}

static void on_put(struct op_http_request *rq, void *arg)
{
	char mem[96];
	if (!webhook_type_is_json(op_http_field_get(rq, "content-type"))) {
		op_http_error(rq, 415,
			      "Did not attempt to load JSON data because the request Content-Type "
			      "was not 'application/json'.");
		return;
	}
	json_t *body = webhook_parse(rq->body, rq->body_bytes);
	if (!body) {
		op_http_error(rq, 400,
			      "The browser (or proxy) sent a request that this server could not "
			      "understand.");
		return;
	}
	const char *wrong = webhook_check(body, NULL, mem);
	if (!wrong) {
		ask_config(rq, arg, body, on_config_to_put);
		return;
	}
	op_http_error(rq, 400, "%s", wrong);
	json_decref(body);
}

/* ---- test -------------------------------------------------------------------------------- */

static const char not_configured[] = "Webhook not configured";
static const char test_failed[] = "Failed to send test webhook";

static void on_tested(struct temp_ask *a, int status, json_t *result, const char *error)
{
	char time[TEMP_TIME_BYTES];
	if (!json_is_true(json_object_get(result, "delivered"))) {
		const char *why = json_string_value(json_object_get(result, "message"));
		say_fault(a, test_failed, why ? why : error);
		return;
	}
	temp_reading_refresh(a->t);
	temp_reading_time(a->t, time);
	answer_masked(a, json_pack("{s:s, s:s}", "message", "Test webhook sent successfully",
				   "timestamp", time));
}

/* The longest that all attempts and the pauses between them take, each doubled up to 300 s. */
static unsigned test_ms(json_int_t attempts, json_int_t backoff_ms, json_int_t timeout_ms)
{
	json_int_t sum = ASK_MS;
	for (json_int_t i = 0; i < attempts; i++) {
		sum += 2 * timeout_ms + backoff_ms;
		backoff_ms = backoff_ms * 2 < 300000 ? backoff_ms * 2 : 300000;
	}
	return (unsigned)sum;
}

static void on_config_to_test(struct temp_ask *a, int status, json_t *result, const char *error)
{
	json_t *slack = slack_of(result);
	json_int_t attempts = integer_of(slack, "attempts", 3);
	if (!json_is_object(result)) {
		say_fault(a, test_failed, error);
	} else if (!has_url(result)) {
		say(a, 400, not_configured);
	} else if (!json_is_true(json_object_get(slack, "enabled"))) {
		say_fault(a, test_failed, "notifications are disabled");
	} else {
		json_t *args = json_pack("{s:s, s:I}", "report", "status", "attempts", attempts);
		temp_ask_next(a, "test", args,
			      test_ms(attempts, integer_of(slack, "backoff_ms", 5000),
				      integer_of(slack, "timeout_ms", 10000)),
			      on_tested);
		json_decref(args);
	}
}

/* The body is not looked at. */
static void on_test(struct op_http_request *rq, void *arg)
{
	ask_config(rq, arg, NULL, on_config_to_test);
}

/* ---- enable, disable --------------------------------------------------------------------- */

static void on_switched(struct temp_ask *a, int status, json_t *result, const char *error)
{
	bool on = json_is_true(json_object_get(a->data, "body"));
	if (!json_is_object(result))
		say_fault(a, put_failed, error);
	else
		answer_masked(a, json_pack("{s:s, s:b}", "message",
					   on ? "Webhook notifications enabled"
					      : "Webhook notifications disabled",
					   "enabled", on));
}

static void on_config_to_switch(struct temp_ask *a, int status, json_t *result, const char *error)
{
	if (!json_is_object(result)) {
		say_fault(a, put_failed, error);
	} else if (!has_url(result)) {
		say(a, 400, not_configured);
	} else {
		json_t *args = json_pack("{s:{s:{s:O}}}", "channels", "slack", "enabled",
					 json_object_get(a->data, "body"));
		temp_ask_next(a, "configure", args, ASK_MS, on_switched);
		json_decref(args);
	}
}

static void on_enable(struct op_http_request *rq, void *arg)
{
	ask_config(rq, arg, json_true(), on_config_to_switch);
}

static void on_disable(struct op_http_request *rq, void *arg)
{
	ask_config(rq, arg, json_false(), on_config_to_switch);
}

int temp_webhook_mount(struct temp_web *t)
{
	const struct {
		unsigned method;
		const char *path;
		op_http_fn fn;
	} routes[] = {
		{OP_HTTP_GET, "/api/webhook/config", on_get},
		{OP_HTTP_PUT, "/api/webhook/config", on_put},
		{OP_HTTP_POST, "/api/webhook/test", on_test},
		{OP_HTTP_POST, "/api/webhook/enable", on_enable},
		{OP_HTTP_POST, "/api/webhook/disable", on_disable},
	};
	int r = 0;
	for (size_t i = 0; !r && i < OP_ARRAY_SIZE(routes); i++)
		r = op_http_route_with(t->web->http, routes[i].method, routes[i].path, routes[i].fn,
				       t, &temp_webhook);
	return r;
}
