/*
 * outbox_send.c - whose turn it is, and what became of it.
 *
 * An attempt's outcome is not waited for on the medium: lost in a power cut, it only means that the
 * item goes out once more, under the same key.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/outbox_internal.h"

static const char find_next[] =
	"SELECT" OUTBOX_ITEM_COLUMNS OUTBOX_ITEM_FROM " WHERE items.dead = 0 AND items.queue ="
	" (SELECT id FROM queues WHERE name = ?) ORDER BY items.priority DESC, items.id LIMIT 1";
static const char find_body[] = "SELECT coalesce(items.body, bodies.body) FROM items"
				" LEFT JOIN bodies ON bodies.id = items.id WHERE items.id = ?";
static const char revive[] = "UPDATE items SET dead = 0 WHERE id = ? AND dead > 0";
static const char count_delivered[] =
	"UPDATE queues SET delivered = delivered + 1"
	" WHERE id = (SELECT queue FROM items WHERE id = ? AND dead = 0)";
static const char delete_item[] = "DELETE FROM items WHERE id = ?";
static const char count_failed[] =
	"UPDATE queues SET failed = failed + 1"
	" WHERE id = (SELECT queue FROM items WHERE id = ? AND dead = 0)";
static const char set_failed[] =
	"UPDATE items SET tried = tried + 1, error = ?2, due_boot = ?3, due_ns = ?4 WHERE id = ?1";
/* Apart, as it changes an index, which most attempts need not. */
static const char use_up[] =
	"UPDATE items SET dead = 1 WHERE id = ? AND attempts > 0 AND tried >= attempts";
static const char set_dead[] = "UPDATE items SET tried = tried + 1, error = ?2, dead = 1"
			       " WHERE id = ?1";

/* ---- reading --------------------------------------------------------------------------- */

static void copy_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	(void)snprintf(out, size, "%s", text ? text : ""); /* cut where a file says more */
}

void outbox_item_read(struct op_outbox *o, sqlite3_stmt *s, struct op_outbox_item *ret)
{
	*ret = (struct op_outbox_item){
		.id = sqlite3_column_int64(s, 0),
		.body_bytes = (size_t)sqlite3_column_int64(s, 5),
		.priority = sqlite3_column_int(s, 6),
		.tried = (unsigned)sqlite3_column_int64(s, 7),
		.attempts = (unsigned)sqlite3_column_int64(s, 8),
		.created_wall_ns = sqlite3_column_int64(s, 9), /* NULL reads as 0 */
	};
	copy_text(s, 1, ret->queue, sizeof(ret->queue));
	copy_text(s, 2, ret->key, sizeof(ret->key));
	copy_text(s, 3, ret->content_type, sizeof(ret->content_type));
	copy_text(s, 4, ret->about, sizeof(ret->about));
	copy_text(s, 12, ret->error, sizeof(ret->error));
	if (o->boot && sqlite3_column_int64(s, 10) == o->boot)
		ret->due_boot_ns = (uint64_t)sqlite3_column_int64(s, 11);
}

static int read_body(struct op_outbox *o, struct op_outbox_item *item)
{
	sqlite3_stmt *s = outbox_bind(o, find_body, "i", item->id);
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR, r = 0;
	if (rc != SQLITE_ROW)
		r = rc == SQLITE_DONE ? -ENOENT : outbox_error(o);
	else if (sqlite3_column_type(s, 0) == SQLITE_NULL)
		r = -ENODATA;
	if (r == 0) {
		size_t n = (size_t)sqlite3_column_bytes(s, 0);
		const void *body = sqlite3_column_blob(s, 0);
		free(o->body);
		o->body = malloc(n + 1);
		if (o->body && n)
			memcpy(o->body, body, n);
		item->body = o->body;
		item->body_bytes = n;
		r = o->body ? 0 : -ENOMEM;
	}
	if (s)
		(void)sqlite3_reset(s); /* repeats the error of the step */
	return r;
}

/* 1, 0 or an error; *ret_over: its time is up. */
static int read_next(struct op_outbox *o, const char *queue, struct op_outbox_item *ret,
		     bool *ret_over)
{
	sqlite3_stmt *s = outbox_bind(o, find_next, "t", queue);
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;
	int r = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : outbox_error(o);
	if (r == 1) {
		outbox_item_read(o, s, ret);
		*ret_over = sqlite3_column_type(s, 15) != SQLITE_NULL &&
			    sqlite3_column_int64(s, 14) == o->boot &&
			    sqlite3_column_int64(s, 15) <= outbox_ns(o->now.boot_ns);
	}
	if (s)
		(void)sqlite3_reset(s); /* repeats the error of the step */
	return r;
}

static int next_once(struct op_outbox *o, const char *queue, struct op_outbox_item *ret)
{
	bool over = false;
	int r = outbox_time_look(o);
	if (r == 0)
		r = outbox_time_sweep(o, false);
	if (r == 0)
		r = read_next(o, queue, ret, &over);
	if (r == 1 && over) {
		r = outbox_time_sweep(o, true);
		if (r == 0)
			r = read_next(o, queue, ret, &over);
	}
	if (r != 1)
		return r;
	r = read_body(o, ret);
	return r < 0 ? r : 1;
}

/* An item without its body was made by somebody with a shell; it must not hold up the others. */
static int next_whole(struct op_outbox *o, const char *queue, struct op_outbox_item *ret)
{
	int r = next_once(o, queue, ret);
	while (r == -ENODATA) {
		r = op_outbox_dead(o, ret->id, "its body is missing");
		if (r == 0)
			r = next_once(o, queue, ret);
	}
	return r;
}

int op_outbox_next(struct op_outbox *o, const char *queue, struct op_outbox_item *ret)
{
	struct op_outbox_item item;
	int r = next_whole(o, queue, &item);
	if (outbox_renewed(o, r))
		r = next_whole(o, queue, &item);
	if (r == 1)
		*ret = item;
	return r;
}

int op_outbox_body(struct op_outbox *o, int64_t id, struct op_buf *out)
{
	struct op_outbox_item item = {.id = id};
	int r = read_body(o, &item);
	if (r == 0) {
		op_buf_put(out, item.body, item.body_bytes);
		r = out->err;
	}
	return r;
}

/* ---- outcomes -------------------------------------------------------------------------- */

/* Counts first, as that finds out whether the item is still there. */
static int count(struct op_outbox *o, const char *sql, int64_t id)
{
	int64_t n = 0;
	int r = outbox_run(o, outbox_bind(o, sql, "i", id), &n);
	return r == 0 && n == 0 ? -ENOENT : r;
}

static int delivered_once(struct op_outbox *o, int64_t id)
{
	int r = outbox_begin(o, false);
	if (r < 0)
		return r;
	r = outbox_run(o, outbox_bind(o, revive, "i", id), NULL);
	if (r == 0)
		r = count(o, count_delivered, id);
	if (r == 0)
		r = outbox_run(o, outbox_bind(o, delete_item, "i", id), NULL);
	return outbox_end(o, r);
}

int op_outbox_delivered(struct op_outbox *o, int64_t id)
{
	int r = delivered_once(o, id);
	return outbox_renewed(o, r) ? -ENOENT : r;
}

static int fail_within(struct op_outbox *o, int64_t id, uint64_t retry_ms, const char *error)
{
	uint64_t wait_ns =
		retry_ms < UINT64_MAX / OP_NS_PER_MS / 2 ? retry_ms * OP_NS_PER_MS : INT64_MAX / 2;
	int64_t due = outbox_ns(o->now.boot_ns + wait_ns);
	int r = count(o, count_failed, id);
	if (r == 0)
		r = outbox_time_boot(o);
	if (r < 0)
		return r;
	r = outbox_run(o, outbox_bind(o, set_failed, "itii", id, error, o->boot, due), NULL);
	return r == 0 ? outbox_run(o, outbox_bind(o, use_up, "i", id), NULL) : r;
}

int op_outbox_failed(struct op_outbox *o, int64_t id, uint64_t retry_ms, const char *error)
{
	int r = outbox_time_look(o);
	if (r == 0)
		r = outbox_begin(o, false);
	if (r == 0)
		r = outbox_end(o, fail_within(o, id, retry_ms, error ? error : ""));
	return outbox_renewed(o, r) ? -ENOENT : r;
}

int op_outbox_dead(struct op_outbox *o, int64_t id, const char *error)
{
	int r = outbox_begin(o, false);
	if (r < 0)
		return r;
	r = count(o, count_failed, id);
	if (r == 0)
		r = outbox_run(o, outbox_bind(o, set_dead, "it", id, error ? error : ""), NULL);
	r = outbox_end(o, r);
	return outbox_renewed(o, r) ? -ENOENT : r;
}
