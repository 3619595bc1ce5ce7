/*
 * tell.c - from a raise or a clear to messages, and what receivers know.
 *
 * Loop thread. What is raised and what receivers know as raised are two things: while a rule is
 * muted they drift apart, and when it is not any more they are brought together. So a receiver
 * never hears of an end whose beginning it did not hear of, nor of a beginning without an end. What
 * receivers know of a confirmed rule is what ask.c heard of them.
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

void tell_place_shown(const struct alerts *a, uint64_t boot_ns, struct message_place *ret)
{
	struct op_clock_sight sight;
	tell_place(a, boot_ns, ret);
	if (ret->clock_known || a->set->dates != ALERTS_DATES_ALWAYS)
		return;
	op_clock_look(&sight);
	ret->offset_ns = sight.wall_ns - (int64_t)sight.boot_ns;
	ret->clock_known = sight.wall_ns > OP_CLOCK_NEVER_BEFORE_NS;
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

/* The threshold in the words of whoever set it. */
static const char *given(const struct alert *al)
{
	const struct live_limits *now = &al->alerts->live.rule[al - al->alerts->alert];
	const struct alerts_rule *r = al->set;
	const char *text = *r->outside.low && al->rule.value < al->rule.params.low ? r->outside.low
			   : *r->outside.low                                       ? r->outside.high
			   : *r->above                                             ? now->above
										   : now->below;
	return *text ? text : NULL;
}

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
		.reason = al->rule.params.off     ? "the rule is off"
			  : raised && *al->reason ? al->reason
						  : NULL,
		.value = al->rule.value,
		.threshold = al->rule.params.condition == RULE_MATCH ? NAN : al->rule.threshold,
		.given = given(al),
		.since_ns = al->rule.since_ns,
		.since_wall_ns = al->since_wall_ns,
	};
	tell_place_shown(al->alerts, boot_ns, &ret->at);
}

bool tell_takes(const struct alerts *a, size_t channel, const char *list)
{
	return alerts_list_has(list, a->live.channel[channel].name) &&
	       live_takes(&a->live, channel);
}

void tell_add(struct courier_job *job, size_t channel, const char *key, struct op_buf *body)
{
	struct courier_message *m = &job->messages[job->n];
	m->channel = (unsigned)channel;
	(void)snprintf(m->key, sizeof(m->key), "%s", key); /* of that size */
	m->body = body->err ? NULL : op_buf_steal(body);
	op_buf_finish(body);
	job->n += m->body != NULL;
}

static void write_one(const struct alerts *a, size_t channel, const struct message *m,
		      struct courier_job *job)
{
	struct courier_message *to = &job->messages[job->n];
	struct op_buf body;
	op_buf_init(&body, BODY_MAX);
	if (m->rule->confirmed && m->raised) /* after that the next value tells it */
		to->expires_s = live_patience_s(&a->live, channel, 0);
	if (a->live.channel[channel].type == ALERTS_SLACK)
		message_slack(m, &body);
	else
		message_webhook(m, &body);
	(void)snprintf(to->about, sizeof(to->about), "alert %s %s", m->rule->name,
		       m->raised ? "raised" : "cleared"); /* fits */
	tell_add(job, channel, m->key, &body);
}

/* One message for each channel of the rule but the log, which is told at once. again: it was told,
 * or tried to be, before. */
static struct courier_job *write_all(struct alert *al, bool raised, bool again, uint64_t boot_ns)
{
	struct alerts *a = al->alerts;
	struct courier_job *job = courier_job_create(ALERTS_CHANNELS_MAX);
	char key[COURIER_KEY_MAX];
	struct message m;
	fill(al, raised, boot_ns, key, &m);
	if (again) /* not what the receiver has, or had, under that key */
		(void)snprintf(key, sizeof(key), "%.16s-again-%llx", m.id,
			       (unsigned long long)op_now_ns()); /* fits */
	if (job)
		job->n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		if (!tell_takes(a, i, al->set->channels))
			continue;
		if (a->live.channel[i].type != ALERTS_LOG && job)
			write_one(a, i, &m, job);
		else if (a->live.channel[i].type == ALERTS_LOG && (!again || al->told))
			log_message(al, &m); /* what nobody takes is tried with every value */
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
	if (d->alerts->live.channel[channel].type == ALERTS_SLACK)
		message_digest_slack(m, &body);
	else
		message_digest_webhook(m, &body);
	(void)snprintf(to->about, sizeof(to->about), "digest %s: %zu", m->name, m->n + m->more);
	tell_add(job, channel, m->key, &body);
}

/* A digest goes to every channel that one of its rules names. */
static bool wants_digest(const struct digest *d, size_t channel)
{
	const struct alerts *a = d->alerts;
	for (size_t i = 0; i < a->n_alerts; i++)
		if (!strcmp(a->alert[i].set->digest, d->set->name) &&
		    tell_takes(a, channel, a->alert[i].set->channels))
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
	tell_place_shown(a, op_now_ns(), &m.at);
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
		if (a->live.channel[i].type == ALERTS_LOG)
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

/* Only a log is told of the rule, whatever its channels are like now. */
static bool only_logged(const struct alert *al)
{
	const struct alerts *a = al->alerts;
	bool logged = false;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		bool its = alerts_list_has(al->set->channels, a->live.channel[i].name);
		if (its && a->live.channel[i].type != ALERTS_LOG)
			return false;
		logged |= its;
	}
	return logged;
}

/* What receivers know when the job is on its way. */
static void note_sent(struct alert *al, bool raised, const struct courier_job *job,
		      uint64_t boot_ns)
{
	bool confirmed = al->set->confirmed && raised;
	if (job)
		ask_begin(al, raised ? &al->raise : &al->clear, raised ? al->id : al->told_id, job,
			  boot_ns);
	if (confirmed && job && job->n) {
		al->rule.asked = true;
		return;
	}
	if (confirmed)
		rule_told(&al->rule, op_now_ns(), only_logged(al));
	if (confirmed && !al->rule.told)
		return; /* the next value tries again */
	al->told = raised;
	if (raised)
		memcpy(al->told_id, al->id, sizeof(al->told_id));
}

static void send_now(struct alert *al, bool raised, bool again, uint64_t boot_ns)
{
	struct digest *d = digest_of(al);
	if (d)
		collect(d, al, raised, boot_ns);
	struct courier_job *job = d ? courier_job_create(0) : write_all(al, raised, again, boot_ns);
	note_sent(al, raised, job, boot_ns);
	if (job)
		post_rule(al, job);
}

static void log_end(struct alert *al, uint64_t boot_ns)
{
	char key[COURIER_KEY_MAX];
	struct message m;
	fill(al, false, boot_ns, key, &m);
	log_message(al, &m);
}

void tell_now(struct alert *al, uint64_t boot_ns)
{
	bool raised = rule_is_raised(&al->rule), muted = tell_muted(al);
	bool awaited = al->set->confirmed && al->raise.open; /* that decides what comes next */
	if (!awaited && raised && muted && al->set->confirmed)
		rule_told(&al->rule, op_now_ns(), false);
	if (!raised && !muted && al->set->confirmed)
		log_end(al, boot_ns); /* receivers may not have heard of it */
	if (al->told == raised || muted || awaited)
		keep_rule_now(al);
	else
		send_now(al, raised, false, boot_ns);
}

void tell_end_again(struct alert *al)
{
	if (!tell_muted(al)) /* event_ns 0: it was over before a restart */
		send_now(al, false, true, al->event_ns ? al->event_ns : al->watch->seen_ns);
}

/* It lasts, or nobody has taken it yet. */
static void tell_again(struct alert *al, uint64_t boot_ns)
{
	if (!tell_muted(al))
		send_now(al, true, true, boot_ns);
	else if (al->set->confirmed)
		rule_told(&al->rule, op_now_ns(), al->rule.told);
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
	al->event_ns = boot_ns;
	if (event == RULE_REPEAT) {
		tell_again(al, boot_ns);
		return;
	}
	al->alerts->n_events++;
	if (event == RULE_RAISE) {
		al->told &= !al->set->confirmed; /* an end that nobody took is of no use now */
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

void tell_off(struct alert *al)
{
	uint64_t now = op_now_ns();
	al->told = al->logged = false;
	al->alerts->n_events++;
	publish(al, false, now);
	al->reason[0] = '\0';
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
	struct alert_state s = {.events = a->n_events,
				.cycles_told = a->cycles_told,
				.rules = (uint32_t)a->n_alerts};
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
