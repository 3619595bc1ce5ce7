/*
 * history_make.c - writes a history database as the recorder would, for tests of its readers.
 *
 *     history_make DATABASE WALL_S RECORDS HZ
 *
 * One boot that began at WALL_S (Unix seconds), its clock set. Topic "fast": RECORDS points, HZ a
 * second, in chunks with all levels. Topic "slow": a point each second of that, in rows. Record i
 * of each is at i / HZ, or i, seconds after boot and has the number i. Tells "ok" when it is
 * written.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/history.h"
#include "writer/topics.h"

#define CHUNK 4096
#define CHUNKS_A_COMMIT 16

struct slot {
	uint64_t boot_ns;
	struct point p;
};

/* A level: its chunk in the making, and the tier above that it feeds. */
struct level {
	struct op_chunk_builder *chunk;
	struct op_tier *above; /* NULL at the top */
	struct level *next;
	size_t stride;
	uint64_t seq;
	unsigned number;
};

static struct op_db *db;
static struct op_history *history;
static int64_t fast;
static unsigned uncommitted;

static int must(int r, const char *what)
{
	if (r >= 0)
		return r;
	fprintf(stderr, "history_make: %s: %s\n", what, op_strerror(r));
	exit(1);
}

static void cut(struct level *l)
{
	struct op_chunk chunk;
	int r = op_chunk_cut(l->chunk, &chunk);
	if (r == -ENODATA)
		return;
	must(r, "cut");
	must(op_history_put_chunk(history, fast, l->number, &chunk), "put a chunk");
	if (++uncommitted < CHUNKS_A_COMMIT)
		return;
	uncommitted = 0;
	must(op_db_commit(db), "commit");
	must(op_db_begin(db), "begin");
}

static void add(struct level *l, const void *slot)
{
	if (op_chunk_append(l->chunk, l->seq, slot, 1, l->stride) == 0) {
		cut(l);
		must(op_chunk_append(l->chunk, l->seq, slot, 1, l->stride) == 1 ? 0 : -EIO,
		     "append");
	}
	l->seq++;
	if (l->above)
		op_tier_add(l->above, slot, 1, l->stride);
}

static void on_bucket(void *arg, const void *slot)
{
	add(arg, slot);
}

/* Levels from the top down, so that each finds the one above it. */
static void make_levels(struct level levels[OP_TIER_LEVELS])
{
	const struct op_topic_type *type = &point_topic;
	op_field_set fields = op_chunk_fields(type);
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++) {
		struct level *l = &levels[i];
		struct op_chunk_plan plan = {.fields = i ? op_chunk_fields(type) : fields,
					     .max_records = CHUNK};
		l->number = i;
		l->stride = i ? op_tier_stride(levels[i - 1].above) : sizeof(struct slot);
		must(op_chunk_builder_create(type, &plan, &l->chunk), "make chunks");
		if (i + 1 == OP_TIER_LEVELS)
			break;
		must(op_tier_create(type, fields, op_tier_width_ns(i + 1), on_bucket,
				    &levels[i + 1], &l->above),
		     "make a tier");
		type = op_tier_record_type(l->above);
	}
}

static void finish_levels(struct level levels[OP_TIER_LEVELS])
{
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++) {
		if (levels[i].above)
			op_tier_flush(levels[i].above);
		cut(&levels[i]);
	}
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++) {
		op_chunk_builder_destroy(levels[i].chunk);
		op_tier_destroy(levels[i].above);
	}
}

static struct point point(uint64_t n)
{
	return (struct point){.x = (double)n / 2,
			      .level = (float)(n % 10240) / 10,
			      .n = (uint32_t)n,
			      .raw = (uint16_t)n,
			      .mode = n % 2,
			      .note = "a \"remark\""};
}

static void write_fast(uint64_t records, double hz)
{
	struct level levels[OP_TIER_LEVELS] = {0};
	make_levels(levels);
	for (uint64_t i = 0; i < records; i++) {
		struct slot slot = {(uint64_t)((double)i * 1e9 / hz), point(i)};
		add(&levels[0], &slot);
	}
	finish_levels(levels);
}

static void write_slow(uint64_t seconds)
{
	int64_t topic;
	must(op_history_topic(history, "slow", &point_topic, OP_HISTORY_ROWS, 0, &topic),
	     "make topic slow");
	for (uint64_t i = 0; i < seconds; i++) {
		struct point p = point(i);
		must(op_history_put_row(history, topic, &point_topic, i, i * OP_NS_PER_S, &p),
		     "put a row");
	}
}

int main(int argc, char **argv)
{
	char note_text[256];
	struct op_buf note;
	if (argc != 5)
		return 2;
	uint64_t records = strtoull(argv[3], NULL, 10);
	double hz = strtod(argv[4], NULL);
	struct op_db_settings set = {.path = argv[1]};
	struct op_clock_segment clock = {.offset_ns = atoll(argv[2]) * (int64_t)OP_NS_PER_S,
					 .quality = OP_CLOCK_SET};
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	must(op_db_open(&set, &op_history_schema, &db, &note), argv[1]);
	must(op_history_create(db, "a-boot-of-a-test", &history), "make history");
	must(op_db_begin(db), "begin");
	must(op_history_put_clock(history, &clock), "put the clock");
	must(op_history_topic(history, "fast", &point_topic, OP_HISTORY_CHUNKS,
			      op_chunk_fields(&point_topic), &fast),
	     "make topic fast");
	write_fast(records, hz);
	write_slow((uint64_t)((double)records / hz));
	must(op_db_commit(db), "commit");
	op_history_destroy(history);
	op_db_close(db);
	puts("ok");
	return 0;
}
