/*
 * history.h - what the topics said, in a database: tables, writing, keeping it in bounds.
 *
 * Tables: outpost-store(7); the SQL is in history_schema.c. Writing belongs to one thread of one
 * process (the recorder); reading (history_query.h, export.h) to anybody.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_HISTORY_H
#define OUTPOST_STORE_HISTORY_H

#include <outpost/topic.h>

#include "lib/store/chunk.h"
#include "lib/store/clock.h"
#include "lib/store/db.h"

extern const struct op_db_schema op_history_schema;

/* SQL: nanoseconds since 1970 as text with milliseconds; cut as exports cut them, not rounded. */
#define OP_HISTORY_TIME(ns)                                                   \
	"strftime('%Y-%m-%dT%H:%M:%S', " ns " / 1000000000, 'unixepoch') || " \
	"printf('.%03dZ', " ns " / 1000000 % 1000)"

/* SQL: a column of the clock segment in force at r.TIME of boot r.boot; NULL if there is none. */
#define OP_HISTORY_CLOCK(column, time)                                   \
	"coalesce((SELECT " column                                       \
	" FROM clocks WHERE clocks.boot = r.boot AND from_ns <= r." time \
	" ORDER BY from_ns DESC LIMIT 1), (SELECT " column               \
	" FROM clocks WHERE clocks.boot = r.boot ORDER BY from_ns LIMIT 1))"

enum op_history_kind { OP_HISTORY_ROWS, OP_HISTORY_CHUNKS };

/* ---- writing: inside a transaction of op_db_begin/op_db_commit -------------------------- */

struct op_history; /* over an open database, which it borrows */
/* boot_id: /proc/sys/kernel/random/boot_id. Its row is made with the first record. */
int op_history_create(struct op_db *db, const char *boot_id, struct op_history **ret) OP_MUST_CHECK;
void op_history_destroy(struct op_history *h);

/* The topic's number; makes its row, its table and its view if they are not there. A topic whose
 * schema or kept fields changed gets a new number. fields: of chunks; rows have all. Numbers made
 * in a transaction that fails are worth nothing: ask again. */
int op_history_topic(struct op_history *h, const char *name, const struct op_topic_type *type,
		     enum op_history_kind kind, op_field_set fields,
		     int64_t *ret_topic) OP_MUST_CHECK;
int op_history_put_chunk(struct op_history *h, int64_t topic, unsigned level,
			 const struct op_chunk *chunk) OP_MUST_CHECK;
/* type: that of op_history_topic. A record that is there already (same boot, time, seq) is passed
 * over. */
int op_history_put_row(struct op_history *h, int64_t topic, const struct op_topic_type *type,
		       uint64_t seq, uint64_t boot_ns, const void *record) OP_MUST_CHECK;
/* Adds a segment of this boot, or replaces the one with the same from_ns. */
int op_history_put_clock(struct op_history *h,
			 const struct op_clock_segment *segment) OP_MUST_CHECK;
/* Newest wall time of known quality in store, 0 if there is none: the floor for op_clock_init. */
int op_history_newest_wall(struct op_db *db, int64_t *ret_wall_ns) OP_MUST_CHECK;

/* The last segment of a boot, for op_clock_resume: 1, or 0 if there is none, or a negative error.
 */
int op_history_last_clock(struct op_db *db, const char *boot_id,
			  struct op_clock_segment *ret) OP_MUST_CHECK;

/* Fills in the tiers that were in memory when the last writer died: from level - 1, for chunks
 * after the last of the level. In steps, so that a long one does not hold up: returns 1 while there
 * is more to do, 0 when done. Its own transactions. */
int op_history_catch_up(struct op_history *h) OP_MUST_CHECK;

/* ---- bounds ------------------------------------------------------------------------------ */

/* Zero: no such bound. */
struct op_retention {
	uint64_t max_bytes;      /* of the database in use */
	uint64_t min_free_bytes; /* of its file system */
	/* Age by level; rows count as level 0. Only where the wall clock of both ends is known. */
	uint64_t max_age_s[OP_TIER_LEVELS];
};
struct op_retention_result {
	uint64_t chunks, rows, bytes; /* deleted by this step */
	bool more;                    /* another step is wanted */
};
/* One short step (at most about 20 ms of work, its own transaction). Oldest and least valuable
 * first: raw data before seconds before minutes before hours, rows of events last; oldest boot and
 * time first. wall_ns: now, 0 if the clock is unknown: then nothing is deleted for its age. */
int op_retention_step(struct op_history *h, const struct op_retention *bounds, int64_t wall_ns,
		      struct op_retention_result *ret) OP_MUST_CHECK;

#endif
