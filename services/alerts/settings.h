/*
 * settings.h - the settings of the alerts service: channels, digests, rules, reports.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_SETTINGS_H
#define OUTPOST_ALERTS_SETTINGS_H

#include <outpost/config.h>

#include "rule.h"

#define ALERTS_RULES_MAX 64
#define ALERTS_CHANNELS_MAX 8
#define ALERTS_DIGESTS_MAX 8
#define ALERTS_FIELDS_MAX 8
#define ALERTS_REPORTS_MAX 4
#define ALERTS_NAME_MAX 47 /* bytes of the name of a rule, a channel, a digest */

enum alerts_severity { ALERTS_INFO, ALERTS_WARNING, ALERTS_CRITICAL };
#define ALERTS_SEVERITY_LABELS "info|warning|critical"
extern const char *const alerts_severity_names[];

enum alerts_channel_type { ALERTS_SLACK, ALERTS_WEBHOOK, ALERTS_LOG };
extern const char *const alerts_channel_types[];

enum alerts_dates { ALERTS_DATES_KNOWN, ALERTS_DATES_ALWAYS };
extern const char *const alerts_dates_names[];

struct alerts_channel {
	char name[ALERTS_NAME_MAX + 1], url[1024];
	int type;
	int64_t attempts, backoff_ms, backoff_max_ms, connect_timeout_ms, read_timeout_ms;
	int64_t redirects;
	double expires_h, backoff_s, timeout_s; /* seconds win over the same in ms, if given */
	bool enabled, jitter, give_up_4xx, keep_failed, log_attempts;
};

struct alerts_digest {
	char name[ALERTS_NAME_MAX + 1];
	double minutes;
};

/* A line of a Slack message. */
struct alerts_field {
	char title[64], value[128];
	bool brief;
	bool optional; /* of a report: left out where a number of it is missing */
};

/* Numbers that may be left out are texts here; rule_params has them as numbers. */
struct alerts_rule {
	char name[ALERTS_NAME_MAX + 1], topic[64], field[64];
	char above[32], below[32], equals[64], differs[64];
	struct {
		char low[32], high[32];
	} outside;
	double silent_s, hysteresis, for_s, clear_for_s, cooldown_s, repeat_s;
	bool confirmed;
	int severity;
	char message[192], text[192], text_cleared[192], digest[ALERTS_NAME_MAX + 1], channels[256];
	struct op_setting_list fields, fields_cleared; /* struct alerts_field */
};

/* Sent by the clock. */
struct alerts_report {
	char name[ALERTS_NAME_MAX + 1], topic[64], text[192], channels[256];
	double every_s, least_s;
	bool enabled, on_start;
	struct op_setting_list fields; /* struct alerts_field */
};

struct alerts_settings {
	struct op_setting_list channels, digests, rules, reports;
	int64_t period_ms;
	int dates;
	char host[64];
};

extern const struct op_setting alerts_settings_table[];
extern const size_t alerts_settings_count;

/* What the table cannot say: names, one condition each, thresholds, addresses. */
void alerts_settings_check(const struct op_config *c, const char *service, const void *settings,
			   struct op_buf *errors);
/* A finite number and nothing else. */
bool alerts_is_number(const char *text);
/* An address that a channel may have. */
bool alerts_is_url(const char *url);
/* The engine's view of a rule that passed the check; gap_ns is the topic's business. */
struct rule_params alerts_rule_params(const struct alerts_rule *r);
/* True if name is in a list with commas; of an empty list everything is. */
bool alerts_list_has(const char *list, const char *name);

static inline const struct alerts_rule *alerts_rule_at(const struct alerts_settings *s, size_t i)
{
	return (const struct alerts_rule *)s->rules.v + i;
}
static inline const struct alerts_channel *alerts_channel_at(const struct alerts_settings *s,
							     size_t i)
{
	return (const struct alerts_channel *)s->channels.v + i;
}
static inline const struct alerts_report *alerts_report_at(const struct alerts_settings *s,
							   size_t i)
{
	return (const struct alerts_report *)s->reports.v + i;
}
static inline const struct alerts_digest *alerts_digest_at(const struct alerts_settings *s,
							   size_t i)
{
	return (const struct alerts_digest *)s->digests.v + i;
}

#endif
