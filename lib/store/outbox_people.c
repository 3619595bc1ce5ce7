/*
 * outbox_people.c - an outbox for people: counts, lists, trying again, deleting.
 *
 * Reading works on a database that somebody else writes; what people change waits for the medium.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/outbox_internal.h"

static const char all_counts[] =
	"SELECT name, waiting, waiting_bytes, dead, dead_bytes, taken, delivered, failed, died,"
	" expired, evicted, retried, dropped, forgotten, refused FROM queues ORDER BY name";
static const char all_items[] =
	"SELECT" OUTBOX_ITEM_COLUMNS OUTBOX_ITEM_FROM " WHERE ?1 IS NULL OR queues.name = ?1"
	" ORDER BY queues.name, items.dead > 0, items.priority DESC, items.id";

/* ?1 the queue's name or NULL, ?2 the item or 0: all that are dead. */
#define CHOSEN                                                                   \
	" WHERE (?1 IS NULL OR queue = (SELECT id FROM queues WHERE name = ?1))" \
	" AND CASE WHEN ?2 > 0 THEN id = ?2 ELSE dead > 0 END"

/* Only dead ones begin their time anew, so that expires_ns changes for those alone. */
static const char retry[] =
	"UPDATE items SET due_ns = 0, due_boot = 0, tried = CASE WHEN dead > 0 THEN 0 ELSE tried"
	" END, life_boot = CASE WHEN dead > 0 THEN ?3 ELSE life_boot END, expires_ns = CASE WHEN"
	" dead > 0 THEN ?4 + life_ns ELSE expires_ns END, dead = 0" CHOSEN;
static const char count_dropped[] = "UPDATE queues SET dropped = dropped + 1"
				    " WHERE id = (SELECT queue FROM items" CHOSEN " AND dead = 0)";
static const char drop[] = "DELETE FROM items" CHOSEN;

static void read_counts(sqlite3_stmt *s, struct op_outbox_counts *c)
{
	const char *name = (const char *)sqlite3_column_text(s, 0);
	uint64_t *const at[] = {
		&c->waiting,   &c->waiting_bytes,   &c->dead,      &c->dead_bytes, &c->taken,
		&c->delivered, &c->failed_attempts, &c->died,      &c->expired,    &c->evicted,
		&c->retried,   &c->dropped,         &c->forgotten, &c->refused};
	(void)snprintf(c->queue, sizeof(c->queue), "%s", name ? name : ""); /* names are short */
	for (size_t i = 0; i < OP_ARRAY_SIZE(at); i++)
		*at[i] = (uint64_t)sqlite3_column_int64(s, (int)i + 1);
}

/* The statement's end: 0 or an error. */
static int end(struct op_outbox *o, sqlite3_stmt *s, int rc)
{
	int r = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : outbox_error(o);
	if (s)
		(void)sqlite3_reset(s); /* repeats the error of the step */
	return r;
}

int op_outbox_counts(struct op_outbox *o, struct op_outbox_counts *ret, size_t max, size_t *ret_n)
{
	sqlite3_stmt *s = outbox_bind(o, all_counts, "");
	size_t n = 0;
	int rc = SQLITE_ERROR;
	for (; s && (rc = sqlite3_step(s)) == SQLITE_ROW; n++)
		if (n < max)
			read_counts(s, &ret[n]);
	int r = end(o, s, rc);
	if (r == 0)
		*ret_n = n;
	return r;
}

int op_outbox_list(struct op_outbox *o, const char *queue,
		   int (*fn)(const struct op_outbox_item *item, bool dead, void *arg), void *arg)
{
	sqlite3_stmt *s = outbox_bind(o, all_items, "t", queue);
	struct op_outbox_item item;
	int rc = SQLITE_ERROR, stopped = 0;
	while (!stopped && s && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		outbox_item_read(o, s, &item);
		stopped = fn(&item, sqlite3_column_int(s, 13) > 0, arg);
	}
	int r = end(o, s, rc);
	return stopped ? stopped : r;
}

static int retry_within(struct op_outbox *o, const char *queue, int64_t id, int64_t *ret_n)
{
	int r = outbox_time_boot(o);
	if (r < 0)
		return r;
	sqlite3_stmt *s =
		outbox_bind(o, retry, "tiii", queue, id, o->boot, outbox_ns(o->now.boot_ns));
	return outbox_run(o, s, ret_n);
}

static int drop_within(struct op_outbox *o, const char *queue, int64_t id, int64_t *ret_n)
{
	int r = 0;
	if (id > 0)
		r = outbox_run(o, outbox_bind(o, count_dropped, "ti", queue, id), NULL);
	return r == 0 ? outbox_run(o, outbox_bind(o, drop, "ti", queue, id), ret_n) : r;
}

static int change(struct op_outbox *o, const char *queue, int64_t id, uint64_t *ret_n,
		  int (*fn)(struct op_outbox *, const char *, int64_t, int64_t *))
{
	int64_t n = 0;
	int r = outbox_time_look(o);
	if (r == 0)
		r = outbox_begin(o, true);
	if (r < 0)
		return r;
	r = outbox_end(o, fn(o, queue, id, &n));
	if (r == 0 && id > 0 && n == 0)
		r = -ENOENT;
	if (r == 0)
		*ret_n = (uint64_t)n;
	return r;
}

int op_outbox_retry(struct op_outbox *o, const char *queue, int64_t id, uint64_t *ret_n)
{
	return change(o, queue, id, ret_n, retry_within);
}

int op_outbox_drop(struct op_outbox *o, const char *queue, int64_t id, uint64_t *ret_n)
{
	return change(o, queue, id, ret_n, drop_within);
}
