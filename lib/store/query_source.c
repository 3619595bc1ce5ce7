/*
 * query_source.c - what the database says a topic is: its declarations, fields, levels, ends.
 *
 * A topic whose declaration changed has several rows in `topics`; the newest one says what is
 * shown, older ones are read by the names of their fields. All of it is outside data. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/config.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/query_internal.h"

#define NAMES_MAX 1024 /* of topics, when the nearest is looked for */

/* ---- one declaration ---------------------------------------------------------------------- */

void query_source_finish(struct query_source *s)
{
	op_chunk_reader_destroy(s->raw_reader);
	op_chunk_reader_destroy(s->tier_reader);
	(void)sqlite3_finalize(s->rows_stmt);      /* these say again */
	(void)sqlite3_finalize(s->rows_back_stmt); /* what the step */
	(void)sqlite3_finalize(s->rows_ends_stmt); /* said */
	free(s->batch);
	op_schema_free(s->type);
	op_schema_free(s->tier);
	*s = (struct query_source){0};
}

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? text : "";
}

/* Fields that overlap would need more room than their record has. */
static bool is_plain(const struct op_topic_type *type)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < type->n_fields; i++)
		bytes += type->fields[i].bytes;
	return bytes <= type->record_bytes;
}

int query_source_read(sqlite3_stmt *s, struct query_source *ret)
{
	struct query_source source = {
		.id = sqlite3_column_int64(s, 0),
		.rows = !strcmp(text_of(s, 2), "rows"),
	};
	const char *schema = text_of(s, 4);
	int r = op_schema_parse(schema, strlen(schema), &source.type);
	if (r < 0)
		return r == -ENOMEM ? r : -OP_EDAMAGED;
	const char *fields = source.rows ? "" : text_of(s, 3); /* rows have all of them */
	if (!is_plain(source.type) ||
	    op_chunk_fields_parse(source.type, fields, &source.fields, NULL) < 0) {
		op_schema_free(source.type);
		return -OP_EDAMAGED;
	}
	/* A topic of text alone, or of too many fields, has no tiers. */
	if (source.fields && op_tier_type(source.type, source.fields, &source.tier) == 0)
		source.tier_fields = op_chunk_fields(source.tier);
	*ret = source;
	return 0;
}

bool query_source_has(const struct query_source *s, unsigned level)
{
	return level == 0 || (s->tier && !(s->rows && level == 1));
}

/* ---- all of one name ---------------------------------------------------------------------- */

void query_sources_finish(struct query_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		query_source_finish(&s->list[i]);
	free(s->list);
	*s = (struct query_sources){0};
}

const struct query_source *query_sources_newest(const struct query_sources *s)
{
	return &s->list[s->n - 1];
}

void query_note_nearest(const char *name, const char *const *names, size_t n, struct op_buf *note)
{
	const char *near = op_nearest(name, names, n);
	if (near)
		op_buf_printf(note, " (did you mean \"%s\"?)", near);
}

static int note_no_topic(struct op_query *q, const char *name, struct op_buf *note)
{
	char *names[NAMES_MAX];
	size_t n = 0;
	sqlite3_stmt *s;
	int r = query_prepare(q, "SELECT DISTINCT name FROM topics ORDER BY name", &s);
	if (r < 0)
		return r;
	while (n < NAMES_MAX && (r = query_step(q, s)) > 0) {
		names[n] = strdup(text_of(s, 0));
		if (!names[n])
			break;
		n++;
	}
	(void)sqlite3_finalize(s); /* says again what the step said */
	if (note) {
		op_buf_printf(note, "nothing is kept of a topic \"%s\"", name);
		query_note_nearest(name, (const char *const *)names, n, note);
	}
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return r < 0 ? r : -ENOENT;
}

static int add_source(struct query_sources *all, sqlite3_stmt *s)
{
	struct query_source *grown = reallocarray(all->list, all->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	all->list = grown;
	int r = query_source_read(s, &grown[all->n]);
	if (r == 0)
		all->n++;
	return r == -OP_EDAMAGED ? 0 : r; /* the others can still be read */
}

int query_sources_load(struct op_query *q, const char *name, struct query_sources *ret,
		       struct op_buf *note)
{
	struct query_sources all = {0};
	sqlite3_stmt *s;
	int r = query_prepare(q,
			      "SELECT id, name, kind, fields, schema FROM topics WHERE name = ?1"
			      " ORDER BY id",
			      &s);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC); /* without it nothing is found */
	while ((r = query_step(q, s)) > 0) {
		r = add_source(&all, s);
		if (r < 0)
			break;
	}
	(void)sqlite3_finalize(s); /* says again what the step said */
	if (r == 0 && all.n == 0)
		r = note_no_topic(q, name, note);
	if (r < 0)
		query_sources_finish(&all);
	else
		*ret = all;
	return r;
}

/* ---- fields ------------------------------------------------------------------------------- */

/* "raw" means "raw.min", "raw.max", ... in a tier. */
static bool is_named(const char *field, const char *name, size_t n)
{
	return !strncmp(field, name, n) && (field[n] == '\0' || field[n] == '.');
}

static void note_no_field(const struct op_topic_type *type, op_field_set set, const char *name,
			  struct op_buf *note)
{
	const char *names[OP_TOPIC_FIELDS_MAX];
	size_t n = 0;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (set & query_bit(i))
			names[n++] = type->fields[i].name;
	op_buf_printf(note, "%s has no field \"%s\" in store", type->name, name);
	query_note_nearest(name, names, n, note);
	op_buf_puts(note, "; it has");
	for (size_t i = 0; i < n; i++)
		op_buf_printf(note, "%s %s", i ? "," : "", names[i]);
}

static bool take_field(const struct op_topic_type *type, op_field_set *left, const char *name,
		       size_t n, unsigned ret[OP_TOPIC_FIELDS_MAX], unsigned *ret_n)
{
	bool found = false;
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (!is_named(type->fields[i].name, name, n))
			continue;
		found = found || (*left & query_bit(i));
		for (unsigned k = 0; k < *ret_n; k++)
			found = found || ret[k] == i; /* named twice */
		if (*left & query_bit(i))
			ret[(*ret_n)++] = i;
		*left &= ~query_bit(i);
	}
	return found;
}

int query_fields(const struct op_topic_type *type, op_field_set set, const char *text,
		 unsigned ret[OP_TOPIC_FIELDS_MAX], unsigned *ret_n, struct op_buf *note)
{
	op_field_set left = set;
	unsigned n_fields = 0;
	const char *p = text ? text : "";
	p += strspn(p, ", ");
	for (; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		if (!take_field(type, &left, p, n, ret, &n_fields)) {
			char name[64];
			(void)snprintf(name, sizeof(name), "%.*s", (int)n,
				       p); /* cut: still no field */
			if (note)
				note_no_field(type, set, name, note);
			return -ENOENT;
		}
		p += n;
	}
	for (unsigned i = 0; left == set && i < type->n_fields; i++)
		if (set & query_bit(i))
			ret[n_fields++] = i;
	*ret_n = n_fields;
	return 0;
}

/* ---- ends --------------------------------------------------------------------------------- */

static int chunk_ends(struct op_query *q, const struct query_source *source, unsigned level,
		      int64_t boot, uint64_t *ret_t0, uint64_t *ret_t1)
{
	static const char sql[] =
		"SELECT (SELECT min(t0) FROM chunks WHERE topic = ?1 AND level = ?2 AND boot = ?3),"
		" (SELECT t1 FROM chunks WHERE topic = ?1 AND level = ?2 AND boot = ?3"
		" ORDER BY t0 DESC, id DESC LIMIT 1)";
	sqlite3_stmt *s = op_db_statement(q->db, sql);
	if (!s)
		return query_error(q);
	if (sqlite3_bind_int64(s, 1, source->id) || sqlite3_bind_int64(s, 2, level) ||
	    sqlite3_bind_int64(s, 3, boot))
		return query_error(q);
	int r = query_step(q, s);
	if (r > 0 && sqlite3_column_type(s, 0) == SQLITE_NULL)
		r = 0;
	if (r > 0) {
		*ret_t0 = (uint64_t)sqlite3_column_int64(s, 0);
		*ret_t1 = (uint64_t)sqlite3_column_int64(s, 1);
	}
	(void)sqlite3_reset(s); /* says again what the step said */
	return r;
}

static int row_ends(struct op_query *q, struct query_source *source, int64_t boot, uint64_t *ret_t0,
		    uint64_t *ret_t1)
{
	char sql[200];
	(void)snprintf(sql, sizeof(sql),
		       "SELECT (SELECT min(t) FROM rows_%lld WHERE boot = ?1),"
		       " (SELECT max(t) FROM rows_%lld WHERE boot = ?1)",
		       (long long)source->id, (long long)source->id); /* fits */
	int r = source->rows_ends_stmt ? 0 : query_prepare(q, sql, &source->rows_ends_stmt);
	if (r < 0)
		return r;
	sqlite3_stmt *s = source->rows_ends_stmt;
	if (sqlite3_bind_int64(s, 1, boot))
		return query_error(q);
	r = query_step(q, s);
	if (r > 0 && sqlite3_column_type(s, 0) == SQLITE_NULL)
		r = 0;
	if (r > 0) {
		*ret_t0 = (uint64_t)sqlite3_column_int64(s, 0);
		*ret_t1 = (uint64_t)sqlite3_column_int64(s, 1);
	}
	(void)sqlite3_reset(s); /* says again what the step said */
	return r;
}

int query_source_ends(struct op_query *q, struct query_source *s, unsigned level, int64_t boot,
		      uint64_t *ret_t0, uint64_t *ret_t1)
{
	if (!query_source_has(s, level))
		return 0;
	return s->rows && level == 0 ? row_ends(q, s, boot, ret_t0, ret_t1)
				     : chunk_ends(q, s, level, boot, ret_t0, ret_t1);
}
