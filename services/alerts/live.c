/*
 * live.c - what `configure` may change, and how it is read.
 *
 * A change is made on a copy, which takes the place of the original when all of it was right.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "expand.h"
#include "lib/net/post.h"

#define FOREVER_S (10ULL * 366 * 86400)

/* As a number with a fraction is written: 27 of the settings is 27.0. */
static void put_limit(char out[32], const char *text)
{
	struct op_buf buf;
	op_buf_init_fixed(&buf, out, 32);
	if (*text)
		expand_number(strtod(text, NULL), "shortest", &buf);
}

void live_init(struct live *l, const struct alerts_settings *set)
{
	memset(l, 0, sizeof(*l)); /* whole, so that copies can be compared */
	l->set = set;
	for (size_t i = 0; i < set->channels.n; i++) {
		struct alerts_channel *ch = &l->channel[i];
		*ch = *alerts_channel_at(set, i);
		if (ch->backoff_s > 0)
			ch->backoff_ms = (int64_t)(ch->backoff_s * 1000);
		if (ch->timeout_s > 0)
			ch->connect_timeout_ms = ch->read_timeout_ms =
				(int64_t)(ch->timeout_s * 1000);
	}
	for (size_t i = 0; i < set->rules.n; i++) {
		put_limit(l->rule[i].above, alerts_rule_at(set, i)->above);
		put_limit(l->rule[i].below, alerts_rule_at(set, i)->below);
	}
}

struct rule_params live_params(const struct live *l, size_t i)
{
	const struct alerts_rule *r = alerts_rule_at(l->set, i);
	const struct live_limits *now = &l->rule[i];
	struct rule_params p = alerts_rule_params(r);
	if (*r->above)
		p.high = *now->above ? strtod(now->above, NULL) : INFINITY;
	if (*r->below)
		p.low = *now->below ? strtod(now->below, NULL) : -INFINITY;
	p.off = (*r->above && !*now->above) || (*r->below && !*now->below);
	return p;
}

bool live_takes(const struct live *l, size_t channel)
{
	const struct alerts_channel *ch = &l->channel[channel];
	return ch->type == ALERTS_LOG || (ch->enabled && *ch->url);
}

uint64_t live_patience_s(const struct live *l, size_t channel, unsigned attempts)
{
	const struct alerts_channel *ch = &l->channel[channel];
	uint64_t n = attempts ? attempts : (uint64_t)ch->attempts, pause = (uint64_t)ch->backoff_ms;
	uint64_t one = (uint64_t)(ch->connect_timeout_ms + 2 * ch->read_timeout_ms), ms = 0;
	if (!n && ch->expires_h <= 0)
		return FOREVER_S;
	if (!n)
		return (uint64_t)(ch->expires_h * 3600) + 1;
	for (uint64_t k = 0; k < n; k++) {
		ms += (one > 60000 ? one : 60000) + (k + 1 < n ? pause : 0);
		pause = pause * 2 < (uint64_t)ch->backoff_max_ms ? pause * 2
								 : (uint64_t)ch->backoff_max_ms;
	}
	return ms / 1000 + 5;
}

/* ---- a change --------------------------------------------------------------------------- */

static int wrong(struct op_buf *error, const char *kind, const char *name, const char *member,
		 const char *what)
{
	op_buf_printf(error, "%s.%.47s%s%.32s: %s", kind, name, member ? "." : "",
		      member ? member : "", what);
	return -EINVAL;
}

/* The rest of the array is zeroed, as live_init has it. */
static bool set_text(char *out, size_t size, const char *text)
{
	size_t n = strlen(text);
	if (n >= size)
		return false;
	memset(out, 0, size);
	memcpy(out, text, n);
	return true;
}

static int set_url(struct alerts_channel *ch, const json_t *v, struct op_buf *error)
{
	const char *url = json_is_null(v) ? "" : json_string_value(v);
	bool ok = url && (!*url || alerts_is_url(url));
	if (!ok || !set_text(ch->url, sizeof(ch->url), url)) /* which may hold a secret */
		return wrong(error, "channels", ch->name, "url",
			     "expected an address such as https://HOST/PATH, or null");
	return 0;
}

static int set_number(struct alerts_channel *ch, const char *key, const json_t *v,
		      struct op_buf *error)
{
	const struct {
		const char *name;
		int64_t *at[2], min, max;
	} numbers[] = {
		{"attempts", {&ch->attempts, NULL}, 0, 100000},
		{"backoff_ms", {&ch->backoff_ms, NULL}, 10, 3600000},
		{"timeout_ms", {&ch->connect_timeout_ms, &ch->read_timeout_ms}, 100, 600000},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++) {
		if (strcmp(key, numbers[i].name) != 0)
			continue;
		json_int_t n = json_integer_value(v);
		if (!json_is_integer(v) || n < numbers[i].min || n > numbers[i].max)
			return wrong(error, "channels", ch->name, key,
				     "expected a whole number in the limits of the setting");
		for (size_t k = 0; k < 2 && numbers[i].at[k]; k++)
			*numbers[i].at[k] = n;
		return 0;
	}
	return wrong(error, "channels", ch->name, key, "is not one that can be changed");
}

static int change_channel(struct live *l, const char *name, const json_t *change,
			  struct op_buf *error)
{
	struct alerts_channel *ch = NULL;
	for (size_t i = 0; i < l->set->channels.n; i++)
		if (l->channel[i].type != ALERTS_LOG && !strcmp(l->channel[i].name, name))
			ch = &l->channel[i];
	if (!ch || !json_is_object(change))
		return wrong(error, "channels", name, NULL, "no such channel, or no object");
	const char *key;
	json_t *v;
	int r = 0;
	json_object_foreach((json_t *)change, key, v)
	{
		if (!strcmp(key, "url"))
			r = set_url(ch, v, error);
		else if (!strcmp(key, "enabled") && json_is_boolean(v))
			ch->enabled = json_is_true(v);
		else if (!strcmp(key, "enabled"))
			r = wrong(error, "channels", name, key, "expected true or false");
		else
			r = set_number(ch, key, v, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int change_rule(struct live *l, const char *name, const json_t *change, struct op_buf *error)
{
	size_t i = 0;
	while (i < l->set->rules.n && strcmp(alerts_rule_at(l->set, i)->name, name) != 0)
		i++;
	if (i == l->set->rules.n || !json_is_object(change))
		return wrong(error, "rules", name, NULL, "no such rule, or no object");
	const struct alerts_rule *r = alerts_rule_at(l->set, i);
	struct live_limits *now = &l->rule[i];
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)change, key, v)
	{
		bool above = !strcmp(key, "above") && *r->above;
		bool below = !strcmp(key, "below") && *r->below;
		const char *text = json_is_null(v) ? "" : json_string_value(v);
		if (!above && !below)
			return wrong(error, "rules", name, key, "is not the rule's condition");
		if (!text || (*text && !alerts_is_number(text)) || (!*text && !json_is_null(v)) ||
		    !set_text(above ? now->above : now->below, sizeof(now->above), text))
			return wrong(error, "rules", name, key,
				     "expected a number as a text, or null");
	}
	return 0;
}

static int change_all(struct live *l, const json_t *change, const char *kind,
		      int (*fn)(struct live *, const char *, const json_t *, struct op_buf *),
		      struct op_buf *error)
{
	json_t *all = json_object_get(change, kind), *v;
	const char *name;
	if (all && !json_is_object(all)) {
		op_buf_printf(error, "%s: expected an object", kind);
		return -EINVAL;
	}
	json_object_foreach(all, name, v)
	{
		int r = fn(l, name, v, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int live_apply(struct live *l, const json_t *change, struct op_buf *error)
{
	struct live *next = malloc(sizeof(*next));
	if (!next)
		return -ENOMEM;
	memcpy(next, l, sizeof(*next));
	int r = change_all(next, change, "channels", change_channel, error);
	if (r == 0)
		r = change_all(next, change, "rules", change_rule, error);
	if (r == 0)
		memcpy(l, next, sizeof(*l));
	free(next);
	return r;
}

/* ---- as it is --------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *channel_json(const struct alerts_channel *ch)
{
	char origin[300];
	if (op_url_origin(ch->url, origin, sizeof(origin)) < 0)
		(void)snprintf(origin, sizeof(origin), "%s", *ch->url ? "<invalid-url>" : "");
	return json_pack("{s:s, s:o, s:b, s:I, s:I, s:I}", "type", alerts_channel_types[ch->type],
			 "url", text_or_null(origin), "enabled", ch->enabled, "attempts",
			 (json_int_t)ch->attempts, "backoff_ms", (json_int_t)ch->backoff_ms,
			 "timeout_ms", (json_int_t)ch->connect_timeout_ms);
}

json_t *live_json(const struct live *l)
{
	json_t *channels = json_object(), *rules = json_object();
	/* Out of memory: a member is missing. */
	for (size_t i = 0; i < l->set->channels.n; i++)
		if (l->channel[i].type != ALERTS_LOG)
			(void)json_object_set_new(channels, l->channel[i].name,
						  channel_json(&l->channel[i]));
	for (size_t i = 0; i < l->set->rules.n; i++) {
		const struct alerts_rule *r = alerts_rule_at(l->set, i);
		if (*r->above || *r->below)
			(void)json_object_set_new(rules, r->name,
						  json_pack("{s:o, s:o}", "above",
							    text_or_null(l->rule[i].above), "below",
							    text_or_null(l->rule[i].below)));
	}
	return json_pack("{s:o, s:o}", "channels", channels, "rules", rules);
}

/* ---- what is changed -------------------------------------------------------------------- */

static json_t *channel_changes(const struct alerts_channel *was, const struct alerts_channel *now)
{
	json_t *o = json_object();
	/* Out of memory: a member is missing. */
	if (!*now->url && *was->url)
		(void)json_object_set_new(o, "url", json_null());
	if (now->enabled != was->enabled)
		(void)json_object_set_new(o, "enabled", json_boolean(now->enabled));
	if (now->attempts != was->attempts)
		(void)json_object_set_new(o, "attempts", json_integer(now->attempts));
	if (now->backoff_ms != was->backoff_ms)
		(void)json_object_set_new(o, "backoff_ms", json_integer(now->backoff_ms));
	if (now->connect_timeout_ms != was->connect_timeout_ms)
		(void)json_object_set_new(o, "timeout_ms", json_integer(now->connect_timeout_ms));
	return o;
}

static json_t *rule_changes(const struct live_limits *was, const struct live_limits *now)
{
	json_t *o = json_object();
	if (strcmp(now->above, was->above) != 0)
		(void)json_object_set_new(o, "above", text_or_null(now->above));
	if (strcmp(now->below, was->below) != 0)
		(void)json_object_set_new(o, "below", text_or_null(now->below));
	return o;
}

static void add_changes(json_t *to, const char *name, json_t *changes)
{
	if (json_object_size(changes))
		(void)json_object_set(to, name, changes);
	json_decref(changes);
}

static json_t *all_changes(const struct live *was, const struct live *l)
{
	json_t *channels = json_object(), *rules = json_object(), *addresses = json_array();
	for (size_t i = 0; i < l->set->channels.n; i++) {
		const struct alerts_channel *now = &l->channel[i];
		add_changes(channels, now->name, channel_changes(&was->channel[i], now));
		if (*now->url && strcmp(now->url, was->channel[i].url) != 0)
			(void)json_array_append_new(addresses, json_string(now->name));
	}
	for (size_t i = 0; i < l->set->rules.n; i++)
		add_changes(rules, alerts_rule_at(l->set, i)->name,
			    rule_changes(&was->rule[i], &l->rule[i]));
	bool any =
		json_object_size(channels) || json_object_size(rules) || json_array_size(addresses);
	json_t *o = json_pack("{s:o, s:o, s:o}", "channels", channels, "rules", rules, "addresses",
			      addresses);
	if (any)
		return o;
	json_decref(o);
	return NULL;
}

json_t *live_changes(const struct live *l)
{
	struct live *was = malloc(sizeof(*was));
	if (!was)
		return NULL;
	live_init(was, l->set);
	json_t *o = all_changes(was, l);
	free(was);
	return o;
}
