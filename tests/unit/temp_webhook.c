/*
 * temp_webhook.c - tests of what a body of PUT /api/webhook/config may say, row by row, and of
 * masks.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <math.h>

#include "appliances/temp-monitor/web/mask.h"
#include "appliances/temp-monitor/web/webhook_check.h"
#include "test.h"

static const struct webhook_now stored = {true, {15, 32, 20, 70}};
static const struct webhook_now none = {false, {15, 32, 20, 70}};

static const char *judge(const char *text, const struct webhook_now *now)
{
	static char mem[96];
	json_t *body = webhook_parse(text, strlen(text));
	CHECK(body != NULL);
	const char *wrong = webhook_check(body, now, mem);
	json_decref(body);
	return wrong ? wrong : "";
}

TEST(each_row_of_the_table_has_its_words)
{
	static const struct {
		const char *body, *message;
	} rows[] = {
		{"null", "Request body must be a JSON object"},
		{"[]", "Request body must be a JSON object"},
		{"\"x\"", "Request body must be a JSON object"},
		{"3", "Request body must be a JSON object"},
		{"{\"webhook\":[1]}", "webhook must be an object"},
		{"{\"webhook\":\"x\"}", "webhook must be an object"},
		{"{\"webhook\":true}", "webhook must be an object"},
		{"{\"webhook\":{\"url\":null}}", "URL required: url must not be null"},
		{"{\"webhook\":{\"url\":\"\"}}", "url must be a non-empty string"},
		{"{\"webhook\":{\"url\":\"  \"}}", "url must be a non-empty string"},
		{"{\"webhook\":{\"url\":7}}", "url must be a non-empty string"},
		{"{\"webhook\":{\"url\":\"nope\"}}",
		 "url must be a valid URL with scheme and host"},
		{"{\"webhook\":{\"url\":\"http://\"}}",
		 "url must be a valid URL with scheme and host"},
		{"{\"webhook\":{\"url\":\"http://u@:1/\"}}",
		 "url must be a valid URL with scheme and host"},
		{"{\"webhook\":{\"url\":\"ftp://host/\"}}",
		 "url must be a valid URL with scheme and host"},
		{"{\"webhook\":{\"url\":\"http://[::1/x\"}}", "Invalid IPv6 URL"},
		{"{\"webhook\":{\"url\":\"ftp://[::1/x\"}}", "Invalid IPv6 URL"},
		{"{\"webhook\":{\"url\":\"http://h\\u0000/x\"}}",
		 "url must be a valid URL with scheme and host"},
		{"{\"webhook\":{\"enabled\":null}}", "enabled must not be null"},
		{"{\"webhook\":{\"enabled\":1}}", "enabled must be a boolean"},
		{"{\"webhook\":{\"enabled\":\"true\"}}", "enabled must be a boolean"},
		{"{\"webhook\":{\"retry_count\":null}}", "retry_count cannot be null"},
		{"{\"webhook\":{\"retry_count\":\"3\"}}", "retry_count must be an integer"},
		{"{\"webhook\":{\"retry_count\":3.7}}", "retry_count must be an integer"},
		{"{\"webhook\":{\"retry_count\":5.0}}", "retry_count must be an integer"},
		{"{\"webhook\":{\"retry_count\":true}}", "retry_count must be an integer"},
		{"{\"webhook\":{\"retry_count\":0}}", "retry_count must be between 1 and 10"},
		{"{\"webhook\":{\"retry_count\":11}}", "retry_count must be between 1 and 10"},
		{"{\"webhook\":{\"retry_delay\":null}}", "retry_delay cannot be null"},
		{"{\"webhook\":{\"retry_delay\":61}}", "retry_delay must be between 1 and 60"},
		{"{\"webhook\":{\"timeout\":[]}}", "timeout must be an integer"},
		{"{\"webhook\":{\"timeout\":4}}", "timeout must be between 5 and 120"},
		{"{\"webhook\":{\"timeout\":NaN}}", "timeout must be an integer"},
		{"{\"webhook\":{\"timeout\":9223372036854775808}}",
		 "timeout must be between 5 and 120"},
		{"{\"webhook\":{\"timeout\":-100000000000000000000000000000}}",
		 "timeout must be between 5 and 120"},
		{"{\"webhook\":{\"timeout\":1e400}}", "timeout must be an integer"},
		{"{\"webhook\":18446744073709551616}", "webhook must be an object"},
		{"1e999", "Request body must be a JSON object"},
		{"{\"thresholds\":7}", "thresholds must be an object"},
		{"{\"thresholds\":{\"temp_min_c\":\"5\"}}", "temp_min_c must be a number"},
		{"{\"thresholds\":{\"humidity_max\":false}}", "humidity_max must be a number"},
		{"{\"thresholds\":{\"temp_max_c\":100.1}}",
		 "temp_max_c must be between -50 and 100"},
		{"{\"thresholds\":{\"temp_min_c\":NaN}}", "temp_min_c must be between -50 and 100"},
		{"{\"thresholds\":{\"temp_min_c\":-Infinity}}",
		 "temp_min_c must be between -50 and 100"},
		{"{\"thresholds\":{\"temp_max_c\":18446744073709551616}}",
		 "temp_max_c must be between -50 and 100"},
		{"{\"thresholds\":{\"temp_max_c\":-1.5E+400}}",
		 "temp_max_c must be between -50 and 100"},
		{"{\"thresholds\":{\"humidity_min\":-1}}",
		 "humidity_min must be between 0 and 100"},
		{"{\"thresholds\":{\"temp_min_c\":32}}", "temp_min_c must be less than temp_max_c"},
		{"{\"thresholds\":{\"temp_max_c\":15.0}}",
		 "temp_min_c must be less than temp_max_c"},
		{"{\"thresholds\":{\"humidity_max\":20}}",
		 "humidity_min must be less than humidity_max"},
		/* the first one wins, in the order of the fields, not of the body */
		{"{\"thresholds\":7,\"webhook\":{\"timeout\":1,\"url\":null}}",
		 "URL required: url must not be null"},
		{"{\"thresholds\":{\"humidity_max\":1,\"temp_min_c\":40,\"humidity_min\":\"\"}}",
		 "humidity_min must be a number"},
		{"{\"thresholds\":{\"humidity_max\":1,\"temp_min_c\":40}}",
		 "temp_min_c must be less than temp_max_c"},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(rows); i++)
		CHECK_STR(judge(rows[i].body, &stored), rows[i].message);
}

TEST(an_address_is_needed_where_none_is_stored)
{
	CHECK_STR(judge("{\"webhook\":{\"enabled\":true}}", &none),
		  "URL required when no existing webhook config");
	CHECK_STR(
		judge("{\"webhook\":{\"enabled\":true},\"thresholds\":{\"temp_min_c\":99}}", &none),
		"temp_min_c must be less than temp_max_c");
	CHECK_STR(judge("{\"webhook\":{\"url\":\"https://h/x\"}}", &none), "");
	CHECK_STR(judge("{\"thresholds\":{\"temp_min_c\":1}}", &none), "");
	CHECK_STR(judge("{\"webhook\":{\"enabled\":true}}", NULL), ""); /* not known yet */
}

TEST(what_is_empty_or_unknown_is_passed_over)
{
	static const char *const bodies[] = {
		"{}",
		"{\"webhook\":null,\"thresholds\":false}",
		"{\"webhook\":{},\"thresholds\":[]}",
		"{\"webhook\":0,\"thresholds\":\"\"}",
		"{\"other\":1}",
		"{\"webhook\":{\"other\":1,\"retry_count\":10,\"retry_delay\":1,\"timeout\":120}}",
		"{\"thresholds\":{\"temp_min_c\":null,\"temp_max_c\":-50}}",
		"{\"thresholds\":{\"temp_min_c\":-50,\"temp_max_c\":100,\"humidity_min\":0}}",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(bodies); i++)
		CHECK_STR(judge(bodies[i], &stored), "");
}

TEST(words_of_python_are_numbers_only_outside_of_texts)
{
	static const char text[] = "{\"a\":\"NaN \\\" Infinity\",\"b\":[NaN,-Infinity]}";
	json_t *v = webhook_parse(text, strlen(text));
	CHECK_STR(json_string_value(json_object_get(v, "a")), "NaN \" Infinity");
	CHECK(json_number_value(json_array_get(json_object_get(v, "b"), 1)) < -1e9);
	json_decref(v);
	CHECK(!webhook_parse("", 0) && !webhook_parse("{", 1) && !webhook_parse("{}\0", 3));
}

TEST(what_python_does_not_read_is_no_json)
{
	static const char *const bad[] = {
		"",
		"{",
		"{}x",
		"[-NaN]",
		"[9NaN]",
		"[NaN1]",
		"[NaNNaN]",
		"[9Infinity]",
		"[Infinit]",
		"[+Infinity]",
		"{NaN:1}",
		"[01]",
		"[00000000000000000000000001]",
		"[1.e999]",
		"[.5e999]",
		"[1e]",
		"[999999999999999999999x]",
		"[\"\xff\"]",
		"\xef\xbb\xbf",
		"[\"NaN]",
		"[\"\\",
		"[\"\\ud800\"]",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++)
		CHECK(!webhook_parse(bad[i], strlen(bad[i])));
	static const char marked[] = "\xef\xbb\xbf{\"1e999\":1e999}";
	json_t *v = webhook_parse(marked, strlen(marked));
	CHECK(json_number_value(json_object_get(v, "1e999")) > 1e9);
	json_decref(v);
}

TEST(types_are_those_of_json)
{
	static const char *const good[] = {"application/json", "Application/JSON; charset=utf-8",
					   "application/vnd.api+json"};
	static const char *const bad[] = {"text/json",
					  "application/jsonp",
					  "application/+json",
					  "application/json x",
					  "application/json, text/plain",
					  "application/x-www-form-urlencoded",
					  ""};
	for (size_t i = 0; i < OP_ARRAY_SIZE(good); i++)
		CHECK(webhook_type_is_json(good[i]));
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++)
		CHECK(!webhook_type_is_json(bad[i]));
	CHECK(!webhook_type_is_json(NULL));
}

static void check_wish(const char *body, const char *want)
{
	json_t *v = webhook_parse(body, strlen(body)), *wish = webhook_wish(v);
	char *text = json_dumps(wish, JSON_COMPACT);
	CHECK_STR(text, want);
	free(text);
	json_decref(wish);
	json_decref(v);
}

TEST(a_wish_has_the_names_and_units_of_the_alerts_service)
{
	check_wish("{\"webhook\":{\"url\":\"https://h/x\",\"enabled\":false,\"retry_count\":2,"
		   "\"retry_delay\":7,\"timeout\":5}}",
		   "{\"channels\":{\"slack\":{\"url\":\"https://h/x\",\"enabled\":false,"
		   "\"attempts\":2,\"backoff_ms\":7000,\"timeout_ms\":5000}}}");
	check_wish("{\"thresholds\":{\"temp_min_c\":-5,\"temp_max_c\":30.0,\"humidity_max\":null}}",
		   "{\"rules\":{\"temp_low\":{\"below\":\"-5\"},\"temp_high\":{\"above\":\"30.0\"},"
		   "\"humidity_high\":{\"above\":null}}}");
	check_wish("{\"webhook\":{},\"thresholds\":null}", "{}");
}

static void check_mask(const char *mask, const char *want)
{
	json_t *v = json_pack("{s:{s:s, s:b}, s:i}", "webhook", "url", "u", "enabled", 1, "b", 2);
	json_t *part = NULL;
	int r = mask_apply(mask, v, &part);
	char *text = part ? json_dumps(part, JSON_COMPACT) : NULL;
	CHECK_INT(r, want ? 0 : -EINVAL);
	if (want)
		CHECK_STR(text, want);
	free(text);
	json_decref(part);
	json_decref(v);
}

TEST(a_mask_keeps_what_it_names)
{
	check_mask("webhook{url}", "{\"webhook\":{\"url\":\"u\"}}");
	check_mask("{b, webhook{ enabled , url }}",
		   "{\"b\":2,\"webhook\":{\"enabled\":true,\"url\":\"u\"}}");
	check_mask("*", "{\"webhook\":{\"url\":\"u\",\"enabled\":true},\"b\":2}");
	check_mask("webhook{url},*", "{\"webhook\":{\"url\":\"u\"},\"b\":2}");
	check_mask("nothing,b{x}", "{}");
	check_mask("", NULL);
	check_mask("{b", NULL);
	check_mask("b}", NULL);
	check_mask("b,,webhook", NULL);
	check_mask("a{a{a{a{a{a{a{a{a{a}}}}}}}}}", NULL);
	check_mask("b\xff", NULL);
	CHECK(mask_is_valid("webhook{url},*") && !mask_is_valid("webhook{") &&
	      !mask_is_valid("\xff"));
}
