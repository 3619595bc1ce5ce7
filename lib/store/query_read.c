/*
 * query_read.c - runs of records out of the database: a chunk decoded, or some rows put into the
 * same columns.
 *
 * Memory is that of one chunk and of QUERY_ROWS rows. A damaged chunk is passed over and counted.
 * One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/query_internal.h"

/* ---- chunks ------------------------------------------------------------------------------- */

int query_chunks_begin(struct op_query *q, const struct query_source *source, unsigned level,
		       int64_t boot, uint64_t from, sqlite3_stmt **ret)
{
	sqlite3_stmt *s = q->chunks[level];
	(void)sqlite3_reset(s); /* says again what the step said */
	if (sqlite3_bind_int64(s, 1, source->id) || sqlite3_bind_int64(s, 2, level) ||
	    sqlite3_bind_int64(s, 3, boot) || sqlite3_bind_int64(s, 4, (sqlite3_int64)from))
		return query_error(q);
	*ret = s;
	return 0;
}

void query_chunk_read(sqlite3_stmt *s, struct query_chunk *ret)
{
	ret->id = sqlite3_column_int64(s, 0);
	ret->t0 = (uint64_t)sqlite3_column_int64(s, 1);
	ret->t1 = (uint64_t)sqlite3_column_int64(s, 2);
	ret->n = (uint32_t)sqlite3_column_int64(s, 3);
}

/* Index of the first record that is not before t. */
static uint32_t lower(const struct op_chunk_columns *c, uint64_t t)
{
	uint32_t low = 0, high = c->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (c->t_ns[middle] < t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int reader_of(struct query_source *source, unsigned level, struct op_chunk_reader **ret)
{
	struct op_chunk_reader **made = level ? &source->tier_reader : &source->raw_reader;
	int r = 0;
	if (!*made)
		r = op_chunk_reader_create(level ? source->tier : source->type,
					   level ? source->tier_fields : source->fields, made);
	*ret = *made;
	return r;
}

/* A chunk has all fields that its topic keeps. */
static bool is_whole(const struct query_source *source, unsigned level, op_field_set want,
		     const struct op_chunk_columns *c)
{
	want &= level ? source->tier_fields : source->fields;
	for (unsigned i = 0; i < OP_TOPIC_FIELDS_MAX; i++)
		if (want & query_bit(i) && !c->values[i])
			return false;
	return true;
}

int query_chunk_decode(struct op_query *q, sqlite3_stmt *s, struct query_source *source,
		       unsigned level, op_field_set want, uint64_t from, uint64_t to,
		       struct query_run *ret)
{
	struct op_chunk_reader *reader;
	int r = reader_of(source, level, &reader);
	if (r < 0)
		return r;
	const void *data = sqlite3_column_blob(s, 4);
	if (!data && sqlite3_errcode(q->handle) == SQLITE_NOMEM)
		return -ENOMEM;
	struct query_run run = {
		.source = source, .level = level, .type = level ? source->tier : source->type};
	r = op_chunk_load(reader, data ? data : "", (size_t)sqlite3_column_bytes(s, 4), want,
			  &run.columns);
	if (r == -OP_EDAMAGED || (r == 0 && !is_whole(source, level, want, &run.columns))) {
		q->damaged++;
		return 0;
	}
	if (r < 0)
		return r;
	run.first = lower(&run.columns, from);
	run.end = lower(&run.columns, to);
	*ret = run;
	return 1;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Columns for QUERY_ROWS rows; the values stand behind, field after field. */
struct query_rows {
	uint64_t t[QUERY_ROWS], seq[QUERY_ROWS];
	size_t at[OP_TOPIC_FIELDS_MAX]; /* of each field, from values */
	_Alignas(8) unsigned char values[];
};

static struct query_rows *make_batch(const struct op_topic_type *type)
{
	size_t at[OP_TOPIC_FIELDS_MAX], bytes = 0;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		at[i] = bytes;
		bytes += (size_t)type->fields[i].bytes * QUERY_ROWS; /* a multiple of 8 */
	}
	struct query_rows *batch = calloc(1, sizeof(*batch) + bytes);
	if (batch)
		memcpy(batch->at, at, type->n_fields * sizeof(at[0]));
	return batch;
}

/* Goes on behind (t, seq) = (?4, ?5); the limits are inclusive. Columns go by their place: boot, t,
 * seq, then the fields, whose names need not be those of the columns (outpost-store(7)). */
static int prepare_rows(struct op_query *q, const struct query_source *source, bool backward,
			sqlite3_stmt **ret)
{
	OP_AUTO_BUF struct op_buf sql;
	op_buf_init(&sql, 512);
	op_buf_printf(&sql,
		      "SELECT * FROM rows_%lld WHERE boot = ?1 AND t >= ?2 AND t <= ?3"
		      " AND (t, seq) %s (?4, ?5) ORDER BY boot %s, t %s, seq %s LIMIT ?6",
		      (long long)source->id, backward ? "<" : ">", backward ? "DESC" : "ASC",
		      backward ? "DESC" : "ASC", backward ? "DESC" : "ASC");
	return sql.err ? sql.err : query_prepare(q, sql.data, ret);
}

static int begin_rows(struct op_query *q, struct query_source *source, bool backward,
		      sqlite3_stmt **ret)
{
	sqlite3_stmt **made = backward ? &source->rows_back_stmt : &source->rows_stmt;
	int r = *made ? 0 : prepare_rows(q, source, backward, made);
	if (r == 0 && !source->batch)
		source->batch = make_batch(source->type);
	if (r == 0 && !source->batch)
		r = -ENOMEM;
	*ret = *made;
	return r;
}

static void put_text(sqlite3_stmt *s, int column, unsigned char *to, size_t bytes)
{
	const unsigned char *text = sqlite3_column_text(s, column);
	size_t n = text ? (size_t)sqlite3_column_bytes(s, column) : 0;
	memset(to, 0, bytes);
	if (n > 0)
		memcpy(to, text, n < bytes ? n : bytes);
}

static double real_of(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? NAN
							     : sqlite3_column_double(s, column);
}

/* An integer keeps the low bytes of what is stored: u64 is stored as it stands in memory. */
static void put_value(sqlite3_stmt *s, int column, const struct op_field *f, unsigned char *to)
{
	if (f->type == OP_TEXT) {
		put_text(s, column, to, f->bytes);
	} else if (f->type == OP_F32) {
		float v = (float)real_of(s, column);
		memcpy(to, &v, sizeof(v));
	} else if (f->type == OP_F64) {
		double v = real_of(s, column);
		memcpy(to, &v, sizeof(v));
	} else {
		int64_t v = sqlite3_column_int64(s, column);
		uint8_t v8 = (uint8_t)v;
		uint16_t v16 = (uint16_t)v;
		uint32_t v32 = (uint32_t)v;
		memcpy(to,
		       f->bytes == 1   ? (void *)&v8
		       : f->bytes == 2 ? (void *)&v16
		       : f->bytes == 4 ? (void *)&v32
				       : (void *)&v,
		       f->bytes);
	}
}

static void put_row(const struct query_source *source, sqlite3_stmt *s, uint32_t i)
{
	struct query_rows *b = source->batch;
	b->t[i] = (uint64_t)sqlite3_column_int64(s, 1);
	b->seq[i] = (uint64_t)sqlite3_column_int64(s, 2);
	for (uint32_t f = 0; f < source->type->n_fields; f++) {
		const struct op_field *field = &source->type->fields[f];
		put_value(s, (int)f + 3, field, b->values + b->at[f] + (size_t)i * field->bytes);
	}
}

static int bind_rows(sqlite3_stmt *s, int64_t boot, uint64_t from, uint64_t to, bool backward,
		     const struct query_rows_at *at)
{
	uint64_t t = at->any ? at->t : backward ? INT64_MAX : 0;
	int64_t seq = at->any ? (int64_t)at->seq : backward ? INT64_MAX : -1;
	/* The index is entered at the row before, not at the begin of the span. */
	if (at->any && !backward)
		from = t > from ? t : from;
	if (at->any && backward)
		to = t < to ? t + 1 : to;
	bool failed = sqlite3_bind_int64(s, 1, boot) ||
		      sqlite3_bind_int64(s, 2, (sqlite3_int64)from) ||
		      sqlite3_bind_int64(s, 3, (sqlite3_int64)to - 1) ||
		      sqlite3_bind_int64(s, 4, (sqlite3_int64)t) || sqlite3_bind_int64(s, 5, seq) ||
		      sqlite3_bind_int64(s, 6, QUERY_ROWS);
	return failed ? -EIO : 0;
}

int query_rows_next(struct op_query *q, struct query_source *source, int64_t boot, uint64_t from,
		    uint64_t to, bool backward, struct query_rows_at *at, struct query_run *ret)
{
	sqlite3_stmt *s;
	int r = begin_rows(q, source, backward, &s);
	if (r == 0)
		r = bind_rows(s, boot, from, to, backward, at);
	struct query_rows *b = source->batch;
	uint32_t n = 0;
	while (r >= 0 && n < QUERY_ROWS && (r = query_step(q, s)) > 0)
		put_row(source, s, n++);
	if (s)
		(void)sqlite3_reset(s); /* says again what the step said */
	if (r < 0)
		return r;
	if (n > 0)
		*at = (struct query_rows_at){true, b->t[n - 1], b->seq[n - 1]};
	*ret = (struct query_run){.source = source, .type = source->type, .end = n};
	ret->columns = (struct op_chunk_columns){.n = n, .t_ns = b->t, .seq = b->seq};
	for (uint32_t f = 0; f < source->type->n_fields; f++)
		ret->columns.values[f] = b->values + b->at[f];
	return 0;
}

int query_rows_count(struct op_query *q, const struct query_source *source, int64_t boot,
		     uint64_t from, uint64_t to, uint64_t most, uint64_t *ret)
{
	char sql[160];
	sqlite3_stmt *s;
	(void)snprintf(sql, sizeof(sql),
		       "SELECT count(*) FROM (SELECT 1 FROM rows_%lld WHERE boot = ?1 AND t >= ?2"
		       " AND t <= ?3 LIMIT ?4)",
		       (long long)source->id); /* fits */
	int r = query_prepare(q, sql, &s);
	if (r < 0)
		return r;
	bool failed = sqlite3_bind_int64(s, 1, boot) ||
		      sqlite3_bind_int64(s, 2, (sqlite3_int64)from) ||
		      sqlite3_bind_int64(s, 3, (sqlite3_int64)to - 1) ||
		      sqlite3_bind_int64(s, 4, (sqlite3_int64)most);
	r = failed ? query_error(q) : query_step(q, s);
	if (r > 0)
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* says again what the step said */
	return r < 0 ? r : 0;
}
