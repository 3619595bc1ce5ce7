/*
 * alert_message.c - services/alerts/message.c: words, placeholders, both shapes, clocks.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "services/alerts/message.h"

#include "test.h"

#include <jansson.h>
#include <math.h>

#define S OP_NS_PER_S

static struct alerts_rule rule;

static struct message make(void)
{
	rule = (struct alerts_rule){.name = "hot",
				    .topic = "env.air",
				    .field = "temp",
				    .above = "30",
				    .severity = ALERTS_CRITICAL};
	return (struct message){
		.at = {.appliance = "hub",
		       .host = "pi",
		       .boot_id = "b00t",
		       .clock = "synchronised",
		       .clock_known = true,
		       .offset_ns = 1800000000LL * (int64_t)S,
		       .now_ns = 100 * S},
		.rule = &rule,
		.raised = true,
		.id = "cafe",
		.key = "cafe-raised",
		.unit = "degC",
		.value = 31.25,
		.threshold = 30,
		.since_ns = 40 * S,
	};
}

static const char *text_of(void (*fn)(const struct message *m, struct op_buf *out),
			   const struct message *m)
{
	static struct op_buf out;
	op_buf_finish(&out);
	op_buf_init(&out, 65536);
	fn(m, &out);
	CHECK_INT(out.err, 0);
	return out.data;
}

static void words(const struct message *m, struct op_buf *out)
{
	message_words(m, false, out);
}

static void line_of(const struct message *m, struct op_buf *out)
{
	message_line(m, false, out);
}

static const char *expand(const struct message *m, const char *template, bool slack)
{
	static struct op_buf out;
	op_buf_finish(&out);
	op_buf_init(&out, 65536);
	message_expand(m, template, slack, &out);
	return out.data;
}

TEST(conditions_are_told_in_words)
{
	struct message m = make();
	CHECK_STR(text_of(words, &m), "env.air temp is 31.25 degC, above 30");
	CHECK_STR(text_of(line_of, &m),
		  "critical hot raised: env.air temp is 31.25 degC, above 30");
	m.value = 10;
	m.threshold = 15;
	CHECK_STR(text_of(words, &m), "env.air temp is 10 degC, below 15");
	m.unit = "";
	CHECK_STR(text_of(words, &m), "env.air temp is 10, below 15");
	m.raised = false;
	CHECK_STR(text_of(words, &m), "env.air temp is 10 again after 60 s");
	(void)snprintf(rule.message, sizeof(rule.message), "see to it: {value:2} {message}");
	m.reason = "it is so";
	CHECK_STR(text_of(words, &m), "it is so"); /* not into itself */
	(void)snprintf(rule.message, sizeof(rule.message), "see to it: {value:2}");
	CHECK_STR(text_of(words, &m), "see to it: 10.00");
}

TEST(placeholders)
{
	struct message m = make();
	CHECK_STR(expand(&m, "{rule} {topic} {field} {severity} {state} {appliance} {host} {key}",
			 false),
		  "hot env.air temp critical raised hub pi cafe-raised");
	CHECK_STR(expand(&m, "{value:0} {value:3} {threshold:1} {duration} {since}", false),
		  "31 31.250 30.0 60 s 2027-01-15T08:00:40.000Z");
	CHECK_STR(expand(&m, "{nonsense} { } {value:x} {", false), "{nonsense} { } 31 {");
	m.label = "<!channel> & co";
	CHECK_STR(expand(&m, "<b>{value}", true), "<b>&lt;!channel&gt; &amp; co");
	CHECK_STR(expand(&m, "{value}", false), "<!channel> & co");
}

TEST(slack_gets_the_rules_text_as_it_is_and_records_escaped)
{
	struct message m = make();
	m.label = "<@U1> & co";
	(void)snprintf(rule.message, sizeof(rule.message), "<!here> {value}");
	CHECK_STR(expand(&m, "*{message}*", true), "*<!here> &lt;@U1&gt; &amp; co*");
	CHECK_STR(expand(&m, "*{message}*", false), "*<!here> <@U1> & co*");
	CHECK_HAS(text_of(message_slack, &m), "(critical)\\n<!here> &lt;@U1&gt; &amp; co\"");
	CHECK_HAS(text_of(message_webhook, &m), "\"message\":\"<!here> <@U1> & co\"");
	json_t *e = json_loads(text_of(message_entry, &m), 0, NULL);
	CHECK_HAS(json_string_value(json_object_get(e, "line")), "<!here> <@U1> & co");
	CHECK_HAS(json_string_value(json_object_get(e, "slack")), "<!here> &lt;@U1&gt; &amp; co");
	json_decref(e);
	rule.message[0] = '\0';
	rule.above[0] = '\0';
	(void)snprintf(rule.differs, sizeof(rule.differs), "x");
	CHECK_STR(expand(&m, "{message}", true), "env.air temp is &lt;@U1&gt; &amp; co");
	m.reason = "a < b";
	CHECK_STR(expand(&m, "{message}", true), "a &lt; b");
}

TEST(slack_has_one_attachment)
{
	struct message m = make();
	json_t *o = json_loads(text_of(message_slack, &m), 0, NULL);
	const char *color, *text, *fallback, *title, *value;
	json_int_t ts;
	int brief;
	json_t *fields;
	CHECK_INT(json_unpack(o, "{s:[{s:s, s:s, s:s, s:[s], s:I, s:o}!]}", "attachments", "color",
			      &color, "text", &text, "fallback", &fallback, "mrkdwn_in", &title,
			      "ts", &ts, "fields", &fields),
		  0);
	CHECK_STR(color, "danger");
	CHECK_STR(text, fallback);
	CHECK_STR(title, "text");
	CHECK_INT(ts, 1800000100);
	CHECK_INT(json_array_size(fields), 4);
	CHECK_INT(json_unpack(json_array_get(fields, 0), "{s:s, s:s, s:b}", "title", &title,
			      "value", &value, "short", &brief),
		  0);
	CHECK_STR(title, "Value");
	CHECK_STR(value, "31.25 degC");
	CHECK(brief);
	json_decref(o);
}

TEST(without_a_clock_there_is_no_date)
{
	struct message m = make();
	m.at.clock_known = false;
	m.at.clock = "unknown";
	m.at.offset_ns = 5 * (int64_t)S; /* 1970 */
	const char *slack = text_of(message_slack, &m);
	CHECK(!strstr(slack, "\"ts\"") && !strstr(slack, "1970"));
	CHECK_HAS(slack, "40 s after the start, clock not set");
	const char *hook = text_of(message_webhook, &m);
	CHECK(!strstr(hook, "1970"));
	CHECK_HAS(hook, "\"time\":null");
	CHECK_HAS(hook, "\"since\":null");
	CHECK_HAS(hook, "\"clock\":\"unknown\"");
	CHECK_HAS(hook, "\"boot_s\":100");
	m.since_ns = 0; /* of another boot, whose clock was known */
	m.since_wall_ns = 1800000000LL * (int64_t)S;
	CHECK_HAS(text_of(message_webhook, &m), "\"since\":\"2027-01-15T08:00:00.000Z\"");
	CHECK_STR(expand(&m, "{duration}", false), "unknown");
}

TEST(the_plain_shape_says_it_all)
{
	struct message m = make();
	CHECK_STR(
		text_of(message_webhook, &m),
		"{\"key\":\"cafe-raised\",\"alert\":\"cafe\",\"rule\":\"hot\",\"state\":\"raised\","
		"\"severity\":\"critical\",\"message\":\"env.air temp is 31.25 degC, above 30\","
		"\"topic\":\"env.air\",\"field\":\"temp\",\"value\":31.25,\"unit\":\"degC\","
		"\"threshold\":30,\"since\":\"2027-01-15T08:00:40.000Z\","
		"\"time\":\"2027-01-15T08:01:40.000Z\",\"clock\":\"synchronised\",\"boot_s\":100,"
		"\"boot_id\":\"b00t\",\"appliance\":\"hub\",\"host\":\"pi\"}");
	m.value = NAN;
	m.label = "fault";
	CHECK_HAS(text_of(message_webhook, &m), "\"value\":\"fault\"");
	m.threshold = NAN;
	CHECK_HAS(text_of(message_webhook, &m), "\"threshold\":null");
}

TEST(a_digest_is_one_message)
{
	struct message m = make();
	json_t *e = json_loads(text_of(message_entry, &m), 0, NULL);
	const char *line = json_string_value(json_object_get(e, "line"));
	const char *alert = json_string_value(json_object_get(e, "alert"));
	const char *slack = NULL;
	struct message_digest d = {.at = m.at,
				   .name = "daily",
				   .key = "d",
				   .lines = &line,
				   .slack = &slack,
				   .alerts = &alert,
				   .n = 1,
				   .more = 2};
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, 65536);
	message_digest_slack(&d, &out);
	CHECK_HAS(out.data,
		  "*Digest daily: 3 changes*\\n2027-01-15T08:01:40.000Z critical hot raised");
	CHECK_HAS(out.data, "and 2 more");
	slack = "a &lt; b";
	op_buf_reset(&out);
	message_digest_slack(&d, &out);
	CHECK_HAS(out.data, "3 changes*\\na &lt; b\\nand 2 more");
	op_buf_reset(&out);
	message_digest_webhook(&d, &out);
	json_t *o = json_loads(out.data, 0, NULL);
	CHECK_INT(json_array_size(json_object_get(o, "alerts")), 1);
	CHECK_HAS(out.data, "\"rule\":\"hot\"");
	json_decref(o);
	json_decref(e);
}

TEST(degrees_thresholds_and_times_in_the_words_of_their_users)
{
	struct message m = make();
	m.value = 30;
	m.threshold = -5;
	m.given = "-5";
	CHECK_STR(expand(&m, "{value:1} C ({value_f:1} F)", false), "30.0 C (86.0 F)");
	CHECK_STR(expand(&m, "{threshold:given} {threshold_f:1} {threshold:1}", false),
		  "-5 23.0 -5.0");
	m.given = NULL;
	CHECK_STR(expand(&m, "{threshold:given}", false), "-5");
	m.value = 51.121;
	CHECK_STR(expand(&m, "{value:shortest} {value:1}", false), "51.121 51.1");
	m.value = 45;
	CHECK_STR(expand(&m, "{value:shortest}", false), "45.0");
	m.unit = "%";
	CHECK_STR(expand(&m, "{value_f:1}", false), "none"); /* of what is no temperature */
	(void)setenv("TZ", "UTC-1", 1);
	CHECK_STR(expand(&m, "{time:%Y-%m-%d %H:%M:%S}", false), "2027-01-15 09:01:40");
	(void)unsetenv("TZ");
	m.at.clock_known = false;
	CHECK_STR(expand(&m, "{time:%Y-%m-%d}", false),
		  "100 s after the start, clock not set"); /* no false date */
}

TEST(a_cleared_alert_has_lines_of_its_own)
{
	struct alerts_field time = {.title = "Timestamp", .value = "{time:%Y}"};
	struct message m = make();
	m.raised = false;
	rule.fields_cleared = (struct op_setting_list){.v = &time, .n = 1};
	json_t *o = json_loads(text_of(message_slack, &m), 0, NULL);
	json_t *one = json_array_get(json_object_get(o, "attachments"), 0);
	char *fields = json_dumps(json_object_get(one, "fields"), JSON_COMPACT);
	CHECK_STR(fields, "[{\"title\":\"Timestamp\",\"value\":\"2027\",\"short\":false}]");
	free(fields);
	json_decref(o);
}
