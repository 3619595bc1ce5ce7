/*
 * store_power_outbox.c - items are put, tried, delivered and buried while the power is cut.
 *
 * What a put has acknowledged must be there until somebody has said that it was delivered; then it
 * may come back (at least once). Its key and its body are what they were, and it is there once.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/outbox.h>

#include "power.h"
#include "store_power.h"
#include "test.h"

#define STEPS_MAX 2000 /* of one life; a cut comes long before */

enum { NEVER, TRIED, TAKEN, LEFT };

static const struct op_outbox_limits limits = {.max_items = POWER_ITEMS,
					       .max_bytes = 64 * 1024 * 1024};

static struct op_outbox *open_outbox(const char *path, struct op_buf *note)
{
	struct op_outbox *o = NULL;
	int r = op_outbox_open(path, &limits, &o, note);
	if (r < 0)
		fprintf(stderr, "open: %s\n", op_strerror(r));
	return o;
}

/* Tells its number, and is of any length. */
static size_t body_of(uint64_t n, char out[3000])
{
	int head = snprintf(out, 3000, "item %llu ", (unsigned long long)n);
	size_t more = n * 2654435761u % 2500;
	memset(out + head, 'a' + (int)(n % 26), more);
	return (size_t)head + more;
}

static bool is_whole(const struct op_outbox_item *item)
{
	static char body[3000];
	uint64_t n = strtoull(item->key + 1, NULL, 10);
	size_t bytes = n > 0 && n < POWER_ITEMS ? body_of(n, body) : 0;
	return bytes && item->body_bytes == bytes && !strcmp(item->queue, n % 3 ? "a" : "b") &&
	       (!item->body || !memcmp(item->body, body, bytes)); /* lists come without */
}

static void put(struct op_outbox *o, struct power_acks *acks)
{
	static char body[3000];
	char key[32];
	uint64_t n = ++acks->tried;
	int64_t id;
	CHECK(n < POWER_ITEMS);
	snprintf(key, sizeof(key), "k%llu", (unsigned long long)n);
	struct op_outbox_put p = {.queue = n % 3 ? "a" : "b",
				  .key = key,
				  .content_type = "text/plain",
				  .body = body,
				  .body_bytes = body_of(n, body),
				  .about = "a test",
				  .priority = (int)(n % 5)};
	acks->item[n] = TRIED;
	CHECK_INT(op_outbox_put(o, &p, &id), 0);
	acks->item[n] = TAKEN;
	acks->total++;
}

static void send_next(struct op_outbox *o, struct power_acks *acks)
{
	struct op_outbox_item item;
	int r = op_outbox_next(o, power_chance(2) ? "a" : "b", &item);
	CHECK(r == 0 || r == 1);
	if (r == 0)
		return;
	uint64_t n = strtoull(item.key + 1, NULL, 10);
	CHECK(is_whole(&item));
	switch (power_chance(4)) {
	case 0:
		CHECK_INT(op_outbox_failed(o, item.id, 1, "no answer"), 0);
		break;
	case 1:
		CHECK_INT(op_outbox_dead(o, item.id, "not wanted"), 0);
		break;
	default:
		acks->item[n] = LEFT; /* whether the word of it stays or not */
		CHECK_INT(op_outbox_delivered(o, item.id), 0);
	}
}

static void live(const char *path, uint64_t age, struct power_acks *acks, const char *synchronous,
		 uint64_t cut)
{
	struct op_outbox *o = open_outbox(path, NULL);
	CHECK(o);
	for (int i = 0; i < STEPS_MAX; i++) {
		if (power_chance(2))
			put(o, acks);
		else
			send_next(o, acks);
		if (power_chance(30) == 0) {
			op_outbox_close(o);
			o = open_outbox(path, NULL);
			CHECK(o);
		}
	}
}

/* ---- judging ------------------------------------------------------------------------------- */

struct found {
	const struct power_acks *acks;
	unsigned char times[POWER_ITEMS];
	bool wrong;
};

static int look(const struct op_outbox_item *item, bool dead, void *arg)
{
	struct found *f = arg;
	uint64_t n = strtoull(item->key + 1, NULL, 10);
	if (!is_whole(item) || n > f->acks->tried || ++f->times[n] > 1)
		f->wrong = true;
	return 0;
}

/* The body of whose turn it is; lives look at the others. */
static void look_at_first(struct op_outbox *o, const char *queue, struct found *f)
{
	struct op_outbox_item item;
	int r = op_outbox_next(o, queue, &item);
	f->wrong |= r < 0 || (r == 1 && (!item.body || !is_whole(&item)));
}

static void add_up(struct op_outbox *o, struct found *f)
{
	struct op_outbox_counts c[2];
	size_t n = 0;
	CHECK_INT(op_outbox_counts(o, c, 2, &n), 0);
	for (size_t i = 0; i < n; i++)
		f->wrong |= c[i].waiting != c[i].taken + c[i].retried - c[i].delivered - c[i].died -
						    c[i].expired - c[i].evicted - c[i].dropped ||
			    c[i].dead != c[i].died + c[i].expired - c[i].retried - c[i].forgotten;
}

static void judge(const char *path, struct power_acks *acks, struct op_buf *note,
		  struct power_verdict *v)
{
	static struct found f;
	int lost = 0;
	f = (struct found){.acks = acks};
	struct op_outbox *o = open_outbox(path, note);
	if (!o || op_outbox_list(o, NULL, look, &f) != 0) {
		v->damaged++;
		op_outbox_close(o);
		return;
	}
	look_at_first(o, "a", &f);
	look_at_first(o, "b", &f);
	add_up(o, &f);
	for (uint64_t n = 1; n <= acks->tried; n++) {
		if (acks->item[n] == TRIED) /* it happened, or will never */
			acks->item[n] = f.times[n] ? TAKEN : LEFT;
		lost += acks->item[n] == TAKEN && !f.times[n];
	}
	v->lost += lost > 0;
	v->half += f.wrong;
	op_outbox_close(o);
}

const struct power_work power_outbox = {.name = "outbox", .live = live, .judge = judge};
