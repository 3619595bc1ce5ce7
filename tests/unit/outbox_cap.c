/*
 * outbox_cap.c - what a queue does when it is full, and with attempts that outlive their items.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "outbox_support.h"

TEST(over_the_cap_the_oldest_makes_room)
{
	struct op_outbox *o = open_limited(3, 0);
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(put_all(o, "q", "high", 1, 0, 0), 0);
	CHECK_INT(put(o, "other", "x"), 0); /* a cap of its own */
	CHECK_INT(put(o, "q", "c"), 0);
	CHECK_INT(counts_of(o, "q").evicted, 1);
	CHECK_INT(counts_of(o, "q").waiting, 3);
	deliver(o, "q", "high");
	deliver(o, "q", "b");
	deliver(o, "q", "c");
	op_outbox_close(o);
}

TEST(the_lowest_priority_makes_room)
{
	struct op_outbox *o = open_limited(3, 0);
	CHECK_INT(put_all(o, "q", "old-high", 9, 0, 0), 0);
	CHECK_INT(put_all(o, "q", "low-1", 1, 0, 0), 0);
	CHECK_INT(put_all(o, "q", "low-2", 1, 0, 0), 0);
	CHECK_INT(put_all(o, "q", "high-2", 9, 0, 0), 0);
	CHECK_INT(put_all(o, "q", "high-3", 9, 0, 0), 0);
	CHECK_INT(counts_of(o, "q").evicted, 2);
	CHECK_INT(put_all(o, "q", "low-3", 1, 0, 0), -EDQUOT);
	CHECK_INT(counts_of(o, "q").refused, 1);
	CHECK_INT(counts_of(o, "q").taken, 5);
	CHECK_INT(put_all(o, "q", "high-4", 9, 0, 0), 0);
	deliver(o, "q", "high-2");
	op_outbox_close(o);
}

TEST(bytes_are_capped_too)
{
	struct op_outbox *o = open_limited(0, 10);
	CHECK_INT(put(o, "q", "aaaa"), 0);
	CHECK_INT(put(o, "q", "bbbb"), 0);
	CHECK_INT(put(o, "q", "cc"), 0);
	CHECK_INT(counts_of(o, "q").evicted, 0);
	CHECK_INT(counts_of(o, "q").waiting_bytes, 10);
	CHECK_INT(put(o, "q", "dddddddd"), 0);
	CHECK_INT(counts_of(o, "q").evicted, 2);
	CHECK_INT(counts_of(o, "q").waiting_bytes, 10);
	CHECK_INT(put(o, "q", "eeeeeeeeeee"), -E2BIG);
	CHECK_INT(put(o, "q", "ffffffffff"), 0);
	CHECK_INT(counts_of(o, "q").waiting, 1);
	op_outbox_close(o);
}

TEST(dead_letters_make_room_first)
{
	struct op_outbox *o = open_limited(3, 0);
	CHECK_INT(put(o, "q", "a"), 0);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK_INT(put(o, "q", "c"), 0);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "q", "a"), "no"), 0);
	CHECK_INT(op_outbox_dead(o, CHECK_NEXT(o, "q", "b"), "no"), 0);
	CHECK_INT(put(o, "q", "d"), 0);
	CHECK_INT(put(o, "q", "e"), 0);
	struct op_outbox_counts c = counts_of(o, "q");
	CHECK_INT(c.forgotten, 2);
	CHECK_INT(c.evicted, 0);
	CHECK_INT(c.waiting, 3);
	CHECK_INT(put(o, "q", "f"), 0);
	CHECK_INT(counts_of(o, "q").evicted, 1);
	op_outbox_close(o);
}

TEST(an_attempt_may_outlive_its_item)
{
	struct op_outbox *o = open_limited(1, 0);
	CHECK_INT(put(o, "q", "a"), 0);
	int64_t id = CHECK_NEXT(o, "q", "a");
	CHECK_INT(put(o, "q", "b"), 0); /* evicts a, which is on its way */
	CHECK_INT(op_outbox_delivered(o, id), -ENOENT);
	CHECK_INT(op_outbox_failed(o, id, 1, "no"), -ENOENT);
	CHECK_INT(op_outbox_dead(o, id, "no"), -ENOENT);
	CHECK(CHECK_NEXT(o, "q", "b") != id);
	CHECK_INT(counts_of(o, "q").delivered, 0);
	CHECK_INT(counts_of(o, "q").failed_attempts, 0);
	op_outbox_close(o);
}

TEST(numbers_are_not_used_again)
{
	struct op_outbox *o = open_outbox();
	CHECK_INT(put(o, "q", "a"), 0);
	int64_t id = CHECK_NEXT(o, "q", "a");
	CHECK_INT(op_outbox_delivered(o, id), 0);
	o = again(o, NULL);
	CHECK_INT(put(o, "q", "b"), 0);
	CHECK(CHECK_NEXT(o, "q", "b") > id);
	op_outbox_close(o);
}
