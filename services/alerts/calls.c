/*
 * calls.c - what people ask of the alerts: the list, other channels and thresholds, quiet for a
 * while.
 *
 * Loop thread. The test message is calls_test.c's.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts.h"
#include "lib/net/outbox_calls.h"

/* ---- list ------------------------------------------------------------------------------- */

static json_t *number_or_null(double v)
{
	return isnan(v) || isinf(v) ? json_null() : json_real(v);
}

/* To the millisecond. */
static double seconds(uint64_t ns)
{
	return (double)(ns / OP_NS_PER_MS) / 1000;
}

static json_t *time_or_null(const struct alert *al)
{
	char text[OP_RFC3339_BYTES];
	struct message_place at;
	tell_place(al->alerts, op_now_ns(), &at);
	int64_t wall = al->since_wall_ns;
	if (!rule_is_raised(&al->rule))
		return json_null();
	if (!wall && al->rule.since_ns && at.clock_known)
		wall = (int64_t)(al->rule.since_ns + (uint64_t)at.offset_ns);
	if (!wall)
		return json_null();
	op_time_rfc3339(wall, text);
	return json_string(text);
}

static json_t *rule_json(const struct alert *al)
{
	const struct rule *r = &al->rule;
	uint64_t now = op_now_ns();
	bool muted = tell_muted(al), raised = rule_is_raised(r);
	OP_AUTO_BUF struct op_buf words;
	op_buf_init(&words, 4096);
	struct message m = {.rule = al->set,
			    .raised = raised,
			    .unit = al->unit,
			    .label = *al->label ? al->label : NULL,
			    .reason = *al->reason ? al->reason : NULL,
			    .value = r->value,
			    .threshold = r->threshold};
	tell_place(al->alerts, now, &m.at);
	m.id = m.key = al->id;
	if (raised)
		message_words(&m, false, &words);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I}", "rule",
			      al->set->name, "state", rule_state_name(r->state), "severity",
			      alerts_severity_names[al->set->severity], "topic", al->set->topic,
			      "field", al->set->field, "unit", al->unit, "problem", al->problem,
			      "told", al->told, "raises", (json_int_t)al->raises);
	if (!o)
		return NULL;
	/* Out of memory: a member is missing. */
	(void)json_object_set_new(o, "alert", raised ? json_string(al->id) : json_null());
	(void)json_object_set_new(o, "message", json_string(words.len ? words.data : ""));
	(void)json_object_set_new(o, "value", raised ? number_or_null(r->value) : json_null());
	(void)json_object_set_new(o, "threshold",
				  raised ? number_or_null(r->threshold) : json_null());
	(void)json_object_set_new(o, "since", time_or_null(al));
	(void)json_object_set_new(o, "muted_s",
				  json_real(muted ? seconds(al->muted_until_ns - now) : 0));
	return o;
}

void calls_masked(const struct alerts_channel *ch, char *out, size_t size)
{
	out[0] = '\0';
	if (ch->type != ALERTS_LOG && *ch->url)
		op_url_masked(ch->url, out, size);
}

static json_t *channel_json(const struct alerts *a, size_t i, const struct courier_view *v)
{
	const struct alerts_channel *ch = &a->live.channel[i];
	const struct courier_channel_view *c = &v->channel[i];
	char url[300];
	calls_masked(ch, url, sizeof(url));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "channel",
			 ch->name, "type", alerts_channel_types[ch->type], "url", url, "on",
			 live_takes(&a->live, i), "failing", a->channel[i].failing, "error",
			 a->channel[i].error, "waiting", (json_int_t)c->waiting, "dead",
			 (json_int_t)c->dead, "in_memory", (json_int_t)c->spooled, "delivered",
			 (json_int_t)(c->delivered + c->from_memory), "evicted",
			 (json_int_t)c->evicted, "dropped", (json_int_t)c->dropped);
}

static int call_list(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	json_t *rules = json_array(), *channels = json_array();
	struct courier_view v;
	courier_view(a->courier, &v);
	/* Out of memory: a shorter list. */
	for (size_t i = 0; i < a->n_alerts; i++)
		(void)json_array_append_new(rules, rule_json(&a->alert[i]));
	for (size_t i = 0; i < a->set->channels.n; i++)
		(void)json_array_append_new(channels, channel_json(a, i, &v));
	*ret_result = json_pack("{s:o, s:o, s:s, s:I}", "rules", rules, "channels", channels,
				"clock", op_clock_quality_name(a->clock.now.quality), "records",
				(json_int_t)a->records);
	return *ret_result ? 0 : -ENOMEM;
}

/* ---- configure -------------------------------------------------------------------------- */

static int call_config(struct op_service *s, json_t *args, json_t **ret_result,
		       struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	*ret_result = live_json(&a->live);
	return *ret_result ? 0 : -ENOMEM;
}

/* A threshold that is no more raises nothing; nobody is told that all is well. */
static void change_rule(struct alerts *a, size_t i)
{
	struct alert *al = &a->alert[i];
	struct rule_params p = live_params(&a->live, i);
	const struct live_limits *now = &a->live.rule[i];
	bool raised = rule_is_raised(&al->rule);
	rule_set(&al->rule, &p);
	if (raised && p.off)
		tell_off(al);
	op_log(OP_NOTICE, "rule %s: %s%s", al->set->name, p.off ? "off" : "threshold ",
	       *al->set->above ? now->above : now->below);
	keep_rule_now(al);
}

static void change_all(struct alerts *a, const struct live *old)
{
	for (unsigned i = 0; i < a->set->channels.n; i++) {
		const struct alerts_channel *ch = &a->live.channel[i];
		char url[300];
		if (memcmp(ch, &old->channel[i], sizeof(*ch)) == 0)
			continue;
		calls_masked(ch, url, sizeof(url));
		op_log(OP_NOTICE, "channel %s: %s, %s, %lld attempts", ch->name,
		       *url ? url : "no address", ch->enabled ? "on" : "off",
		       (long long)ch->attempts);
		courier_configure(a->courier, i, ch);
	}
	for (size_t i = 0; i < a->n_alerts; i++)
		if (memcmp(&a->live.rule[i], &old->rule[i], sizeof(old->rule[i])) != 0)
			change_rule(a, i);
}

static int call_configure(struct op_service *s, json_t *args, json_t **ret_result,
			  struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	struct live *old = malloc(sizeof(*old));
	if (!old)
		return -ENOMEM;
	memcpy(old, &a->live, sizeof(*old));
	int r = live_apply(&a->live, args, error);
	if (r == 0) {
		change_all(a, old);
		changes_keep(a);
	}
	free(old);
	if (r < 0)
		return r;
	tell_state(a);
	return call_config(s, args, ret_result, error);
}

/* ---- mute ------------------------------------------------------------------------------- */

static void mute(struct alert *al, double minutes)
{
	struct message_place at;
	uint64_t now = op_now_ns(), ns = (uint64_t)(minutes * 60e9);
	tell_place(al->alerts, now, &at);
	al->muted_until_ns = minutes > 0 ? now + ns : 0;
	al->muted_until_wall_ns = 0;
	if (minutes > 0 && at.clock_known)
		al->muted_until_wall_ns = (int64_t)(now + ns + (uint64_t)at.offset_ns);
	if (minutes > 0)
		op_log(OP_NOTICE, "rule %s is muted for %g min", al->set->name, minutes);
	else
		op_log(OP_NOTICE, "rule %s is not muted any more", al->set->name);
	tell_now(al, now); /* keeps it, and tells what is to be told */
}

/* rule: a name, or "all". The number of rules, or a negative error. */
static int mute_named(struct alerts *a, const char *name, double minutes, struct op_buf *error)
{
	int n = 0;
	for (size_t i = 0; name && i < a->n_alerts; i++) {
		if (strcmp(name, "all") != 0 && strcmp(name, a->alert[i].set->name) != 0)
			continue;
		mute(&a->alert[i], minutes);
		n++;
	}
	tell_state(a);
	if (n > 0)
		return n;
	op_buf_puts(error, "rule: expected the name of a rule, or all");
	return -EINVAL;
}

static int call_mute(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	double minutes = json_number_value(json_object_get(args, "minutes"));
	const char *name = json_string_value(json_object_get(args, "rule"));
	if (!(minutes > 0 && minutes <= ALERTS_MUTE_MAX_MIN)) {
		op_buf_printf(error,
			      "minutes: expected a number above 0, at most %d (a week); unmute "
			      "ends a mute",
			      ALERTS_MUTE_MAX_MIN);
		return -EINVAL;
	}
	int n = mute_named(a, name, minutes, error);
	*ret_result = n > 0 ? json_pack("{s:i, s:f}", "rules", n, "minutes", minutes) : NULL;
	return n < 0 ? n : 0;
}

static int call_unmute(struct op_service *s, json_t *args, json_t **ret_result,
		       struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	const char *name = json_string_value(json_object_get(args, "rule"));
	int n = mute_named(a, name, 0, error);
	*ret_result = n > 0 ? json_pack("{s:i}", "rules", n) : NULL;
	return n < 0 ? n : 0;
}

/* ---- outbox ----------------------------------------------------------------------------- */

static void on_answer(void *arg, int err, json_t *result, const char *error)
{
	op_call_finish(arg, err, result, error);
}

/* The outbox is the courier's: its thread makes the call, and the answer comes later. */
static int ask(struct op_service *s, json_t *args, enum courier_ask what)
{
	struct alerts *a = op_service_self(s);
	struct op_call_later *later = op_call_defer(s);
	if (!later)
		return -ENOMEM;
	int r = courier_ask(a->courier, what, args, on_answer, later);
	if (r < 0)
		op_log(OP_WARNING, "outbox: %s", op_strerror(r)); /* the client's time runs out */
	return 0;
}

static int call_outbox_retry(struct op_service *s, json_t *args, json_t **ret_result,
			     struct op_buf *error)
{
	return ask(s, args, COURIER_RETRY);
}

static int call_outbox_drop(struct op_service *s, json_t *args, json_t **ret_result,
			    struct op_buf *error)
{
	return ask(s, args, COURIER_DROP);
}

const struct op_call alerts_calls[] = {
	{"list", "rules with their state, and channels", call_list},
	{"test",
	 "send a test message, to all channels or channel=NAME, and say what became of it; "
	 "report=NAME: that report, with all of attempts=N",
	 call_test, "channel report attempts"},
	{"config", "channels and thresholds as they are now", call_config},
	{"configure",
	 "change some of them until the appliance starts anew, all or nothing; outpost-alerts(8)",
	 call_configure, "channels rules"},
	{"mute", "tell nobody about rule=NAME (or all) for minutes=N", call_mute, "rule minutes"},
	{"unmute", "tell about rule=NAME (or all) again", call_unmute, "rule"},
	{"outbox_retry", OP_OUTBOX_RETRY_HELP, call_outbox_retry, OP_OUTBOX_RETRY_ARGS},
	{"outbox_drop", OP_OUTBOX_DROP_HELP, call_outbox_drop, OP_OUTBOX_DROP_ARGS},
};
const size_t alerts_calls_count = OP_ARRAY_SIZE(alerts_calls);
