/*
 * message.c - words and placeholders, and the two shapes of a body: Slack's and the plain one.
 *
 * Without a known clock there is no date anywhere, neither in words nor in "ts": a false one would
 * be believed. What comes from records is escaped for Slack, so that a device cannot call a
 * channel.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "expand.h"

/* ---- pieces ----------------------------------------------------------------------------- */

static int64_t wall_of(const struct message_place *at, uint64_t boot_ns)
{
	return (int64_t)(boot_ns + (uint64_t)at->offset_ns); /* unsigned: stamps may be odd */
}

static void put_duration(uint64_t ns, struct op_buf *out)
{
	uint64_t s = ns / OP_NS_PER_S;
	if (s < 120)
		op_buf_printf(out, "%llu s", (unsigned long long)s);
	else if (s < 7200)
		op_buf_printf(out, "%llu min %llu s", (unsigned long long)(s / 60),
			      (unsigned long long)(s % 60));
	else
		op_buf_printf(out, "%llu h %llu min", (unsigned long long)(s / 3600),
			      (unsigned long long)(s / 60 % 60));
}

/* The format is the author's of the settings: whatever it is, strftime stays within text. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_local_time(int64_t wall_ns, const char *format, struct op_buf *out)
{
	char text[96];
	struct tm tm;
	time_t s = (time_t)(wall_ns / (int64_t)OP_NS_PER_S);
	if (localtime_r(&s, &tm) && strftime(text, sizeof(text), format, &tm) > 0)
		op_buf_puts(out, text);
}
#pragma GCC diagnostic pop

void message_time(const struct message_place *at, uint64_t boot_ns, const char *format,
		  struct op_buf *out)
{
	char text[OP_RFC3339_BYTES];
	if (at->clock_known && format && *format) {
		put_local_time(wall_of(at, boot_ns), format, out);
		return;
	}
	if (at->clock_known) {
		op_time_rfc3339(wall_of(at, boot_ns), text);
		op_buf_puts(out, text);
		return;
	}
	put_duration(boot_ns, out);
	op_buf_puts(out, " after the start, clock not set");
}

static void put_since(const struct message *m, struct op_buf *out)
{
	char text[OP_RFC3339_BYTES];
	if (m->since_ns) {
		message_time(&m->at, m->since_ns, NULL, out);
	} else if (m->since_wall_ns) {
		op_time_rfc3339(m->since_wall_ns, text);
		op_buf_puts(out, text);
	} else {
		op_buf_puts(out, "before the last start");
	}
}

static void put_lasted(const struct message *m, struct op_buf *out)
{
	int64_t now = wall_of(&m->at, m->at.now_ns);
	if (m->since_ns && m->since_ns <= m->at.now_ns)
		put_duration(m->at.now_ns - m->since_ns, out);
	else if (!m->since_ns && m->since_wall_ns && m->at.clock_known && now > m->since_wall_ns)
		put_duration((uint64_t)(now - m->since_wall_ns), out);
	else
		op_buf_puts(out, "unknown");
}

static void put_value(const struct message *m, const char *format, struct op_buf *out)
{
	if (m->label)
		op_buf_puts(out, m->label);
	else
		expand_number(m->value, format, out);
}

static const char *severity(const struct message *m)
{
	return alerts_severity_names[m->rule->severity];
}

static const char *state(bool raised)
{
	return raised ? "raised" : "cleared";
}

/* ---- placeholders ----------------------------------------------------------------------- */

static void put_fahrenheit(const struct message *m, double v, const char *format,
			   struct op_buf *out)
{
	bool celsius = m->unit && !strcmp(m->unit, "degC");
	expand_number(celsius ? v * 9 / 5 + 32 : NAN, format, out);
}

static void put_threshold(const struct message *m, const char *format, struct op_buf *out)
{
	if (m->given && format && !strcmp(format, "given"))
		op_buf_puts(out, m->given);
	else
		expand_number(m->threshold, format, out);
}

static bool put_text(const struct message *m, const char *name, struct op_buf *out)
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{"unit", m->unit ? m->unit : ""},
		{"rule", m->rule->name},
		{"topic", m->rule->topic},
		{"field", m->rule->field},
		{"severity", severity(m)},
		{"state", state(m->raised)},
		{"appliance", m->at.appliance},
		{"host", m->at.host},
		{"key", m->key},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(texts); i++) {
		if (strcmp(name, texts[i].name) != 0)
			continue;
		op_buf_puts(out, texts[i].text);
		return true;
	}
	return false;
}

static enum expanded put_named(const void *of, const char *name, const char *format, bool slack,
			       struct op_buf *out)
{
	const struct message *m = of;
	if (!strcmp(name, "message")) { /* has escaped what comes from records */
		message_words(m, slack, out);
		return EXPAND_DONE;
	}
	if (put_text(m, name, out))
		return EXPAND_TEXT;
	if (!strcmp(name, "value"))
		put_value(m, format, out);
	else if (!strcmp(name, "threshold"))
		put_threshold(m, format, out);
	else if (!strcmp(name, "value_f"))
		put_fahrenheit(m, m->value, format, out);
	else if (!strcmp(name, "threshold_f"))
		put_fahrenheit(m, m->threshold, format, out);
	else if (!strcmp(name, "time"))
		message_time(&m->at, m->at.now_ns, format, out);
	else if (!strcmp(name, "since"))
		put_since(m, out);
	else if (!strcmp(name, "duration"))
		put_lasted(m, out);
	else
		return EXPAND_NONE;
	return EXPAND_TEXT;
}

void message_expand(const struct message *m, const char *template, bool slack, struct op_buf *out)
{
	expand(template, slack, put_named, m, out);
}

/* ---- words ------------------------------------------------------------------------------ */

static void condition_raised(const struct message *m, bool slack, struct op_buf *out)
{
	const struct alerts_rule *r = m->rule;
	bool low = m->threshold == m->threshold && m->value < m->threshold;
	if (r->silent_s > 0) {
		message_expand(m, "{topic} is silent: no record for {value:0} s", slack, out);
	} else if (*r->equals || *r->differs) {
		message_expand(m, "{topic} {field} is {value}", slack, out);
	} else {
		message_expand(m, "{topic} {field} is {value} {unit}", slack, out);
		if (out->len && out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
		message_expand(m, low ? ", below {threshold}" : ", above {threshold}", slack, out);
	}
}

static void condition_cleared(const struct message *m, bool slack, struct op_buf *out)
{
	if (m->rule->silent_s > 0)
		message_expand(m, "{topic} is heard again after {duration}", slack, out);
	else
		message_expand(m, "{topic} {field} is {value} again after {duration}", slack, out);
}

void message_words(const struct message *m, bool slack, struct op_buf *out)
{
	/* A message that refers to itself is not expanded twice. */
	struct message plain = *m;
	struct alerts_rule rule = *m->rule;
	bool own = *rule.message && !strstr(rule.message, "{message}");
	rule.message[0] = '\0';
	plain.rule = &rule;
	if (own)
		message_expand(&plain, m->rule->message, slack, out);
	else if (m->reason)
		expand_escaped(m->reason, slack, out);
	else if (m->raised)
		condition_raised(&plain, slack, out);
	else
		condition_cleared(&plain, slack, out);
}

void message_line(const struct message *m, bool slack, struct op_buf *out)
{
	message_expand(m, "{severity} {rule} {state}: {message}", slack, out);
}

/* ---- Slack ------------------------------------------------------------------------------ */

void message_slack_begin(const struct message_slack *s, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_key(out, "attachments");
	op_json_begin(out, '[');
	op_json_begin(out, '{');
	op_json_kv_str(out, "color", s->color);
	op_json_kv_str(out, "text", s->text);
	op_json_kv_str(out, "fallback", s->text);
	op_json_key(out, "mrkdwn_in");
	op_json_begin(out, '[');
	op_json_str(out, "text");
	op_json_end(out, ']');
	if (s->at->clock_known)
		op_json_kv_i64(out, "ts", wall_of(s->at, s->at->now_ns) / (int64_t)OP_NS_PER_S);
}

void message_slack_end(struct op_buf *out)
{
	op_json_end(out, '}');
	op_json_end(out, ']');
	op_json_end(out, '}');
}

void message_slack_field(const char *title, const char *value, bool brief, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "title", title);
	op_json_kv_str(out, "value", value);
	op_json_kv_bool(out, "short", brief);
	op_json_end(out, '}');
}

static void slack_fields(const struct message *m, const struct alerts_field *fields, size_t n,
			 struct op_buf *out)
{
	op_json_key(out, "fields");
	op_json_begin(out, '[');
	for (size_t i = 0; i < n; i++) {
		OP_AUTO_BUF struct op_buf value;
		op_buf_init(&value, 4096);
		op_buf_puts(&value, "");
		message_expand(m, fields[i].value, true, &value);
		while (value.len && value.data[value.len - 1] == ' ') /* a value without a unit */
			value.data[--value.len] = '\0';
		message_slack_field(fields[i].title, value.len ? value.data : "", fields[i].brief,
				    out);
	}
	op_json_end(out, ']');
}

static const struct alerts_field usual_raised[] = {
	{"Value", "{value} {unit}", true},
	{"Threshold", "{threshold} {unit}", true},
	{"Since", "{since}", true},
	{"Box", "{appliance} on {host}", true},
};
static const struct alerts_field usual_match[] = {
	{"Since", "{since}", true},
	{"Box", "{appliance} on {host}", true},
};
static const struct alerts_field usual_cleared[] = {
	{"Lasted", "{duration}", true},
	{"Time", "{time}", true},
	{"Box", "{appliance} on {host}", true},
};

static void put_fields(const struct message *m, struct op_buf *out)
{
	const struct op_setting_list *cleared = &m->rule->fields_cleared;
	if (!m->raised && cleared->n)
		slack_fields(m, cleared->v, cleared->n, out);
	else if (!m->raised)
		slack_fields(m, usual_cleared, OP_ARRAY_SIZE(usual_cleared), out);
	else if (m->rule->fields.n)
		slack_fields(m, m->rule->fields.v, m->rule->fields.n, out);
	else if (isnan(m->threshold))
		slack_fields(m, usual_match, OP_ARRAY_SIZE(usual_match), out);
	else
		slack_fields(m, usual_raised, OP_ARRAY_SIZE(usual_raised), out);
}

void message_slack(const struct message *m, struct op_buf *out)
{
	static const char *const colors[] = {"#439fe0", "warning", "danger"};
	const char *own = m->raised ? m->rule->text : m->rule->text_cleared;
	const char *usual = m->raised ? "*Alert {rule}* ({severity})\n{message}"
				      : "*Cleared {rule}*\n{message}";
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 8192);
	message_expand(m, *own ? own : usual, true, &text);
	struct message_slack s = {m->raised ? colors[m->rule->severity] : "good", text.data,
				  &m->at};
	message_slack_begin(&s, out);
	put_fields(m, out);
	message_slack_end(out);
}

/* ---- the plain shape -------------------------------------------------------------------- */

static void put_time(const char *key, bool known, int64_t wall_ns, struct op_buf *out)
{
	char text[OP_RFC3339_BYTES];
	op_json_key(out, key);
	if (!known) {
		op_json_null(out);
		return;
	}
	op_time_rfc3339(wall_ns, text);
	op_json_str(out, text);
}

void message_place_json(const struct message_place *at, struct op_buf *out)
{
	put_time("time", at->clock_known, wall_of(at, at->now_ns), out);
	op_json_kv_str(out, "clock", at->clock);
	op_json_kv_f64(out, "boot_s", (double)(at->now_ns / OP_NS_PER_MS) / 1000);
	op_json_kv_str(out, "boot_id", at->boot_id);
	op_json_kv_str(out, "appliance", at->appliance);
	op_json_kv_str(out, "host", at->host);
}

static void put_webhook_value(const struct message *m, struct op_buf *out)
{
	op_json_key(out, "value");
	if (m->label)
		op_json_str(out, m->label);
	else
		op_json_f64(out, m->value);
	op_json_kv_str(out, "unit", m->unit ? m->unit : "");
	op_json_kv_f64(out, "threshold", m->threshold);
}

void message_webhook(const struct message *m, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf words;
	op_buf_init(&words, 4096);
	message_words(m, false, &words);
	op_json_begin(out, '{');
	op_json_kv_str(out, "key", m->key);
	op_json_kv_str(out, "alert", m->id);
	op_json_kv_str(out, "rule", m->rule->name);
	op_json_kv_str(out, "state", state(m->raised));
	op_json_kv_str(out, "severity", severity(m));
	op_json_kv_str(out, "message", words.len ? words.data : "");
	op_json_kv_str(out, "topic", m->rule->topic);
	op_json_kv_str(out, "field", m->rule->field);
	put_webhook_value(m, out);
	int64_t since = m->since_ns ? wall_of(&m->at, m->since_ns) : m->since_wall_ns;
	put_time("since", m->since_ns ? m->at.clock_known : since != 0, since, out);
	message_place_json(&m->at, out);
	op_json_end(out, '}');
}

/* ---- digest, test ----------------------------------------------------------------------- */

static void put_line(const struct message *m, bool slack, struct op_buf *out)
{
	message_time(&m->at, m->at.now_ns, NULL, out);
	op_buf_putc(out, ' ');
	message_line(m, slack, out);
}

void message_entry(const struct message *m, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf line, slack, alert;
	op_buf_init(&line, 4096);
	op_buf_init(&slack, 8192);
	op_buf_init(&alert, 8192);
	put_line(m, false, &line);
	put_line(m, true, &slack);
	message_webhook(m, &alert);
	op_json_begin(out, '{');
	op_json_kv_str(out, "line", line.data);
	if (strcmp(line.data, slack.data) != 0)
		op_json_kv_str(out, "slack", slack.data);
	op_json_kv_str(out, "alert", alert.data);
	op_json_end(out, '}');
}

void message_digest_slack(const struct message_digest *d, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 128 * 1024);
	op_buf_printf(&text, "*Digest %s: %zu %s*", d->name, d->n + d->more,
		      d->n + d->more == 1 ? "change" : "changes");
	for (size_t i = 0; i < d->n; i++) {
		op_buf_putc(&text, '\n');
		op_buf_puts(&text, d->slack[i] ? d->slack[i] : d->lines[i]);
	}
	if (d->more)
		op_buf_printf(&text, "\nand %zu more", d->more);
	message_slack_begin(&(struct message_slack){"warning", text.data, &d->at}, out);
	message_slack_end(out);
}

void message_digest_webhook(const struct message_digest *d, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "key", d->key);
	op_json_kv_str(out, "digest", d->name);
	op_json_key(out, "alerts");
	op_json_begin(out, '[');
	for (size_t i = 0; i < d->n; i++)
		op_json_raw(out, d->alerts[i]);
	op_json_end(out, ']');
	op_json_kv_u64(out, "more", d->more);
	message_place_json(&d->at, out);
	op_json_end(out, '}');
}

void message_test_slack(const struct message_place *at, struct op_buf *out)
{
	char text[256];
	(void)snprintf(text, sizeof(text), "*Test* from %s on %s: alerts arrive here.",
		       at->appliance, at->host); /* cut at worst */
	message_slack_begin(&(struct message_slack){"good", text, at}, out);
	message_slack_end(out);
}

void message_test_webhook(const struct message_place *at, const char *key, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "key", key);
	op_json_kv_bool(out, "test", true);
	op_json_kv_str(out, "message", "This is a test: alerts arrive here.");
	message_place_json(at, out);
	op_json_end(out, '}');
}
