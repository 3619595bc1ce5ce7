/* The recorder's sink: what is cut into which items, and that levels cover the same span.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "services/recorder/sink.h"

#include <string.h>

#include "bus_topics.h"
#include "test.h"

static struct queue q;
static struct stream *stream;
static struct sink *sink;

#define STRIDE (OP_SLOT_RECORD + sizeof(struct tick))

static void begin(enum op_history_kind kind, double rate_hz, bool tiers)
{
	const struct sink_settings set = {.tiers = tiers, .commit_s = 30, .rate_hz = rate_hz};
	CHECK_INT(queue_init(&q, 1 << 20), 0);
	CHECK_INT(stream_create("tick", &tick_topic, kind, 3, &stream), 0);
	CHECK_INT(sink_create(stream, STRIDE, &set, &q, &sink), 0);
}

static void end(void)
{
	sink_destroy(sink);
	queue_finish(&q);
	stream_unref(stream);
}

/* n records from first on, rate_hz of them in a second. */
static void add(uint64_t first, size_t n, double rate_hz)
{
	OP_AUTO_FREE unsigned char *slots = calloc(n, STRIDE);
	CHECK(slots);
	for (size_t i = 0; i < n; i++) {
		struct tick t = {.number = first + i};
		uint64_t ns = OP_NS_PER_S + (uint64_t)((double)(first + i) * 1e9 / rate_hz);
		memcpy(slots + i * STRIDE, &ns, sizeof(ns));
		memcpy(slots + i * STRIDE + OP_SLOT_RECORD, &t, sizeof(t));
	}
	sink_add(sink, first, slots, n);
}

/* Items of a level in the queue, and records in them. */
static unsigned items(unsigned level, uint64_t *ret_n)
{
	unsigned found = 0;
	*ret_n = 0;
	for (const struct item *i = q.first; i; i = i->next) {
		found += i->level == level;
		*ret_n += i->level == level ? i->chunk.n : 0;
	}
	return found;
}

TEST(a_cut_holds_records_and_their_seconds_in_one_transaction)
{
	uint64_t n;
	begin(OP_HISTORY_CHUNKS, 800, true);
	CHECK_INT(sink_since_ns(sink), 0);
	add(0, 24000, 800);
	CHECK(sink_since_ns(sink) > 0);
	sink_cut(sink, false);
	CHECK_INT(sink_since_ns(sink), 0);
	CHECK_INT(items(0, &n), 1);
	CHECK_INT(n, 24000);
	CHECK_INT(items(1, &n), 1);
	CHECK_INT(n, 30);
	CHECK_INT(items(2, &n), 0);
	CHECK_INT(q.first->cut, q.last->cut);
	CHECK_INT(q.first->chunk.t0_ns / OP_NS_PER_S, q.last->chunk.t0_ns / OP_NS_PER_S);
	CHECK_INT(q.first->records, 24000);
	CHECK_INT(q.last->records, 0);
	sink_cut(sink, false); /* nothing pending: nothing is made */
	CHECK(q.last->next == NULL && items(0, &n) == 1);
	CHECK_INT(sink_records(sink), 24000);
	end();
}

TEST(a_chunk_that_is_full_is_cut_by_itself)
{
	uint64_t n;
	begin(OP_HISTORY_CHUNKS, 10, true); /* room for 30 s and a quarter more: 439 */
	add(0, 1000, 10);
	CHECK_INT(items(0, &n), 2);
	CHECK_INT(items(1, &n), 2);
	sink_cut(sink, false);
	CHECK_INT(items(0, &n), 3);
	CHECK_INT(n, 1000);
	end();
}

TEST(upper_levels_wait_until_they_are_worth_it)
{
	uint64_t n;
	begin(OP_HISTORY_CHUNKS, 10, true);
	for (uint64_t minute = 0; minute < 59; minute++) {
		add(minute * 600, 600, 10);
		sink_cut(sink, false);
	}
	CHECK_INT(items(2, &n), 0); /* the first one began a second late */
	add(59 * 600, 600, 10);
	sink_cut(sink, false);
	CHECK_INT(items(2, &n), 1);
	CHECK_INT(n, 60);
	CHECK_INT(items(3, &n), 0);
	sink_cut(sink, true);
	CHECK_INT(items(2, &n), 2);
	CHECK_INT(items(3, &n), 1);
	CHECK_INT(n, 2);
	end();
}

TEST(rows_have_minutes_but_no_seconds)
{
	uint64_t n;
	begin(OP_HISTORY_ROWS, 1, true);
	add(0, 40, 1);
	sink_cut(sink, true);
	CHECK_INT(items(1, &n), 0);
	CHECK_INT(items(2, &n), 1);
	const struct item *i = q.first;
	CHECK(i->rows);
	CHECK_INT(i->chunk.n, 40);
	for (unsigned k = 0; k < 40; k++) {
		const struct item_row *row =
			(const void *)(i->payload + k * ITEM_ROW_BYTES(&tick_topic));
		struct tick t;
		memcpy(&t, row->record, sizeof(t));
		CHECK_INT(row->seq, k);
		CHECK_INT(row->boot_ns, OP_NS_PER_S * (k + 1));
		CHECK_INT(t.number, k);
	}
	end();
}

TEST(without_tiers_there_are_none)
{
	uint64_t n;
	begin(OP_HISTORY_CHUNKS, 10, false);
	add(0, 100, 10);
	sink_cut(sink, true);
	CHECK_INT(items(0, &n), 1);
	CHECK(q.first == q.last);
	end();
}
