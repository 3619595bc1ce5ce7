/*
 * stream.h - a topic of one schema as it goes to disk, shared by the loop and the writer.
 *
 * Fixed once made, but for the counts and what is the writer's. Each item in the queue holds it, so
 * that it outlives the topic on the bus.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_STREAM_H
#define OUTPOST_RECORDER_STREAM_H

#include <outpost/topic.h>
#include <stdatomic.h>

#include "lib/store/history.h"

struct stream {
	char name[OP_TOPIC_NAME_MAX + 1];
	struct op_topic_type *type; /* ours */
	enum op_history_kind kind;
	op_field_set fields; /* of chunks and tiers */

	atomic_uint refs;
	atomic_uint_least64_t stored, dropped; /* records: on disk; lost on the way there */

	/* The writer's: the topic's number in the history that is open. */
	int64_t topic;
	uint64_t epoch; /* of that history; 0: none */
};

/* Copies the type. -ENOMEM. The caller holds the first reference. */
int stream_create(const char *name, const struct op_topic_type *type, enum op_history_kind kind,
		  op_field_set fields, struct stream **ret) OP_MUST_CHECK;
struct stream *stream_ref(struct stream *s);
/* Accepts NULL. */
void stream_unref(struct stream *s);

#endif
