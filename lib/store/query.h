/*
 * query.h - history as somebody wants to see it: so many points of a span of wall time.
 *
 * A span is cut into buckets; each gets count, minimum, maximum and mean of every field, from the
 * coarsest level that is fine enough. Where a level does not reach yet (the last hour has no entry
 * until it is over) the next finer one helps out. The same object serves the page, the API and the
 * tools; it reads while the recorder writes and holds nothing up.
 *
 * A reader belongs to one thread at a time; its calls block for as long as the medium takes. Memory
 * is that of the answer and of one chunk, whatever the span.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_QUERY_H
#define OUTPOST_STORE_QUERY_H

#include <outpost/topic.h>

#include "lib/store/chunk.h"
#include "lib/store/clock.h"

#define OP_QUERY_POINTS_MAX 10000

struct op_query;
/* path: the history database. -ENOENT, -OP_EDAMAGED, -OP_ENEWER, ... as op_db_open. */
int op_query_open(const char *path, struct op_query **ret) OP_MUST_CHECK;
void op_query_close(struct op_query *q);
/* Ends a call that runs in another thread, with -ECANCELED. Any thread; does nothing to the next
 * call. */
void op_query_cancel(struct op_query *q);

/* ---- what there is ---------------------------------------------------------------------- */

struct op_query_topic {
	char name[OP_TOPIC_NAME_MAX + 1];
	const struct op_topic_type *type; /* newest schema; valid until the next op_query_topics */
	op_field_set fields;              /* that are kept */
	bool rows;                        /* else chunks */
	bool any;                         /* there are records: what follows is of them */
	bool any_raw;                     /* ... of level 0 */
	int64_t from_wall_ns, to_wall_ns; /* oldest and newest, of all levels */
	int64_t raw_from_wall_ns;         /* oldest at level 0, if any_raw */
	enum op_clock_quality quality;    /* worst of its boots */
};
/* Records at level 0 and bytes of all levels, of chunks; bytes of rows are not known (0). Reads all
 * of the topic's rows: slow. -ENOENT. */
int op_query_size(struct op_query *q, const char *topic, uint64_t *ret_records,
		  uint64_t *ret_bytes) OP_MUST_CHECK;
/* Every topic in store, by name; *ret belongs to q and is valid until the next call. */
int op_query_topics(struct op_query *q, const struct op_query_topic **ret,
		    size_t *ret_n) OP_MUST_CHECK;

/* ---- points ------------------------------------------------------------------------------ */

/* Buckets lie on a grid from 1970 on, so the first and the last one may reach beyond the span (not
 * with less than four points); they are answered whole. */
struct op_query_span {
	const char *topic;
	int64_t from_wall_ns, to_wall_ns; /* from <= t < to */
	unsigned points;                  /* buckets at most, 1 ... OP_QUERY_POINTS_MAX */
	const char *fields;               /* "raw,envelope"; NULL or "": all */
};
/* One bucket of one field. n 0: nothing (min, max and mean are NaN). */
struct op_query_value {
	double min, max, mean;
};
struct op_query_points {
	const struct op_topic_type *type;
	unsigned level;                /* that answers most of it */
	int64_t bucket_ns;             /* width; 0: every record has its own point */
	enum op_clock_quality quality; /* worst of what was used */
	unsigned n_fields;
	unsigned field[OP_TOPIC_FIELDS_MAX]; /* index into type->fields */
	size_t n;                            /* points, only those with records, by time */
	uint64_t damaged;         /* chunks that could not be read and were passed over */
	const int64_t *t_wall_ns; /* begin of the bucket, or time of the record */
	const uint64_t *count;
	const struct op_query_value *values; /* values[i * n_fields + f] */
};
/* *ret belongs to q and is valid until the next call. -ENOENT: no such topic, or field (see note,
 * one line with the nearest name); -EINVAL: an empty span; -ECANCELED. */
int op_query_span(struct op_query *q, const struct op_query_span *span, struct op_query_points *ret,
		  struct op_buf *note) OP_MUST_CHECK;
/* {"topic","from","to","level","bucket_ms","clock","damaged","fields":[{"name","unit"}],"t":[..],
 * "n":[..],"min":{field:[..]},"max":{..},"mean":{..}}; from, to and t are Unix milliseconds with as
 * many decimals as it takes, level is its name: outpost-http(7). */
void op_query_points_json(const struct op_query_span *span, const struct op_query_points *points,
			  struct op_buf *out);

/* ---- records ------------------------------------------------------------------------------ */

enum op_export_format { OP_EXPORT_CSV, OP_EXPORT_JSONL };
struct op_export_settings {
	const char *topic;
	int64_t from_wall_ns, to_wall_ns;
	const char *fields; /* as above */
	enum op_export_format format;
	unsigned level;    /* 0: records; 1 ... 3: what tiers kept */
	uint64_t limit;    /* records; 0: all */
	bool newest_first; /* rows only; -ENOTSUP for chunks */
};
struct op_export;
int op_export_begin(struct op_query *q, const struct op_export_settings *settings,
		    struct op_export **ret, struct op_buf *note) OP_MUST_CHECK;
void op_export_end(struct op_export *e);
/* Appends text to out until it holds at least want bytes more, or the end. Lines as of `outpost
 * tap`
 * ("seq,boot_ns,time,<fields>", CR LF; or JSON lines). 1: more to come, 0: that was all. The read
 * transaction is let go between steps, so that the log of the writer does not grow behind a slow
 * reader; what retention deletes meanwhile is not in the rest. */
int op_export_step(struct op_export *e, size_t want, struct op_buf *out) OP_MUST_CHECK;
/* Records written, chunks that could not be read and were passed over, and share of the time span
 * that is done, 0 ... 1. */
uint64_t op_export_records(const struct op_export *e);
uint64_t op_export_damaged(const struct op_export *e);
double op_export_progress(const struct op_export *e);

/* A time as people and scripts give it: RFC 3339, "2026-11-21", "2026-11-21 10:00" (UTC), Unix
 * seconds (with fraction), "now", and from now "-15m", "-2h", "-7d". -EINVAL. */
int op_time_parse(const char *text, int64_t now_wall_ns, int64_t *ret_wall_ns) OP_MUST_CHECK;

#endif
