/*
 * outbox.c - the rules of a queue: order, keys, attempts, dead letters, counts; also after it was
 * closed and opened again.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "outbox_support.h"

#include <sys/stat.h>

TEST(what_is_put_comes_out_as_it_was)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	int64_t id = 0;
	struct op_outbox_put p = {
		.queue = "slack",
		.key = "k-1",
		.content_type = "application/json; charset=utf-8",
		.body = "a\0b",
		.body_bytes = 3,
		.about = "alert too-hot raised",
		.priority = 7,
		.attempts = 3,
	};
	CHECK_INT(op_outbox_put(o, &p, &id), 0);
	o = again(o, NULL);
	CHECK_INT(op_outbox_next(o, "slack", &item), 1);
	CHECK_INT(item.id, id);
	CHECK_STR(item.queue, "slack");
	CHECK_STR(item.key, "k-1");
	CHECK_STR(item.content_type, "application/json; charset=utf-8");
	CHECK_STR(item.about, "alert too-hot raised");
	CHECK_STR(item.error, "");
	CHECK(item.body_bytes == 3 && !memcmp(item.body, "a\0b", 3));
	CHECK_INT(item.priority, 7);
	CHECK_INT(item.attempts, 3);
	CHECK_INT(item.tried, 0);
	CHECK_INT(item.due_boot_ns, 0);
	CHECK_INT(item.created_wall_ns, WALL_2026);
	op_outbox_close(o);
}

TEST(order_is_by_priority_then_age)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(put_all(o, "q", "urgent", 5, 0, 0), 0);
	CHECK_INT(put_all(o, "q", "later", -1, 0, 0), 0);
	CHECK_INT(put(o, "q", "c"), 0);
	o = again(o, NULL);
	deliver(o, "q", "urgent");
	deliver(o, "q", "a");
	o = again(o, "boot-2");
	deliver(o, "q", "b");
	deliver(o, "q", "c");
	deliver(o, "q", "later");
	CHECK_NEXT(o, "q", "");
	op_outbox_close(o);
}

TEST(queues_do_not_wait_for_each_other)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "down", "a"), 0);
	CHECK_INT(put(o, "down", "b"), 0);
	CHECK_INT(put(o, "up", "a"), 0);
	CHECK_INT(put(o, "up", "b"), 0);
	CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "down", "a"), 60000, "refused"), 0);
	deliver(o, "up", "a");
	deliver(o, "up", "b");
	CHECK_NEXT(o, "up", "");
	CHECK_NEXT(o, "down", "a"); /* b waits behind it */
	CHECK_INT(counts_of(o, "down").waiting, 2);
	CHECK_INT(counts_of(o, "up").delivered, 2);
	CHECK_NEXT(o, "unknown", "");
	op_outbox_close(o);
}

TEST(a_failed_item_waits_its_time)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "q", "a"), 5000, "HTTP 503"), 0);
	o = again(o, NULL); /* a restart is not a reason to try */
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.due_boot_ns, sight.boot_ns + SECONDS(5));
	CHECK_INT(item.tried, 1);
	CHECK_STR(item.error, "HTTP 503");
	o = again(o, "boot-2"); /* another boot's clock says nothing */
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.due_boot_ns, 0);
	CHECK_INT(item.tried, 1);
	CHECK_INT(counts_of(o, "q").failed_attempts, 1);
	op_outbox_close(o);
}

TEST(attempts_are_used_up)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put_all(o, "q", "a", 0, 0, 3), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "q", "a"), 1, "no"), 0);
	CHECK_NEXT(o, "q", "b");
	struct op_outbox_counts c = counts_of(o, "q");
	CHECK_INT(c.dead, 1);
	CHECK_INT(c.died, 1);
	CHECK_INT(c.failed_attempts, 3);
	CHECK_INT(c.waiting, 1);
	op_outbox_close(o);
}

TEST(what_will_never_be_taken_is_dead_at_once)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "q", "a"), "HTTP 404"), 0);
	CHECK_NEXT(o, "q", "");
	CHECK_INT(counts_of(o, "q").died, 1);
	CHECK_INT(counts_of(o, "q").failed_attempts, 1);
	op_outbox_close(o);
}

TEST(a_key_waits_once)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "a"), -EEXIST);
	CHECK_INT(put(o, "other", "a"), 0);
	o = again(o, NULL);
	CHECK_INT(put(o, "q", "a"), -EEXIST);
	CHECK_INT(counts_of(o, "q").taken, 1);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "q", "a"), "no"), 0);
	CHECK_INT(put(o, "q", "a"), 0); /* a dead one does not stand for it */
	CHECK_INT(counts_of(o, "q").dead, 0);
	CHECK_INT(counts_of(o, "q").forgotten, 1);
	deliver(o, "q", "a");
	CHECK_INT(put(o, "q", "a"), 0); /* what was delivered is forgotten */
	op_outbox_close(o);
}

TEST(keys_are_made_where_none_is_given)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_put p = {.queue = "q"};
	struct op_outbox_item item;
	CHECK_INT(op_outbox_put(o, &p, NULL), 0);
	CHECK_INT(op_outbox_put(o, &p, NULL), 0);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(strlen(item.key), 32);
	CHECK_INT(strspn(item.key, "0123456789abcdef"), 32);
	CHECK_INT(item.body_bytes, 0);
	CHECK_INT(counts_of(o, "q").waiting, 2);
	op_outbox_close(o);
}

TEST(names_are_checked)
{
	struct op_outbox *o = open_outbox();
	char long_name[65];
	memset(long_name, 'x', 64);
	long_name[64] = 0;
	CHECK_INT(put(o, "", "a"), -EINVAL);
	CHECK_INT(put(o, "q", ""), -EINVAL);
	CHECK_INT(put(o, "q", "a\r\nX: y"), -EINVAL);
	CHECK_INT(put(o, "q", "a b"), -EINVAL);
	CHECK_INT(put(o, long_name, "a"), -EINVAL);
	CHECK_INT(put(o, "q", long_name), -EINVAL);
	long_name[63] = 0;
	CHECK_INT(put(o, long_name, long_name), 0);
	CHECK_NEXT(o, long_name, long_name);
	struct op_outbox_put p = {.queue = "q", .content_type = "a\nb"};
	CHECK_INT(op_outbox_put(o, &p, NULL), -EINVAL);
	p.content_type = NULL;
	p.body_bytes = OP_OUTBOX_BODY_MAX + 1;
	CHECK_INT(op_outbox_put(o, &p, NULL), -E2BIG);
	op_outbox_close(o);
}

TEST(a_long_text_is_cut_between_characters)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	char about[200];
	for (size_t i = 0; i + 2 < sizeof(about); i += 2)
		memcpy(about + i, "\xC3\xA4", 3);
	struct op_outbox_put p = {.queue = "q", .about = about};
	CHECK_INT(op_outbox_put(o, &p, NULL), 0);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(strlen(item.about), 158);
	op_outbox_close(o);
}

TEST(large_bodies_are_kept)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	char *body = malloc(OP_OUTBOX_BODY_MAX);
	for (size_t i = 0; i < OP_OUTBOX_BODY_MAX; i++)
		body[i] = (char)(i * 31 >> 3);
	struct op_outbox_put p = {.queue = "q", .body = body, .body_bytes = OP_OUTBOX_BODY_MAX};
	CHECK_INT(op_outbox_put(o, &p, NULL), 0);
	o = again(o, NULL);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.body_bytes, OP_OUTBOX_BODY_MAX);
	CHECK(!memcmp(item.body, body, OP_OUTBOX_BODY_MAX));
	free(body);
	op_outbox_close(o);
}

/* ---- for people -------------------------------------------------------------------------- */

struct listed {
	char text[512];
	int stop_after, n;
};

static int note_item(const struct op_outbox_item *item, bool dead, void *arg)
{
	struct listed *l = arg;
	size_t at = strlen(l->text);
	CHECK(!item->body && item->body_bytes == strlen(item->key));
	snprintf(l->text + at, sizeof(l->text) - at, "%s/%s%s ", item->queue, item->key,
		 dead ? "!" : "");
	return ++l->n == l->stop_after ? 42 : 0;
}

TEST(lists_show_everything_in_order)
{
	struct op_outbox *o = open_outbox();
	struct listed all = {.text = ""}, one = {.text = ""}, two = {.stop_after = 2};
	CHECK_INT(put(o, "b", "1"), 0);
	CHECK_INT(put(o, "a", "1"), 0);
	CHECK_INT(put(o, "a", "2"), 0);
	CHECK_INT(put_all(o, "a", "3", 1, 0, 0), 0);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "a", "3"), "no"), 0);
	CHECK_INT(op_outbox_list(o, NULL, note_item, &all), 0);
	CHECK_STR(all.text, "a/1 a/2 a/3! b/1 ");
	CHECK_INT(op_outbox_list(o, "b", note_item, &one), 0);
	CHECK_STR(one.text, "b/1 ");
	CHECK_INT(op_outbox_list(o, NULL, note_item, &two), 42);
	CHECK_STR(two.text, "a/1 a/2 ");
	op_outbox_close(o);
}

TEST(dead_ones_can_be_tried_again)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	uint64_t n = 0;
	CHECK_INT(put_all(o, "q", "a", 0, 0, 1), 0);
	CHECK_INT(put_all(o, "q", "b", 0, 0, 1), 0);
	CHECK_INT(put_all(o, "r", "c", 0, 0, 1), 0);
	int64_t a = CHECK_NEXT(o, "q", "a"), b, c = CHECK_NEXT(o, "r", "c");
	CHECK_INT(op_outbox_failed(o, a, 9000, "no"), 0);
	CHECK_INT(op_outbox_failed(o, b = CHECK_NEXT(o, "q", "b"), 9000, "no"), 0);
	CHECK_INT(op_outbox_failed(o, c, 9000, "no"), 0);
	CHECK_INT(op_outbox_retry(o, "q", b, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(op_outbox_retry(o, "q", c, &n), -ENOENT); /* of another queue */
	CHECK_INT(op_outbox_retry(o, NULL, 999, &n), -ENOENT);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.id, b);
	CHECK_INT(item.tried, 0);
	CHECK_INT(item.due_boot_ns, 0);
	CHECK_STR(item.error, "no"); /* why it had to be */
	CHECK_INT(op_outbox_retry(o, "q", 0, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(op_outbox_retry(o, NULL, 0, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(op_outbox_retry(o, NULL, 0, &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(counts_of(o, "q").retried, 2);
	CHECK_INT(counts_of(o, "q").dead, 0);
	op_outbox_close(o);
}

TEST(waiting_ones_can_be_hurried)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	uint64_t n = 0;
	CHECK_INT(put_all(o, "q", "a", 0, 100, 5), 0);
	int64_t id = CHECK_NEXT(o, "q", "a");
	CHECK_INT(op_outbox_failed(o, id, 9000, "no"), 0);
	CHECK_INT(op_outbox_retry(o, "q", id, &n), 0);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.due_boot_ns, 0);
	CHECK_INT(item.tried, 1);
	CHECK_INT(counts_of(o, "q").retried, 0);
	pass(101); /* its time did not begin anew */
	CHECK_NEXT(o, "q", "");
	op_outbox_close(o);
}

TEST(items_can_be_dropped)
{
	struct op_outbox *o = open_outbox();
	uint64_t n = 0;
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(put(o, "q", "c"), 0);
	CHECK_INT(op_outbox_drop(o, NULL, CHECK_NEXT(o, "q", "a"), &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "q", "b"), "no"), 0);
	CHECK_INT(op_outbox_drop(o, "q", 0, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(op_outbox_drop(o, "q", 999, &n), -ENOENT);
	struct op_outbox_counts c = counts_of(o, "q");
	CHECK_INT(c.dropped, 1);
	CHECK_INT(c.forgotten, 1);
	CHECK_INT(c.waiting, 1);
	CHECK_NEXT(o, "q", "c");
	op_outbox_close(o);
}

TEST(bodies_are_shown_on_request)
{
	struct op_outbox *o = open_outbox();
	char text[64];
	struct op_buf out;
	op_buf_init_fixed(&out, text, sizeof(text));
	CHECK_INT(put(o, "q", "hello"), 0);
	CHECK_INT(op_outbox_body(o, CHECK_NEXT(o, "q", "hello"), &out), 0);
	CHECK_STR(out.data, "hello");
	CHECK_INT(op_outbox_body(o, 999, &out), -ENOENT);
	op_outbox_close(o);
}

TEST(readers_look_while_the_owner_writes)
{
	struct op_outbox *o = open_outbox(), *r = NULL, *second = NULL;
	struct outbox_source source = {.boot_id = "x", .look = look};
	uint64_t n = 0;
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(op_outbox_open_read(outbox_path(), &r), 0);
	CHECK_INT(counts_of(r, "q").waiting, 1);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(counts_of(r, "q").waiting, 2);
	CHECK_INT(put(r, "q", "c"), -EROFS);
	CHECK_INT(op_outbox_drop(r, "q", 1, &n), -EROFS);
	CHECK_INT(op_outbox_open_with(outbox_path(), NULL, &source, &second, NULL), -EBUSY);
	op_outbox_close(r);
	op_outbox_close(o);
	r = NULL;
	char missing[320];
	snprintf(missing, sizeof(missing), "%s.not", outbox_path());
	CHECK_INT(op_outbox_open_read(missing, &r), -ENOENT);
}

TEST(an_item_without_its_body_holds_nobody_up)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(op_db_exec(o->db, "UPDATE items SET body = NULL WHERE key = 'a'"), 0);
	CHECK_NEXT(o, "q", "b");
	CHECK_INT(counts_of(o, "q").died, 1);
	op_outbox_close(o);
}

TEST(bodies_of_every_size_are_kept)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	static char body[2000];
	char text[2100];
	for (size_t n = 0; n<sizeof(body); n += n> 580 && n < 620 ? 1 : 97) {
		struct op_buf out;
		struct op_outbox_put p = {.queue = "q", .body = body, .body_bytes = n};
		memset(body, (int)('a' + n % 26), sizeof(body));
		CHECK_INT(op_outbox_put(o, &p, NULL), 0);
		CHECK_INT(op_outbox_next(o, "q", &item), 1);
		CHECK(item.body_bytes == n && !memcmp(item.body, body, n));
		op_buf_init_fixed(&out, text, sizeof(text));
		CHECK_INT(op_outbox_body(o, item.id, &out), 0);
		CHECK_INT(out.len, n);
		CHECK_INT(op_outbox_delivered(o, item.id), 0);
	}
	int64_t left = -1;
	CHECK_INT(outbox_get(o, outbox_bind(o, "SELECT count(*) FROM bodies", ""), &left), 1);
	CHECK_INT(left, 0);
	op_outbox_close(o);
}

/* ---- the medium -------------------------------------------------------------------------- */

static off_t bytes_on_disk(void)
{
	char log[320];
	struct stat db, wal = {0};
	snprintf(log, sizeof(log), "%s-wal", outbox_path());
	CHECK_INT(stat(outbox_path(), &db), 0);
	(void)stat(log, &wal); /* 0 bytes if it is not there */
	return db.st_size + wal.st_size;
}

TEST_WITHIN(files_do_not_grow_without_bounds, 60)
{
	struct op_outbox *o = open_limited(20, 0);
	char body[3000] = "", key[32];
	for (int i = 0; i < 2000; i++) {
		struct op_outbox_put p = {
			.queue = "q", .key = key, .body = body, .body_bytes = sizeof(body)};
		snprintf(key, sizeof(key), "k%d", i);
		CHECK_INT(op_outbox_put(o, &p, NULL), 0);
	}
	CHECK_INT(counts_of(o, "q").evicted, 1980);
	CHECK(bytes_on_disk() < 1500000);
	op_outbox_close(o);
}

TEST(who_only_waits_writes_nothing)
{
	struct op_outbox *o = open_outbox();
	struct op_outbox_item item;
	CHECK_INT(put_all(o, "q", "a", 0, 100000, 0), 0);
	CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "q", "a"), 3600000, "HTTP 503"), 0);
	off_t before = bytes_on_disk();
	for (int i = 0; i < 60; i++) {
		pass(60);
		CHECK_INT(op_outbox_next(o, "q", &item), 1);
	}
	CHECK_INT(bytes_on_disk(), before);
	op_outbox_close(o);
}

TEST(damage_while_open_begins_a_new_one)
{
	struct op_outbox *o = open_outbox();
	char text[512];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(unlink(outbox_path()), 0); /* as good as any other damage */
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(op_outbox_note(o, &note), 0);
	CHECK_HAS(note.data, "outbox");
	op_buf_reset(&note);
	CHECK_INT(op_outbox_note(o, &note), 0);
	CHECK_STR(note.data, "");
	CHECK_INT(CHECK_NEXT(o, "q", "b") > 0, 1);
	o = again(o, NULL);
	CHECK_NEXT(o, "q", "b");
	op_outbox_close(o);
}
