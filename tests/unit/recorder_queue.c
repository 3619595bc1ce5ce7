/* The recorder's queue: what is dropped first, what may not be, commits and their tickets.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>

#include "bus_topics.h"
#include "services/recorder/queue.h"
#include "test.h"

static struct queue q;
static struct stream *fast, *event;

static void open_queue(size_t limit)
{
	struct op_topic_type type = tick_topic;
	CHECK_INT(queue_init(&q, limit), 0);
	type.rate_mhz = 800000;
	CHECK_INT(stream_create("fast", &type, OP_HISTORY_CHUNKS, 1, &fast), 0);
	type.rate_mhz = 0;
	CHECK_INT(stream_create("event", &type, OP_HISTORY_ROWS, 1, &event), 0);
}

static void close_queue(void)
{
	queue_finish(&q);
	stream_unref(fast);
	stream_unref(event);
}

static void put(struct stream *s, unsigned level, bool rows, uint64_t records, uint64_t cut)
{
	struct item *i = item_create(s, level, 1000);
	CHECK(i);
	i->rows = rows;
	i->records = records;
	i->cut = cut;
	queue_put(&q, i);
}

static size_t size_of_item(void)
{
	return sizeof(struct item) + 1000;
}

static size_t take(size_t most)
{
	struct op_clock_segment clocks[QUEUE_CLOCKS_MAX];
	size_t n_clocks, n = 0;
	for (struct item *i = queue_take(&q, most, clocks, &n_clocks); i && i->taken; i = i->next)
		n++;
	return n;
}

TEST(raw_goes_before_tiers_before_events_and_the_oldest_first)
{
	struct queue_look l;
	open_queue(4 * size_of_item());
	put(event, 0, true, 7, 1);
	put(fast, 1, false, 0, 2);
	put(fast, 0, false, 100, 2);
	put(fast, 0, false, 101, 3);
	put(fast, 0, false, 102, 4);
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 100);
	put(fast, 2, false, 0, 5);
	put(event, 0, true, 8, 6);
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 100 + 101 + 102);
	CHECK_INT(l.bytes, 4 * size_of_item());
	put(event, 0, true, 9, 7);  /* level 1 goes */
	put(event, 0, true, 10, 8); /* level 2 goes */
	put(event, 0, true, 11, 9); /* the oldest event goes */
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 100 + 101 + 102 + 7);
	CHECK_INT(l.dropped_items, 6);
	CHECK_INT(atomic_load(&fast->dropped), 303);
	CHECK_INT(atomic_load(&event->dropped), 7);
	CHECK_INT(l.bytes_most, 4 * size_of_item());
	close_queue();
}

TEST(what_is_being_written_is_not_dropped)
{
	struct queue_look l;
	open_queue(2 * size_of_item());
	put(fast, 0, false, 1, 1);
	put(fast, 0, false, 2, 2);
	CHECK_INT(take(SIZE_MAX), 2);
	put(event, 0, true, 3, 3); /* no room: it is dropped itself */
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 3);
	queue_return(&q); /* not on disk: from now on it may go */
	put(event, 0, true, 4, 4);
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 3 + 1);
	CHECK_INT(take(SIZE_MAX), 2);
	queue_done(&q);
	queue_look(&q, &l);
	CHECK_INT(l.bytes, 0);
	CHECK(queue_empty(&q));
	close_queue();
}

TEST(a_batch_holds_whole_cuts)
{
	open_queue(1000000);
	put(fast, 0, false, 1, 1);
	put(fast, 1, false, 0, 1);
	put(fast, 0, false, 1, 2);
	put(fast, 1, false, 0, 2);
	CHECK_INT(take(1), 2);
	queue_done(&q);
	CHECK_INT(take(1), 2);
	queue_done(&q);
	CHECK_INT(take(1), 0);
	close_queue();
}

TEST(one_that_cannot_be_written_holds_up_no_other)
{
	struct op_clock_segment clocks[QUEUE_CLOCKS_MAX];
	struct queue_look l;
	size_t n_clocks;
	open_queue(1000000);
	put(fast, 0, false, 5, 1);
	put(fast, 0, false, 6, 2);
	struct item *i = queue_take(&q, SIZE_MAX, clocks, &n_clocks);
	queue_reject(&q, i);
	queue_return(&q);
	queue_look(&q, &l);
	CHECK_INT(l.dropped, 5);
	CHECK_INT(take(SIZE_MAX), 1);
	close_queue();
}

TEST(a_segment_of_the_clock_waits_for_records_unless_it_corrects)
{
	struct op_clock_segment a = {0, 10, OP_CLOCK_UNKNOWN}, b = {0, 20, OP_CLOCK_SYNCHRONISED},
				c = {5, 30, OP_CLOCK_SET}, got[QUEUE_CLOCKS_MAX];
	size_t n;
	open_queue(1000000);
	queue_put_clock(&q, &a, false);
	CHECK(queue_take(&q, 1, got, &n) == NULL);
	CHECK_INT(n, 0);
	CHECK(queue_empty(&q));
	queue_put_clock(&q, &b, true); /* in place of a */
	queue_put_clock(&q, &c, false);
	CHECK(!queue_empty(&q));
	CHECK(queue_take(&q, 1, got, &n) == NULL);
	CHECK_INT(n, 2);
	CHECK_INT(got[0].offset_ns, 20);
	CHECK_INT(got[1].offset_ns, 30);
	a.offset_ns = 40;
	queue_put_clock(&q, &a, true); /* those are being written: it comes after them */
	queue_done(&q);
	CHECK(queue_take(&q, 1, got, &n) == NULL);
	CHECK_INT(n, 1);
	CHECK_INT(got[0].offset_ns, 40);
	queue_return(&q);
	CHECK(!queue_empty(&q));
	close_queue();
}

TEST(a_clock_that_flaps_is_bounded)
{
	struct op_clock_segment got[QUEUE_CLOCKS_MAX];
	size_t n;
	open_queue(1000000);
	for (uint64_t i = 0; i < 3 * QUEUE_CLOCKS_MAX; i++)
		queue_put_clock(&q, &(struct op_clock_segment){i, (int64_t)i, OP_CLOCK_SET}, true);
	(void)queue_take(&q, 1, got, &n);
	CHECK_INT(n, QUEUE_CLOCKS_MAX);
	CHECK_INT(got[0].from_ns, 0);
	CHECK_INT(got[n - 1].from_ns, 3 * QUEUE_CLOCKS_MAX - 1);
	close_queue();
}

static void *writer(void *arg)
{
	bool quit = false;
	unsigned *commits = arg;
	while (!quit)
		if (queue_wait(&q, 0, op_now_ns() + 60 * OP_NS_PER_S, &quit)) {
			queue_answer(&q, queue_asked(&q));
			++*commits;
		}
	return NULL;
}

TEST(asking_wakes_the_writer_and_quitting_ends_it)
{
	pthread_t thread;
	unsigned commits = 0;
	struct queue_look l;
	open_queue(1000000);
	CHECK_INT(pthread_create(&thread, NULL, writer, &commits), 0);
	uint64_t ticket = queue_ask(&q);
	do
		queue_look(&q, &l);
	while (l.answered < ticket);
	queue_quit(&q);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(commits >= 1);
	close_queue();
}

TEST(a_pause_after_a_failure_is_kept_until_the_end_is_asked_for)
{
	bool quit;
	open_queue(1000000);
	(void)queue_ask(&q);
	uint64_t before = op_now_ns();
	CHECK(queue_wait(&q, before + 50 * OP_NS_PER_MS, before, &quit));
	CHECK(op_now_ns() - before >= 50 * OP_NS_PER_MS);
	queue_quit(&q);
	before = op_now_ns();
	CHECK(queue_wait(&q, before + 60 * OP_NS_PER_S, before, &quit));
	CHECK(quit && op_now_ns() - before < 10 * OP_NS_PER_S);
	close_queue();
}
