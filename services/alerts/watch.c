/*
 * watch.c - topics to rules: every record by subscription, silence by a look once a second.
 *
 * Loop thread. Of a topic that is there already the newest record is judged at once, so that what
 * is wrong is known before the next one; of one that was opened late every record since. A rule
 * whose field is not there, or is of the wrong kind, is told in the state of the service and rests
 * until the topic's next schema. Silence counts only from when somebody watched: after the machine
 * was suspended, or this process held, the topic gets its time anew.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts.h"
#include "lib/base/decimal.h"

#define HELD_NS (3 * OP_NS_PER_S) /* looks are a second apart: so late nobody watched */

/* ---- what a rule looks at --------------------------------------------------------------- */

static const char *wanted(const struct alerts_rule *r)
{
	return *r->equals ? r->equals : r->differs;
}

static bool find_label(struct alert *al, const struct op_field *f)
{
	const char *want = wanted(al->set);
	size_t n = strlen(want);
	unsigned i = 0;
	for (const char *at = f->labels; at && *at; i++) {
		size_t len = strcspn(at, "|");
		al->wanted = i;
		if (len == n && !strncmp(at, want, n))
			return true;
		at += len + (at[len] == '|');
	}
	return false;
}

/* Whether the condition can be applied to the field; problem says why not. */
static bool fit(struct alert *al, const struct op_field *f)
{
	const struct alerts_rule *r = al->set;
	bool match = *wanted(r), number = f->type != OP_TEXT && f->type != OP_ENUM;
	char *end;
	al->text = f->type == OP_TEXT;
	if (match && f->type == OP_ENUM && !find_label(al, f)) {
		(void)snprintf(al->problem, sizeof(al->problem), "field %s has no label %s",
			       r->field, wanted(r)); /* cut at worst */
		return false;
	}
	if (match && number) {
		al->wanted = strtod(wanted(r), &end);
		if (*end)
			(void)snprintf(al->problem, sizeof(al->problem),
				       "field %s is a number, %s is none", r->field, wanted(r));
		return !*end;
	}
	if (!match && !number)
		(void)snprintf(al->problem, sizeof(al->problem),
			       "field %s is no number: use equals or differs", r->field);
	return match || number;
}

static void bind_field(struct alert *al, const struct op_topic_type *type)
{
	const struct op_field *f = op_topic_field(type, al->set->field);
	al->problem[0] = '\0';
	if (!f)
		(void)snprintf(al->problem, sizeof(al->problem), "topic %s has no field %s",
			       al->set->topic, al->set->field); /* cut at worst */
	if (!f || !fit(al, f)) {
		op_log(OP_WARNING, "rule %s: %s", al->set->name, al->problem);
		return;
	}
	al->field = f;
	al->rule.params.gap_ns = type->max_age_ms * OP_NS_PER_MS;
	(void)snprintf(al->unit, sizeof(al->unit), "%.15s", f->unit); /* a label */
}

/* ---- records ---------------------------------------------------------------------------- */

static void set_label(struct alert *al, const void *record)
{
	al->label[0] = '\0';
	if (al->text)
		(void)snprintf(
			al->label, sizeof(al->label), "%.*s",
			(int)strnlen((const char *)record + al->field->offset, al->field->bytes),
			(const char *)record + al->field->offset); /* cut at worst */
	else if (al->field->type == OP_ENUM)
		op_field_label(al->field, record, al->label, sizeof(al->label));
}

static bool matches(const struct alert *al, const void *record)
{
	const struct op_field *f = al->field;
	const char *want = wanted(al->set), *text = (const char *)record + f->offset;
	bool same =
		al->text ? strlen(want) == strnlen(text, f->bytes) && !strncmp(text, want, f->bytes)
			 : op_field_f64(f, record) == al->wanted;
	return same == (*al->set->equals != '\0');
}

static enum rule_event see(struct alert *al, uint64_t boot_ns, const void *record)
{
	double value = al->text ? NAN : op_field_f64(al->field, record);
	if (al->rule.params.condition != RULE_MATCH)
		return rule_value(&al->rule, boot_ns, value);
	if (al->field->type == OP_F64 || al->field->type == OP_F32)
		if (isnan(value))
			return RULE_NOTHING;
	return rule_match(&al->rule, boot_ns, matches(al, record), value);
}

static uint64_t stamp_of(const char *slot)
{
	uint64_t t;
	memcpy(&t, slot, sizeof(t));
	return t;
}

static void see_all(struct alert *al, const char *slots, size_t n, size_t stride, uint64_t now_ns)
{
	for (size_t i = 0; i < n; i++, slots += stride) {
		uint64_t t = stamp_of(slots);
		if (t > now_ns) /* a writer's clock is ours, so this is a damaged one's */
			t = now_ns;
		enum rule_event e = see(al, t, slots + OP_SLOT_RECORD);
		if (e == RULE_NOTHING)
			continue;
		if (al->field->type == OP_F32) /* 31.1 as its writer had it, not 31.100000381 */
			al->rule.value = op_decimal_widen((float)al->rule.value);
		set_label(al, slots + OP_SLOT_RECORD);
		tell_event(al, e, t);
	}
}

static void each_value(struct watch *w, void (*fn)(struct alert *al, const void *arg),
		       const void *arg)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->alert[i]->set->silent_s <= 0)
			fn(w->alert[i], arg);
}

static void note_gap(struct alert *al, const void *arg)
{
	rule_gap(&al->rule);
	if (!arg)
		al->field = NULL;
}

static void bind_if_needed(struct alert *al, const void *type)
{
	if (!al->field && !*al->problem)
		bind_field(al, type);
}

static void forget_problem(struct alert *al, const void *arg)
{
	al->problem[0] = '\0';
}

/* After the topic was opened: how many of these records are from before anybody watched. */
static size_t before_watch(struct watch *w, uint64_t first_seq, const char *slots, size_t n,
			   size_t stride)
{
	size_t i = 0;
	while (w->opened && i < n && first_seq + i != w->newest_seq &&
	       stamp_of(slots + i * stride) <= w->seen_ns)
		i++;
	if (i < n)
		w->opened = false;
	return i;
}

static void on_opened(void *arg, struct op_reader *reader)
{
	static _Alignas(8) unsigned char record[OP_TOPIC_RECORD_MAX];
	struct watch *w = arg;
	uint64_t max_age_ns = op_reader_type(reader)->max_age_ms * OP_NS_PER_MS;
	struct op_topic_look look;
	op_reader_look(reader, &look, record);
	bool fresh = look.any && (!max_age_ns || look.age_ns <= max_age_ns);
	w->newest_seq = fresh ? look.seq : UINT64_MAX;
	w->opened = true;
	op_reader_rewind(reader, UINT64_MAX);
}

static void on_records(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		       const void *slots, size_t n, size_t stride)
{
	struct watch *w = arg;
	if (!type) {
		w->next_seq = 0;
		each_value(w, note_gap, NULL);
		each_value(w, forget_problem, NULL);
		return;
	}
	size_t skip = before_watch(w, first_seq, slots, n, stride);
	const char *from = (const char *)slots + skip * stride;
	n -= skip;
	first_seq += skip;
	each_value(w, bind_if_needed, type);
	if (n == 0)
		return;
	if (w->next_seq && first_seq != w->next_seq)
		each_value(w, note_gap, type);
	w->next_seq = first_seq + n;
	w->seen_ns = stamp_of(from + (n - 1) * stride);
	w->alerts->records += n;
	uint64_t now = op_now_ns();
	for (size_t i = 0; i < w->n; i++)
		if (w->alert[i]->field)
			see_all(w->alert[i], from, n, stride, now);
}

/* ---- silence ---------------------------------------------------------------------------- */

static void open_reader(struct watch *w)
{
	if (w->reader && op_reader_retired(w->reader))
		op_reader_close(OP_STEAL(w->reader));
	if (!w->reader &&
	    op_reader_open(op_service_bus_dir(w->alerts->service), w->topic, "", &w->reader) < 0)
		w->reader = NULL; /* not there yet: that is what is waited for */
}

/* What a look at a topic says to its dead-man's rules. */
struct silence {
	uint64_t now_ns;
	uint64_t unheard_ns; /* since the newest record, or since somebody watches */
	uint64_t age_ns;     /* of the newest record; UINT64_MAX: there is none */
	bool deserted;       /* it had a writer and has none */
	bool written;        /* it has one */
};

/* It is over only when a record says so: that nobody watched for a while is no sign of life. */
static void judge(struct alert *al, const struct silence *s)
{
	const char *topic = al->set->topic;
	double unheard_s = (double)s->unheard_ns / (double)OP_NS_PER_S;
	bool silent = unheard_s > al->set->silent_s;
	bool heard = s->written && (double)s->age_ns <= al->set->silent_s * (double)OP_NS_PER_S;
	if (!silent && !s->deserted && !heard && rule_is_raised(&al->rule))
		return;
	enum rule_event e = rule_match(&al->rule, s->now_ns, silent || s->deserted, unheard_s);
	if (e == RULE_RAISE)
		(void)snprintf(al->reason, sizeof(al->reason),
			       silent ? "%s is silent: no record for %.0f s"
				      : "%s is silent: nobody writes it",
			       topic, unheard_s); /* fits */
	if (e != RULE_NOTHING)
		tell_event(al, e, s->now_ns);
}

static void look_at(struct watch *w, uint64_t now_ns)
{
	static _Alignas(8) unsigned char record[OP_TOPIC_RECORD_MAX];
	struct op_topic_look look = {0};
	open_reader(w);
	if (w->reader)
		op_reader_look(w->reader, &look, record);
	uint64_t last = look.any && look.boot_ns > w->since_ns ? look.boot_ns : w->since_ns;
	struct silence s = {
		.now_ns = now_ns,
		.unheard_ns = now_ns > last ? now_ns - last : 0,
		.age_ns = look.any ? look.age_ns : UINT64_MAX,
		.deserted = w->written && !look.writer_pid,
		.written = look.writer_pid != 0,
	};
	w->written |= s.written;
	for (size_t i = 0; i < w->n; i++)
		if (w->alert[i]->set->silent_s > 0)
			judge(w->alert[i], &s);
}

void watch_silence(struct alerts *a, uint64_t now_ns)
{
	bool held = now_ns - a->looked_ns > HELD_NS;
	a->looked_ns = now_ns;
	for (size_t i = 0; i < a->n_watches; i++) {
		struct watch *w = &a->watch[i];
		if (!w->silence)
			continue;
		if (held)
			w->since_ns = now_ns;
		look_at(w, now_ns);
	}
}

/* ---- start and stop --------------------------------------------------------------------- */

void watch_add(struct alerts *a, struct alert *al)
{
	size_t i = 0;
	while (i < a->n_watches && strcmp(a->watch[i].topic, al->set->topic) != 0)
		i++;
	struct watch *w = &a->watch[i];
	if (i == a->n_watches) {
		*w = (struct watch){.alerts = a, .topic = al->set->topic};
		a->n_watches++;
	}
	w->alert[w->n++] = al;
	w->silence |= al->set->silent_s > 0;
	w->values |= al->set->silent_s <= 0;
	al->watch = w;
}

int watch_start(struct alerts *a)
{
	uint64_t now = op_now_ns();
	a->looked_ns = now;
	for (size_t i = 0; i < a->n_watches; i++) {
		struct watch *w = &a->watch[i];
		w->since_ns = w->seen_ns = now;
		if (!w->values)
			continue;
		int r = op_subscribe(a->service, w->topic, (uint64_t)a->set->period_ms, on_records,
				     w, &w->sub);
		if (r < 0)
			return r;
		op_subscription_on_open(w->sub, on_opened);
	}
	return 0;
}

void watch_stop(struct alerts *a)
{
	for (size_t i = 0; i < a->n_watches; i++) {
		op_subscription_close(OP_STEAL(a->watch[i].sub));
		op_reader_close(OP_STEAL(a->watch[i].reader));
	}
}
