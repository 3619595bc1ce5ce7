/*
 * message_report.c - a report: the newest record of a topic in words.
 *
 * Without a record a line that tells of it is "no reading yet", its time "Never"; an optional line
 * with a number that is missing is left out.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "expand.h"
#include "lib/base/decimal.h"
#include "message.h"

/* What a template is filled from, and whether something of it was missing. */
struct filling {
	const struct message_report *m;
	bool *missing;
};

static void put_number(const struct filling *f, const struct op_field *field, const char *format,
		       struct op_buf *out)
{
	double v = op_field_f64(field, f->m->record);
	if (field->type == OP_F32)
		v = op_decimal_widen((float)v);
	*f->missing |= isnan(v);
	expand_number(v, format, out);
}

static void put_field(const struct filling *f, const struct op_field *field, const char *format,
		      struct op_buf *out)
{
	char label[64];
	const char *text = (const char *)f->m->record + field->offset;
	if (field->type == OP_TEXT) {
		op_buf_put(out, text, strnlen(text, field->bytes));
	} else if (field->type == OP_ENUM) {
		op_field_label(field, f->m->record, label, sizeof(label));
		op_buf_puts(out, label);
	} else {
		put_number(f, field, format, out);
	}
}

static void put_time(const struct filling *f, const char *format, struct op_buf *out)
{
	if (f->m->type)
		message_time(&f->m->at, f->m->at.now_ns, format, out);
	else
		op_buf_puts(out, "Never");
}

static bool put_text(const struct message_report *m, const char *name, struct op_buf *out)
{
	const char *text = !strcmp(name, "report")      ? m->report->name
			   : !strcmp(name, "topic")     ? m->report->topic
			   : !strcmp(name, "appliance") ? m->at.appliance
			   : !strcmp(name, "host")      ? m->at.host
							: NULL;
	if (text)
		op_buf_puts(out, text);
	return text != NULL;
}

static enum expanded put_named(const void *of, const char *name, const char *format, bool slack,
			       struct op_buf *out)
{
	const struct filling *f = of;
	const struct op_topic_type *type = f->m->type;
	const struct op_field *field = type ? op_topic_field(type, name) : NULL;
	if (field)
		put_field(f, field, format, out);
	else if (!strcmp(name, "time"))
		put_time(f, format, out);
	else if (!put_text(f->m, name, out) && type)
		return EXPAND_NONE;
	else if (!out->len) { /* a field, for all that is known */
		*f->missing = true;
		op_buf_puts(out, "none");
	}
	return EXPAND_TEXT;
}

/* False: a line that is left out. */
static bool fill(const struct message_report *m, const struct alerts_field *field, bool slack,
		 struct op_buf *out)
{
	bool missing = false;
	struct filling f = {m, &missing};
	expand(field->value, slack, put_named, &f, out);
	if (missing && !m->type) {
		op_buf_reset(out);
		op_buf_puts(out, "no reading yet");
	}
	return !missing || !field->optional;
}

void message_report_slack(const struct message_report *m, struct op_buf *out)
{
	const struct alerts_field *fields = m->report->fields.v;
	bool missing = false;
	struct filling f = {m, &missing};
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 8192);
	expand(m->report->text, true, put_named, &f, &text);
	message_slack_begin(&(struct message_slack){"good", text.len ? text.data : "", &m->at},
			    out);
	if (m->report->fields.n) {
		op_json_key(out, "fields");
		op_json_begin(out, '[');
	}
	for (size_t i = 0; i < m->report->fields.n; i++) {
		OP_AUTO_BUF struct op_buf value;
		op_buf_init(&value, 4096);
		if (fill(m, &fields[i], true, &value))
			message_slack_field(fields[i].title, value.len ? value.data : "",
					    fields[i].brief, out);
	}
	if (m->report->fields.n)
		op_json_end(out, ']');
	message_slack_end(out);
}

void message_report_webhook(const struct message_report *m, struct op_buf *out)
{
	const struct alerts_field *fields = m->report->fields.v;
	op_json_begin(out, '{');
	op_json_kv_str(out, "key", m->key);
	op_json_kv_str(out, "report", m->report->name);
	op_json_key(out, "fields");
	op_json_begin(out, '{');
	for (size_t i = 0; i < m->report->fields.n; i++) {
		OP_AUTO_BUF struct op_buf value;
		op_buf_init(&value, 4096);
		if (fill(m, &fields[i], false, &value))
			op_json_kv_str(out, fields[i].title, value.len ? value.data : "");
	}
	op_json_end(out, '}');
	message_place_json(&m->at, out);
	op_json_end(out, '}');
}
