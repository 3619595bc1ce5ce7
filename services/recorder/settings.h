/*
 * settings.h - the settings of the recorder, and what they come to.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_SETTINGS_H
#define OUTPOST_RECORDER_SETTINGS_H

#include <outpost/config.h>

#include "lib/store/history.h"

#define RECORDER_KEEP_MAX 64 /* topics */

enum keep_policy { KEEP_EVERY, KEEP_RATE, KEEP_CHANGE, KEEP_AROUND };
enum keep_as { KEEP_AS_AUTO, KEEP_AS_ROWS, KEEP_AS_CHUNKS };

struct keep_settings {
	char topic[OP_TOPIC_NAME_MAX + 1], event[OP_TOPIC_NAME_MAX + 1];
	char fields[512], recompute[512];
	int policy; /* enum keep_policy */
	int as;     /* enum keep_as */
	double per_s, deadband, max_gap_s, before_s, after_s;
	int64_t commit_s;
	bool tiers;
};

struct recorder_settings {
	char database[512]; /* empty: history.db in the state directory */
	int64_t queue_mb, max_mb, min_free_mb;
	struct {
		char raw[16], seconds[16], minutes[16], hours[16];
	} max_age;
	struct op_setting_list keep; /* of struct keep_settings */
};

extern const struct op_setting recorder_settings_table[];
extern const size_t recorder_settings_count;

/* "90min", "30d", "1y" in seconds; "" is 0. -EINVAL. */
int recorder_age_parse(const char *text, uint64_t *ret_s) OP_MUST_CHECK;
/* What the table cannot say: what belongs to which policy, a topic kept twice, ages. */
void recorder_settings_check(const struct op_config *c, const char *service, const void *settings,
			     struct op_buf *errors);
/* Of checked settings. */
struct op_retention recorder_retention(const struct recorder_settings *set);

#endif
