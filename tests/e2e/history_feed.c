/*
 * history_feed.c - makes a history database for tests of what reads one, without a recorder.
 *
 *     history_feed DATABASE RECORDS [--go-on]
 *
 * Two topics: feed.wave, RECORDS records in chunks (at 800 Hz from 2026-11-21T12:00Z on: n, and
 * half of it as a float), and feed.event in rows (one a second, with text). With --go-on it says
 * "ready", then adds a chunk with every line it reads, until the end of standard input.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/history.h"

#define BEGIN_WALL_NS (1795262400 * (int64_t)OP_NS_PER_S)
#define HZ 800
#define CHUNK 8000

#define WAVE_FIELDS(F, E, T)      \
	F(f32, half, "", "n / 2") \
	F(u32, n, "", "counts up")
OP_TOPIC_DECLARE(wave, WAVE_FIELDS);
OP_TOPIC_DEFINE(wave, WAVE_FIELDS, .name = "feed.wave", .rate_mhz = HZ * 1000);

extern const struct op_topic_type *feed_event_type(void);
extern void feed_event_fill(void *record, uint32_t n);

struct feed {
	struct op_db *db;
	struct op_history *history;
	int64_t wave, event;
	struct op_chunk_builder *builder, *seconds;
	struct op_tier *tier;
	uint32_t n;
};

static void must(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "history_feed: %s: %s\n", what, op_strerror(r));
	exit(1);
}

static void on_second(void *arg, const void *slot)
{
	struct feed *f = arg;
	if (op_chunk_append(f->seconds, 0, slot, 1, op_tier_stride(f->tier)) != 1)
		must(-ENOBUFS, "seconds");
}

static void cut(struct feed *f)
{
	struct op_chunk chunk;
	op_tier_flush(f->tier);
	must(op_chunk_cut(f->builder, &chunk), "cut");
	must(op_history_put_chunk(f->history, f->wave, 0, &chunk), "put");
	must(op_chunk_cut(f->seconds, &chunk), "cut seconds");
	must(op_history_put_chunk(f->history, f->wave, 1, &chunk), "put seconds");
}

static void put(struct feed *f, uint32_t records)
{
	struct {
		uint64_t t;
		struct wave v;
	} slot;
	must(op_db_begin(f->db), "begin");
	for (uint32_t end = f->n + records; f->n < end; f->n++) {
		slot.t = f->n * (OP_NS_PER_S / HZ);
		slot.v = (struct wave){(float)f->n / 2, f->n};
		if (op_chunk_append(f->builder, f->n, &slot, 1, sizeof(slot)) != 1)
			must(-ENOBUFS, "records");
		op_tier_add(f->tier, &slot, 1, sizeof(slot));
		if (op_chunk_pending(f->builder) == CHUNK)
			cut(f);
		if (f->n % HZ == 0) {
			_Alignas(8) char record[OP_TOPIC_RECORD_MAX];
			feed_event_fill(record, f->n / HZ);
			must(op_history_put_row(f->history, f->event, feed_event_type(), f->n / HZ,
						slot.t, record),
			     "row");
		}
	}
	if (op_chunk_pending(f->builder) > 0)
		cut(f);
	must(op_db_commit(f->db), "commit");
}

static void make(struct feed *f, const char *path)
{
	struct op_clock_segment clock = {0, BEGIN_WALL_NS, OP_CLOCK_SYNCHRONISED};
	const struct op_db_settings settings = {.path = path};
	struct op_chunk_plan plan = {.fields = op_chunk_fields(&wave_topic), .max_records = CHUNK};
	must(op_db_open(&settings, &op_history_schema, &f->db, NULL), path);
	must(op_history_create(f->db, "00000000-0000-0000-0000-000000000001", &f->history),
	     "history");
	must(op_db_begin(f->db), "begin");
	must(op_history_put_clock(f->history, &clock), "clock");
	must(op_history_topic(f->history, "feed.wave", &wave_topic, OP_HISTORY_CHUNKS, plan.fields,
			      &f->wave),
	     "wave");
	must(op_history_topic(f->history, "feed.event", feed_event_type(), OP_HISTORY_ROWS, 0,
			      &f->event),
	     "event");
	must(op_db_commit(f->db), "commit");
	must(op_chunk_builder_create(&wave_topic, &plan, &f->builder), "builder");
	must(op_tier_create(&wave_topic, plan.fields, op_tier_width_ns(1), on_second, f, &f->tier),
	     "tier");
	plan.fields = op_chunk_fields(op_tier_record_type(f->tier));
	must(op_chunk_builder_create(op_tier_record_type(f->tier), &plan, &f->seconds), "seconds");
}

int main(int argc, char **argv)
{
	struct feed f = {.n = 0};
	char line[80];
	if (argc < 3)
		return 2;
	make(&f, argv[1]);
	put(&f, (uint32_t)strtoul(argv[2], NULL, 10));
	if (argc > 3) {
		puts("ready");
		(void)fflush(stdout); /* who waits for it sees what is missing */
		while (fgets(line, sizeof(line), stdin)) {
			put(&f, CHUNK);
			puts("ok");
			(void)fflush(stdout); /* as above */
		}
	}
	op_chunk_builder_destroy(f.builder);
	op_chunk_builder_destroy(f.seconds);
	op_tier_destroy(f.tier);
	op_history_destroy(f.history);
	op_db_close(f.db);
	return 0;
}
