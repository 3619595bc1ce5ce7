/*
 * outbox_put.c - taking an item, and making room for it.
 *
 * One transaction, one fsync: when op_outbox_put returns 0 the item, its count and whatever it
 * displaced are on the medium together.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/store/outbox_internal.h"

#define BODY_WITHIN 600 /* bytes that stand in the row: with the rest of it, about a page */
#define LIFE_MAX_S (100ULL * 365 * 24 * 3600)

static const char add_queue[] = "INSERT OR IGNORE INTO queues(name) VALUES(?)";
static const char find_queue[] = "SELECT id FROM queues WHERE name = ?";
static const char find_key[] = "SELECT id FROM items WHERE queue = ? AND key = ? AND dead = 0";
static const char forget_key[] = "DELETE FROM items WHERE queue = ? AND key = ? AND dead > 0";
static const char room[] = "SELECT waiting + dead < ?2 AND waiting_bytes + dead_bytes <= ?3"
			   " FROM queues WHERE id = ?1";
static const char oldest_dead[] =
	"SELECT id FROM items WHERE queue = ? AND dead > 0 ORDER BY id LIMIT 1";
static const char oldest_least[] =
	"SELECT id FROM items WHERE queue = ?1 AND dead = 0 AND priority <= ?2 AND priority ="
	" (SELECT min(priority) FROM items WHERE queue = ?1 AND dead = 0) ORDER BY id LIMIT 1";
static const char delete_item[] = "DELETE FROM items WHERE id = ?";
static const char count_evicted[] = "UPDATE queues SET evicted = evicted + 1 WHERE id = ?";
static const char count_refused[] = "UPDATE queues SET refused = refused + 1 WHERE id = ?";
static const char add_item[] =
	"INSERT INTO items(id, queue, key, content_type, about, priority, attempts, bytes, boot,"
	" created_ns, life_boot, life_ns, expires_ns, body)"
	" VALUES((SELECT 1 + sum(taken) FROM queues), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8,"
	" nullif(?10, 0), ?11, ?12)";
static const char add_body[] = "INSERT INTO bodies(id, body) VALUES(?, ?)";

/* ---- what is taken --------------------------------------------------------------------- */

static bool is_name(const char *text, char least)
{
	size_t n = text ? strlen(text) : 0;
	for (size_t i = 0; i < n; i++)
		if (text[i] < least || text[i] > '~')
			return false;
	return n > 0 && n < sizeof(((struct op_outbox_item *)0)->queue);
}

static int check(const struct op_outbox *o, const struct op_outbox_put *put)
{
	if (!is_name(put->queue, '!') || (put->key && !is_name(put->key, '!')) ||
	    (put->content_type && *put->content_type && !is_name(put->content_type, ' ')))
		return -EINVAL;
	if (put->body_bytes > OP_OUTBOX_BODY_MAX || put->body_bytes > o->limits.max_bytes)
		return -E2BIG;
	return 0;
}

/* 128 random bits in hexadecimal. */
static int make_key(char out[33])
{
	unsigned char bits[16];
	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return -EIO;
	for (size_t i = 0; i < sizeof(bits); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bits[i]); /* fits */
	return 0;
}

/* At most max bytes, not within a character. */
static size_t cut(const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);
	if (n <= max)
		return n;
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
		n--;
	return n;
}

/* ---- room ------------------------------------------------------------------------------ */

static int delete_found(struct op_outbox *o, sqlite3_stmt *find)
{
	int64_t id = 0;
	int r = outbox_get(o, find, &id);
	if (r <= 0)
		return r;
	r = outbox_run(o, outbox_bind(o, delete_item, "i", id), NULL);
	return r < 0 ? r : 1;
}

/* Lets one item go. */
static int evict_one(struct op_outbox *o, int64_t queue, int priority)
{
	int r = delete_found(o, outbox_bind(o, oldest_dead, "i", queue));
	if (r != 0)
		return r < 0 ? r : 0;
	r = delete_found(o, outbox_bind(o, oldest_least, "ii", queue, (int64_t)priority));
	if (r <= 0)
		return r < 0 ? r : -EDQUOT;
	return outbox_run(o, outbox_bind(o, count_evicted, "i", queue), NULL);
}

static int make_room(struct op_outbox *o, int64_t queue, const struct op_outbox_put *put)
{
	for (;;) {
		int64_t fits = 0;
		sqlite3_stmt *s = outbox_bind(o, room, "iii", queue, outbox_ns(o->limits.max_items),
					      outbox_ns(o->limits.max_bytes - put->body_bytes));
		int r = outbox_get(o, s, &fits);
		if (r < 0 || fits)
			return r < 0 ? r : 0;
		r = evict_one(o, queue, put->priority);
		if (r < 0)
			return r;
	}
}

/* ---- putting --------------------------------------------------------------------------- */

static int queue_of(struct op_outbox *o, const char *name, int64_t *ret)
{
	int r = outbox_get(o, outbox_bind(o, find_queue, "t", name), ret);
	if (r != 0)
		return r < 0 ? r : 0;
	r = outbox_run(o, outbox_bind(o, add_queue, "t", name), NULL);
	if (r == 0)
		*ret = sqlite3_last_insert_rowid(op_db_handle(o->db));
	return r;
}

static int take_key(struct op_outbox *o, int64_t queue, const char *key)
{
	int64_t id;
	int r = outbox_get(o, outbox_bind(o, find_key, "it", queue, key), &id);
	if (r != 0)
		return r < 0 ? r : -EEXIST;
	return outbox_run(o, outbox_bind(o, forget_key, "it", queue, key), NULL);
}

static sqlite3_stmt *bind_body(sqlite3_stmt *s, int at, const struct op_outbox_put *put)
{
	const void *body = put->body_bytes ? put->body : "";
	if (s && sqlite3_bind_blob64(s, at, body, put->body_bytes, SQLITE_STATIC) != SQLITE_OK)
		return NULL;
	return s;
}

static int insert_item(struct op_outbox *o, int64_t queue, const char *key,
		       const struct op_outbox_put *put)
{
	char about[160] = "";
	if (put->about)
		memcpy(about, put->about, cut(put->about, sizeof(about) - 1));
	int64_t now = outbox_ns(o->now.boot_ns);
	int64_t life_s = (int64_t)(put->expires_s < LIFE_MAX_S ? put->expires_s : LIFE_MAX_S);
	int64_t life_ns = life_s * (int64_t)OP_NS_PER_S;
	const char *type = put->content_type ? put->content_type : "";
	sqlite3_stmt *s =
		outbox_bind(o, add_item, "itttiiiiiii", queue, key, type, about,
			    (int64_t)put->priority, (int64_t)put->attempts,
			    (int64_t)put->body_bytes, o->boot, now, life_ns, now + life_ns);
	if (put->body_bytes <= BODY_WITHIN)
		s = bind_body(s, 12, put);
	return outbox_run(o, s, NULL);
}

static int put_within(struct op_outbox *o, const struct op_outbox_put *put, const char *key,
		      int64_t *ret_id)
{
	int64_t queue = 0;
	int r = outbox_time_boot(o);
	if (r == 0)
		r = queue_of(o, put->queue, &queue);
	if (r == 0)
		r = take_key(o, queue, key);
	if (r == 0)
		r = make_room(o, queue, put);
	if (r == 0)
		r = insert_item(o, queue, key, put);
	if (r < 0)
		return r;
	/* The triggers' inserts do not count here (sqlite3_last_insert_rowid(3)). */
	*ret_id = sqlite3_last_insert_rowid(op_db_handle(o->db));
	if (put->body_bytes <= BODY_WITHIN)
		return 0;
	return outbox_run(o, bind_body(outbox_bind(o, add_body, "i", *ret_id), 2, put), NULL);
}

static int refuse(struct op_outbox *o, const char *name)
{
	int64_t queue = 0;
	int r = outbox_begin(o, false);
	if (r < 0)
		return r;
	r = queue_of(o, name, &queue);
	if (r == 0)
		r = outbox_run(o, outbox_bind(o, count_refused, "i", queue), NULL);
	return outbox_end(o, r);
}

static int put_once(struct op_outbox *o, const struct op_outbox_put *put, const char *key,
		    int64_t *ret_id)
{
	int r = outbox_time_look(o);
	if (r == 0)
		r = outbox_time_sweep(o, false);
	if (r == 0)
		r = outbox_begin(o, true);
	if (r < 0)
		return r;
	r = outbox_end(o, put_within(o, put, key, ret_id));
	if (r == -EDQUOT)
		(void)refuse(o, put->queue); /* the caller hears of it anyway */
	return r;
}

int op_outbox_put(struct op_outbox *o, const struct op_outbox_put *put, int64_t *ret_id)
{
	char key[33];
	int64_t id = 0;
	int r = check(o, put);
	if (r == 0 && !put->key)
		r = make_key(key);
	if (r < 0)
		return r;
	const char *use = put->key ? put->key : key;
	r = put_once(o, put, use, &id);
	if (outbox_renewed(o, r))
		r = put_once(o, put, use, &id);
	if (r == 0 && ret_id)
		*ret_id = id;
	return r;
}
