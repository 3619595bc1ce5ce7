/*
 * check.c - what the table of settings cannot say: one condition each, names that exist, numbers.
 *
 * Before every start; opens nothing. Thresholds are texts in the table, because a rule has only one
 * of them and every number is a threshold that somebody might want.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/post.h"
#include "settings.h"

struct check {
	const struct op_config *config;
	const char *service;
	const struct alerts_settings *set;
	struct op_buf *errors;
};

#define WRONG(c, kind, i, key, ...)                                                            \
	do {                                                                                   \
		char path_[64];                                                                \
		(void)snprintf(path_, sizeof(path_), kind ".%zu" key, (size_t)(i)); /* fits */ \
		op_config_wrong((c)->config, (c)->service, path_, (c)->errors, __VA_ARGS__);   \
	} while (0)

bool alerts_list_has(const char *list, const char *name)
{
	size_t n = strlen(name);
	if (!*list)
		return true;
	for (const char *at = list; *at;) {
		at += strspn(at, ", ");
		size_t len = strcspn(at, ", ");
		if (len == n && n > 0 && !strncmp(at, name, n))
			return true;
		at += len;
	}
	return false;
}

bool alerts_is_number(const char *text)
{
	char *end;
	double v = strtod(text, &end);
	return *text && !*end && isfinite(v);
}

static bool is_name(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-_.")];
}

static double number_or(const char *text, double otherwise)
{
	return *text ? strtod(text, NULL) : otherwise;
}

struct rule_params alerts_rule_params(const struct alerts_rule *r)
{
	struct rule_params p = {
		.condition = *r->above                             ? RULE_ABOVE
			     : *r->below                           ? RULE_BELOW
			     : *r->outside.low || *r->outside.high ? RULE_OUTSIDE
								   : RULE_MATCH,
		.low = number_or(*r->below ? r->below : r->outside.low, -INFINITY),
		.high = number_or(*r->above ? r->above : r->outside.high, INFINITY),
		.hysteresis = r->hysteresis,
		.for_ns = (uint64_t)(r->for_s * 1e9),
		.clear_ns = (uint64_t)((r->clear_for_s < 0 ? r->for_s : r->clear_for_s) * 1e9),
		.cooldown_ns = (uint64_t)(r->cooldown_s * 1e9),
		.repeat = r->repeat_s >= 0,
		.repeat_ns = r->repeat_s > 0 ? (uint64_t)(r->repeat_s * 1e9) : 0,
		.confirmed = r->confirmed,
	};
	return p;
}

static void check_number(const struct check *c, size_t i, const char *key, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "rules.%zu.%s", i, key); /* fits */
	if (*text && !alerts_is_number(text))
		op_config_wrong(c->config, c->service, path, c->errors,
				"expected a number, not \"%s\"", text);
}

static void check_condition(const struct check *c, size_t i, const struct alerts_rule *r)
{
	bool outside = *r->outside.low || *r->outside.high;
	int n = !!*r->above + !!*r->below + outside + !!*r->equals + !!*r->differs +
		(r->silent_s > 0);
	if (n != 1)
		WRONG(c, "rules", i, "",
		      "rule \"%s\" has %s condition: give one of above, below, outside, equals, "
		      "differs, silent_s",
		      r->name, n ? "more than one" : "no");
	if (n == 1 && r->silent_s <= 0 && !*r->field)
		WRONG(c, "rules", i, "", "rule \"%s\" needs a field", r->name);
	if (outside && (!*r->outside.low || !*r->outside.high))
		WRONG(c, "rules", i, ".outside", "needs both low and high");
	check_number(c, i, "above", r->above);
	check_number(c, i, "below", r->below);
	check_number(c, i, "outside.low", r->outside.low);
	check_number(c, i, "outside.high", r->outside.high);
	struct rule_params p = alerts_rule_params(r);
	if (p.condition == RULE_OUTSIDE && !(p.high - p.low >= 2 * p.hysteresis))
		WRONG(c, "rules", i, ".hysteresis",
		      "with more than half of the range no value would ever be back");
}

static void check_names(const struct check *c, size_t i, const struct alerts_rule *r)
{
	if (!is_name(r->name))
		WRONG(c, "rules", i, ".name", "expected letters, digits, \"-\", \"_\" and \".\"");
	if (!strcmp(r->name, "all")) /* mute rule=all */
		WRONG(c, "rules", i, ".name", "\"all\" means every rule: choose another name");
	for (size_t k = 0; k < i; k++)
		if (!strcmp(r->name, alerts_rule_at(c->set, k)->name))
			WRONG(c, "rules", i, ".name", "there is a rule \"%s\" already", r->name);
	if (*r->digest && (r->confirmed || r->repeat_s >= 0))
		WRONG(c, "rules", i, ".digest", "goes with neither confirmed nor repeat_s");
	if (r->silent_s > 0 && (r->confirmed || r->repeat_s >= 0))
		WRONG(c, "rules", i, ".silent_s", "goes with neither confirmed nor repeat_s");
	bool known = !*r->digest;
	for (size_t k = 0; k < c->set->digests.n; k++)
		known |= !strcmp(r->digest, alerts_digest_at(c->set, k)->name);
	if (!known)
		WRONG(c, "rules", i, ".digest", "there is no digest \"%s\" in digests", r->digest);
}

static void check_channel_list(const struct check *c, const char *list, const char *path)
{
	for (const char *at = list; *at;) {
		char name[sizeof(((struct alerts_rule *)0)->channels)];
		at += strspn(at, ", ");
		size_t n = strcspn(at, ", ");
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, at); /* a part of it */
		bool known = n == 0;
		for (size_t k = 0; k < c->set->channels.n; k++)
			known |= !strcmp(name, alerts_channel_at(c->set, k)->name);
		if (!known)
			op_config_wrong(c->config, c->service, path, c->errors,
					"there is no channel \"%s\" in channels", name);
		at += n;
	}
}

bool alerts_is_url(const char *url)
{
	return op_url_ok(url) && !strpbrk(url, "\"<>");
}

static void check_channel(const struct check *c, size_t i, const struct alerts_channel *ch)
{
	if (!is_name(ch->name))
		WRONG(c, "channels", i, ".name",
		      "expected letters, digits, \"-\", \"_\" and \".\"");
	for (size_t k = 0; k < i; k++)
		if (!strcmp(ch->name, alerts_channel_at(c->set, k)->name))
			WRONG(c, "channels", i, ".name", "there is a channel \"%s\" already",
			      ch->name);
	if (ch->type != ALERTS_LOG && *ch->url && !alerts_is_url(ch->url))
		WRONG(c, "channels", i, ".url", "expected an address such as https://HOST/PATH");
	if (ch->type == ALERTS_LOG && *ch->url)
		WRONG(c, "channels", i, ".url", "a log has no address");
}

/* Better now than when something is to be told. */
static void check_sender(const struct check *c)
{
	OP_AUTO_BUF struct op_buf problem;
	size_t i = 0;
	while (i < c->set->channels.n && !*alerts_channel_at(c->set, i)->url)
		i++;
	op_buf_init(&problem, 1024);
	if (i < c->set->channels.n && op_post_installed(&problem) < 0)
		WRONG(c, "channels", i, ".url", "%s", problem.data);
}

static void check_report(const struct check *c, size_t i, const struct alerts_report *r)
{
	char path[64];
	if (!is_name(r->name))
		WRONG(c, "reports", i, ".name", "expected letters, digits, \"-\", \"_\" and \".\"");
	for (size_t k = 0; k < i; k++)
		if (!strcmp(r->name, alerts_report_at(c->set, k)->name))
			WRONG(c, "reports", i, ".name", "there is a report \"%s\" already",
			      r->name);
	(void)snprintf(path, sizeof(path), "reports.%zu.channels", i); /* fits */
	check_channel_list(c, r->channels, path);
}

static void check_digest(const struct check *c, size_t i, const struct alerts_digest *d)
{
	if (!is_name(d->name))
		WRONG(c, "digests", i, ".name", "expected letters, digits, \"-\", \"_\" and \".\"");
	for (size_t k = 0; k < i; k++)
		if (!strcmp(d->name, alerts_digest_at(c->set, k)->name))
			WRONG(c, "digests", i, ".name", "there is a digest \"%s\" already",
			      d->name);
}

void alerts_settings_check(const struct op_config *config, const char *service,
			   const void *settings, struct op_buf *errors)
{
	struct check c = {config, service, settings, errors};
	for (size_t i = 0; i < c.set->channels.n; i++)
		check_channel(&c, i, alerts_channel_at(c.set, i));
	check_sender(&c);
	for (size_t i = 0; i < c.set->digests.n; i++)
		check_digest(&c, i, alerts_digest_at(c.set, i));
	for (size_t i = 0; i < c.set->rules.n; i++) {
		const struct alerts_rule *r = alerts_rule_at(c.set, i);
		check_names(&c, i, r);
		check_condition(&c, i, r);
		char path[64];
		(void)snprintf(path, sizeof(path), "rules.%zu.channels", i); /* fits */
		check_channel_list(&c, r->channels, path);
	}
	for (size_t i = 0; i < c.set->reports.n; i++)
		check_report(&c, i, alerts_report_at(c.set, i));
}
