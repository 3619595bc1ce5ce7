/*
 * history_view.c - the SQL of a topic's row table, and of the view that bears its name.
 *
 * Views are for people with sqlite3: times as text, labels instead of numbers. Names of fields come
 * from whoever declared the topic and are quoted; one that is taken gets "_" behind it. Inside the
 * writer's transactions. Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/store/history_internal.h"

#define SQL_MAX (1 << 20)
#define NAME_MAX_BYTES (OP_TOPIC_NAME_MAX + 32)

/* ---- names ----------------------------------------------------------------------------------- */

static void put_doubled(struct op_buf *out, const char *text, char quote)
{
	for (; *text; text++) {
		if (*text == quote)
			op_buf_putc(out, quote);
		op_buf_putc(out, *text);
	}
}

static void put_quoted(struct op_buf *out, const char *text, char quote)
{
	op_buf_putc(out, quote);
	put_doubled(out, text, quote);
	op_buf_putc(out, quote);
}

/* Names of columns that tables and views have beside the fields. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {"time", "time_ns", "clock",   "boot",    "boot_ns",
					   "t",    "seq",     "#offset", "#quality"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(ours); i++)
		if (!strcasecmp(ours[i], name))
			return true;
	return false;
}

/* How many "_" field i needs behind its name so that it differs from ours and from those before. */
static unsigned underscores(const struct op_topic_type *type, uint32_t i)
{
	unsigned n = is_ours(type->fields[i].name);
	for (uint32_t k = 0; k < i; k++)
		n += !strcasecmp(type->fields[k].name, type->fields[i].name);
	return n;
}

static void put_column(struct op_buf *out, const struct op_topic_type *type, uint32_t i)
{
	op_buf_putc(out, '"');
	put_doubled(out, type->fields[i].name, '"');
	for (unsigned more = underscores(type, i); more > 0; more--)
		op_buf_putc(out, '_');
	op_buf_putc(out, '"');
}

/* Some topics are called like a table of ours. */
static bool is_reserved(const char *name)
{
	static const char *const reserved[] = {"boots", "clocks",      "topics",     "chunks",
					       "spans", "topics_name", "chunks_time"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(reserved); i++)
		if (!strcmp(reserved[i], name))
			return true;
	return !strncmp(name, "rows_", 5) || !strncmp(name, "sqlite_", 7);
}

/* older: no longer the one that bears the bare name. */
static void view_name(const char *topic, int64_t id, bool older, char out[NAME_MAX_BYTES])
{
	const char *prefix = is_reserved(topic) ? "topic." : "";
	if (older)
		(void)snprintf(out, NAME_MAX_BYTES, "%s%s#%lld", prefix, topic, (long long)id);
	else
		(void)snprintf(out, NAME_MAX_BYTES, "%s%s", prefix, topic); /* both fit */
}

/* ---- SQL ------------------------------------------------------------------------------------- */

static const char *sql_type(enum op_type type)
{
	return type == OP_TEXT ? "TEXT" : type == OP_F32 || type == OP_F64 ? "REAL" : "INTEGER";
}

static void put_table(struct op_buf *sql, int64_t id, const struct op_topic_type *type)
{
	op_buf_printf(sql,
		      "CREATE TABLE IF NOT EXISTS rows_%lld(boot INTEGER NOT NULL, t INTEGER NOT "
		      "NULL, seq INTEGER NOT NULL",
		      (long long)id);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		op_buf_puts(sql, ", ");
		put_column(sql, type, i);
		op_buf_printf(sql, " %s", sql_type(type->fields[i].type));
	}
	op_buf_puts(sql, ", PRIMARY KEY(boot, t, seq)) WITHOUT ROWID");
}

/* CASE "end" WHEN 0 THEN 'dropped' ... ELSE "end" END AS "end" */
static void put_labels(struct op_buf *sql, const struct op_topic_type *type, uint32_t i)
{
	char label[1024];
	unsigned value = 0;
	op_buf_puts(sql, "CASE ");
	put_column(sql, type, i);
	for (const char *p = type->fields[i].labels; *p; value++) {
		size_t n = strcspn(p, "|");
		(void)snprintf(label, sizeof(label), "%.*s", (int)n, p); /* a cut one still reads */
		op_buf_printf(sql, " WHEN %u THEN ", value);
		put_quoted(sql, label, '\'');
		p += n + (p[n] == '|');
	}
	op_buf_puts(sql, value ? " ELSE " : " WHEN NULL THEN NULL ELSE ");
	put_column(sql, type, i);
	op_buf_puts(sql, " END AS ");
	put_column(sql, type, i);
}

static void put_rows_view(struct op_buf *sql, int64_t id, const struct op_topic_type *type)
{
	op_buf_puts(sql, " AS SELECT " OP_HISTORY_TIME(
				 "(t + \"#offset\")") " AS time, t + \"#offset\" AS time_ns, CASE "
						      "\"#quality\" "
						      "WHEN 1 THEN 'set' WHEN 2 THEN "
						      "'synchronised' ELSE 'unknown' END AS clock, "
						      "boot, t AS boot_ns, seq");
	for (uint32_t i = 0; i < type->n_fields; i++) {
		op_buf_puts(sql, ", ");
		if (type->fields[i].type == OP_ENUM)
			put_labels(sql, type, i);
		else
			put_column(sql, type, i);
	}
	op_buf_printf(sql,
		      " FROM (SELECT *, " OP_HISTORY_CLOCK(
			      "offset_ns",
			      "t") " AS \"#offset\", " OP_HISTORY_CLOCK("quality",
									"t") " AS \"#quality\" "
									     "FROM rows_%lld AS r)",
		      (long long)id);
}

static void put_view(struct op_buf *sql, const char *view, int64_t id,
		     const struct op_topic_type *type, enum op_history_kind kind)
{
	op_buf_puts(sql, "CREATE VIEW ");
	put_quoted(sql, view, '"');
	if (kind == OP_HISTORY_ROWS)
		put_rows_view(sql, id, type);
	else
		op_buf_printf(
			sql,
			" AS SELECT level, time, until, clock, boot, boot_ns, boot_end_ns, seq,"
			" n, bytes FROM spans WHERE topic_id = %lld",
			(long long)id);
}

/* ---- making them ----------------------------------------------------------------------------- */

/* 1: the view is there just like this. */
static int is_there(struct op_history *h, const char *view, const char *sql)
{
	static const char find[] =
		"SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? AND sql = ?";
	sqlite3_stmt *s = op_db_statement(h->db, find);
	if (!s)
		return op_db_run(h->db, NULL);
	if (sqlite3_bind_text(s, 1, view, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
	    sqlite3_bind_text(s, 2, sql, -1, SQLITE_TRANSIENT) != SQLITE_OK)
		return -ENOMEM;
	int r = history_step(h->db, s);
	(void)sqlite3_reset(s); /* after a row there is nothing to report */
	return r;
}

static int drop_view(struct op_history *h, const char *view)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	op_buf_init(&sql, 4096);
	op_buf_puts(&sql, "DROP VIEW IF EXISTS ");
	put_quoted(&sql, view, '"');
	return sql.err ? sql.err : op_db_exec(h->db, sql.data);
}

/* 1: it had to be made. */
static int need_view(struct op_history *h, const char *view, int64_t id,
		     const struct op_topic_type *type, enum op_history_kind kind)
{
	OP_AUTO_BUF struct op_buf sql = {0};
	op_buf_init(&sql, SQL_MAX);
	put_view(&sql, view, id, type, kind);
	int r = sql.err ? sql.err : is_there(h, view, sql.data);
	if (r != 0)
		return r < 0 ? r : 0;
	int err = drop_view(h, view);
	if (!err)
		err = op_db_exec(h->db, sql.data);
	return err ? err : 1;
}

/* One that had the name before, or this one when it was not the newest. */
static int yield_name(struct op_history *h, const char *name, const struct history_topic *t,
		      int64_t newest)
{
	char view[NAME_MAX_BYTES];
	view_name(name, t->id, true, view);
	if (t->id == newest)
		return drop_view(h, view);
	int r = need_view(h, view, t->id, t->type, t->kind);
	return r < 0 ? r : 0;
}

static int yield_names(struct op_history *h, const char *name, int64_t newest)
{
	struct history_topic *topics = NULL;
	size_t n = 0;
	int err = history_load_topics(h->db, &topics, &n);
	for (size_t i = 0; i < n && !err; i++)
		if (!strcmp(topics[i].type->name, name))
			err = yield_name(h, name, &topics[i], newest);
	history_free_topics(topics, n);
	return err;
}

int history_make_tables(struct op_history *h, int64_t id, const char *name,
			const struct op_topic_type *type, enum op_history_kind kind)
{
	char view[NAME_MAX_BYTES];
	OP_AUTO_BUF struct op_buf sql = {0};
	op_buf_init(&sql, SQL_MAX);
	put_table(&sql, id, type);
	int err = sql.err;
	if (!err && kind == OP_HISTORY_ROWS)
		err = op_db_exec(h->db, sql.data);
	if (err)
		return err;
	view_name(name, id, false, view);
	int made = need_view(h, view, id, type, kind);
	return made > 0 ? yield_names(h, name, id) : made;
}
