/*
 * keep.h - one topic that is kept: from its records on the bus to items in the queue.
 *
 * Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_KEEP_H
#define OUTPOST_RECORDER_KEEP_H

#include <outpost/service.h>

#include "policy.h"
#include "resume.h"
#include "sink.h"

struct keep {
	struct op_service *service;
	const struct keep_settings *set;
	size_t index; /* in the settings, for messages */
	struct queue *queue;
	struct op_subscription *sub, *events;

	struct resume seen; /* up to here records are stored, or pending */
	bool seen_any;
	struct stream *stream; /* while the topic is open, as the two below */
	struct policy *policy;
	struct sink *sink;
	size_t stride;
	unsigned cuts; /* since the recorder started, up to a few */

	uint64_t records; /* taken, of schemas that are gone */
	uint64_t stored, dropped;
	uint64_t short_before; /* policy_short of those */
	uint64_t missed_told;
	char problem[512]; /* of the settings against the topic, with "; " between; "" none */
	unsigned problems; /* how many */
};

/* From where to go on: what was seen, NULL: from the oldest record that is on the bus and not older
 * than since_ns (boot time). Reads nothing before the loop runs on. */
int keep_open(struct keep *k, const struct resume *seen, uint64_t since_ns) OP_MUST_CHECK;
/* Reads what is on the bus now. */
void keep_read(struct keep *k);
/* Cuts if the oldest pending record has to be on disk soon, or if it is asked for. True: there was
 * something. */
bool keep_cut_due(struct keep *k, uint64_t now_ns, bool now);
/* Reads the rest, cuts everything, closes. */
void keep_close(struct keep *k);

struct keep_look {
	uint64_t records, stored, dropped, missed, cut_short;
	uint64_t since_ns; /* arrival of the oldest record not cut yet; 0: none */
	bool open, rows;
};
void keep_look(const struct keep *k, struct keep_look *ret);

#endif
