/*
 * keep.c - what an alert must not forget, as JSON under a key, and back.
 *
 * rule/NAME: whether it is raised, what receivers know, until when it is muted; digest/NAME: what
 * it has collected. With either stand the messages that were to be put into the outbox: who is
 * killed before that puts them with the same keys after the next start. Boot times count only in
 * the boot they are of; across boots the wall clock does, where it is known then and now.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts.h"

#define KEEP_MAX 65000 /* under what a store takes of one value */

/* ---- out -------------------------------------------------------------------------------- */

static void put_pending(const struct alerts *a, const struct courier_job *job, struct op_buf *out)
{
	if (!job)
		return;
	op_json_key(out, "pending");
	op_json_begin(out, '[');
	for (size_t i = 0; i < job->n; i++) {
		const struct courier_message *m = &job->messages[i];
		op_json_begin(out, '{');
		op_json_kv_str(out, "channel", a->live.channel[m->channel].name);
		op_json_kv_str(out, "key", m->key);
		op_json_kv_str(out, "about", m->about);
		op_json_kv_str(out, "body", m->body);
		op_json_end(out, '}');
	}
	op_json_end(out, ']');
}

static void put_when(const struct alerts *a, struct op_buf *out)
{
	struct message_place at;
	tell_place(a, op_now_ns(), &at);
	op_json_kv_str(out, "boot", a->boot_id);
	op_json_kv_u64(out, "at_ns", at.now_ns);
	op_json_kv_i64(out, "wall_ns",
		       at.clock_known ? (int64_t)(at.now_ns + (uint64_t)at.offset_ns) : 0);
}

static void put_rule(const struct alert *al, struct op_buf *out)
{
	const struct rule *r = &al->rule;
	op_json_kv_bool(out, "raised", rule_is_raised(r));
	op_json_kv_str(out, "id", al->id);
	op_json_kv_u64(out, "since_ns", r->since_ns);
	op_json_kv_u64(out, "raised_ns", r->raised_ns);
	op_json_kv_i64(out, "since_wall_ns", al->since_wall_ns);
	op_json_kv_f64(out, "value", r->value);
	op_json_kv_f64(out, "threshold", r->threshold);
	op_json_kv_str(out, "label", al->label);
	op_json_kv_str(out, "unit", al->unit);
	op_json_kv_str(out, "reason", al->reason);
	op_json_kv_bool(out, "told", al->told);
	op_json_kv_str(out, "told_id", al->told_id);
	op_json_kv_u64(out, "told_ns", r->told ? r->told_ns : 0);
	if (al->set->confirmed && al->raise.open) {
		op_json_kv_str(out, "asked", al->raise.key);
		op_json_kv_str(out, "asked_id", al->raise.id);
		op_json_kv_u64(out, "asked_ns", al->raise.ns);
	}
	op_json_kv_u64(out, "muted_until_ns", al->muted_until_ns);
	op_json_kv_i64(out, "muted_until_wall_ns", al->muted_until_wall_ns);
}

static char *finish(struct op_buf *out)
{
	char *text = out->err ? NULL : op_buf_steal(out);
	op_buf_finish(out);
	return text;
}

char *keep_rule(const struct alert *al, const struct courier_job *pending)
{
	struct op_buf out;
	op_buf_init(&out, KEEP_MAX);
	op_json_begin(&out, '{');
	put_when(al->alerts, &out);
	put_rule(al, &out);
	put_pending(al->alerts, pending, &out);
	op_json_end(&out, '}');
	char *text = finish(&out);
	/* Messages too long to be kept: what matters more is not to raise it twice. */
	return text || !pending ? text : keep_rule(al, NULL);
}

char *keep_digest(const struct digest *d, const struct courier_job *pending)
{
	struct alerts *a = d->alerts;
	struct op_buf out;
	OP_AUTO_FREE char *entries = d->entries ? json_dumps(d->entries, JSON_COMPACT) : NULL;
	op_buf_init(&out, KEEP_MAX);
	op_json_begin(&out, '{');
	put_when(a, &out);
	op_json_kv_u64(&out, "due_ns", d->due_ns);
	op_json_kv_u64(&out, "more", d->more);
	op_json_key(&out, "entries");
	op_json_raw(&out, entries ? entries : "[]");
	put_pending(a, pending, &out);
	op_json_end(&out, '}');
	char *text = finish(&out);
	return text || !pending ? text : keep_digest(d, NULL);
}

void keep_rule_now(struct alert *al)
{
	struct courier_job *job = courier_job_create(0);
	if (!job)
		return; /* it is kept with its next change */
	(void)snprintf(job->key, sizeof(job->key), "rule/%s", al->set->name); /* fits */
	job->value = keep_rule(al, NULL);
	courier_post(al->alerts->courier, job);
}

/* ---- back ------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static double real_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

/* A boot time that was kept, as a boot time of now; 0 if it cannot be told. */
static uint64_t carry_over(const struct alerts *a, const json_t *o, const char *ns_key,
			   int64_t wall_ns)
{
	struct message_place at;
	uint64_t ns = (uint64_t)number_of(o, ns_key);
	tell_place(a, op_now_ns(), &at);
	if (!ns || !strcmp(text_of(o, "boot"), a->boot_id))
		return ns;
	int64_t boot = wall_ns && at.clock_known ? wall_ns - at.offset_ns : 0;
	return boot > 0 ? (uint64_t)boot : 0;
}

/* Without a clock that tells how long the box was off, what was left of it is left now. */
static uint64_t muted_until(const struct alerts *a, const json_t *o)
{
	uint64_t until = (uint64_t)number_of(o, "muted_until_ns"), now = op_now_ns();
	uint64_t kept = (uint64_t)number_of(o, "at_ns");
	uint64_t most = now + ALERTS_MUTE_MAX_MIN * 60 * OP_NS_PER_S;
	if (until <= kept)
		return 0;
	struct message_place at;
	tell_place(a, now, &at);
	int64_t wall = number_of(o, "muted_until_wall_ns"), boot = wall - at.offset_ns;
	if (strcmp(text_of(o, "boot"), a->boot_id) != 0) {
		if (wall && at.clock_known)
			until = boot > 0 ? (uint64_t)boot : 0;
		else
			until = now + (until - kept);
	}
	return until < most ? until : most;
}

static void copy(char *out, size_t size, const json_t *o, const char *key)
{
	(void)snprintf(out, size, "%s", text_of(o, key)); /* it was of that size */
}

/* What a message that was on its way will tell us. */
static void restore_ask(struct alert *al, const json_t *o)
{
	if (!al->set->confirmed || !*text_of(o, "asked"))
		return;
	copy(al->raise.key, sizeof(al->raise.key), o, "asked");
	copy(al->raise.id, sizeof(al->raise.id), o, "asked_id");
	al->raise.ns = (uint64_t)number_of(o, "asked_ns");
	ask_resume(al);
}

/* Since when it counts as told: in another boot, since now. */
static void restore_told(struct alert *al, const json_t *o, bool here)
{
	uint64_t ns = (uint64_t)number_of(o, "told_ns");
	if (al->told)
		rule_told(&al->rule, here && ns ? ns : op_now_ns(), true);
	restore_ask(al, o);
}

static void restore_rule(struct alert *al, const json_t *o)
{
	struct alerts *a = al->alerts;
	bool here = !strcmp(text_of(o, "boot"), a->boot_id);
	if (!al->muted_until_ns) {
		al->muted_until_ns = muted_until(a, o);
		al->muted_until_wall_ns = number_of(o, "muted_until_wall_ns");
	}
	if (rule_is_raised(&al->rule) || al->told)
		return; /* kept too late: what is now is newer */
	al->told = json_is_true(json_object_get(o, "told"));
	al->logged = al->told || json_is_true(json_object_get(o, "raised"));
	copy(al->told_id, sizeof(al->told_id), o, "told_id");
	if (here && !al->rule.raised_ns)
		al->rule.raised_ns = (uint64_t)number_of(o, "raised_ns");
	if (!json_is_true(json_object_get(o, "raised"))) {
		restore_ask(al, o);
		return;
	}
	copy(al->id, sizeof(al->id), o, "id");
	copy(al->label, sizeof(al->label), o, "label");
	copy(al->unit, sizeof(al->unit), o, "unit");
	copy(al->reason, sizeof(al->reason), o, "reason");
	al->since_wall_ns = number_of(o, "since_wall_ns");
	rule_restore(&al->rule, here ? (uint64_t)number_of(o, "since_ns") : 0,
		     here ? (uint64_t)number_of(o, "raised_ns") : 0, real_of(o, "value"),
		     real_of(o, "threshold"));
	restore_told(al, o, here);
}

static void restore_digest(struct digest *d, const json_t *o)
{
	struct alerts *a = d->alerts;
	json_t *entries = json_object_get(o, "entries");
	if (d->entries || !json_is_array(entries) ||
	    (json_array_size(entries) == 0 && !number_of(o, "more")))
		return;
	d->entries = json_deep_copy(entries);
	d->more = (uint64_t)number_of(o, "more");
	d->due_ns = carry_over(a, o, "due_ns", 0);
	uint64_t most = op_now_ns() + (uint64_t)(d->set->minutes * 60e9);
	if (!d->due_ns || d->due_ns > most)
		d->due_ns = most;
}

static bool take_message(const struct alerts *a, const json_t *o, struct courier_message *m)
{
	size_t i = 0;
	while (i < a->set->channels.n &&
	       strcmp(a->live.channel[i].name, text_of(o, "channel")) != 0)
		i++;
	if (i == a->set->channels.n || !*a->live.channel[i].url)
		return false; /* the channel is no more */
	m->channel = (unsigned)i;
	copy(m->key, sizeof(m->key), o, "key");
	copy(m->about, sizeof(m->about), o, "about");
	m->body = strdup(text_of(o, "body"));
	return m->body != NULL;
}

/* Puts again what was on its way when the process ended; the keys tell receivers. */
static void send_pending(struct alerts *a, const char *key, json_t *o)
{
	json_t *pending = json_object_get(o, "pending");
	size_t n = json_array_size(pending), used = 0;
	struct courier_job *job = n ? courier_job_create(n) : NULL;
	if (!job)
		return;
	for (size_t i = 0; i < n; i++)
		if (take_message(a, json_array_get(pending, i), &job->messages[used]))
			used++;
	job->n = used;
	(void)snprintf(job->key, sizeof(job->key), "%s", key); /* it was of that size */
	(void)json_object_del(o, "pending");                   /* it is there */
	job->after = json_dumps(o, JSON_COMPACT);
	courier_post(a->courier, job);
}

static void forget(struct alerts *a, const char *key)
{
	struct courier_job *job = courier_job_create(0);
	if (!job)
		return; /* after the next start, then */
	op_log(OP_NOTICE, "%s is not in the settings any more: forgotten", key);
	(void)snprintf(job->key, sizeof(job->key), "%s", key); /* it was of that size */
	job->forget = true;
	courier_post(a->courier, job);
}

static struct alert *find_alert(struct alerts *a, const char *name)
{
	for (size_t i = 0; i < a->n_alerts; i++)
		if (!strcmp(a->alert[i].set->name, name))
			return &a->alert[i];
	return NULL;
}

static struct digest *find_digest(struct alerts *a, const char *name)
{
	for (size_t i = 0; i < a->set->digests.n; i++)
		if (!strcmp(a->digest[i].set->name, name))
			return &a->digest[i];
	return NULL;
}

void keep_entry(struct alerts *a, const char *key, const char *value)
{
	bool rule = !strncmp(key, "rule/", 5), digest = !strncmp(key, "digest/", 7);
	struct alert *al = rule ? find_alert(a, key + 5) : NULL;
	struct digest *d = digest ? find_digest(a, key + 7) : NULL;
	json_t *o = json_loads(value, 0, NULL);
	if (!al && !d) {
		if ((rule || digest) && strlen(key) < sizeof(((struct courier_job *)0)->key))
			forget(a, key);
		json_decref(o);
		return;
	}
	tell_floor(a, number_of(o, "wall_ns"));
	if (al)
		restore_rule(al, o);
	else
		restore_digest(d, o);
	send_pending(a, key, o);
	json_decref(o);
}
