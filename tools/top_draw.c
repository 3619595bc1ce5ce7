/*
 * top_draw.c - the pages of `outpost top` on a screen of any size.
 *
 *     row 0         appliance, health, clock
 *     services      header and rows, half of the room if there is not enough for all
 *     topics        header and rows
 *     last row      keys
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "top.h"

#define LINE_BYTES 2048

static unsigned mood_style(enum op_health mood)
{
	static const unsigned styles[] = {
		[OP_HEALTH_DEGRADED] = OP_CELL_YELLOW,
		[OP_HEALTH_FAILED] = OP_CELL_RED | OP_CELL_BOLD,
		[OP_HEALTH_UNKNOWN] = OP_CELL_YELLOW,
	};
	return styles[mood];
}

static void draw_title(struct top *t, struct op_screen *s)
{
	const struct op_view *v = t->view;
	char clock[OP_RFC3339_BYTES], right[64];
	unsigned c = op_screen_put(s, 0, 0, OP_CELL_BOLD, v->appliance);
	unsigned health = v->health == OP_HEALTH_OK ? OP_CELL_GREEN : mood_style(v->health);
	c = op_screen_put(s, 0, c + 2, health | OP_CELL_BOLD, op_health_name(v->health));
	if (t->paused)
		c = op_screen_put(s, 0, c + 2, OP_CELL_REVERSE, " paused ");
	op_time_rfc3339(op_wall_ns(v->now_ns), clock);
	clock[19] = '\0'; /* whole seconds; the date goes where it is narrow */
	(void)snprintf(right, sizeof(right), "%sZ", op_screen_columns(s) < 60 ? clock + 11 : clock);
	unsigned width = (unsigned)strlen(right), columns = op_screen_columns(s);
	if (c + 2 + width <= columns)
		op_screen_put(s, 0, columns - width, 0, right);
}

static void draw_keys(struct op_screen *s, const char *keys)
{
	unsigned row = op_screen_rows(s) - 1;
	op_screen_fill(s, row, op_screen_put(s, row, 0, OP_CELL_REVERSE, keys), OP_CELL_REVERSE);
}

/* Rows [first, first + room) of t->table below its header, so that `selected` is among them. */
static void draw_table(struct top *t, struct op_screen *s, unsigned row, size_t room,
		       const char *selected)
{
	char mem[LINE_BYTES], more[32];
	struct op_buf b;
	struct op_table *table = &t->table;
	unsigned columns = op_screen_columns(s);
	size_t at = table->n_rows;
	for (size_t i = 0; selected && i < table->n_rows; i++)
		if (!strcmp(table->rows[i].cell[0], selected))
			at = i;
	size_t first = at < table->n_rows && at >= room ? at - room + 1 : 0;
	op_table_layout(table, columns);
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_table_put_header(table, &b);
	unsigned end = op_screen_put(s, row, 0, OP_CELL_DIM, b.data);
	if (room < table->n_rows) {
		(void)snprintf(more, sizeof(more), "%zu-%zu of %zu", first + 1, first + room,
			       table->n_rows);
		unsigned width = (unsigned)strlen(more);
		if (end + 1 + width <= columns)
			op_screen_put(s, row, columns - width, OP_CELL_DIM, more);
	}
	for (size_t i = first; i < table->n_rows && i < first + room; i++) {
		unsigned style = mood_style(table->rows[i].mood);
		unsigned line = row + 1 + (unsigned)(i - first);
		op_buf_reset(&b);
		op_table_put_row(table, i, &b);
		style |= i == at ? OP_CELL_REVERSE : 0;
		unsigned last = op_screen_put(s, line, 0, style, b.data);
		if (i == at)
			op_screen_fill(s, line, last, style);
	}
}

static void draw_lists(struct top *t, struct op_screen *s)
{
	size_t rows = op_screen_rows(s), fixed = 6; /* title, 2 blank, 2 headers, keys */
	size_t room = rows > fixed ? rows - fixed : 0, services = t->n_services;
	if (services + t->n_topics > room) {
		size_t half = room / 2, rest = room > t->n_topics ? room - t->n_topics : 0;
		size_t most = half > rest ? half : rest;
		services = services < most ? services : most;
	}
	enum op_spark spark = t->utf8 ? OP_SPARK_UTF8 : OP_SPARK_ASCII;
	op_table_services(&t->table, t->services, t->n_services, t->view->now_ns);
	draw_table(t, s, 2, services, t->on_topic ? NULL : t->name);
	op_table_topics(&t->table, t->topics, t->n_topics, spark);
	draw_table(t, s, 4 + (unsigned)services, room - services, t->on_topic ? t->name : NULL);
	if (t->problem)
		op_screen_put(s, 3, 0, mood_style(OP_HEALTH_FAILED), t->problem);
}

static void draw_detail(struct top *t, struct op_screen *s)
{
	top_detail(t);
	size_t room = op_screen_rows(s) > 3 ? op_screen_rows(s) - 3 : 0, lines = 0;
	for (const char *p = t->lines.data; (p = strchr(p, '\n')); p++)
		lines++;
	size_t most = lines > room ? lines - room : 0;
	t->scroll = t->scroll < most ? t->scroll : most;
	char *p = t->lines.data;
	for (size_t i = 0; i < t->scroll + room && *p; i++) {
		char *end = strchr(p, '\n');
		*end = '\0';
		if (i >= t->scroll)
			op_screen_put(s, 2 + (unsigned)(i - t->scroll), 0,
				      i == 0 ? OP_CELL_BOLD : 0, p);
		p = end + 1;
	}
}

static void draw_help(struct op_screen *s)
{
	static const char *const lines[] = {
		"up down k j    select a service or topic",
		"page home end  select by pages, first, last",
		"enter          show the selected one in full; again, esc or left: back",
		"s              sort by name, by load, by trouble",
		"p space        pause, go on",
		"r              look now",
		"q ctrl-c       quit",
		"",
		"Yellow is degraded, stale or losing records; red is failed or dead.",
		"MEMORY is the process's own share (PSS); with < its resident size, when",
		"the share may not be read. MISSED of a topic is what its readers lost.",
	};
	for (unsigned i = 0; i < OP_ARRAY_SIZE(lines); i++)
		op_screen_put(s, 2 + i, 2, 0, lines[i]);
}

void top_draw(struct top *t, struct op_screen *s)
{
	static const char *const sorts[] = {"name", "load", "trouble"};
	char keys[128];
	op_screen_clear(s);
	draw_title(t, s);
	if (t->page == TOP_HELP)
		draw_help(s);
	else if (t->page == TOP_DETAIL)
		draw_detail(t, s);
	else
		draw_lists(t, s);
	if (t->page == TOP_LISTS)
		(void)snprintf(keys, sizeof(keys),
			       " q quit  enter show  s sort: %s  p pause  ? help", sorts[t->sort]);
	else
		(void)snprintf(keys, sizeof(keys), " q quit  esc back  %s",
			       t->page == TOP_DETAIL ? "up down scroll  p pause" : "");
	draw_keys(s, keys);
}
