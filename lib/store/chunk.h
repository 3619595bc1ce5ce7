/*
 * chunk.h - many records of a fast topic as a few compressed columns, and their tiers.
 *
 * A chunk holds the chosen fields of a run of records of one topic and one boot: the times,
 * sequence numbers where they jump, one column per field. Each column takes the cheapest of a few
 * transforms (as it is, differences, differences of differences; bytes by plane) and then zstd. The
 * format, byte by byte: outpost-store(7). Times are kept to OP_CHUNK_TIME_NS, values exactly.
 *
 * A tier sums up: its records are those of a topic type made from the first one's ("raw.min",
 * "raw.max", "raw.mean", "raw.first", "raw.last", "n"), stamped with the begin of their bucket, and
 * are stored in chunks as well. Level 0 is the topic itself, 1 seconds, 2 minutes, 3 hours.
 *
 * Pure: no I/O, no clock. Chunks come from files that may be damaged: reading checks everything.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_CHUNK_H
#define OUTPOST_STORE_CHUNK_H

#include <outpost/topic.h>

#define OP_CHUNK_RECORDS_MAX 65536
#define OP_CHUNK_TIME_NS 1000 /* resolution of stored times */
#define OP_TIER_LEVELS 4
/* Width of a level's buckets; level 0: 0. */
uint64_t op_tier_width_ns(unsigned level);
const char *op_tier_name(unsigned level); /* "raw" "1s" "1min" "1h" */

/* Which fields: bit i is type->fields[i]. Text is never kept in chunks. */
typedef uint64_t op_field_set;
/* All that chunks can keep. */
op_field_set op_chunk_fields(const struct op_topic_type *type);
/* "raw, baseline" -> set. -ENOENT: *ret_bad (may be NULL) begins at the name there is not, or not
 * in chunks. "" and NULL: all. */
int op_chunk_fields_parse(const struct op_topic_type *type, const char *text, op_field_set *ret,
			  const char **ret_bad) OP_MUST_CHECK;

/* ---- writing --------------------------------------------------------------------------- */

/* What becomes a row. data belongs to the builder until its next call. */
struct op_chunk {
	uint64_t t0_ns, t1_ns; /* boot time of the first and the last record, to OP_CHUNK_TIME_NS */
	uint64_t seq0;
	uint32_t n;
	const void *data;
	size_t bytes;
};

struct op_chunk_builder;

/* Which fields to keep, and how. */
struct op_chunk_plan {
	op_field_set fields;
	/* Of those, float fields that may be recomputed when reading: where one proves to be an
	 * exponential mean of another column, or of the distance between two, only its start and
	 * its factor are stored. Each chunk is verified when it is cut; where the guess is off by
	 * more than tolerance anywhere, the column is stored as it is. */
	op_field_set recompute;
	double tolerance;   /* [0.01] in the field's unit */
	size_t max_records; /* at most OP_CHUNK_RECORDS_MAX */
	int zstd_level;     /* [1], see docs/decisions/052 */
};
/* Memory: about max_records * (sum of field sizes + 16). Copies what it needs of type and plan. */
int op_chunk_builder_create(const struct op_topic_type *type, const struct op_chunk_plan *plan,
			    struct op_chunk_builder **ret) OP_MUST_CHECK;
void op_chunk_builder_destroy(struct op_chunk_builder *b);
/* Takes slots as op_reader_read gives them; returns how many, less than n when the chunk is full:
 * cut and come again. A stamp before that of the last record is kept as that one. */
size_t op_chunk_append(struct op_chunk_builder *b, uint64_t first_seq, const void *slots, size_t n,
		       size_t stride) OP_MUST_CHECK;
size_t op_chunk_pending(const struct op_chunk_builder *b); /* records */
/* Boot time of the oldest pending record; 0: none. */
uint64_t op_chunk_since_ns(const struct op_chunk_builder *b);
/* Ends the chunk and begins the next one. -ENODATA: nothing pending; -ENOMEM. */
int op_chunk_cut(struct op_chunk_builder *b, struct op_chunk *ret) OP_MUST_CHECK;

/* ---- reading --------------------------------------------------------------------------- */

struct op_chunk_reader;
/* For chunks of this type and these fields, one after the other; keeps its memory in between. */
int op_chunk_reader_create(const struct op_topic_type *type, op_field_set fields,
			   struct op_chunk_reader **ret) OP_MUST_CHECK;
void op_chunk_reader_destroy(struct op_chunk_reader *r);

/* A chunk as columns; valid until the next load. values[i] is an array of the type of field i, NULL
 * if it is not among those asked for, or not in the chunk. */
struct op_chunk_columns {
	uint32_t n;
	const uint64_t *t_ns; /* boot time, never decreasing */
	const uint64_t *seq;
	const void *values[OP_TOPIC_FIELDS_MAX];
};
/* Decodes only the fields of `want`. -OP_EDAMAGED: not a chunk of this type. */
int op_chunk_load(struct op_chunk_reader *r, const void *data, size_t bytes, op_field_set want,
		  struct op_chunk_columns *ret) OP_MUST_CHECK;

/* ---- tiers ----------------------------------------------------------------------------- */

/* A record has OP_TOPIC_FIELDS_MAX fields, and each field summed up takes five. */
#define OP_TIER_FIELDS_MAX 12
/* Of fields, those a tier sums up: the first OP_TIER_FIELDS_MAX that chunks can keep. */
op_field_set op_tier_fields(const struct op_topic_type *type, op_field_set fields);
/* The type of the tier records of op_tier_fields(type, fields); one block, free it with
 * op_schema_free. Fields: n (u32), then per field .min .max .mean .first .last in the type of the
 * field, .mean f64. A type that is a tier already gives itself. -EINVAL: no such field; -ENOMEM. */
int op_tier_type(const struct op_topic_type *type, op_field_set fields,
		 struct op_topic_type **ret) OP_MUST_CHECK;

struct op_tier;
/* A finished bucket: one slot (stamp, record) of the tier type. */
typedef void (*op_tier_fn)(void *arg, const void *slot);

/* True for what op_tier_type gives. */
bool op_tier_is(const struct op_topic_type *type);

/* Sums up records of type (a topic, or a lower tier of it: then fields is not looked at). -EINVAL:
 * no such field, or no width. */
int op_tier_create(const struct op_topic_type *type, op_field_set fields, uint64_t width_ns,
		   op_tier_fn fn, void *arg, struct op_tier **ret) OP_MUST_CHECK;
void op_tier_destroy(struct op_tier *t);
const struct op_topic_type *op_tier_record_type(const struct op_tier *t);
size_t op_tier_stride(const struct op_tier *t);
/* NaN counts in n but in nothing else; a bucket ends when a record of a later one comes. What is
 * stamped before the open bucket goes into it. */
void op_tier_add(struct op_tier *t, const void *slots, size_t n, size_t stride);
/* Gives the bucket that is not full yet, if any; the rest of it makes another with the same stamp,
 * which readers put together. */
void op_tier_flush(struct op_tier *t);

#endif
