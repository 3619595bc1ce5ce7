/*
 * settings.c - the table of settings; --help, --check and the reference come from it.
 *
 * What depends on a topic's declaration (names of fields) cannot be checked before the topic is
 * there: keep.c does it then.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

#include <stdio.h>
#include <string.h>

static const char *const policies[] = {"every", "rate", "change", "around", NULL};
static const char *const forms[] = {"auto", "rows", "chunks", NULL};

#define AT(member) .offset = offsetof(struct recorder_settings, member)
#define TEXT(member) AT(member), .size = sizeof(((struct recorder_settings *)0)->member)
#define OF(member) .offset = offsetof(struct keep_settings, member)
#define TEXT_OF(member) OF(member), .size = sizeof(((struct keep_settings *)0)->member)

static const struct op_setting keep_table[] = {
	{"topic", OP_SET_STRING, TEXT_OF(topic), .flags = OP_SET_REQUIRED,
	 .help = "name of the topic"},
	{"policy", OP_SET_CHOICE, OF(policy), .def = "every", .choices = policies,
	 .help = "which records: every one, at most per_s, those that changed, those around "
		 "events"},
	{"per_s", OP_SET_FLOAT, OF(per_s), .def = "0", .min = 0, .max = 1000, .unit = "1/s",
	 .help = "policy rate: records per second at most, the first of each period; 0: one"},
	{"deadband", OP_SET_FLOAT, OF(deadband), .def = "0", .min = 0, .max = 1e18,
	 .help = "policy change: a number counts as changed when it differs by more"},
	{"max_gap_s", OP_SET_FLOAT, OF(max_gap_s), .def = "0", .min = 0, .max = 31536000,
	 .unit = "s", .help = "policy change: a record after so long without one; 0: none"},
	{"event", OP_SET_STRING, TEXT_OF(event), .def = "",
	 .help = "policy around: topic whose records are the events"},
	{"before_s", OP_SET_FLOAT, OF(before_s), .def = "1", .min = 0, .max = 600, .unit = "s",
	 .help = "policy around: time kept before each event"},
	{"after_s", OP_SET_FLOAT, OF(after_s), .def = "1", .min = 0, .max = 600, .unit = "s",
	 .help = "policy around: time kept after each event"},
	{"as", OP_SET_CHOICE, OF(as), .def = "auto", .choices = forms,
	 .help = "rows of a table, or compressed chunks; auto: rows up to 2 Hz and for events"},
	{"fields", OP_SET_STRING, TEXT_OF(fields), .def = "",
	 .help = "names with commas: what chunks hold and tiers sum up, and what policy change "
		 "looks at; empty: all"},
	{"recompute", OP_SET_STRING, TEXT_OF(recompute), .def = "",
	 .help = "of those, exponential means that reading may compute from the others"},
	{"commit_s", OP_SET_INT, OF(commit_s), .def = "30", .min = 1, .max = 3600, .unit = "s",
	 .help = "time until a record is on disk: what a power cut may cost"},
	{"tiers", OP_SET_BOOL, OF(tiers), .def = "true",
	 .help = "sums of seconds, minutes and hours besides the records"},
};

static const struct op_setting age_table[] = {
	{"raw", OP_SET_STRING, TEXT(max_age.raw), .def = "",
	 .help = "age at which records go, such as 30d; empty: none"},
	{"seconds", OP_SET_STRING, TEXT(max_age.seconds), .def = "",
	 .help = "the same of sums of seconds"},
	{"minutes", OP_SET_STRING, TEXT(max_age.minutes), .def = "",
	 .help = "the same of sums of minutes"},
	{"hours", OP_SET_STRING, TEXT(max_age.hours), .def = "",
	 .help = "the same of sums of hours"},
};

const struct op_setting recorder_settings_table[] = {
	{"database", OP_SET_STRING, TEXT(database), .def = "",
	 .help = "file of the history; empty: history.db in the state directory"},
	{"keep", OP_SET_LIST, AT(keep), .size = sizeof(struct keep_settings),
	 .max = RECORDER_KEEP_MAX, .sub = keep_table, .n_sub = OP_ARRAY_SIZE(keep_table),
	 .help = "the topics that are kept, and how"},
	{"max_mb", OP_SET_INT, AT(max_mb), .def = "4096", .min = 0, .max = 1000000, .unit = "MB",
	 .help = "size of the history, the oldest and least valuable goes; 0: no bound"},
	{"min_free_mb", OP_SET_INT, AT(min_free_mb), .def = "200", .min = 0, .max = 1000000,
	 .unit = "MB", .help = "space left free on its file system; 0: no bound"},
	{"max_age", OP_SET_GROUP, .offset = 0, .sub = age_table, .n_sub = OP_ARRAY_SIZE(age_table),
	 .help = "ages at which history goes"},
	{"queue_mb", OP_SET_INT, AT(queue_mb), .def = "4", .min = 1, .max = 1024, .unit = "MB",
	 .help = "memory for what waits for a disk that fails or is slow"},
};
const size_t recorder_settings_count = OP_ARRAY_SIZE(recorder_settings_table);

/* ---- ages ---------------------------------------------------------------------------------- */

int recorder_age_parse(const char *text, uint64_t *ret_s)
{
	static const struct {
		const char *unit;
		uint64_t s;
	} units[] = {{"s", 1},     {"min", 60},      {"h", 3600},
		     {"d", 86400}, {"w", 7 * 86400}, {"y", 31557600}};
	size_t digits = strspn(text, "0123456789");
	if (!*text) {
		*ret_s = 0;
		return 0;
	}
	if (!digits || digits > 9)
		return -EINVAL;
	for (size_t i = 0; i < OP_ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].unit))
			continue;
		uint64_t s = strtoull(text, NULL, 10) * units[i].s;
		if (s)
			*ret_s = s;
		return s ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static const char *age_text(const struct recorder_settings *set, size_t level)
{
	const char *const texts[OP_TIER_LEVELS] = {set->max_age.raw, set->max_age.seconds,
						   set->max_age.minutes, set->max_age.hours};
	return texts[level];
}

struct op_retention recorder_retention(const struct recorder_settings *set)
{
	struct op_retention r = {
		.max_bytes = (uint64_t)set->max_mb * 1000000,
		.min_free_bytes = (uint64_t)set->min_free_mb * 1000000,
	};
	for (size_t i = 0; i < OP_TIER_LEVELS; i++)
		if (recorder_age_parse(age_text(set, i), &r.max_age_s[i]) < 0)
			r.max_age_s[i] = 0; /* checked before: not met */
	return r;
}

/* ---- the check ------------------------------------------------------------------------------- */

struct checker {
	const struct op_config *c;
	const char *service;
	struct op_buf *errors;
};

static void wrong(const struct checker *k, size_t i, const char *key, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "keep.%zu.%s", i, key); /* fits */
	op_config_wrong(k->c, k->service, path, k->errors, "%s", text);
}

static void check_keep(const struct checker *k, const struct keep_settings *all, size_t i)
{
	const struct keep_settings *e = &all[i];
	if (e->topic[strspn(e->topic, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		wrong(k, i, "topic",
		      "the name of a topic has only a-z, 0-9, \".\", \"_\" and \"-\"");
	for (size_t j = 0; j < i; j++)
		if (!strcmp(all[j].topic, e->topic))
			wrong(k, i, "topic",
			      "is kept already by an element above (one for each topic)");
	if (e->policy == KEEP_AROUND && !*e->event)
		wrong(k, i, "event", "policy around needs the topic whose records are the events");
	if (e->policy != KEEP_AROUND && *e->event)
		wrong(k, i, "event", "belongs to policy around");
	if (e->policy != KEEP_RATE && e->per_s > 0)
		wrong(k, i, "per_s", "belongs to policy rate");
	if (e->per_s > 0 && e->per_s < 0.0001)
		wrong(k, i, "per_s", "is less than one in three hours (0.0001)");
	if (*e->recompute && e->as == KEEP_AS_ROWS)
		wrong(k, i, "recompute", "belongs to chunks");
}

void recorder_settings_check(const struct op_config *c, const char *service, const void *settings,
			     struct op_buf *errors)
{
	static const char *const keys[] = {"max_age.raw", "max_age.seconds", "max_age.minutes",
					   "max_age.hours"};
	const struct recorder_settings *set = settings;
	const struct checker k = {c, service, errors};
	uint64_t s;
	for (size_t i = 0; i < set->keep.n; i++)
		check_keep(&k, set->keep.v, i);
	for (size_t i = 0; i < OP_TIER_LEVELS; i++)
		if (recorder_age_parse(age_text(set, i), &s) < 0)
			op_config_wrong(c, service, keys[i], errors,
					"expected a number with s, min, h, d, w or y, such as 30d");
}
