/*
 * table.c - services and topics as rows of text that fit a width.
 *
 * Widths are those of the content, so a table is as narrow as it can be; what still does not fit
 * loses whole columns, the least important first, never the end of a number.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "table.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

#define GAP 2
#define TAIL_ROOM 32 /* the last column keeps this, if it has so much to say */

void op_table_begin(struct op_table *t, const struct op_table_column *columns, size_t n)
{
	memcpy(t->column, columns, n * sizeof(*columns));
	t->n_columns = n;
	t->n_rows = 0;
}

struct op_table_row *op_table_add(struct op_table *t, enum op_health mood)
{
	if (t->n_rows == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		struct op_table_row *rows = realloc(t->rows, cap * sizeof(*rows));
		if (!rows)
			return NULL;
		t->rows = rows;
		t->cap = cap;
	}
	struct op_table_row *row = &t->rows[t->n_rows++];
	memset(row, 0, sizeof(*row));
	row->mood = mood;
	return row;
}

void op_table_finish(struct op_table *t)
{
	free(t->rows);
	*t = (struct op_table){.n_rows = 0};
}

/* ---- services -------------------------------------------------------------------------- */

static void put(char *cell, const char *text)
{
	(void)snprintf(cell, OP_TABLE_CELL, "%s", text); /* a cut name is still readable */
}

static void memory(const struct op_view_service *s, char *cell)
{
	char text[OP_TEXT_CELL];
	if (s->pss_kib >= 0)
		put(cell, op_text_kib((uint64_t)s->pss_kib, text));
	else if (s->rss_kib) /* resident, shared pages counted in full: an upper bound */
		(void)snprintf(cell, OP_TABLE_CELL, "<%s", op_text_kib(s->rss_kib, text));
	else
		put(cell, "-");
}

static void service_row(struct op_table_row *row, const struct op_view_service *s, uint64_t now)
{
	char text[OP_TEXT_CELL];
	unsigned c = 0;
	bool since = s->is.since_boot_ns && s->is.since_boot_ns <= now;
	put(row->cell[c++], s->name);
	put(row->cell[c++], s->is.state);
	put(row->cell[c++], since ? op_text_span(now - s->is.since_boot_ns, text) : "-");
	(void)snprintf(row->cell[c++], OP_TABLE_CELL, "%.1f", s->cpu_percent);
	memory(s, row->cell[c++]);
	put(row->cell[c++], op_text_count(s->restarts, text));
	put(row->cell[c++], op_text_count(s->records, text));
	put(row->cell[c++], op_text_count(s->missed, text));
	put(row->cell[c++], op_text_count(s->errors, text));
	put(row->cell[c++], s->is.pid ? op_text_span((uint64_t)(s->uptime_s * 1e9), text) : "-");
	if (s->is.pid)
		(void)snprintf(row->cell[c], OP_TABLE_CELL, "%d", s->is.pid);
	else
		put(row->cell[c], "-");
	put(row->cell[++c], *s->sched ? s->sched : "-");
	(void)snprintf(row->tail, sizeof(row->tail), "%s", s->is.reason);
}

void op_table_services(struct op_table *t, const struct op_view_service *const *list, size_t n,
		       uint64_t now_ns)
{
	static const struct op_table_column columns[] = {
		{"SERVICE", true, 0},  {"STATE", true, 0},   {"SINCE", false, 4},
		{"CPU%", false, 0},    {"MEMORY", false, 0}, {"RESTARTS", false, 1},
		{"RECORDS", false, 5}, {"MISSED", false, 2}, {"ERRORS", false, 3},
		{"UPTIME", false, 7},  {"PID", false, 6},    {"SCHED", true, 8},
		{"REASON", true, 0},
	};
	op_table_begin(t, columns, OP_ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++) {
		struct op_table_row *row = op_table_add(t, list[i]->is.health);
		if (row)
			service_row(row, list[i], now_ns);
	}
}

/* ---- topics ---------------------------------------------------------------------------- */

#define SPARK_COLUMNS 8

/* The last rates between 0 and the highest of them (or the nominal rate, if that is higher). */
static void sparkline(const struct op_view_topic *t, enum op_spark spark, char *cell)
{
	static const char *const utf8[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "#"};
	double most = t->nominal_hz;
	unsigned n = t->n_history < SPARK_COLUMNS ? t->n_history : SPARK_COLUMNS;
	for (unsigned i = 0; i < n; i++) {
		double v = (double)t->history[(t->n_history - 1 - i) % OP_VIEW_HISTORY];
		most = v > most ? v : most;
	}
	*cell = '\0';
	for (unsigned i = SPARK_COLUMNS; i-- > 0;) {
		double v = i < n ? (double)t->history[(t->n_history - 1 - i) % OP_VIEW_HISTORY] : 0;
		unsigned level = v <= 0 || most <= 0 ? 0 : 1 + (unsigned)(v / most * 7.0);
		strcat(cell, (spark == OP_SPARK_UTF8 ? utf8 : ascii)[level]); /* 8 x 3 bytes fit */
	}
}

/* "web, recorder (missed 12)" */
static void readers(const struct op_view_topic *t, char *out, size_t size)
{
	struct op_buf b;
	op_buf_init_fixed(&b, out, size);
	for (size_t i = 0; i < t->n_readers; i++) {
		char text[OP_TEXT_CELL];
		op_buf_printf(&b, "%s%s", i ? ", " : "", t->readers[i].who);
		if (t->readers[i].missed)
			op_buf_printf(&b, " (missed %s)",
				      op_text_count(t->readers[i].missed, text));
	}
}

static enum op_health topic_mood(const struct op_view_topic *t)
{
	if (t->at.state == OP_TOPIC_DEAD)
		return OP_HEALTH_FAILED;
	return t->at.state == OP_TOPIC_STALE || t->missed ? OP_HEALTH_DEGRADED : OP_HEALTH_OK;
}

static void topic_row(struct op_table_row *row, const struct op_view_topic *t, enum op_spark spark)
{
	char text[OP_TEXT_CELL];
	unsigned c = 0;
	put(row->cell[c++], t->name);
	put(row->cell[c++], op_topic_state_name(t->at.state));
	put(row->cell[c++], op_text_rate(t->measured_hz, text));
	put(row->cell[c++], t->nominal_hz > 0 ? op_text_rate(t->nominal_hz, text) : "-");
	if (spark != OP_SPARK_NONE)
		sparkline(t, spark, row->cell[c++]);
	put(row->cell[c++], t->at.any ? op_text_span(t->at.age_ns, text) : "-");
	put(row->cell[c++], op_text_count(t->at.published, text));
	put(row->cell[c++], op_text_count(t->missed, text));
	if (!t->at.writer_pid)
		put(row->cell[c++], "-");
	else
		(void)snprintf(row->cell[c++], OP_TABLE_CELL, "%s/%d", t->writer, t->at.writer_pid);
	readers(t, row->tail, sizeof(row->tail));
}

void op_table_topics(struct op_table *t, const struct op_view_topic *const *list, size_t n,
		     enum op_spark spark)
{
	static const struct op_table_column columns[] = {
		{"TOPIC", true, 0},    {"STATE", true, 0},   {"RATE/s", false, 0},
		{"NOMINAL", false, 3}, {"TREND", true, 2},   {"AGE", false, 0},
		{"RECORDS", false, 5}, {"MISSED", false, 0}, {"WRITER", true, 4},
		{"READERS", true, 0},
	};
	const size_t trend = 4;
	op_table_begin(t, columns, OP_ARRAY_SIZE(columns));
	if (spark == OP_SPARK_NONE)
		memmove(&t->column[trend], &t->column[trend + 1],
			(--t->n_columns - trend) * sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		struct op_table_row *row = op_table_add(t, topic_mood(list[i]));
		if (row)
			topic_row(row, list[i], spark);
	}
}

/* ---- layout ---------------------------------------------------------------------------- */

static size_t natural_width(const struct op_table *t, size_t c)
{
	size_t width = op_text_width(t->column[c].title);
	for (size_t i = 0; i < t->n_rows; i++) {
		size_t w = op_text_width(t->rows[i].cell[c]);
		width = w > width ? w : width;
	}
	return width;
}

static size_t tail_room(const struct op_table *t)
{
	size_t width = op_text_width(t->column[t->n_columns - 1].title);
	for (size_t i = 0; i < t->n_rows; i++) {
		size_t w = op_text_width(t->rows[i].tail);
		width = w > width ? w : width;
	}
	return width < TAIL_ROOM ? width : TAIL_ROOM;
}

static size_t total_width(const struct op_table *t)
{
	size_t total = tail_room(t);
	for (size_t c = 0; c + 1 < t->n_columns; c++)
		total += t->column[c].width ? t->column[c].width + GAP : 0;
	return total;
}

/* Hides the least important column there still is; false if all that are left must stay. */
static bool drop_one(struct op_table *t)
{
	struct op_table_column *least = NULL;
	for (size_t c = 0; c + 1 < t->n_columns; c++) {
		struct op_table_column *column = &t->column[c];
		if (column->width && column->drop && (!least || column->drop > least->drop))
			least = column;
	}
	if (least)
		least->width = 0;
	return least != NULL;
}

void op_table_layout(struct op_table *t, size_t columns)
{
	for (size_t c = 0; c + 1 < t->n_columns; c++)
		t->column[c].width = natural_width(t, c);
	while (columns && total_width(t) > columns && drop_one(t))
		continue;
}

static void put_cell(struct op_buf *b, const char *text, const struct op_table_column *column)
{
	size_t width = op_text_width(text),
	       rest = column->width > width ? column->width - width : 0;
	if (column->left)
		op_buf_puts(b, text);
	for (size_t i = 0; i < rest; i++)
		op_buf_putc(b, ' ');
	if (!column->left)
		op_buf_puts(b, text);
	for (size_t i = 0; i < GAP; i++)
		op_buf_putc(b, ' ');
}

static void trim(struct op_buf *b, size_t from)
{
	while (b->len > from && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
}

void op_table_put_header(const struct op_table *t, struct op_buf *b)
{
	size_t from = b->len;
	for (size_t c = 0; c + 1 < t->n_columns; c++)
		if (t->column[c].width)
			put_cell(b, t->column[c].title, &t->column[c]);
	op_buf_puts(b, t->column[t->n_columns - 1].title);
	trim(b, from);
}

void op_table_put_row(const struct op_table *t, size_t row, struct op_buf *b)
{
	size_t from = b->len;
	for (size_t c = 0; c + 1 < t->n_columns; c++)
		if (t->column[c].width)
			put_cell(b, t->rows[row].cell[c], &t->column[c]);
	op_buf_puts(b, t->rows[row].tail);
	trim(b, from);
}
