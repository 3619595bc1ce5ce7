/*
 * query_topics.c - which topics are in store, from when to when. One thread.
 *
 * Ends are looked up per boot in the index of time, so the size of the database does not matter.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/query_internal.h"

void query_topics_finish(struct op_query *q)
{
	for (size_t i = 0; i < q->n_topics; i++)
		op_schema_free(q->topic_types[i]);
	free(q->topic_types);
	free(q->topics);
	q->topic_types = NULL;
	q->topics = NULL;
	q->n_topics = 0;
}

/* ---- ends --------------------------------------------------------------------------------- */

/* The next boot after this one that has something of a level; 1, 0, or an error. */
static int next_boot(struct op_query *q, const struct query_source *source, unsigned level,
		     int64_t *boot)
{
	static const char chunks[] = "SELECT min(boot) FROM chunks WHERE topic = ?1 AND level = ?2"
				     " AND boot > ?3";
	char rows[100];
	(void)snprintf(rows, sizeof(rows),
		       "SELECT min(boot), ?1, ?2 FROM rows_%lld WHERE boot > ?3",
		       (long long)source->id); /* fits */
	sqlite3_stmt *s;
	int r = query_prepare(q, source->rows && level == 0 ? rows : chunks, &s);
	if (r < 0)
		return r;
	if (sqlite3_bind_int64(s, 1, source->id) || sqlite3_bind_int64(s, 2, level) ||
	    sqlite3_bind_int64(s, 3, *boot))
		r = query_error(q);
	else
		r = query_step(q, s);
	if (r > 0 && sqlite3_column_type(s, 0) == SQLITE_NULL)
		r = 0;
	if (r > 0)
		*boot = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* says again what the step said */
	return r;
}

static void widen(struct op_query_topic *topic, unsigned level, int64_t from, int64_t to)
{
	if (from > to) { /* the clock was set back in between */
		int64_t t = from;
		from = to;
		to = t;
	}
	/* A bucket begins before its first record; finer levels, taken before, know when that was.
	 */
	int64_t width = (int64_t)op_tier_width_ns(level);
	if (topic->any && from < topic->from_wall_ns && topic->from_wall_ns - from < width)
		from = topic->from_wall_ns;
	topic->from_wall_ns = topic->any && topic->from_wall_ns < from ? topic->from_wall_ns : from;
	topic->to_wall_ns = topic->any && topic->to_wall_ns > to ? topic->to_wall_ns : to;
	if (level == 0 && (!topic->any_raw || from < topic->raw_from_wall_ns))
		topic->raw_from_wall_ns = from;
	topic->any_raw = topic->any_raw || level == 0;
	topic->any = true;
}

static void take_quality(struct op_query_topic *topic, const struct query_piece *p)
{
	if (p->quality < topic->quality)
		topic->quality = p->quality;
}

static int find_ends(struct op_query *q, struct query_source *source, unsigned level,
		     const struct query_clocks *clocks, struct op_query_topic *topic)
{
	int64_t boot = -1;
	int r;
	while ((r = next_boot(q, source, level, &boot)) > 0) {
		uint64_t t0, t1;
		r = query_source_ends(q, source, level, boot, &t0, &t1);
		if (r < 0)
			break;
		const struct query_piece *from = r ? query_clocks_at(clocks, boot, t0) : NULL;
		const struct query_piece *to = r ? query_clocks_at(clocks, boot, t1) : NULL;
		if (!from || !to)
			continue;
		for (const struct query_piece *p = from; p <= to; p++)
			take_quality(topic, p);
		widen(topic, level, query_wall(from, t0), query_wall(to, t1));
	}
	return r;
}

/* ---- all topics --------------------------------------------------------------------------- */

/* Rows of one name follow each other, oldest declaration first. */
static int place(struct op_query *q, const char *name)
{
	if (q->n_topics && !strcmp(q->topics[q->n_topics - 1].name, name))
		return 0;
	size_t n = q->n_topics + 1;
	struct op_query_topic *topics = reallocarray(q->topics, n, sizeof(*topics));
	if (topics)
		q->topics = topics;
	struct op_topic_type **types =
		reallocarray(q->topic_types, n, sizeof(struct op_topic_type *));
	if (types)
		q->topic_types = types;
	if (!topics || !types)
		return -ENOMEM;
	topics[n - 1] = (struct op_query_topic){.quality = OP_CLOCK_SYNCHRONISED};
	(void)snprintf(topics[n - 1].name, sizeof(topics[0].name), "%s", name); /* a longer one was
										 * refused */
	types[n - 1] = NULL;
	q->n_topics = n;
	return 0;
}

static int add(struct op_query *q, struct query_source *source, const char *name,
	       const struct query_clocks *clocks)
{
	int r = place(q, name);
	if (r < 0)
		return r;
	struct op_query_topic *topic = &q->topics[q->n_topics - 1];
	for (unsigned level = 0; level < OP_TIER_LEVELS && r == 0; level++)
		if (query_source_has(source, level))
			r = find_ends(q, source, level, clocks, topic);
	op_schema_free(q->topic_types[q->n_topics - 1]);
	q->topic_types[q->n_topics - 1] = OP_STEAL(source->type);
	topic->type = q->topic_types[q->n_topics - 1];
	topic->fields = source->fields;
	topic->rows = source->rows;
	return r;
}

static int load(struct op_query *q, const struct query_clocks *clocks)
{
	static const char sql[] =
		"SELECT id, name, kind, fields, schema FROM topics ORDER BY name, id";
	sqlite3_stmt *s;
	int r = query_prepare(q, sql, &s);
	if (r < 0)
		return r;
	while ((r = query_step(q, s)) > 0) {
		struct query_source source = {0};
		r = query_source_read(s, &source);
		const char *name = (const char *)sqlite3_column_text(s, 1);
		if (r == 0 && name && strlen(name) <= OP_TOPIC_NAME_MAX)
			r = add(q, &source, name, clocks);
		query_source_finish(&source);
		if (r < 0 && r != -OP_EDAMAGED)
			break; /* the others can still be read when one is damaged */
	}
	(void)sqlite3_finalize(s); /* says again what the step said */
	return r;
}

int op_query_topics(struct op_query *q, const struct op_query_topic **ret, size_t *ret_n)
{
	struct query_clocks clocks = {0};
	query_topics_finish(q);
	int r = query_begin(q);
	if (r < 0)
		return r;
	r = query_clocks_load(q, &clocks);
	if (r == 0)
		r = load(q, &clocks);
	query_clocks_finish(&clocks);
	r = query_end(q, r);
	if (r < 0)
		return r;
	for (size_t i = 0; i < q->n_topics; i++)
		if (!q->topics[i].any)
			q->topics[i].quality = OP_CLOCK_UNKNOWN;
	*ret = q->topics;
	*ret_n = q->n_topics;
	return 0;
}

/* ---- sizes -------------------------------------------------------------------------------- */

static int add_size(struct op_query *q, const struct query_source *source, uint64_t *records,
		    uint64_t *bytes)
{
	static const char chunks[] = "SELECT total(n) FILTER (WHERE level = 0), total(length(data))"
				     " FROM chunks WHERE topic = ?1";
	char rows[80];
	(void)snprintf(rows, sizeof(rows), "SELECT count(*), 0 FROM rows_%lld",
		       (long long)source->id); /* fits */
	for (int i = 0; i < 1 + source->rows; i++) {
		sqlite3_stmt *s;
		int r = query_prepare(q, i ? rows : chunks, &s);
		if (r < 0)
			return r;
		(void)sqlite3_bind_int64(s, 1, source->id); /* rows have no parameter */
		r = query_step(q, s);
		if (r > 0) {
			*records += (uint64_t)sqlite3_column_int64(s, 0);
			*bytes += (uint64_t)sqlite3_column_int64(s, 1);
		}
		(void)sqlite3_finalize(s); /* says again what the step said */
		if (r < 0)
			return r;
	}
	return 0;
}

int op_query_size(struct op_query *q, const char *topic, uint64_t *ret_records, uint64_t *ret_bytes)
{
	struct query_sources sources = {0};
	uint64_t records = 0, bytes = 0;
	int r = query_begin(q);
	if (r < 0)
		return r;
	r = query_sources_load(q, topic, &sources, NULL);
	for (size_t i = 0; i < sources.n && r == 0; i++)
		r = add_size(q, &sources.list[i], &records, &bytes);
	query_sources_finish(&sources);
	r = query_end(q, r);
	if (r < 0)
		return r;
	*ret_records = records;
	*ret_bytes = bytes;
	return 0;
}
