/*
 * sink.h - the records of one topic that are kept, gathered until they are cut into items.
 *
 * Loop thread. Level 0 is rows or chunks; of chunks level 1 is cut together with it and covers the
 * same span. Levels 2 and 3 are cut with it, too, but only when they hold enough; what was in them
 * when a process died is made anew from the level below (op_history_catch_up).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_SINK_H
#define OUTPOST_RECORDER_SINK_H

#include "queue.h"

#define SINK_BYTES_MAX (1024 * 1024) /* of raw data gathered for a chunk, or for rows */

struct sink_settings {
	op_field_set recompute;
	bool tiers;
	uint64_t commit_s;
	double rate_hz; /* of records that are kept; 0: unknown */
};

struct sink;
/* Holds the stream; items go to the queue as soon as they are cut. -ENOMEM. */
int sink_create(struct stream *stream, size_t stride, const struct sink_settings *set,
		struct queue *queue, struct sink **ret) OP_MUST_CHECK;
/* What is pending is lost: cut before. */
void sink_destroy(struct sink *s);
void sink_add(struct sink *s, uint64_t first_seq, const void *slots, size_t n);
/* When the oldest record that is pending came, on the boot clock; 0: nothing is. */
uint64_t sink_since_ns(const struct sink *s);
/* Cuts what is pending; last: the upper levels as well, whatever they hold. */
void sink_cut(struct sink *s, bool last);
/* Records taken so far. */
uint64_t sink_records(const struct sink *s);

/* One record of an item of rows; the next is ITEM_ROW_BYTES(type) further. */
struct item_row {
	uint64_t seq, boot_ns;
	unsigned char record[];
};
#define ITEM_ROW_BYTES(type) ((sizeof(struct item_row) + (type)->record_bytes + 7) / 8 * 8)

#endif
