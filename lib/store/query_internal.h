/*
 * query_internal.h - inside the reading of history: what a topic is made of, which boot times a
 * span of wall time means, and runs of records from chunks and rows alike.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_QUERY_INTERNAL_H
#define OUTPOST_STORE_QUERY_INTERNAL_H

#include <stdatomic.h>

#include "lib/store/db.h"
#include "lib/store/query.h"

#define QUERY_ROWS 512 /* rows that are read into columns at once */

/* ---- the clocks of all boots -------------------------------------------------------------- */

/* A span of one boot that has one offset: wall = boot + offset. */
struct query_piece {
	int64_t boot;
	uint64_t from_ns, to_ns; /* boot time, from <= t < to */
	int64_t offset_ns;
	enum op_clock_quality quality;
};

struct query_clocks {
	struct query_piece *pieces; /* in the order of boot and time; each boot is covered wholly */
	size_t n;
};

int query_clocks_load(struct op_query *q, struct query_clocks *ret) OP_MUST_CHECK;
void query_clocks_finish(struct query_clocks *c);
/* The piece that holds this instant; NULL: there is no such boot. */
const struct query_piece *query_clocks_at(const struct query_clocks *c, int64_t boot, uint64_t t);
/* What of a piece lies in a span of wall time; false: nothing. */
bool query_piece_clip(struct query_piece *p, int64_t from_wall_ns, int64_t to_wall_ns);
int64_t query_wall(const struct query_piece *p, uint64_t boot_ns);

/* ---- a topic ------------------------------------------------------------------------------ */

/* One declaration of a topic: a row of `topics`. */
struct query_source {
	int64_t id;
	bool rows;
	struct op_topic_type *type;
	struct op_topic_type *tier; /* NULL: it has none */
	op_field_set fields, tier_fields;
	struct op_chunk_reader *raw_reader, *tier_reader; /* made when needed */
	sqlite3_stmt *rows_stmt, *rows_back_stmt, *rows_ends_stmt;
	struct query_rows *batch;
};

/* All declarations of one name, oldest first. */
struct query_sources {
	struct query_source *list;
	size_t n;
};

/* -ENOENT: no such topic, note says which is meant. */
int query_sources_load(struct op_query *q, const char *name, struct query_sources *ret,
		       struct op_buf *note) OP_MUST_CHECK;
void query_sources_finish(struct query_sources *s);
const struct query_source *query_sources_newest(const struct query_sources *s);
bool query_source_has(const struct query_source *s, unsigned level);
/* A row of `topics`: SELECT id, name, kind, fields, schema. -OP_EDAMAGED: not one. */
int query_source_read(sqlite3_stmt *s, struct query_source *ret) OP_MUST_CHECK;
void query_source_finish(struct query_source *s);
/* Oldest and newest record of a level in one boot. 1, 0 there is none, or an error. */
int query_source_ends(struct op_query *q, struct query_source *s, unsigned level, int64_t boot,
		      uint64_t *ret_t0, uint64_t *ret_t1) OP_MUST_CHECK;

/* Names in "a, b" as indices into type->fields, in that order; all of set for "" and NULL. In a
 * tier the name of a field stands for all that is kept of it. -ENOENT with a note. */
int query_fields(const struct op_topic_type *type, op_field_set set, const char *text,
		 unsigned ret[OP_TOPIC_FIELDS_MAX], unsigned *ret_n,
		 struct op_buf *note) OP_MUST_CHECK;
/* Adds (did you mean "..."?) if a name is near. */
void query_note_nearest(const char *name, const char *const *names, size_t n, struct op_buf *note);

/* ---- records ------------------------------------------------------------------------------ */

/* Some records of one boot as columns; valid until the source is read again. */
struct query_run {
	struct query_source *source;
	unsigned level;
	const struct op_topic_type *type; /* the source's, or its tier's */
	struct op_chunk_columns columns;
	uint32_t first, end; /* of columns: those that lie in the span asked for */
};

/* A row of `chunks` without its data. */
struct query_chunk {
	int64_t id;
	uint64_t t0, t1;
	uint32_t n;
};

/* The data of the row that s (SELECT id, t0, t1, n, data) stands on, as columns; first and end are
 * those of from <= t < to. 1, 0 if it is damaged (counted in q), or an error. want: fields of the
 * run's type. */
int query_chunk_decode(struct op_query *q, sqlite3_stmt *s, struct query_source *source,
		       unsigned level, op_field_set want, uint64_t from, uint64_t to,
		       struct query_run *ret) OP_MUST_CHECK;
void query_chunk_read(sqlite3_stmt *s, struct query_chunk *ret);
/* Begins to read the chunks of a level that may hold from <= t < to, by time, and the first one
 * behind: step the statement. One reading per level at a time. */
int query_chunks_begin(struct op_query *q, const struct query_source *source, unsigned level,
		       int64_t boot, uint64_t from, sqlite3_stmt **ret) OP_MUST_CHECK;

/* Up to QUERY_ROWS rows of a boot with from <= t < to that come after (t, seq) in the direction
 * asked for. n 0: no more. */
struct query_rows_at {
	bool any; /* there is a row before the one wanted: */
	uint64_t t, seq;
};
int query_rows_next(struct op_query *q, struct query_source *source, int64_t boot, uint64_t from,
		    uint64_t to, bool backward, struct query_rows_at *at,
		    struct query_run *ret) OP_MUST_CHECK;
/* Rows in from <= t < to, counted up to most. */
int query_rows_count(struct op_query *q, const struct query_source *source, int64_t boot,
		     uint64_t from, uint64_t to, uint64_t most, uint64_t *ret) OP_MUST_CHECK;

/* ---- the reader --------------------------------------------------------------------------- */

struct query_points_memory {
	int64_t *t;
	uint64_t *count;
	struct op_query_value *values;
	double *weight;
	size_t cap, values_cap;
};

struct op_query {
	struct op_db *db;
	sqlite3 *handle;
	/* Pairs with nothing: a late look costs a chunk more. Set by op_query_cancel from any
	 * thread, together with sqlite3_interrupt. */
	atomic_bool cancelled;
	sqlite3_stmt *chunks[OP_TIER_LEVELS]; /* one per level: readings of levels are nested */
	uint64_t damaged;                     /* chunks passed over by this call */
	/* answers: valid until the next call of their kind */
	struct op_query_topic *topics;
	struct op_topic_type **topic_types;
	size_t n_topics;
	struct query_sources points_of;
	struct query_points_memory points;
};

/* Each public call runs between these: one view of the database, cancellable. */
int query_begin(struct op_query *q) OP_MUST_CHECK;
/* Gives result, or what SQLite's interruption means. */
int query_end(struct op_query *q, int result) OP_MUST_CHECK;
bool query_cancelled(const struct op_query *q);
int query_error(struct op_query *q);
int query_prepare(struct op_query *q, const char *sql, sqlite3_stmt **ret) OP_MUST_CHECK;
/* Steps: 1 a row, 0 done, or an error. */
int query_step(struct op_query *q, sqlite3_stmt *s) OP_MUST_CHECK;
void query_points_finish(struct query_points_memory *m);
void query_topics_finish(struct op_query *q);

static inline op_field_set query_bit(unsigned field)
{
	return (op_field_set)1 << field;
}

#endif
