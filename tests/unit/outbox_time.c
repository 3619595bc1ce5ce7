/*
 * outbox_time.c - expiry: within a boot, across boots, with a wall clock that is unknown, wrong or
 * comes to be known. Nothing expires early, whatever the clocks say.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "outbox_support.h"

static void clock_unknown(void)
{
	sight.synchronised = false;
	sight.wall_ns = (int64_t)sight.boot_ns; /* 1970 */
}

static void clock_known(int64_t wall_ns)
{
	sight.synchronised = true;
	sight.wall_ns = wall_ns;
}

/* An outbox with one item, of the key "a", in the queue "q". */
static struct op_outbox *open_with_a(uint64_t expires_s)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put_all(o, "q", "a", 0, expires_s, 0), 0);
	return o;
}

/* Nothing is left to be sent; its time was up so many times. Closes. */
static void all_expired(struct op_outbox *o, uint64_t times)
{
	CHECK_NEXT(o, "q", "");
	CHECK_INT(counts_of(o, "q").expired, times);
	op_outbox_close(o);
}

static int copy_error(const struct op_outbox_item *item, bool dead, void *arg)
{
	snprintf(arg, sizeof(item->error), "%s", item->error);
	return 0;
}

TEST(within_a_boot_its_clock_counts)
{
	struct op_outbox *o = open_with_a(60);
	CHECK_INT(put(o, "q", "b"), 0);
	pass(59);
	CHECK_NEXT(o, "q", "a");
	pass(1);
	CHECK_NEXT(o, "q", "b");
	struct op_outbox_counts c = counts_of(o, "q");
	CHECK_INT(c.expired, 1);
	CHECK_INT(c.died, 0);
	CHECK_INT(c.dead, 1);
	pass(100000);
	CHECK_NEXT(o, "q", "b"); /* for ever */
	op_outbox_close(o);
}

TEST(why_it_could_not_be_delivered_is_kept)
{
	struct op_outbox *o = open_with_a(60);
	char why[160] = "";
	CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "q", "a"), 1, "HTTP 503"), 0);
	pass(61);
	CHECK_NEXT(o, "q", "");
	CHECK_INT(op_outbox_list(o, NULL, copy_error, why), 0);
	CHECK_STR(why, "its time was up; before: HTTP 503");
	op_outbox_close(o);
}

TEST(expired_ones_behind_the_head_go_too)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put_all(o, "q", "b", 0, 60, 0), 0);
	CHECK_INT(put_all(o, "other", "c", 0, 60, 0), 0);
	pass(61);
	CHECK_NEXT(o, "q", "a");
	CHECK_INT(counts_of(o, "q").expired, 1);
	CHECK_INT(counts_of(o, "other").expired, 1);
	op_outbox_close(o);
}

TEST(a_wall_clock_that_steps_is_nothing_within_a_boot)
{
	struct op_outbox *o = open_with_a(3600);
	sight.wall_ns += SECONDS(3 * 365 * 86400LL);
	CHECK_NEXT(o, "q", "a");
	o = again(o, NULL);
	CHECK_NEXT(o, "q", "a");
	sight.wall_ns -= SECONDS(10 * 365 * 86400LL);
	pass(3599);
	CHECK_NEXT(o, "q", "a");
	pass(1);
	all_expired(o, 1);
}

TEST(across_boots_the_wall_clock_counts)
{
	struct op_outbox *o = open_with_a(3600);
	sight.wall_ns += SECONDS(3000); /* part of it switched off */
	o = again(o, "boot-2");
	CHECK_NEXT(o, "q", "a");
	pass(599);
	CHECK_NEXT(o, "q", "a");
	pass(2);
	all_expired(o, 1);
}

TEST(while_the_clock_is_unknown_it_waits)
{
	struct op_outbox *o = open_with_a(3600);
	int64_t put_at = sight.wall_ns;
	o = again(o, "boot-2");
	clock_unknown();
	pass(3000);
	CHECK_NEXT(o, "q", "a");
	clock_known(put_at + SECONDS(3500));
	pass(2);
	CHECK_NEXT(o, "q", "a");
	pass(100);
	all_expired(o, 1);
}

TEST(this_boot_alone_may_be_long_enough)
{
	clock_unknown();
	struct op_outbox *o = open_with_a(3600);
	o = again(o, "boot-2");
	clock_unknown();
	pass(3570);
	CHECK_NEXT(o, "q", "a");
	pass(20); /* up for 3610 s: it is older than that */
	all_expired(o, 1);
}

TEST(a_clock_known_later_counts_for_what_came_before)
{
	clock_unknown();
	struct op_outbox *o = open_with_a(3600);
	struct op_outbox_item item;
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.created_wall_ns, 0);
	pass(600);
	clock_known(WALL_2026);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.created_wall_ns, WALL_2026 - SECONDS(600));
	sight.wall_ns += SECONDS(3001);
	o = again(o, "boot-2");
	all_expired(o, 1);
}

TEST(a_clock_before_what_was_seen_is_not_believed)
{
	struct op_outbox *o = open_with_a(100);
	o = again(o, "boot-2");
	sight.synchronised = false;
	sight.chip = true;
	sight.wall_ns = WALL_2026 - SECONDS(86400);
	CHECK_NEXT(o, "q", "a");
	pass(50);
	CHECK_NEXT(o, "q", "a");
	op_outbox_close(o);
}

TEST(a_retry_begins_the_time_anew)
{
	struct op_outbox *o = open_with_a(60);
	uint64_t n = 0;
	struct op_outbox_item item;
	pass(61);
	CHECK_NEXT(o, "q", "");
	CHECK_INT(op_outbox_retry(o, "q", 0, &n), 0);
	CHECK_INT(n, 1);
	pass(59);
	CHECK_INT(op_outbox_next(o, "q", &item), 1);
	CHECK_INT(item.created_wall_ns, WALL_2026); /* it is as old as it is */
	pass(2);
	all_expired(o, 2);
}

TEST(delivered_counts_even_if_it_expired_on_the_way)
{
	struct op_outbox *o = open_with_a(60);
	int64_t id = CHECK_NEXT(o, "q", "a");
	pass(61);
	CHECK_NEXT(o, "q", "");
	CHECK_INT(op_outbox_delivered(o, id), 0);
	struct op_outbox_counts c = counts_of(o, "q");
	CHECK_INT(c.delivered, 1);
	CHECK_INT(c.dead, 0);
	CHECK_INT(c.waiting, 0);
	op_outbox_close(o);
}

TEST(very_long_times_do_not_overflow)
{
	struct op_outbox *o = open_with_a(UINT64_MAX);
	CHECK_INT(op_outbox_failed(o, CHECK_NEXT(o, "q", "a"), UINT64_MAX, "no"), 0);
	pass(86400 * 365LL);
	CHECK_NEXT(o, "q", "a");
	op_outbox_close(o);
}

TEST(boots_are_forgotten_with_their_items)
{
	struct op_outbox *o = open_outbox();
	char name[16];
	int64_t n = 0;
	for (int i = 2; i < 40; i++) {
		CHECK_INT(put(o, "q", "a"), 0);
		deliver(o, "q", "a");
		snprintf(name, sizeof(name), "boot-%d", i);
		o = again(o, name);
	}
	CHECK_INT(outbox_get(o, outbox_bind(o, "SELECT count(*) FROM boots", ""), &n), 1);
	CHECK_INT(n, 1);
	op_outbox_close(o);
}
