/* outbox_support.h - an outbox in the test's directory, in a time of the test's own.
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#ifndef OUTPOST_OUTBOX_SUPPORT_H
#define OUTPOST_OUTBOX_SUPPORT_H

#include "lib/store/outbox_internal.h"

#include "test.h"

#define WALL_2026 1795255200000000000 /* 2026-11-21T10:00:00Z */
#define SECONDS(n) ((n) * (int64_t)OP_NS_PER_S)

/* The machine as it is now: boot clock, wall clock, what is known of it. */
static struct op_clock_sight sight = {
	.boot_ns = 1000 * OP_NS_PER_S, .wall_ns = WALL_2026, .synchronised = true};
static char boot_id[64] = "boot-1";

static inline void look(struct op_clock_sight *ret)
{
	*ret = sight;
}

static inline void pass(int64_t s)
{
	sight.boot_ns += (uint64_t)s * OP_NS_PER_S;
	sight.wall_ns += SECONDS(s);
}

static inline const char *outbox_path(void)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/outbox-test.db", op_test_dir());
	return path;
}

static inline struct op_outbox *open_limited(uint64_t items, uint64_t bytes)
{
	struct op_outbox_limits limits = {.max_items = items, .max_bytes = bytes};
	struct outbox_source source = {.look = look};
	struct op_outbox *o = NULL;
	char text[1024];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	snprintf(source.boot_id, sizeof(source.boot_id), "%s", boot_id);
	CHECK_INT(op_outbox_open_with(outbox_path(), &limits, &source, &o, &note), 0);
	CHECK_STR(note.data, "");
	return o;
}

static inline struct op_outbox *open_outbox(void)
{
	return open_limited(0, 0);
}

/* Closed and opened again; in the next boot if there is a name for it. */
static inline struct op_outbox *again(struct op_outbox *o, const char *next_boot)
{
	struct op_outbox_limits limits = o->limits;
	op_outbox_close(o);
	if (next_boot) {
		snprintf(boot_id, sizeof(boot_id), "%s", next_boot);
		sight.boot_ns = 20 * OP_NS_PER_S;
	}
	return open_limited(limits.max_items, limits.max_bytes);
}

static inline int put_all(struct op_outbox *o, const char *queue, const char *key, int priority,
			  uint64_t expires_s, unsigned attempts)
{
	struct op_outbox_put put = {
		.queue = queue,
		.key = key,
		.content_type = "application/json",
		.body = key,
		.body_bytes = strlen(key),
		.about = key,
		.priority = priority,
		.expires_s = expires_s,
		.attempts = attempts,
	};
	return op_outbox_put(o, &put, NULL);
}

static inline int put(struct op_outbox *o, const char *queue, const char *key)
{
	return put_all(o, queue, key, 0, 0, 0);
}

/* The key of the item whose turn it is, "" for none; its number in *ret_id. */
static inline const char *next_of(struct op_outbox *o, const char *queue, int64_t *ret_id)
{
	static struct op_outbox_item item;
	int r = op_outbox_next(o, queue, &item);
	CHECK(r == 0 || r == 1);
	if (r == 0)
		return "";
	CHECK_INT(item.body_bytes, strlen(item.key));
	CHECK(!memcmp(item.body, item.key, item.body_bytes));
	*ret_id = item.id;
	return item.key;
}

static inline int64_t check_next(struct op_outbox *o, const char *queue, const char *want,
				 const char *file, int line)
{
	int64_t id = 0;
	const char *got = next_of(o, queue, &id);
	if (strcmp(got, want))
		op_test_fail(file, line, "next of %s: got \"%s\", want \"%s\"", queue, got, want);
	return id;
}
#define CHECK_NEXT(o, queue, key) check_next(o, queue, key, __FILE__, __LINE__)

static inline void deliver(struct op_outbox *o, const char *queue, const char *key)
{
	int64_t id = CHECK_NEXT(o, queue, key);
	CHECK_INT(op_outbox_delivered(o, id), 0);
}

static inline struct op_outbox_counts counts_of(struct op_outbox *o, const char *queue)
{
	struct op_outbox_counts c[8];
	size_t n = 0;
	CHECK_INT(op_outbox_counts(o, c, OP_ARRAY_SIZE(c), &n), 0);
	for (size_t i = 0; i < n && i < OP_ARRAY_SIZE(c); i++) {
		const struct op_outbox_counts *q = &c[i];
		CHECK_INT(q->waiting, q->taken + q->retried - q->delivered - q->died - q->expired -
					      q->evicted - q->dropped);
		CHECK_INT(q->dead, q->died + q->expired - q->retried - q->forgotten);
		if (!strcmp(q->queue, queue))
			return *q;
	}
	return (struct op_outbox_counts){.queue = ""};
}

#endif
