/*
 * export_show.c - what `outpost export` says to people: the progress bar, the list of topics.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "export.h"
#include "text.h"

#define BAR_COLUMNS 30
#define DRAW_PERIOD_NS (100 * OP_NS_PER_MS)
#define ESTIMATE_FROM 0.02 /* share done before the rest is guessed */

/* ---- the bar ------------------------------------------------------------------------------ */

void export_bar_text(double done, uint64_t records, uint64_t taken_ns, struct op_buf *out)
{
	char count[OP_TEXT_CELL], rest[OP_TEXT_CELL];
	int filled = (int)(done * BAR_COLUMNS);
	op_buf_printf(out, "%3d %% [", (int)(done * 100));
	for (int i = 0; i < BAR_COLUMNS; i++)
		op_buf_putc(out, i < filled ? '#' : '.');
	op_buf_printf(out, "] %s records", op_text_count(records, count));
	if (done >= ESTIMATE_FROM && done < 1) {
		uint64_t left = (uint64_t)((double)taken_ns * (1 - done) / done);
		op_buf_printf(out, ", %s left", op_text_span(left, rest));
	}
}

void export_bar_begin(struct export_bar *b, bool wanted)
{
	*b = (struct export_bar){.shown = wanted && isatty(STDERR_FILENO), .began_ns = op_now_ns()};
}

static void say(const struct op_buf *text)
{
	ssize_t n = write(STDERR_FILENO, text->data, text->len);
	(void)n; /* a bar that is not seen is missed by nobody */
}

void export_bar_show(struct export_bar *b, double done, uint64_t records)
{
	uint64_t now = op_now_ns();
	if (!b->shown || (b->drawn && now - b->drawn_ns < DRAW_PERIOD_NS))
		return;
	char mem[160];
	struct op_buf text;
	op_buf_init_fixed(&text, mem, sizeof(mem));
	op_buf_putc(&text, '\r');
	export_bar_text(done, records, now - b->began_ns, &text);
	op_buf_puts(&text, "\033[K"); /* ECMA-48: erase what was longer */
	say(&text);
	b->drawn = true;
	b->drawn_ns = now;
}

void export_bar_end(struct export_bar *b)
{
	static char clear[] = "\r\033[K";
	struct op_buf text = {.data = clear, .len = sizeof(clear) - 1};
	if (b->drawn)
		say(&text);
	b->drawn = false;
}

/* ---- the list ----------------------------------------------------------------------------- */

static void put_bytes(const struct op_query_topic *t, uint64_t bytes, char out[OP_TEXT_CELL])
{
	if (t->rows && bytes == 0)
		(void)snprintf(out, OP_TEXT_CELL, "-"); /* fits */
	else
		(void)op_text_kib((bytes + 1023) / 1024, out);
}

static int print_topic(struct op_query *q, const struct op_query_topic *t, int width)
{
	char from[OP_RFC3339_BYTES] = "-", to[OP_RFC3339_BYTES] = "-", raw[OP_RFC3339_BYTES] = "-";
	char records[OP_TEXT_CELL], size[OP_TEXT_CELL];
	uint64_t n, bytes;
	int r = op_query_size(q, t->name, &n, &bytes);
	if (r < 0)
		return r;
	if (t->any) {
		op_time_rfc3339(t->from_wall_ns, from);
		op_time_rfc3339(t->to_wall_ns, to);
	}
	if (t->any_raw)
		op_time_rfc3339(t->raw_from_wall_ns, raw);
	put_bytes(t, bytes, size);
	printf("%-*s  %-6s  %-24s  %-24s  %-24s  %8s  %8s  %s\n", width, t->name,
	       t->rows ? "rows" : "chunks", from, to, raw, op_text_count(n, records), size,
	       t->any ? op_clock_quality_name(t->quality) : "-");
	return 0;
}

int export_list(struct op_query *q)
{
	const struct op_query_topic *topics;
	size_t n;
	int width = (int)strlen("TOPIC");
	int r = op_query_topics(q, &topics, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		width = (int)strlen(topics[i].name) > width ? (int)strlen(topics[i].name) : width;
	if (r == 0)
		printf("%-*s  %-6s  %-24s  %-24s  %-24s  %8s  %8s  %s\n", width, "TOPIC", "KIND",
		       "FROM", "TO", "RECORDS FROM", "RECORDS", "SIZE", "CLOCK");
	for (size_t i = 0; i < n && r == 0; i++)
		r = print_topic(q, &topics[i], width);
	if (r == 0 && fflush(stdout) != 0 && errno != EPIPE)
		r = -errno;
	if (r < 0)
		fprintf(stderr, "outpost export: %s\n", op_strerror(r));
	return r < 0;
}
