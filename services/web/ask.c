/*
 * ask.c - the parameters of a question about the past, each checked, each mistake named.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_NS (3600 * (int64_t)OP_NS_PER_S)
#define POINTS_DEFAULT 1000
#define VALUE_MAX 1024

struct reading {
	struct op_http_request *rq;
	const char *const *names;
	struct web_ask *ask;
	int64_t now_ns;
	char value[VALUE_MAX];
};

static bool known(const char *const *names, const char *name, size_t n)
{
	for (; *names; names++)
		if (strlen(*names) == n && !strncmp(*names, name, n))
			return true;
	return false;
}

static bool refuse_name(struct op_http_request *rq, const char *const *names, const char *name,
			size_t n)
{
	char word[32];
	size_t count = 0;
	snprintf(word, sizeof(word), "%.*s", (int)n, name);
	while (names[count])
		count++;
	const char *near = op_nearest(word, names, count);
	op_http_error(rq, 400, "%s: unknown parameter%s%s%s", word, near ? " (did you mean \"" : "",
		      near ? near : "", near ? "\"?)" : "");
	return false;
}

static bool refuse_form(struct op_http_request *rq, const char *name, int err)
{
	if (err == -EEXIST)
		op_http_error(rq, 400, "%s: given twice", name);
	else if (err == -ENOBUFS)
		op_http_error(rq, 400, "%s: longer than %d characters", name, VALUE_MAX - 1);
	else
		op_http_error(rq, 400, "%s: a %% must be followed by two hex digits, not 00", name);
	return false;
}

/* Every parameter is one of names, is there once, and can be read. */
static bool check_names(struct reading *r)
{
	for (const char *p = r->rq->query; *p;) {
		size_t len = strcspn(p, "&"), n = strcspn(p, "&=");
		if (n && !known(r->names, p, n))
			return refuse_name(r->rq, r->names, p, n);
		p += len + (p[len] == '&');
	}
	for (const char *const *name = r->names; *name; name++) {
		int err = op_http_query(r->rq, *name, r->value, sizeof(r->value));
		if (err < 0)
			return refuse_form(r->rq, *name, err);
	}
	return true;
}

/* The parameter's value, or NULL if it is not there or empty. */
static const char *value_of(struct reading *r, const char *name)
{
	bool there = known(r->names, name, strlen(name)) &&
		     op_http_query(r->rq, name, r->value, sizeof(r->value)) > 0;
	return there && r->value[0] ? r->value : NULL;
}

static bool refuse(struct reading *r, const char *name, const char *expected)
{
	op_http_error(r->rq, 400, "%s=%.100s: expected %s", name, r->value, expected);
	return false;
}

static bool take_time(struct reading *r, const char *name, int64_t *ret)
{
	const char *text = value_of(r, name);
	if (!text)
		return true;
	if (op_time_parse(text, r->now_ns, ret) < 0)
		return refuse(
			r, name,
			"a time: RFC 3339 with + as %2B, Unix seconds, now, -15m, -2h or -7d");
	r->ask->fixed &= text[0] != '-' && strcmp(text, "now") != 0;
	return true;
}

static bool take_number(struct reading *r, const char *name, uint64_t min, uint64_t max,
			uint64_t *ret)
{
	char expected[80], *end;
	const char *text = value_of(r, name);
	if (!text)
		return true;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	if (!errno && !*end && strchr("0123456789", text[0]) && n >= min && n <= max) {
		*ret = n;
		return true;
	}
	snprintf(expected, sizeof(expected), "an integer from %" PRIu64 " to %" PRIu64, min, max);
	return refuse(r, name, expected);
}

/* One of words (up to NULL), by its place. */
static bool take_word(struct reading *r, const char *name, const char *const *words,
		      const char *expected, unsigned *ret)
{
	const char *text = value_of(r, name);
	if (!text)
		return true;
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(words[i], text)) {
			*ret = i;
			return true;
		}
	return refuse(r, name, expected);
}

static bool take_level(struct reading *r)
{
	const char *text = value_of(r, "level");
	uint64_t level = 0;
	for (unsigned i = 0; text && i < OP_TIER_LEVELS; i++)
		if (!strcmp(text, op_tier_name(i))) {
			r->ask->level = i;
			return true;
		}
	bool good = take_number(r, "level", 0, OP_TIER_LEVELS - 1, &level);
	r->ask->level = (unsigned)level;
	return good;
}

static bool take_span(struct reading *r)
{
	struct web_ask *a = r->ask;
	if (!take_time(r, "to", &a->to_ns) || !take_time(r, "from", &a->from_ns))
		return false;
	if (!value_of(r, "from") && known(r->names, "points", strlen("points")))
		a->from_ns = a->to_ns - HOUR_NS;
	a->fixed &= value_of(r, "to") && value_of(r, "from");
	if (a->from_ns < a->to_ns)
		return true;
	op_http_error(r->rq, 400, "from: expected a time before \"to\"");
	return false;
}

static bool take_format(struct reading *r)
{
	static const char *const formats[] = {
		[OP_EXPORT_CSV] = "csv", [OP_EXPORT_JSONL] = "jsonl", NULL};
	static const char *const orders[] = {"asc", "desc", NULL};
	unsigned format = OP_EXPORT_CSV, order = 0;
	if (!take_word(r, "format", formats, "csv or jsonl", &format) ||
	    !take_word(r, "order", orders, "asc or desc", &order))
		return false;
	r->ask->format = (enum op_export_format)format;
	r->ask->newest_first = order == 1;
	return true;
}

static bool take_topic(struct reading *r)
{
	const char *topic = r->rq->params[0];
	if (topic && strlen(topic) > OP_TOPIC_NAME_MAX) {
		op_http_error(r->rq, 404, "there is no such topic");
		return false;
	}
	snprintf(r->ask->topic, sizeof(r->ask->topic), "%s", topic ? topic : "");
	return true;
}

static void take_head(struct reading *r)
{
	const char *accept = op_http_field_get(r->rq, "accept-encoding"),
		   *match = op_http_field_get(r->rq, "if-none-match");
	r->ask->gzip = accept && op_http_list_has(accept, "gzip");
	snprintf(r->ask->match, sizeof(r->ask->match), "%s", match ? match : "");
}

bool web_ask_read(struct op_http_request *rq, const char *const *names, struct web_ask *ret)
{
	struct reading r = {.rq = rq, .names = names, .ask = ret};
	uint64_t points = POINTS_DEFAULT;
	r.now_ns = op_wall_ns(op_now_ns());
	*ret = (struct web_ask){.to_ns = r.now_ns, .fixed = true};
	if (!take_topic(&r) || !check_names(&r) || !take_span(&r) || !take_format(&r) ||
	    !take_level(&r) || !take_number(&r, "points", 1, OP_QUERY_POINTS_MAX, &points) ||
	    !take_number(&r, "limit", 0, UINT64_MAX, &ret->limit))
		return false;
	ret->points = (unsigned)points;
	const char *fields = value_of(&r, "fields");
	snprintf(ret->fields, sizeof(ret->fields), "%s", fields ? fields : "");
	take_head(&r);
	return true;
}
