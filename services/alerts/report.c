/*
 * report.c - messages by the clock: the newest record of a topic, each interval.
 *
 * Loop thread, once a second. A report that is due goes out with the next record, so it never tells
 * what is old, and after the alerts of that record; its next time is one interval after this one's,
 * whether it was delivered or not. The clock is the monotonic one, and begins when a channel of the
 * report has an address.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "alerts.h"

static _Alignas(8) unsigned char record[OP_TOPIC_RECORD_MAX];

static bool has_address(const struct alerts *a, const struct alerts_report *r)
{
	for (size_t i = 0; i < a->set->channels.n; i++)
		if (*a->live.channel[i].url &&
		    alerts_list_has(r->channels, a->live.channel[i].name))
			return true;
	return false;
}

void report_start(struct alerts *a)
{
	for (size_t i = 0; i < a->set->reports.n; i++) {
		struct report *r = &a->report[i];
		const struct alerts_report *set = alerts_report_at(a->set, i);
		double every_s = set->every_s > set->least_s ? set->every_s : set->least_s;
		*r = (struct report){.set = set, .every_ns = (uint64_t)(every_s * 1e9)};
		if (set->enabled && every_s > set->every_s)
			op_log(OP_WARNING, "report %s: every %g s is too often, every %g s it is",
			       set->name, set->every_s, every_s);
		if (set->enabled && !has_address(a, set))
			op_log(OP_WARNING, "report %s: none of its channels has an address yet",
			       set->name);
		else if (set->enabled)
			r->first = set->on_start;
	}
}

void report_stop(struct alerts *a)
{
	for (size_t i = 0; i < a->set->reports.n; i++)
		op_reader_close(OP_STEAL(a->report[i].reader));
}

size_t report_find(const struct alerts *a, const char *name)
{
	size_t i = 0;
	while (i < a->set->reports.n && strcmp(alerts_report_at(a->set, i)->name, name) != 0)
		i++;
	return i;
}

/* The newest record, in the buffer above. */
static void look(struct alerts *a, struct report *r, struct op_topic_look *ret)
{
	*ret = (struct op_topic_look){0};
	if (r->reader && op_reader_retired(r->reader))
		op_reader_close(OP_STEAL(r->reader));
	if (!r->reader &&
	    op_reader_open(op_service_bus_dir(a->service), r->set->topic, "", &r->reader) < 0)
		r->reader = NULL; /* nobody has written it yet */
	if (r->reader)
		op_reader_look(r->reader, ret, record);
}

static void write_one(const struct alerts *a, size_t channel, const struct message_report *m,
		      struct courier_job *job)
{
	struct op_buf body;
	op_buf_init(&body, 65536);
	if (a->live.channel[channel].type == ALERTS_SLACK)
		message_report_slack(m, &body);
	else
		message_report_webhook(m, &body);
	(void)snprintf(job->messages[job->n].about, sizeof(job->messages[job->n].about),
		       "report %s", m->report->name); /* fits */
	tell_add(job, channel, m->key, &body);
}

struct courier_job *report_write(struct alerts *a, size_t index, const char *key)
{
	struct report *r = &a->report[index];
	struct courier_job *job = courier_job_create(ALERTS_CHANNELS_MAX);
	struct op_topic_look seen;
	look(a, r, &seen);
	struct message_report m = {.report = r->set,
				   .key = key,
				   .type = seen.any ? op_reader_type(r->reader) : NULL,
				   .record = record};
	tell_place_shown(a, seen.any ? seen.boot_ns : op_now_ns(), &m.at);
	if (!job)
		return NULL;
	job->n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++)
		if (tell_takes(a, i, r->set->channels) && a->live.channel[i].type != ALERTS_LOG)
			write_one(a, i, &m, job);
	return job;
}

static void send_report(struct alerts *a, size_t index)
{
	char id[ALERTS_ID_BYTES], key[COURIER_KEY_MAX];
	tell_new_id(id);
	struct courier_job *job = report_write(a, index, tell_key(key, id, "report"));
	if (job && job->n)
		courier_post(a->courier, job);
	else
		courier_job_free(job);
}

/* The alerts of a record go before the report of it. */
static bool is_judged(const struct alerts *a, const char *topic, uint64_t seq)
{
	for (size_t i = 0; i < a->n_watches; i++)
		if (a->watch[i].values && !strcmp(a->watch[i].topic, topic))
			return seq < a->watch[i].next_seq;
	return true; /* by no rule */
}

/* Whether a record came that was not there at the last look. */
static bool news(struct alerts *a, struct report *r)
{
	struct op_topic_look seen;
	look(a, r, &seen);
	if (seen.any && !is_judged(a, r->set->topic, seen.seq))
		return false; /* at the next look */
	bool fresh = seen.any && (!r->seen || seen.seq != r->seq);
	if (seen.any) {
		r->seen = true;
		r->seq = seen.seq;
	}
	return fresh;
}

static void look_at(struct alerts *a, size_t index, uint64_t now_ns)
{
	struct report *r = &a->report[index];
	if (!has_address(a, r->set)) {
		r->anchor_ns = 0;
		return;
	}
	if (!r->anchor_ns)
		r->anchor_ns = now_ns;
	if (!news(a, r) || (!r->first && now_ns - r->anchor_ns < r->every_ns))
		return;
	r->anchor_ns = r->first ? now_ns : r->anchor_ns + r->every_ns;
	r->first = false;
	send_report(a, index);
}

void report_look(struct alerts *a, uint64_t now_ns)
{
	for (size_t i = 0; i < a->set->reports.n; i++)
		if (a->report[i].set->enabled)
			look_at(a, i, now_ns);
}
