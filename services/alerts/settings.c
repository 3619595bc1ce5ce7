/*
 * settings.c - the table of settings, and what it cannot say of them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

const char *const alerts_severity_names[] = {"info", "warning", "critical", NULL};
const char *const alerts_channel_types[] = {"slack", "webhook", "log", NULL};

const char *const alerts_dates_names[] = {"known", "always", NULL};

#define IN(type, member) .offset = offsetof(struct type, member)
#define TEXT_IN(type, member) IN(type, member), .size = sizeof(((struct type *)0)->member)

static const struct op_setting channel_table[] = {
	{"name", OP_SET_STRING, TEXT_IN(alerts_channel, name), .flags = OP_SET_REQUIRED,
	 .help = "name of the channel, and of its queue in the outbox"},
	{"type", OP_SET_CHOICE, IN(alerts_channel, type), .def = "webhook",
	 .choices = alerts_channel_types, .help = "what is sent: outpost-alerts(8)"},
	{"url", OP_SET_STRING, TEXT_IN(alerts_channel, url), .def = "", .flags = OP_SET_SECRET,
	 .help = "http:// or https:// address it is posted to; empty: the channel is off"},
	{"enabled", OP_SET_BOOL, IN(alerts_channel, enabled), .def = "true",
	 .help = "whether it is told anything; changed at run time by the call configure"},
	{"attempts", OP_SET_INT, IN(alerts_channel, attempts), .def = "0", .min = 0, .max = 100000,
	 .help = "attempts before a message is given up; 0: until it expires"},
	{"expires_h", OP_SET_FLOAT, IN(alerts_channel, expires_h), .def = "168", .min = 0,
	 .max = 8760, .unit = "h", .help = "age at which a message is given up; 0: never"},
	{"backoff_ms", OP_SET_INT, IN(alerts_channel, backoff_ms), .def = "1000", .min = 10,
	 .max = 3600000, .unit = "ms",
	 .help = "pause after the first failed attempt, doubled each time"},
	{"backoff_max_ms", OP_SET_INT, IN(alerts_channel, backoff_max_ms), .def = "300000",
	 .min = 10, .max = 86400000, .unit = "ms", .help = "longest pause between attempts"},
	{"connect_timeout_ms", OP_SET_INT, IN(alerts_channel, connect_timeout_ms), .def = "10000",
	 .min = 100, .max = 600000, .unit = "ms", .help = "time a connection may take"},
	{"read_timeout_ms", OP_SET_INT, IN(alerts_channel, read_timeout_ms), .def = "10000",
	 .min = 100, .max = 600000, .unit = "ms", .help = "time without a byte of the answer"},
	{"backoff_s", OP_SET_FLOAT, IN(alerts_channel, backoff_s), .def = "0", .min = 0,
	 .max = 3600, .unit = "s", .help = "backoff_ms in seconds; 0: backoff_ms says it"},
	{"timeout_s", OP_SET_FLOAT, IN(alerts_channel, timeout_s), .def = "0", .min = 0, .max = 600,
	 .unit = "s", .help = "both time-outs in seconds; 0: they say it"},
	{"redirects", OP_SET_INT, IN(alerts_channel, redirects), .def = "0", .min = 0, .max = 30,
	 .help = "redirects that are followed; 301, 302 and 303 lose the message on the way"},
	{"jitter", OP_SET_BOOL, IN(alerts_channel, jitter), .def = "true",
	 .help = "shorten the pauses by chance and honour Retry-After; false: exactly as set"},
	{"give_up_4xx", OP_SET_BOOL, IN(alerts_channel, give_up_4xx), .def = "true",
	 .help = "give a message up when the receiver says that it will never take it"},
	{"keep_failed", OP_SET_BOOL, IN(alerts_channel, keep_failed), .def = "true",
	 .help = "messages that all attempts gave up stay in the outbox for people; else they are "
		 "gone"},
	{"log_attempts", OP_SET_BOOL, IN(alerts_channel, log_attempts), .def = "false",
	 .help = "log every attempt, not only when they begin and end to fail"},
};

static const struct op_setting digest_table[] = {
	{"name", OP_SET_STRING, TEXT_IN(alerts_digest, name), .flags = OP_SET_REQUIRED,
	 .help = "name that rules refer to"},
	{"minutes", OP_SET_FLOAT, IN(alerts_digest, minutes), .def = "60", .min = 0.01,
	 .max = 10080, .unit = "min",
	 .help = "time from the first line of a digest to its sending"},
};

static const struct op_setting field_table[] = {
	{"title", OP_SET_STRING, TEXT_IN(alerts_field, title), .flags = OP_SET_REQUIRED,
	 .help = "title of the line"},
	{"value", OP_SET_STRING, TEXT_IN(alerts_field, value), .def = "{value} {unit}",
	 .help = "its text, with placeholders"},
	{"short", OP_SET_BOOL, IN(alerts_field, brief), .def = "true",
	 .help = "two such lines may stand side by side"},
};

static const struct op_setting report_field_table[] = {
	{"title", OP_SET_STRING, TEXT_IN(alerts_field, title), .flags = OP_SET_REQUIRED,
	 .help = "title of the line"},
	{"value", OP_SET_STRING, TEXT_IN(alerts_field, value), .flags = OP_SET_REQUIRED,
	 .help = "its text, with placeholders"},
	{"short", OP_SET_BOOL, IN(alerts_field, brief), .def = "true",
	 .help = "two such lines may stand side by side"},
	{"optional", OP_SET_BOOL, IN(alerts_field, optional), .def = "false",
	 .help = "left out where a number of it is missing"},
};

static const struct op_setting report_table[] = {
	{"name", OP_SET_STRING, TEXT_IN(alerts_report, name), .flags = OP_SET_REQUIRED,
	 .help = "name of the report: letters, digits, - _ ."},
	{"topic", OP_SET_STRING, TEXT_IN(alerts_report, topic), .flags = OP_SET_REQUIRED,
	 .help = "topic whose newest record it tells"},
	{"enabled", OP_SET_BOOL, IN(alerts_report, enabled), .def = "true",
	 .help = "whether it is sent by the clock; as a test it is in any case"},
	{"every_s", OP_SET_FLOAT, IN(alerts_report, every_s), .def = "3600", .min = 0,
	 .max = 31536000, .unit = "s", .help = "time between two of them"},
	{"least_s", OP_SET_FLOAT, IN(alerts_report, least_s), .def = "0", .min = 0, .max = 31536000,
	 .unit = "s", .help = "every_s is raised to this, with a warning"},
	{"on_start", OP_SET_BOOL, IN(alerts_report, on_start), .def = "false",
	 .help = "send the first with the first record; else after every_s"},
	{"text", OP_SET_STRING, TEXT_IN(alerts_report, text), .def = "*{report}*",
	 .help = "text of the message, with placeholders"},
	{"fields", OP_SET_LIST, IN(alerts_report, fields), .size = sizeof(struct alerts_field),
	 .max = ALERTS_FIELDS_MAX, .sub = report_field_table,
	 .n_sub = OP_ARRAY_SIZE(report_field_table), .help = "lines of the message"},
	{"channels", OP_SET_STRING, TEXT_IN(alerts_report, channels), .def = "",
	 .help = "names of channels with commas; empty: all"},
};

static const struct op_setting outside_table[] = {
	{"low", OP_SET_STRING, TEXT_IN(alerts_rule, outside.low), .def = "",
	 .help = "number; lower values raise"},
	{"high", OP_SET_STRING, TEXT_IN(alerts_rule, outside.high), .def = "",
	 .help = "number; higher values raise"},
};

static const struct op_setting rule_table[] = {
	{"name", OP_SET_STRING, TEXT_IN(alerts_rule, name), .flags = OP_SET_REQUIRED,
	 .help = "name of the rule: letters, digits, - _ ."},
	{"topic", OP_SET_STRING, TEXT_IN(alerts_rule, topic), .flags = OP_SET_REQUIRED,
	 .help = "topic it looks at"},
	{"field", OP_SET_STRING, TEXT_IN(alerts_rule, field), .def = "",
	 .help = "field of the topic; not needed for silent_s"},
	{"above", OP_SET_STRING, TEXT_IN(alerts_rule, above), .def = "",
	 .help = "number; higher values raise"},
	{"below", OP_SET_STRING, TEXT_IN(alerts_rule, below), .def = "",
	 .help = "number; lower values raise"},
	{"outside", OP_SET_GROUP, .offset = 0, .sub = outside_table,
	 .n_sub = OP_ARRAY_SIZE(outside_table), .help = "values out of a range raise"},
	{"equals", OP_SET_STRING, TEXT_IN(alerts_rule, equals), .def = "",
	 .help = "this label, text or number raises"},
	{"differs", OP_SET_STRING, TEXT_IN(alerts_rule, differs), .def = "",
	 .help = "every other label, text or number raises"},
	{"silent_s", OP_SET_FLOAT, IN(alerts_rule, silent_s), .def = "0", .min = 0, .max = 31536000,
	 .unit = "s", .help = "no record for so long, or nobody who writes the topic, raises"},
	{"hysteresis", OP_SET_FLOAT, IN(alerts_rule, hysteresis), .def = "0", .min = 0, .max = 1e15,
	 .help = "distance inside the threshold at which a value is back"},
	{"for_s", OP_SET_FLOAT, IN(alerts_rule, for_s), .def = "0", .min = 0, .max = 31536000,
	 .unit = "s", .help = "time it must hold before it is raised"},
	{"clear_for_s", OP_SET_FLOAT, IN(alerts_rule, clear_for_s), .def = "-1", .min = -1,
	 .max = 31536000, .unit = "s",
	 .help = "time it must be over before it is cleared; -1: as for_s"},
	{"cooldown_s", OP_SET_FLOAT, IN(alerts_rule, cooldown_s), .def = "0", .min = 0,
	 .max = 31536000, .unit = "s", .help = "least time between two raises"},
	{"repeat_s", OP_SET_FLOAT, IN(alerts_rule, repeat_s), .def = "-1", .min = -1,
	 .max = 31536000, .unit = "s",
	 .help = "while it lasts, tell it again after so long; 0: with every value, -1: never"},
	{"confirmed", OP_SET_BOOL, IN(alerts_rule, confirmed), .def = "false",
	 .help = "it counts as told only when a receiver took it; else the next value tells it"},
	{"severity", OP_SET_CHOICE, IN(alerts_rule, severity), .def = "warning",
	 .choices = alerts_severity_names, .help = "how bad it is"},
	{"message", OP_SET_STRING, TEXT_IN(alerts_rule, message), .def = "",
	 .help = "what to tell, with placeholders; empty: made from the condition"},
	{"text", OP_SET_STRING, TEXT_IN(alerts_rule, text), .def = "",
	 .help = "text of the Slack message when it is raised, with placeholders"},
	{"text_cleared", OP_SET_STRING, TEXT_IN(alerts_rule, text_cleared), .def = "",
	 .help = "the same when it is cleared"},
	{"fields", OP_SET_LIST, IN(alerts_rule, fields), .size = sizeof(struct alerts_field),
	 .max = ALERTS_FIELDS_MAX, .sub = field_table, .n_sub = OP_ARRAY_SIZE(field_table),
	 .help = "lines of the Slack message when it is raised; none: the usual ones"},
	{"fields_cleared", OP_SET_LIST, IN(alerts_rule, fields_cleared),
	 .size = sizeof(struct alerts_field), .max = ALERTS_FIELDS_MAX, .sub = field_table,
	 .n_sub = OP_ARRAY_SIZE(field_table),
	 .help = "the same when it is cleared; none: the usual ones"},
	{"digest", OP_SET_STRING, TEXT_IN(alerts_rule, digest), .def = "",
	 .help = "digest it is collected in instead of being sent at once"},
	{"channels", OP_SET_STRING, TEXT_IN(alerts_rule, channels), .def = "",
	 .help = "names of channels with commas; empty: all"},
};

const struct op_setting alerts_settings_table[] = {
	{"channels", OP_SET_LIST, IN(alerts_settings, channels),
	 .size = sizeof(struct alerts_channel), .max = ALERTS_CHANNELS_MAX, .sub = channel_table,
	 .n_sub = OP_ARRAY_SIZE(channel_table), .help = "where alerts go"},
	{"digests", OP_SET_LIST, IN(alerts_settings, digests), .size = sizeof(struct alerts_digest),
	 .max = ALERTS_DIGESTS_MAX, .sub = digest_table, .n_sub = OP_ARRAY_SIZE(digest_table),
	 .help = "messages that collect alerts"},
	{"rules", OP_SET_LIST, IN(alerts_settings, rules), .size = sizeof(struct alerts_rule),
	 .max = ALERTS_RULES_MAX, .sub = rule_table, .n_sub = OP_ARRAY_SIZE(rule_table),
	 .help = "what raises an alert"},
	{"reports", OP_SET_LIST, IN(alerts_settings, reports), .size = sizeof(struct alerts_report),
	 .max = ALERTS_REPORTS_MAX, .sub = report_table, .n_sub = OP_ARRAY_SIZE(report_table),
	 .help = "messages that are sent by the clock"},
	{"period_ms", OP_SET_INT, IN(alerts_settings, period_ms), .def = "250", .min = 10,
	 .max = 10000, .unit = "ms", .help = "pause between two looks at the topics"},
	{"dates", OP_SET_CHOICE, IN(alerts_settings, dates), .def = "known",
	 .choices = alerts_dates_names,
	 .help = "in messages: where the clock is known to be right, or always"},
	{"host", OP_SET_STRING, TEXT_IN(alerts_settings, host), .def = "",
	 .help = "name of this box in messages; empty: its host name"},
};
const size_t alerts_settings_count = OP_ARRAY_SIZE(alerts_settings_table);
