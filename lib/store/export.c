/*
 * export.c - stored records one after the other, as text, a piece at a time.
 *
 * They come in the order in which they were recorded: boot by boot, by boot time, whatever the wall
 * clock did. Between two steps no transaction is open and no statement stands; what is kept is the
 * place: the part (a span of one boot with one offset, of one declaration), and the chunk or row
 * that was read last. Memory is that of one chunk.
 *
 * One thread, that of its op_query; fails as the database does.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/export_lines.h"

struct part {
	struct query_piece piece; /* what of it holds data */
	size_t source;
};

struct op_export {
	struct op_query *q;
	struct op_export_settings settings;
	struct query_sources sources;
	unsigned field[OP_TOPIC_FIELDS_MAX], n_fields;
	struct part *parts;
	size_t n_parts, cap;
	double total_ns, done_ns; /* of all parts, of those that are behind */
	uint64_t at_ns;           /* in this part */

	/* the place */
	size_t part;
	bool begun; /* the part */
	uint64_t chunk_t0;
	int64_t chunk_id;
	struct query_rows_at row;
	bool any_run;
	struct query_run run; /* first: the next record */

	struct export_lines lines;
	struct export_view view; /* of the part's source */
	struct op_tier *tier;    /* puts entries of equal stamp together; NULL at level 0 */
	unsigned char slot[OP_SLOT_RECORD + OP_TOPIC_RECORD_MAX];
	bool header_due;
	uint64_t records, damaged;
};

/* ---- begin and end ------------------------------------------------------------------------ */

static const struct op_topic_type *type_of(const struct op_export *e,
					   const struct query_source *source)
{
	return e->settings.level ? source->tier : source->type;
}

/* Rows keep every field, text as well. */
static op_field_set kept_of(const struct op_export *e, const struct query_source *source)
{
	op_field_set all = source->type->n_fields == OP_TOPIC_FIELDS_MAX
				   ? ~(op_field_set)0
				   : query_bit(source->type->n_fields) - 1;
	if (e->settings.level)
		return source->tier_fields;
	return source->rows ? all : source->fields;
}

static int add_part(struct op_export *e, const struct query_piece *piece, size_t source)
{
	if (e->n_parts == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 16;
		struct part *grown = reallocarray(e->parts, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		e->parts = grown;
		e->cap = cap;
	}
	e->parts[e->n_parts++] = (struct part){*piece, source};
	e->total_ns += (double)(piece->to_ns - piece->from_ns);
	return 0;
}

/* What of a piece has records of this source. */
static int add_if_any(struct op_export *e, const struct query_piece *whole, size_t source)
{
	struct query_piece piece = *whole;
	uint64_t t0, t1;
	int r = query_source_ends(e->q, &e->sources.list[source], e->settings.level, piece.boot,
				  &t0, &t1);
	if (r <= 0)
		return r;
	piece.from_ns = piece.from_ns > t0 ? piece.from_ns : t0;
	piece.to_ns = piece.to_ns < t1 + 1 ? piece.to_ns : t1 + 1;
	return piece.from_ns < piece.to_ns ? add_part(e, &piece, source) : 0;
}

static int make_parts(struct op_export *e)
{
	struct query_clocks clocks;
	int r = query_clocks_load(e->q, &clocks);
	if (r < 0)
		return r;
	for (size_t i = 0; i < clocks.n && r == 0; i++) {
		struct query_piece piece = clocks.pieces[i];
		if (!query_piece_clip(&piece, e->settings.from_wall_ns, e->settings.to_wall_ns))
			continue;
		for (size_t s = 0; s < e->sources.n && r == 0; s++)
			r = add_if_any(e, &piece, s);
	}
	query_clocks_finish(&clocks);
	for (size_t i = 0; e->settings.newest_first && i < e->n_parts / 2; i++) {
		struct part p = e->parts[i];
		e->parts[i] = e->parts[e->n_parts - 1 - i];
		e->parts[e->n_parts - 1 - i] = p;
	}
	return r;
}

static int check(const struct op_export *e, struct op_buf *note)
{
	const struct query_source *newest = query_sources_newest(&e->sources);
	if (e->settings.level > 0 && !query_source_has(newest, e->settings.level)) {
		if (note)
			op_buf_printf(note, "%s is not kept at level %s", newest->type->name,
				      op_tier_name(e->settings.level));
		return -ENOENT;
	}
	return e->settings.newest_first && (!newest->rows || e->settings.level) ? -ENOTSUP : 0;
}

static int prepare(struct op_export *e, struct op_buf *note)
{
	int r = query_sources_load(e->q, e->settings.topic, &e->sources, note);
	if (r == 0)
		r = check(e, note);
	if (r < 0)
		return r;
	const struct query_source *newest = query_sources_newest(&e->sources);
	(void)snprintf(e->lines.name, sizeof(e->lines.name), "%s", e->settings.topic); /* fits */
	r = query_fields(type_of(e, newest), kept_of(e, newest), e->settings.fields, e->field,
			 &e->n_fields, note);
	return r < 0 ? r : make_parts(e);
}

int op_export_begin(struct op_query *q, const struct op_export_settings *settings,
		    struct op_export **ret, struct op_buf *note)
{
	if (settings->from_wall_ns >= settings->to_wall_ns || settings->level >= OP_TIER_LEVELS)
		return -EINVAL;
	struct op_export *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->q = q;
	e->settings = *settings;
	e->lines.format = settings->format;
	e->header_due = true;
	int r = query_begin(q);
	if (r == 0)
		r = query_end(q, prepare(e, note));
	e->settings.topic = e->settings.fields = NULL; /* the caller's */
	if (r < 0) {
		op_export_end(e);
		return r;
	}
	*ret = e;
	return 0;
}

void op_export_end(struct op_export *e)
{
	if (!e)
		return;
	op_tier_destroy(e->tier);
	query_sources_finish(&e->sources);
	free(e->parts);
	free(e);
}

/* ---- the next records --------------------------------------------------------------------- */

static const struct query_piece *piece_of(const struct op_export *e)
{
	return &e->parts[e->part].piece;
}

static struct query_source *source_of(struct op_export *e)
{
	return &e->sources.list[e->parts[e->part].source];
}

static bool is_behind(const struct op_export *e, const struct query_chunk *c)
{
	return c->t0 > e->chunk_t0 || (c->t0 == e->chunk_t0 && c->id > e->chunk_id);
}

/* The next chunk of the part after the one that was read last. 1, 0 no more, or an error. */
static int next_chunk(struct op_export *e)
{
	const struct query_piece *p = piece_of(e);
	sqlite3_stmt *s;
	uint64_t from = e->chunk_id ? e->chunk_t0 + 1 : p->from_ns;
	unsigned level = e->settings.level;
	int r = query_chunks_begin(e->q, source_of(e), level, p->boot, from, &s);
	if (r < 0)
		return r;
	while ((r = query_step(e->q, s)) > 0) {
		struct query_chunk c;
		query_chunk_read(s, &c);
		if (e->chunk_id && !is_behind(e, &c))
			continue;
		if (c.t0 >= p->to_ns)
			return 0;
		e->chunk_t0 = c.t0;
		e->chunk_id = c.id;
		r = c.t1 < p->from_ns
			    ? 0
			    : query_chunk_decode(e->q, s, source_of(e), level, e->view.want,
						 p->from_ns, p->to_ns, &e->run);
		if (r != 0)
			return r;
	}
	return r;
}

static int next_rows(struct op_export *e)
{
	const struct query_piece *p = piece_of(e);
	int r = query_rows_next(e->q, source_of(e), p->boot, p->from_ns, p->to_ns,
				e->settings.newest_first, &e->row, &e->run);
	return r < 0 ? r : e->run.end > 0;
}

/* A whole bucket of a tier. */
static void put_bucket(void *arg, const void *slot)
{
	struct op_export *e = arg;
	uint64_t t;
	memcpy(&t, slot, sizeof(t));
	if (e->settings.limit && e->records >= e->settings.limit)
		return;
	export_record_line(&e->lines, &e->view, e->records++, t, query_wall(piece_of(e), t),
			   (const unsigned char *)slot + OP_SLOT_RECORD);
}

static int begin_part(struct op_export *e)
{
	struct query_source *source = source_of(e);
	const struct query_source *newest = query_sources_newest(&e->sources);
	e->begun = true;
	e->chunk_id = 0;
	e->row = (struct query_rows_at){0};
	e->at_ns = e->settings.newest_first ? piece_of(e)->to_ns : piece_of(e)->from_ns;
	if (e->settings.level && !source->tier)
		return 0;
	export_view_make(&e->view, type_of(e, source), kept_of(e, source), type_of(e, newest),
			 e->field, e->n_fields);
	if (!e->settings.level)
		return 0;
	e->view.want = source->tier_fields; /* to be put together they must be whole */
	return op_tier_create(source->tier, 0, op_tier_width_ns(e->settings.level), put_bucket, e,
			      &e->tier);
}

static void end_part(struct op_export *e)
{
	const struct query_piece *p = piece_of(e);
	if (e->tier)
		op_tier_flush(e->tier);
	op_tier_destroy(e->tier);
	e->tier = NULL;
	e->done_ns += (double)(p->to_ns - p->from_ns);
	e->begun = false;
	e->part++;
}

/* Finds more records: 1, 0 at the end, or an error. */
static int next_run(struct op_export *e)
{
	while (e->part < e->n_parts) {
		int r = e->begun ? 0 : begin_part(e);
		bool rows = source_of(e)->rows && e->settings.level == 0;
		if (r == 0)
			r = rows ? next_rows(e) : next_chunk(e);
		if (r > 0 && query_cancelled(e->q))
			r = -ECANCELED;
		if (r != 0)
			return r;
		end_part(e);
	}
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* One entry of a tier as a slot of its declaration. */
static void add_to_tier(struct op_export *e, uint32_t i)
{
	const struct op_topic_type *type = e->run.type;
	const struct op_chunk_columns *c = &e->run.columns;
	memcpy(e->slot, &c->t_ns[i], sizeof(uint64_t));
	for (uint32_t f = 0; f < type->n_fields; f++) {
		const struct op_field *field = &type->fields[f];
		if (c->values[f])
			memcpy(e->slot + OP_SLOT_RECORD + field->offset,
			       (const char *)c->values[f] + (size_t)i * field->bytes, field->bytes);
	}
	op_tier_add(e->tier, e->slot, 1, op_tier_stride(e->tier));
}

static bool is_enough(const struct op_export *e)
{
	return e->settings.limit && e->records >= e->settings.limit;
}

/* Writes records of the run until out has what is wanted. */
static void write_run(struct op_export *e, size_t until)
{
	struct query_run *run = &e->run;
	const struct query_piece *p = piece_of(e);
	while (run->first < run->end && e->lines.out->len < until && !e->lines.out->err &&
	       !is_enough(e)) {
		uint32_t i = run->first++;
		e->at_ns = run->columns.t_ns[i];
		if (e->tier) {
			add_to_tier(e, i);
			continue;
		}
		export_line(&e->lines, &e->view, &run->columns, i,
			    query_wall(p, run->columns.t_ns[i]));
		e->records++;
	}
	e->any_run = run->first < run->end;
}

static void write_header(struct op_export *e)
{
	const struct query_source *newest = query_sources_newest(&e->sources);
	e->header_due = false;
	export_view_make(&e->view, type_of(e, newest), kept_of(e, newest), type_of(e, newest),
			 e->field, e->n_fields);
	export_header(&e->lines, &e->view);
}

static int write_some(struct op_export *e, size_t until)
{
	if (e->header_due)
		write_header(e);
	int r = 1;
	while (r > 0 && e->lines.out->len < until && !is_enough(e)) {
		if (!e->any_run)
			r = next_run(e);
		if (r > 0)
			write_run(e, until);
		if (e->lines.out->err)
			r = e->lines.out->err;
	}
	e->damaged += e->q->damaged;
	return is_enough(e) && r > 0 ? 0 : r;
}

int op_export_step(struct op_export *e, size_t want, struct op_buf *out)
{
	int r = query_begin(e->q);
	if (r < 0)
		return r;
	e->lines.out = out;
	return query_end(e->q, write_some(e, out->len + want));
}

uint64_t op_export_records(const struct op_export *e)
{
	return e->records;
}

uint64_t op_export_damaged(const struct op_export *e)
{
	return e->damaged;
}

double op_export_progress(const struct op_export *e)
{
	if (e->part >= e->n_parts || !(e->total_ns > 0))
		return 1;
	const struct query_piece *p = piece_of(e);
	double here = 0;
	if (e->begun)
		here = (double)(e->settings.newest_first ? p->to_ns - e->at_ns
							 : e->at_ns - p->from_ns);
	double done = (e->done_ns + here) / e->total_ns;
	return done < 0 ? 0 : done > 1 ? 1 : done;
}
