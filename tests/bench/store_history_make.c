/*
 * store_history_make.c - makes the history that bench store_history reads.
 *
 * What is in it, honestly: the records of two hours are all different. Their seconds (of the first
 * hour) repeat hour after hour, with other times, for thirty days at level 1; levels 2 and 3 hold
 * the whole year, summed up from those seconds by the real code. Chunks are cut as the recorder
 * cuts them: a minute of seconds, an hour of minutes, a day of hours, 40 s of records. The newest
 * hours and minutes are missing, as they would be while it runs.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "store_history.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RAW_CHUNK (40 * HZ)
#define TRANSACTION 4096 /* chunks */
#define FILLER_BYTES 65536

OP_TOPIC_DEFINE(sample, SAMPLE_FIELDS, .name = "bench.sample", .rate_mhz = HZ * 1000);

struct slot {
	uint64_t t;
	struct sample sample;
};

struct year {
	struct op_db *db;
	struct op_history *history;
	int64_t topic;
	unsigned put; /* chunks since the last commit */
	struct op_chunk_builder *builder[OP_TIER_LEVELS];
	struct op_tier *tier[OP_TIER_LEVELS];
	size_t stride[OP_TIER_LEVELS];
	unsigned char *seconds; /* of one hour, as slots of level 1 */
	size_t n_seconds;
};

static const unsigned entries_of_chunk[] = {RAW_CHUNK, 60, 60, 24};

static double noise(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53 - 0.5;
}

void signal_next(struct signal *s, struct sample *ret)
{
	if (s->since_hit++ > 5 * HZ && noise(&s->state) > 0.4995)
		s->since_hit = 0;
	s->level += noise(&s->state) * 0.01;
	double hit = s->since_hit < HZ ? 200 * exp(-(double)s->since_hit / 60) : 0;
	double v = 512 + s->level + noise(&s->state) * 6 + hit * cos(s->since_hit * 0.5);
	v = v < 0 ? 0 : v > 1023 ? 1023 : floor(v);
	s->baseline = s->baseline > 0 ? 0.999 * s->baseline + 0.001 * v : v;
	s->envelope = 0.97 * s->envelope + 0.03 * fabs(v - s->baseline);
	*ret = (struct sample){(float)s->baseline, (float)s->envelope, (uint16_t)v,
			       s->since_hit < 200 ? 2 : 1};
}

/* ---- levels ------------------------------------------------------------------------------- */

static void put_chunk(struct year *y, unsigned level)
{
	struct op_chunk chunk;
	bench_ok(op_chunk_cut(y->builder[level], &chunk), "cut");
	bench_ok(op_history_put_chunk(y->history, y->topic, level, &chunk), "put");
	if (++y->put < TRANSACTION)
		return;
	y->put = 0;
	bench_ok(op_db_commit(y->db), "commit");
	bench_ok(op_db_begin(y->db), "begin");
}

static void append(struct year *y, unsigned level, uint64_t seq, const void *slots, size_t n)
{
	if (op_chunk_append(y->builder[level], seq, slots, n, y->stride[level]) != n)
		bench_die("a chunk is full");
	if (op_chunk_pending(y->builder[level]) >= entries_of_chunk[level])
		put_chunk(y, level);
}

static void keep_second(void *arg, const void *slot)
{
	struct year *y = arg;
	if (y->n_seconds < HOUR_S)
		memcpy(y->seconds + y->n_seconds++ * y->stride[1], slot, y->stride[1]);
}

static void on_minute(void *arg, const void *slot)
{
	struct year *y = arg;
	append(y, 2, 0, slot, 1);
	op_tier_add(y->tier[3], slot, 1, y->stride[2]);
}

static void on_hour(void *arg, const void *slot)
{
	append(arg, 3, 0, slot, 1);
}

static void make_builders(struct year *y)
{
	static const op_tier_fn fns[] = {NULL, keep_second, on_minute, on_hour};
	const struct op_topic_type *type = &sample_topic;
	y->stride[0] = sizeof(struct slot);
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		if (level > 0) {
			bench_ok(op_tier_create(type, op_chunk_fields(type),
						op_tier_width_ns(level), fns[level], y,
						&y->tier[level]),
				 "tier");
			type = op_tier_record_type(y->tier[level]);
			y->stride[level] = op_tier_stride(y->tier[level]);
		}
		struct op_chunk_plan plan = {.fields = op_chunk_fields(type),
					     .recompute = level ? 0 : 3,
					     .max_records = OP_CHUNK_RECORDS_MAX};
		bench_ok(op_chunk_builder_create(type, &plan, &y->builder[level]), "builder");
	}
}

/* ---- time --------------------------------------------------------------------------------- */

static void sum_up_an_hour(struct year *y)
{
	struct signal s = {.state = 1};
	y->seconds = malloc(HOUR_S * y->stride[1]);
	if (!y->seconds)
		bench_die("no memory");
	for (uint64_t i = 0; i < (uint64_t)HOUR_S * HZ; i++) {
		struct slot slot = {.t = i * OP_NS_PER_S / HZ};
		signal_next(&s, &slot.sample);
		op_tier_add(y->tier[1], &slot, 1, sizeof(slot));
	}
	op_tier_flush(y->tier[1]);
	if (y->n_seconds != HOUR_S)
		bench_die("an hour of %zu seconds", y->n_seconds);
}

static void put_seconds(struct year *y)
{
	unsigned char minute[60 * 512];
	size_t stride = y->stride[1];
	if (stride > 512)
		bench_die("entries of %zu bytes", stride);
	for (long at = 0; at < TOTAL_S; at += 60) {
		memcpy(minute, y->seconds + (size_t)(at % HOUR_S) * stride, 60 * stride);
		for (long i = 0; i < 60; i++) {
			uint64_t t = (uint64_t)(at + i) * OP_NS_PER_S;
			memcpy(minute + (size_t)i * stride, &t, sizeof(t));
		}
		op_tier_add(y->tier[2], minute, 60, stride);
		if (at >= TOTAL_S - SECONDS_S)
			append(y, 1, 0, minute, 60);
	}
}

static void put_records(struct year *y)
{
	struct signal s = {.state = 2};
	uint64_t begin = (uint64_t)(TOTAL_S - RAW_S) * OP_NS_PER_S;
	for (uint64_t i = 0; i < (uint64_t)RAW_S * HZ; i++) {
		struct slot slot = {.t = begin + i * OP_NS_PER_S / HZ};
		signal_next(&s, &slot.sample);
		append(y, 0, i, &slot, 1);
	}
}

static void open_year(struct year *y, const char *path)
{
	const struct op_db_settings settings = {.path = path, .wal_kib = 65536};
	struct op_clock_segment clock = {0, BEGIN_WALL_S * (int64_t)OP_NS_PER_S,
					 OP_CLOCK_SYNCHRONISED};
	bench_ok(op_db_open(&settings, &op_history_schema, &y->db, NULL), "open");
	bench_ok(op_history_create(y->db, "00000000-0000-0000-0000-000000000001", &y->history),
		 "history");
	bench_ok(op_db_begin(y->db), "begin");
	bench_ok(op_history_put_clock(y->history, &clock), "clock");
	bench_ok(op_history_topic(y->history, "bench.sample", &sample_topic, OP_HISTORY_CHUNKS,
				  op_chunk_fields(&sample_topic), &y->topic),
		 "topic");
}

static void close_year(struct year *y)
{
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		bool lost = level >= 2; /* it would be in the recorder's memory */
		if (!lost && y->builder[level] && op_chunk_pending(y->builder[level]) > 0)
			put_chunk(y, level);
		op_chunk_builder_destroy(y->builder[level]);
		op_tier_destroy(y->tier[level]);
	}
	bench_ok(op_db_commit(y->db), "commit");
	op_history_destroy(y->history);
	op_db_close(y->db);
	free(y->seconds);
}

void bench_make_year(const char *path)
{
	struct year y = {0};
	open_year(&y, path);
	make_builders(&y);
	sum_up_an_hour(&y);
	put_seconds(&y);
	put_records(&y);
	close_year(&y);
}

/* ---- other databases ---------------------------------------------------------------------- */

void bench_make_big(const char *path)
{
	static unsigned char bytes[FILLER_BYTES];
	struct year y = {0};
	struct stat st = {0};
	uint64_t state = 3;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(noise(&state) * 256);
	open_year(&y, path);
	bench_ok(op_history_topic(y.history, "bench.filler", &sample_topic, OP_HISTORY_CHUNKS,
				  op_chunk_fields(&sample_topic), &y.topic),
		 "topic");
	for (uint64_t i = 0; st.st_size < FILE_BYTES; i++) {
		struct op_chunk chunk = {.t0_ns = i * OP_NS_PER_S,
					 .t1_ns = i * OP_NS_PER_S,
					 .n = 1,
					 .data = bytes,
					 .bytes = sizeof(bytes)};
		bench_ok(op_history_put_chunk(y.history, y.topic, 0, &chunk), "put");
		if (i % 500 == 499) {
			bench_ok(op_db_commit(y.db), "commit");
			bench_ok(op_db_begin(y.db), "begin");
			bench_ok(stat(path, &st), "stat");
		}
	}
	close_year(&y);
}

void bench_make_rows(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	struct signal signal = {.state = 1};
	bench_ok(sqlite3_open(path, &db), "open rows");
	bench_ok(sqlite3_exec(db,
			      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE "
			      "samples(t INTEGER PRIMARY KEY, baseline REAL, envelope REAL, raw "
			      "INTEGER, phase INTEGER); BEGIN",
			      NULL, NULL, NULL),
		 "make rows");
	bench_ok(sqlite3_prepare_v2(db, "INSERT INTO samples VALUES(?,?,?,?,?)", -1, &s, NULL),
		 "prepare");
	for (int64_t i = 0; i < (int64_t)HOUR_S * HZ; i++) {
		struct sample v;
		signal_next(&signal, &v);
		bench_ok(sqlite3_bind_int64(s, 1, i * (int64_t)OP_NS_PER_S / HZ), "bind");
		bench_ok(sqlite3_bind_double(s, 2, (double)v.baseline), "bind");
		bench_ok(sqlite3_bind_double(s, 3, (double)v.envelope), "bind");
		bench_ok(sqlite3_bind_int(s, 4, v.raw), "bind");
		bench_ok(sqlite3_bind_int(s, 5, v.phase), "bind");
		if (sqlite3_step(s) != SQLITE_DONE)
			bench_die("insert: %s", sqlite3_errmsg(db));
		bench_ok(sqlite3_reset(s), "reset");
	}
	bench_ok(sqlite3_finalize(s), "finalize");
	bench_ok(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), "commit rows");
	bench_ok(sqlite3_close(db), "close rows");
}
