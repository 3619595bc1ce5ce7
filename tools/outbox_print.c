/*
 * outbox_print.c - outboxes as tables and as JSON. Described in outpost-outbox(1).
 *
 * What stands in an outbox came from rules and receivers: on a terminal it is made harmless.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "outbox.h"
#include "table.h"
#include "text.h"

static const char *state_name(bool dead)
{
	return dead ? "dead" : "waiting";
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_time(struct op_buf *b, const char *key, int64_t wall_ns)
{
	char when[OP_RFC3339_BYTES];
	op_json_key(b, key);
	if (wall_ns) {
		op_time_rfc3339(wall_ns, when);
		op_json_str(b, when);
	} else {
		op_json_null(b);
	}
}

static void put_item(const struct op_outbox_item *item, bool dead, struct op_buf *b)
{
	op_json_kv_i64(b, "id", item->id);
	op_json_kv_str(b, "queue", item->queue);
	op_json_kv_str(b, "state", state_name(dead));
	op_json_kv_str(b, "key", item->key);
	op_json_kv_str(b, "about", item->about);
	op_json_kv_i64(b, "priority", item->priority);
	op_json_kv_u64(b, "tried", item->tried);
	op_json_kv_u64(b, "attempts", item->attempts);
	put_time(b, "created", item->created_wall_ns);
	put_time(b, "due", item->due_boot_ns && !dead ? op_wall_ns(item->due_boot_ns) : 0);
	op_json_kv_str(b, "error", item->error);
	op_json_kv_str(b, "content_type", item->content_type);
	op_json_kv_u64(b, "bytes", item->body_bytes);
}

static int item_json(const struct op_outbox_item *item, bool dead, void *arg)
{
	struct op_buf *b = arg;
	op_json_begin(b, '{');
	put_item(item, dead, b);
	op_json_end(b, '}');
	return b->err;
}

static void counts_json(const struct op_outbox_counts *c, struct op_buf *b)
{
	op_json_begin(b, '{');
	op_json_kv_str(b, "queue", c->queue);
	op_json_kv_u64(b, "waiting", c->waiting);
	op_json_kv_u64(b, "waiting_bytes", c->waiting_bytes);
	op_json_kv_u64(b, "dead", c->dead);
	op_json_kv_u64(b, "dead_bytes", c->dead_bytes);
	op_json_kv_u64(b, "taken", c->taken);
	op_json_kv_u64(b, "delivered", c->delivered);
	op_json_kv_u64(b, "failed_attempts", c->failed_attempts);
	op_json_kv_u64(b, "died", c->died);
	op_json_kv_u64(b, "expired", c->expired);
	op_json_kv_u64(b, "evicted", c->evicted);
	op_json_kv_u64(b, "retried", c->retried);
	op_json_kv_u64(b, "dropped", c->dropped);
	op_json_kv_u64(b, "forgotten", c->forgotten);
	op_json_kv_u64(b, "refused", c->refused);
	op_json_end(b, '}');
}

static bool is_of(const struct op_outbox_counts *c, const char *queue)
{
	return !queue || !strcmp(c->queue, queue);
}

static int one_json(const char *service, const char *path, struct op_outbox *o, const char *queue,
		    const struct op_outbox_counts *counts, size_t n, struct op_buf *b)
{
	op_json_begin(b, '{');
	op_json_kv_str(b, "service", service);
	op_json_kv_str(b, "path", path);
	op_json_key(b, "queues");
	op_json_begin(b, '[');
	for (size_t i = 0; i < n; i++)
		if (is_of(&counts[i], queue))
			counts_json(&counts[i], b);
	op_json_end(b, ']');
	op_json_key(b, "items");
	op_json_begin(b, '[');
	int r = op_outbox_list(o, queue, item_json, b);
	op_json_end(b, ']');
	op_json_end(b, '}');
	return r;
}

/* ---- tables ---------------------------------------------------------------------------- */

static void put_count(char *cell, uint64_t n)
{
	char text[OP_TEXT_CELL];
	(void)snprintf(cell, OP_TABLE_CELL, "%s", op_text_count(n, text)); /* fits */
}

static void put_table(struct op_table *t, struct op_buf *b)
{
	op_table_layout(t, 0);
	op_table_put_header(t, b);
	op_buf_putc(b, '\n');
	for (size_t i = 0; i < t->n_rows; i++) {
		op_table_put_row(t, i, b);
		op_buf_putc(b, '\n');
	}
	op_table_finish(t);
}

static void counts_row(const struct op_outbox_counts *c, struct op_table_row *row)
{
	const uint64_t numbers[] = {c->waiting,         c->dead, c->taken,   c->delivered,
				    c->failed_attempts, c->died, c->expired, c->evicted,
				    c->refused};
	char text[OP_TEXT_CELL];
	op_text_safe(c->queue, strlen(c->queue), row->cell[0], OP_TABLE_CELL);
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		put_count(row->cell[1 + i], numbers[i]);
	(void)snprintf(row->tail, sizeof(row->tail), "%s", /* fits */
		       op_text_kib((c->waiting_bytes + c->dead_bytes + 1023) / 1024, text));
}

static void counts_table(const struct op_outbox_counts *counts, size_t n, const char *queue,
			 struct op_buf *b)
{
	static const struct op_table_column columns[] = {
		{"QUEUE", true, 0},    {"WAITING", false, 0},   {"DEAD", false, 0},
		{"TAKEN", false, 0},   {"DELIVERED", false, 0}, {"FAILED", false, 0},
		{"DIED", false, 0},    {"EXPIRED", false, 0},   {"EVICTED", false, 0},
		{"REFUSED", false, 0}, {"SIZE", false, 0},
	};
	struct op_table t = {.n_rows = 0};
	op_table_begin(&t, columns, OP_ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++) {
		struct op_table_row *row =
			is_of(&counts[i], queue) ? op_table_add(&t, OP_HEALTH_OK) : NULL;
		if (row)
			counts_row(&counts[i], row);
	}
	put_table(&t, b);
}

static void item_times(const struct op_outbox_item *item, bool dead, char *age, char *next)
{
	char text[OP_TEXT_CELL];
	uint64_t now = op_now_ns();
	int64_t wall = op_wall_ns(now);
	bool known = item->created_wall_ns && item->created_wall_ns <= wall;
	(void)snprintf(age, OP_TABLE_CELL, "%s", /* fits, as all below */
		       known ? op_text_span((uint64_t)(wall - item->created_wall_ns), text) : "-");
	if (dead)
		(void)snprintf(next, OP_TABLE_CELL, "-");
	else
		(void)snprintf(next, OP_TABLE_CELL, "%s",
			       item->due_boot_ns > now ? op_text_span(item->due_boot_ns - now, text)
						       : "now");
}

static int item_row(const struct op_outbox_item *item, bool dead, void *arg)
{
	struct op_table_row *row = op_table_add(arg, dead ? OP_HEALTH_FAILED : OP_HEALTH_OK);
	char line[sizeof(item->about) + sizeof(item->error) + 8];
	if (!row)
		return -ENOMEM;
	(void)snprintf(row->cell[0], OP_TABLE_CELL, "%lld", (long long)item->id);
	(void)snprintf(row->cell[1], OP_TABLE_CELL, "%s", state_name(dead));
	op_text_safe(item->queue, strlen(item->queue), row->cell[2], OP_TABLE_CELL);
	item_times(item, dead, row->cell[3], row->cell[5]);
	if (item->attempts)
		(void)snprintf(row->cell[4], OP_TABLE_CELL, "%u/%u", item->tried, item->attempts);
	else
		(void)snprintf(row->cell[4], OP_TABLE_CELL, "%u", item->tried);
	(void)snprintf(line, sizeof(line), "%s%s%s%s", item->about, *item->error ? " (" : "",
		       item->error, *item->error ? ")" : "");
	op_text_safe(line, strlen(line), row->tail, sizeof(row->tail));
	return 0;
}

static int items_table(struct op_outbox *o, const char *queue, struct op_buf *b)
{
	static const struct op_table_column columns[] = {
		{"ID", false, 0},    {"STATE", true, 0}, {"QUEUE", true, 0}, {"AGE", false, 0},
		{"TRIED", false, 0}, {"NEXT", false, 0}, {"ABOUT", true, 0},
	};
	struct op_table t = {.n_rows = 0};
	op_table_begin(&t, columns, OP_ARRAY_SIZE(columns));
	int r = op_outbox_list(o, queue, item_row, &t);
	if (r == 0 && t.n_rows > 0) {
		op_buf_putc(b, '\n');
		put_table(&t, b);
	}
	op_table_finish(&t);
	return r;
}

static int one_text(const char *service, const char *path, struct op_outbox *o, const char *queue,
		    const struct op_outbox_counts *counts, size_t n, struct op_buf *b)
{
	op_buf_printf(b, "%s%s: %s\n\n", b->len ? "\n" : "", service, path);
	counts_table(counts, n, queue, b);
	return items_table(o, queue, b);
}

/* ---- all of them ----------------------------------------------------------------------- */

int outbox_print_begin(struct op_buf *out, bool json)
{
	if (!json)
		return 0;
	op_json_begin(out, '{');
	op_json_key(out, "outboxes");
	op_json_begin(out, '[');
	return out->err;
}

int outbox_print_one(const char *service, const char *path, struct op_outbox *o, const char *queue,
		     bool json, struct op_buf *out)
{
	OP_AUTO_FREE struct op_outbox_counts *counts = calloc(OUTBOX_QUEUES_MAX, sizeof(*counts));
	size_t n = 0;
	int r = counts ? op_outbox_counts(o, counts, OUTBOX_QUEUES_MAX, &n) : -ENOMEM;
	if (r < 0)
		return r;
	n = n < OUTBOX_QUEUES_MAX ? n : OUTBOX_QUEUES_MAX;
	r = json ? one_json(service, path, o, queue, counts, n, out)
		 : one_text(service, path, o, queue, counts, n, out);
	return r < 0 ? r : out->err;
}

int outbox_print_end(struct op_buf *out, bool json)
{
	if (json) {
		op_json_end(out, ']');
		op_json_end(out, '}');
		op_buf_putc(out, '\n');
	}
	return out->err;
}

/* ---- one item -------------------------------------------------------------------------- */

struct wanted {
	int64_t id;
	struct op_outbox_item item;
	bool dead, found;
};

static int find(const struct op_outbox_item *item, bool dead, void *arg)
{
	struct wanted *w = arg;
	if (item->id != w->id)
		return 0;
	w->item = *item;
	w->dead = dead;
	w->found = true;
	return 1;
}

static void put_line(struct op_buf *b, const char *name, const char *text)
{
	char safe[512];
	op_text_safe(text, strlen(text), safe, sizeof(safe));
	op_buf_printf(b, "%-13s %s\n", name, safe);
}

static void item_text(const struct wanted *w, struct op_buf *b)
{
	char text[64];
	put_line(b, "queue", w->item.queue);
	put_line(b, "state", state_name(w->dead));
	put_line(b, "about", w->item.about);
	put_line(b, "key", w->item.key);
	if (w->item.created_wall_ns)
		op_time_rfc3339(w->item.created_wall_ns, text);
	put_line(b, "created", w->item.created_wall_ns ? text : "unknown");
	(void)snprintf(text, sizeof(text), "%u of %u", w->item.tried, w->item.attempts); /* fits */
	if (!w->item.attempts)
		(void)snprintf(text, sizeof(text), "%u", w->item.tried); /* the same */
	put_line(b, "tried", text);
	put_line(b, "error", w->item.error);
	put_line(b, "content type", w->item.content_type);
	op_buf_printf(b, "%-13s %zu\n\n", "bytes", w->item.body_bytes);
}

/* Line by line, as only within a line everything may be made harmless. */
static int body_text(const char *body, size_t n, struct op_buf *b)
{
	OP_AUTO_FREE char *safe = malloc(n + 1); /* harmless text is never longer */
	if (!safe)
		return -ENOMEM;
	while (n > 0) {
		const char *end = memchr(body, '\n', n);
		size_t line = end ? (size_t)(end - body) : n, step = end ? line + 1 : line;
		op_text_safe(body, line, safe, line + 1);
		op_buf_puts(b, safe);
		op_buf_putc(b, '\n');
		body += step;
		n -= step;
	}
	return 0;
}

int outbox_print_item(struct op_outbox *o, int64_t id, bool json, struct op_buf *out)
{
	struct wanted w = {.id = id};
	OP_AUTO_BUF struct op_buf body;
	op_buf_init(&body, OP_OUTBOX_BODY_MAX + 1);
	int r = op_outbox_list(o, NULL, find, &w);
	if (r < 0 || !w.found)
		return r < 0 ? r : -ENOENT;
	r = op_outbox_body(o, id, &body);
	if (r < 0)
		return r;
	if (json) {
		op_json_begin(out, '{');
		put_item(&w.item, w.dead, out);
		op_json_key(out, "body");
		op_json_strn(out, body.len ? body.data : "", body.len);
		op_json_end(out, '}');
		op_buf_putc(out, '\n');
	} else {
		item_text(&w, out);
		r = body_text(body.data, body.len, out);
	}
	return r < 0 ? r : out->err;
}
