/*
 * live.h - channels and thresholds as they are now: settings at the start, then what `configure`
 * changed.
 *
 * Memory only; changes.c carries it over a restart of the service alone. Pure; loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_LIVE_H
#define OUTPOST_ALERTS_LIVE_H

#include <jansson.h>

#include "settings.h"

/* Of a rule with above or below; of the settings it is as 27.0, of `configure` in its own words.
 * "": none. */
struct live_limits {
	char above[32], below[32];
};
struct live {
	const struct alerts_settings *set;
	struct alerts_channel channel[ALERTS_CHANNELS_MAX];
	struct live_limits rule[ALERTS_RULES_MAX];
};

void live_init(struct live *l, const struct alerts_settings *set);
/* {"channels":{NAME:{"url","enabled","attempts","backoff_ms","timeout_ms"}},"rules":{NAME:{"above"
 * or "below"}}}, all of it optional; a threshold is a text, or null for none. All or nothing:
 * -EINVAL, and error names the member. */
int live_apply(struct live *l, const json_t *change, struct op_buf *error) OP_MUST_CHECK;
/* The whole in the same shape, urls as op_url_origin says; NULL: no memory. */
json_t *live_json(const struct live *l);
/* What is not as the settings say, for live_apply; a changed address is none of it, because it may
 * hold a secret, but its channel is named in "addresses". NULL: no memory, or nothing is changed.
 */
json_t *live_changes(const struct live *l);
/* The engine's view of rule i as it is now. */
struct rule_params live_params(const struct live *l, size_t i);
/* Something can be sent there: it has an address and is enabled; a log is always there. */
bool live_takes(const struct live *l, size_t channel);
/* How long a message to the channel may be on its way until its last attempt is over, in seconds;
 * attempts 0: those of the channel. */
uint64_t live_patience_s(const struct live *l, size_t channel, unsigned attempts);

#endif
