/*
 * message.h - what an alert says: to a person in a line, to Slack, to a machine as JSON.
 *
 * Pure: everything comes in struct message. Bodies are described in outpost-alerts(8).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_MESSAGE_H
#define OUTPOST_ALERTS_MESSAGE_H

#include <outpost/buf.h>
#include <outpost/topic.h>

#include "settings.h"

/* Where and when something was, whatever it is. */
struct message_place {
	const char *appliance, *host, *boot_id;
	const char *clock; /* quality of the wall clock: unknown, set, synchronised */
	bool clock_known;  /* else wall times say nothing and are not shown */
	int64_t offset_ns; /* wall = boot + offset */
	uint64_t now_ns;   /* boot time */
};

struct message {
	struct message_place at;
	const struct alerts_rule *rule;
	bool raised;
	const char *id;  /* of the alert; its raise and its clear share it */
	const char *key; /* of this message */
	const char *unit;
	const char *label;       /* of the value, where that is no number; else NULL */
	const char *reason;      /* what was found, in words; made here if NULL */
	double value, threshold; /* NaN: none */
	const char *given;       /* the threshold in the words of the settings; NULL: the number */
	uint64_t since_ns;       /* boot time it began to hold; 0: in another boot */
	int64_t since_wall_ns;   /* 0: not known */
};

/* Replaces {value} {value:2} {threshold} {threshold:given} {unit} {time} {time:STRFTIME} {since}
 * {duration} {value_f:1} {threshold_f:1} (in degF what is in degC) {rule} {topic} {field}
 * {severity} {message} {state} {appliance} {host} {key}; what is no placeholder stays. slack: what
 * is put in is escaped as Slack asks for (&, < and > as entities), the template itself is not: its
 * author may well mean <!channel>. That holds for the rule's own message too. */
void message_expand(const struct message *m, const char *template, bool slack, struct op_buf *out);
/* "critical too-hot raised: env.air temp_c is 31.2 degC, above 30" */
void message_line(const struct message *m, bool slack, struct op_buf *out);
/* The rule's message, or what the condition makes of it. */
void message_words(const struct message *m, bool slack, struct op_buf *out);
void message_slack(const struct message *m, struct op_buf *out);
void message_webhook(const struct message *m, struct op_buf *out);

/* One entry of a digest as it is kept: {"line":..,"slack":..,"alert":".."}; "slack" is the
 * line as Slack wants it, where that differs. */
void message_entry(const struct message *m, struct op_buf *out);
struct message_digest {
	struct message_place at;
	const char *name, *key;
	const char *const *lines;  /* of the entries */
	const char *const *slack;  /* the same for Slack; NULL in it: the line itself */
	const char *const *alerts; /* JSON of the entries */
	size_t n, more;            /* more: that there was no room for */
};
void message_digest_slack(const struct message_digest *d, struct op_buf *out);
void message_digest_webhook(const struct message_digest *d, struct op_buf *out);

/* The message of the test button. */
void message_test_slack(const struct message_place *at, struct op_buf *out);
void message_test_webhook(const struct message_place *at, const char *key, struct op_buf *out);

/* "2026-11-21T10:00:00.000Z", or as strftime(3) makes it of the local time (format NULL: the
 * first); or "90 s after the start, clock not set". */
void message_time(const struct message_place *at, uint64_t boot_ns, const char *format,
		  struct op_buf *out);

/* The shape of a Slack message, for those that make one of their own. */
struct message_slack {
	const char *color, *text;
	const struct message_place *at;
};
void message_slack_begin(const struct message_slack *s, struct op_buf *out);
void message_slack_field(const char *title, const char *value, bool brief, struct op_buf *out);
void message_slack_end(struct op_buf *out);
/* "time", "clock", "boot_s", "boot_id", "appliance", "host" of the plain shape. */
void message_place_json(const struct message_place *at, struct op_buf *out);

/* message_report.c: a record in words. at.now_ns is that of the record. */
struct message_report {
	struct message_place at;
	const struct alerts_report *report;
	const char *key;
	const struct op_topic_type *type; /* NULL: there is no record yet */
	const void *record;
};
/* Placeholders: {FIELD} {FIELD:2} {FIELD:shortest} of the record, {time} {time:STRFTIME} {report}
 * {topic} {appliance} {host}. */
void message_report_slack(const struct message_report *m, struct op_buf *out);
void message_report_webhook(const struct message_report *m, struct op_buf *out);

#endif
