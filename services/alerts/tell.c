/*
 * tell.c - from a raise or a clear to messages, and what receivers know.
 *
 * Loop thread. What is raised and what receivers know as raised are two things: while a rule is
 * muted they drift apart, and when it is not any more they are brought together. So a receiver
 * never hears of an end whose beginning it did not hear of, nor of a beginning without an end.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alerts.h"

#define BODY_MAX (128 * 1024)

/* ---- when and where --------------------------------------------------------------------- */

void tell_clock(struct alerts *a)
{
	struct op_clock_sight sight;
	op_clock_look(&sight);
	enum op_clock_change change = op_clock_see(&a->clock, &sight);
	(void)change; /* we store no segments */
}

void tell_floor(struct alerts *a, int64_t wall_ns)
{
	if (wall_ns <= a->clock.floor_wall_ns)
		return;
	op_clock_init(&a->clock, wall_ns);
	tell_clock(a);
}

void tell_place(const struct alerts *a, uint64_t boot_ns, struct message_place *ret)
{
	const struct op_clock_segment *now = &a->clock.now;
	*ret = (struct message_place){
		.appliance = op_config_appliance(op_service_config(a->service)),
		.host = a->host,
		.boot_id = a->boot_id,
		.clock = op_clock_quality_name(now->quality),
		.clock_known = now->quality != OP_CLOCK_UNKNOWN,
		.offset_ns = now->offset_ns,
		.now_ns = boot_ns,
	};
}

void tell_new_id(char id[ALERTS_ID_BYTES])
{
	uint64_t n = 0;
	if (getrandom(&n, sizeof(n), 0) != sizeof(n)) /* only before the kernel has any */
		n = op_now_ns();
	(void)snprintf(id, ALERTS_ID_BYTES, "%016llx", (unsigned long long)n);
}

const char *tell_key(char key[COURIER_KEY_MAX], const char *id, const char *what)
{
	(void)snprintf(key, COURIER_KEY_MAX, "%s-%s", id, what); /* 16 and a word */
	return key;
}

bool tell_is_test(const char *key)
{
	const char *what = strrchr(key, '-');
	return what && !strcmp(what, "-test");
}

bool tell_muted(const struct alert *al)
{
	const struct op_clock_segment *now = &al->alerts->clock.now;
	uint64_t boot_ns = op_now_ns();
	if (boot_ns >= al->muted_until_ns)
		return false;
	return now->quality == OP_CLOCK_UNKNOWN || !al->muted_until_wall_ns ||
	       (int64_t)(boot_ns + (uint64_t)now->offset_ns) < al->muted_until_wall_ns;
}

/* ---- messages --------------------------------------------------------------------------- */

static void fill(const struct alert *al, bool raised, uint64_t boot_ns, char key[COURIER_KEY_MAX],
		 struct message *ret)
{
	const char *id = raised ? al->id : al->told_id;
	*ret = (struct message){
		.rule = al->set,
		.raised = raised,
		.id = id,
		.key = tell_key(key, id, raised ? "raised" : "cleared"),
		.unit = al->set->silent_s > 0 ? "s" : al->unit,
		.label = *al->label ? al->label : NULL,
		.reason = raised && *al->reason ? al->reason : NULL,
		.value = al->rule.value,
		.threshold = al->rule.params.condition == RULE_MATCH ? NAN : al->rule.threshold,
		.since_ns = al->rule.since_ns,
		.since_wall_ns = al->since_wall_ns,
	};
	tell_place(al->alerts, boot_ns, &ret->at);
}

static void log_line(const struct message *m)
{
	static const enum op_level levels[] = {OP_NOTICE, OP_WARNING, OP_ERR};
	OP_AUTO_BUF struct op_buf line;
	op_buf_init(&line, 4096);
	message_line(m, false, &line);
	op_log(m->raised ? levels[m->rule->severity] : OP_NOTICE, "alert: %s", line.data);
}

static bool takes(const struct alerts *a, size_t channel, const char *list)
{
	const struct alerts_channel *ch = alerts_channel_at(a->set, channel);
	return alerts_list_has(list, ch->name) && (ch->type == ALERTS_LOG || *ch->url);
}

static bool take_body(struct courier_message *m, size_t channel, const char *key, struct op_buf *b)
{
	m->channel = (unsigned)channel;
	(void)snprintf(m->key, sizeof(m->key), "%s", key); /* of that size */
	m->body = b->err ? NULL : op_buf_steal(b);
	op_buf_finish(b);
	return m->body != NULL;
}

static void write_one(const struct alerts *a, size_t channel, const struct message *m,
		      struct courier_job *job)
{
	struct courier_message *to = &job->messages[job->n];
	struct op_buf body;
	op_buf_init(&body, BODY_MAX);
	if (alerts_channel_at(a->set, channel)->type == ALERTS_SLACK)
		message_slack(m, &body);
	else
		message_webhook(m, &body);
	(void)snprintf(to->about, sizeof(to->about), "alert %s %s", m->rule->name,
		       m->raised ? "raised" : "cleared"); /* fits */
	if (take_body(to, channel, m->key, &body))
		job->n++;
}

/* One message for each channel of the rule but the log, which is told at once. */
static struct courier_job *write_all(struct alert *al, bool raised, uint64_t boot_ns)
{
	struct alerts *a = al->alerts;
	struct courier_job *job = courier_job_create(ALERTS_CHANNELS_MAX);
	char key[COURIER_KEY_MAX];
	struct message m;
	fill(al, raised, boot_ns, key, &m);
	if (job)
		job->n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		if (!takes(a, i, al->set->channels))
			continue;
		if (alerts_channel_at(a->set, i)->type == ALERTS_LOG)
			log_line(&m);
		else if (job)
			write_one(a, i, &m, job);
	}
	return job;
}

/* ---- digests ---------------------------------------------------------------------------- */

static struct digest *digest_of(const struct alert *al)
{
	struct alerts *a = al->alerts;
	for (size_t i = 0; i < a->set->digests.n; i++)
		if (!strcmp(a->digest[i].set->name, al->set->digest))
			return &a->digest[i];
	return NULL;
}

static void post_digest(struct digest *d, struct courier_job *job)
{
	(void)snprintf(job->key, sizeof(job->key), "digest/%s", d->set->name); /* fits */
	job->value = keep_digest(d, job->n ? job : NULL);
	job->after = job->n ? keep_digest(d, NULL) : NULL;
	courier_post(d->alerts->courier, job);
}

static void collect(struct digest *d, const struct alert *al, bool raised, uint64_t boot_ns)
{
	char key[COURIER_KEY_MAX];
	struct message m;
	OP_AUTO_BUF struct op_buf entry;
	op_buf_init(&entry, 16384);
	fill(al, raised, boot_ns, key, &m);
	message_entry(&m, &entry);
	if (!d->entries)
		d->entries = json_array();
	json_t *e = entry.err ? NULL : json_loads(entry.data, 0, NULL);
	OP_AUTO_FREE char *so_far = json_dumps(d->entries, JSON_COMPACT);
	bool room = so_far && strlen(so_far) + entry.len < 50000 &&
		    json_array_size(d->entries) < ALERTS_DIGEST_ENTRIES;
	if (!room || !e || json_array_append(d->entries, e) < 0)
		d->more++;
	json_decref(e);
	if (!d->due_ns)
		d->due_ns = op_now_ns() + (uint64_t)(d->set->minutes * 60e9);
	struct courier_job *job = courier_job_create(0);
	if (job)
		post_digest(d, job);
}

static void write_digest(const struct digest *d, const struct message_digest *m, size_t channel,
			 struct courier_job *job)
{
	struct courier_message *to = &job->messages[job->n];
	struct op_buf body;
	op_buf_init(&body, BODY_MAX);
	if (alerts_channel_at(d->alerts->set, channel)->type == ALERTS_SLACK)
		message_digest_slack(m, &body);
	else
		message_digest_webhook(m, &body);
	(void)snprintf(to->about, sizeof(to->about), "digest %s: %zu", m->name, m->n + m->more);
	if (take_body(to, channel, m->key, &body))
		job->n++;
}

/* A digest goes to every channel that one of its rules names. */
static bool wants_digest(const struct digest *d, size_t channel)
{
	const struct alerts *a = d->alerts;
	for (size_t i = 0; i < a->n_alerts; i++)
		if (!strcmp(a->alert[i].set->digest, d->set->name) &&
		    takes(a, channel, a->alert[i].set->channels))
			return true;
	return false;
}

static void log_digest(const struct message_digest *m)
{
	op_log(OP_NOTICE, "digest %s: %zu changes", m->name, m->n + m->more);
	for (size_t i = 0; i < m->n; i++)
		op_log(OP_NOTICE, "digest %s: %s", m->name, m->lines[i]);
}

static void send_digest(struct digest *d)
{
	struct alerts *a = d->alerts;
	const char *lines[ALERTS_DIGEST_ENTRIES], *alerts[ALERTS_DIGEST_ENTRIES];
	const char *slack[ALERTS_DIGEST_ENTRIES];
	char id[ALERTS_ID_BYTES], key[COURIER_KEY_MAX];
	struct courier_job *job = courier_job_create(ALERTS_CHANNELS_MAX);
	if (!job)
		return; /* it stays due */
	tell_new_id(id);
	struct message_digest m = {.name = d->set->name,
				   .key = tell_key(key, id, "digest"),
				   .lines = lines,
				   .slack = slack,
				   .alerts = alerts,
				   .more = d->more};
	tell_place(a, op_now_ns(), &m.at);
	json_t *entries = d->entries;
	for (size_t i = 0; i < json_array_size(entries) && m.n < ALERTS_DIGEST_ENTRIES; i++) {
		json_t *e = json_array_get(entries, i);
		lines[m.n] = json_string_value(json_object_get(e, "line"));
		slack[m.n] = json_string_value(json_object_get(e, "slack"));
		alerts[m.n] = json_string_value(json_object_get(e, "alert"));
		m.n += lines[m.n] && alerts[m.n];
	}
	job->n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		if (!wants_digest(d, i))
			continue;
		if (alerts_channel_at(a->set, i)->type == ALERTS_LOG)
			log_digest(&m);
		else
			write_digest(d, &m, i, job);
	}
	d->entries = NULL;
	d->more = d->due_ns = 0;
	post_digest(d, job);
	json_decref(entries);
}

void tell_digests(struct alerts *a, uint64_t now_ns)
{
	for (size_t i = 0; i < a->set->digests.n; i++)
		if (a->digest[i].due_ns && now_ns >= a->digest[i].due_ns)
			send_digest(&a->digest[i]);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void post_rule(struct alert *al, struct courier_job *job)
{
	(void)snprintf(job->key, sizeof(job->key), "rule/%s", al->set->name); /* fits */
	job->value = keep_rule(al, job->n ? job : NULL);
	job->after = job->n ? keep_rule(al, NULL) : NULL;
	courier_post(al->alerts->courier, job);
}

void tell_now(struct alert *al, uint64_t boot_ns)
{
	bool raised = rule_is_raised(&al->rule);
	struct digest *d = digest_of(al);
	if (al->told == raised || tell_muted(al)) {
		keep_rule_now(al);
		return;
	}
	if (d)
		collect(d, al, raised, boot_ns);
	struct courier_job *job = d ? courier_job_create(0) : write_all(al, raised, boot_ns);
	al->told = raised;
	if (raised)
		memcpy(al->told_id, al->id, sizeof(al->told_id));
	if (job)
		post_rule(al, job);
}

static void publish(struct alert *al, bool raised, uint64_t boot_ns)
{
	struct alert_event e = {
		.value = al->rule.value,
		.threshold = al->rule.params.condition == RULE_MATCH ? NAN : al->rule.threshold,
		.state = raised ? 0 : 1,
		.severity = (uint8_t)al->set->severity,
		.muted = tell_muted(al)};
	char key[COURIER_KEY_MAX];
	struct message m;
	OP_AUTO_BUF struct op_buf words;
	op_buf_init(&words, 4096);
	fill(al, raised, boot_ns, key, &m);
	message_words(&m, false, &words);
	(void)snprintf(e.alert, sizeof(e.alert), "%s", al->id);
	(void)snprintf(e.rule, sizeof(e.rule), "%s", al->set->name);
	(void)snprintf(e.topic, sizeof(e.topic), "%s", al->set->topic);
	(void)snprintf(e.field, sizeof(e.field), "%s", al->set->field);
	(void)snprintf(e.message, sizeof(e.message), "%s", words.len ? words.data : ""); /* cut */
	(void)op_writer_publish(al->alerts->events, boot_ns, &e); /* the number is of no use */
}

void tell_event(struct alert *al, enum rule_event event, uint64_t boot_ns)
{
	struct message_place at;
	tell_place(al->alerts, boot_ns, &at);
	al->alerts->n_events++;
	if (event == RULE_RAISE) {
		tell_new_id(al->id);
		al->raises++;
		al->since_wall_ns =
			at.clock_known ? (int64_t)(al->rule.since_ns + (uint64_t)at.offset_ns) : 0;
	}
	publish(al, event == RULE_RAISE, boot_ns);
	tell_now(al, boot_ns);
	if (event == RULE_CLEAR)
		al->reason[0] = '\0';
	tell_state(al->alerts);
}

/* ---- the topic of the whole ------------------------------------------------------------- */

static void count_raised(const struct alerts *a, struct alert_state *s)
{
	size_t at = 0;
	for (size_t i = 0; i < a->n_alerts; i++) {
		const struct alert *al = &a->alert[i];
		size_t n = strlen(al->set->name);
		s->muted += tell_muted(al);
		if (!rule_is_raised(&al->rule))
			continue;
		s->raised++;
		s->critical += al->set->severity == ALERTS_CRITICAL;
		s->warning += al->set->severity == ALERTS_WARNING;
		if (at + n + 2 > sizeof(s->names))
			continue; /* the counts are of all */
		if (at)
			s->names[at++] = ' ';
		memcpy(s->names + at, al->set->name, n);
		at += n;
	}
}

void tell_state(struct alerts *a)
{
	struct alert_state s = {.events = a->n_events, .rules = (uint32_t)a->n_alerts};
	struct courier_view v;
	courier_view(a->courier, &v);
	count_raised(a, &s);
	s.dropped = v.jobs_dropped;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		s.waiting += (uint32_t)v.channel[i].waiting;
		s.dead += (uint32_t)v.channel[i].dead;
		s.spooled += (uint32_t)v.channel[i].spooled;
		s.dropped += v.channel[i].dropped;
		s.failing += a->channel[i].failing;
	}
	a->stated_ns = op_now_ns();
	(void)op_writer_publish(a->state, a->stated_ns, &s); /* the number is of no use */
}
