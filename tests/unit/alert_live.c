/*
 * alert_live.c - services/alerts/live.c: what may be changed at run time, all of it or nothing.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "services/alerts/live.h"

#include "test.h"

#include <string.h>

static struct alerts_channel channels[] = {
	{.name = "log", .type = ALERTS_LOG, .enabled = true},
	{.name = "slack",
	 .type = ALERTS_SLACK,
	 .url = "https://u:pass@hooks.slack.com:8443/services/T0/B0/canary?q=canary",
	 .enabled = true,
	 .attempts = 3,
	 .backoff_s = 5,
	 .timeout_s = 10,
	 .backoff_ms = 1000,
	 .backoff_max_ms = 300000},
};
static struct alerts_rule rules[] = {
	{.name = "high", .field = "c", .above = "32"},
	{.name = "low", .field = "c", .below = "-5"},
	{.name = "silent", .silent_s = 5},
};
static struct alerts_settings set = {
	.channels = {.v = channels, .n = 2},
	.rules = {.v = rules, .n = 3},
};
static struct live live;

static void check_json(const char *want)
{
	json_t *o = live_json(&live);
	char *text = json_dumps(o, JSON_COMPACT);
	CHECK_STR(text, want);
	free(text);
	json_decref(o);
}

/* error: a part of it; NULL: it is right. */
static void change(const char *text, const char *error)
{
	char mem[512];
	struct op_buf out;
	op_buf_init_fixed(&out, mem, sizeof(mem));
	json_t *o = json_loads(text, 0, NULL);
	CHECK(o);
	CHECK_INT(live_apply(&live, o, &out), error ? -EINVAL : 0);
	if (error && !strstr(mem, error))
		CHECK_STR(mem, error);
	CHECK(!strstr(mem, "canary"));
	json_decref(o);
}

#define AS_SET                                                                                   \
	"{\"channels\":{\"slack\":{\"type\":\"slack\",\"url\":\"https://hooks.slack.com:8443\"," \
	"\"enabled\":true,\"attempts\":3,\"backoff_ms\":5000,\"timeout_ms\":10000}},"            \
	"\"rules\":{\"high\":{\"above\":\"32.0\",\"below\":null},"                               \
	"\"low\":{\"above\":null,\"below\":\"-5.0\"}}}"

TEST(it_begins_with_the_settings_and_shows_no_secret)
{
	live_init(&live, &set);
	check_json(AS_SET);
	CHECK(live_takes(&live, 0));
	CHECK(live_takes(&live, 1));
	CHECK_INT(live_patience_s(&live, 1, 0), 60 + 5 + 60 + 10 + 60 + 5);
	CHECK_INT(live_patience_s(&live, 1, 1), 65);
	change("{}", NULL);
	check_json(AS_SET);
}

TEST(a_change_is_partial)
{
	live_init(&live, &set);
	change("{\"channels\":{\"slack\":{\"enabled\":false,\"attempts\":10}},"
	       "\"rules\":{\"low\":{\"below\":\"15\"},\"high\":{\"above\":null}}}",
	       NULL);
	check_json("{\"channels\":{\"slack\":{\"type\":\"slack\",\"url\":\"https://hooks.slack.com:"
		   "8443\",\"enabled\":false,\"attempts\":10,\"backoff_ms\":5000,\"timeout_ms\":"
		   "10000}},\"rules\":{\"high\":{\"above\":null,\"below\":null},\"low\":{\"above\":"
		   "null,\"below\":\"15\"}}}");
	CHECK(!live_takes(&live, 1));
	CHECK(live_params(&live, 0).off);
	CHECK(!live_params(&live, 1).off);
	CHECK_NEAR(live_params(&live, 1).low, 15, 0);
	change("{\"channels\":{\"slack\":{\"url\":null,\"enabled\":true,\"timeout_ms\":120000,"
	       "\"backoff_ms\":60000}}}",
	       NULL);
	CHECK(!live_takes(&live, 1));
	CHECK_INT(live.channel[1].read_timeout_ms, 120000);
	CHECK_INT(live.channel[1].connect_timeout_ms, 120000);
	change("{\"channels\":{\"slack\":{\"url\":\"http://other.example/canary\"}}}", NULL);
	CHECK_STR(live.channel[1].url, "http://other.example/canary");
}

TEST(one_mistake_and_nothing_changes)
{
	static const struct {
		const char *change, *error;
	} wrong[] = {
		{"{\"channels\":{\"slack\":{\"attempts\":5,\"url\":\"ftp://x/canary\"}}}",
		 "slack.url"},
		{"{\"channels\":{\"slack\":{\"url\":\"https:///canary\"}}}", "slack.url"},
		{"{\"channels\":{\"slack\":{\"url\":5}}}", "slack.url"},
		{"{\"channels\":{\"slack\":{\"attempts\":3.5}}}", "slack.attempts"},
		{"{\"channels\":{\"slack\":{\"attempts\":-1}}}", "slack.attempts"},
		{"{\"channels\":{\"slack\":{\"backoff_ms\":9}}}", "slack.backoff_ms"},
		{"{\"channels\":{\"slack\":{\"enabled\":1}}}", "slack.enabled"},
		{"{\"channels\":{\"slack\":{\"type\":\"log\"}}}", "slack.type"},
		{"{\"channels\":{\"log\":{\"enabled\":false}}}", "channels.log"},
		{"{\"channels\":{\"slack\":[]}}", "channels.slack"},
		{"{\"channels\":[]}", "channels"},
		{"{\"rules\":{\"none\":{}}}", "rules.none"},
		{"{\"rules\":{\"high\":{\"below\":\"5\"}}}", "high.below"},
		{"{\"rules\":{\"high\":{\"above\":\"hot\"}}}", "high.above"},
		{"{\"rules\":{\"high\":{\"above\":\"nan\"}}}", "high.above"},
		{"{\"rules\":{\"high\":{\"above\":\"\"}}}", "high.above"},
		{"{\"rules\":{\"high\":{\"above\":5}}}", "high.above"},
		{"{\"rules\":{\"silent\":{\"silent_s\":5}}}", "silent.silent_s"},
		{"{\"channels\":{\"slack\":{\"attempts\":5}},\"rules\":{\"low\":{\"below\":\"x\"}}"
		 "}",
		 "low.below"},
	};
	live_init(&live, &set);
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++)
		change(wrong[i].change, wrong[i].error);
	check_json(AS_SET);
}

static void check_changes(const char *want)
{
	json_t *o = live_changes(&live);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	CHECK_STR(text ? text : "none", want);
	CHECK(!text || !strstr(text, "canary"));
	free(text);
	json_decref(o);
}

TEST(what_is_changed_can_be_changed_again)
{
	static const char wish[] =
		"{\"channels\":{\"slack\":{\"enabled\":false,\"attempts\":7,\"backoff_ms\":60,"
		"\"timeout_ms\":700}},\"rules\":{\"high\":{\"above\":\"27\"},\"low\":{"
		"\"below\":null}},\"addresses\":[]}";
	static struct live before;
	live_init(&live, &set);
	check_changes("none");
	change(wish, NULL);
	check_changes(wish);
	before = live;
	live_init(&live, &set);
	change(wish, NULL);
	CHECK(memcmp(&live, &before, sizeof(live)) == 0);
	change("{\"channels\":{\"slack\":{\"enabled\":true,\"attempts\":3,\"backoff_ms\":5000,"
	       "\"timeout_ms\":10000}},\"rules\":{\"high\":{\"above\":\"32.0\"},\"low\":{"
	       "\"below\":\"-5.0\"}}}",
	       NULL);
	check_changes("none");
}

TEST(an_address_is_not_told_but_that_it_is_another)
{
	live_init(&live, &set);
	change("{\"channels\":{\"slack\":{\"url\":\"https://other.example/canary\"}}}", NULL);
	check_changes("{\"channels\":{},\"rules\":{},\"addresses\":[\"slack\"]}");
	change("{\"channels\":{\"slack\":{\"url\":null}}}", NULL);
	check_changes("{\"channels\":{\"slack\":{\"url\":null}},\"rules\":{},\"addresses\":[]}");
}
