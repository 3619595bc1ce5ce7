/*
 * climate_make.c - writes a history of the temperature monitor as the recorder would, for tests of
 * what draws it.
 *
 *     climate_make DATABASE END_S DAYS
 *
 * One boot, its clock set, that began DAYS days before END_S (Unix seconds): a record of
 * climate.reading each minute, in rows, with tiers of a minute and of an hour. Temperature goes
 * from 18 to 26 degC each day of UTC, lowest at midnight, humidity from 60 down to 40 %RH; the last
 * record is END_S - 60. Tells "ok" when it is written.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "appliances/temp-monitor/climate/topics.h"
#include "lib/store/history.h"

#define DAY_S 86400
#define EACH_S 60
#define CHUNK 120

struct slot {
	uint64_t boot_ns;
	struct climate_reading r;
};

struct level {
	struct op_history *history;
	int64_t topic;
	unsigned number;
	struct op_tier *tier;
	struct op_chunk_builder *chunk;
	struct level *above; /* NULL at the top */
};

static int must(int r, const char *what)
{
	if (r >= 0)
		return r;
	fprintf(stderr, "climate_make: %s: %s\n", what, op_strerror(r));
	exit(1);
}

static double tenth(double v)
{
	return round(v * 10) / 10;
}

static struct climate_reading reading(int64_t wall_s)
{
	double turn = (double)(wall_s % DAY_S) / DAY_S, wave = cos(turn * 2 * acos(-1));
	double c = tenth(22 - 4 * wave);
	return (struct climate_reading){
		.temperature_c = c,
		.temperature_f = tenth(c * 9 / 5 + 32),
		.humidity = tenth(50 + 10 * wave),
		.raw_c = c + 16,
		.cpu_c = c + 30,
		.pressure_hpa = 1013.25,
		.compensated = 1,
	};
}

/* ---- tiers, as the recorder makes them of rows ------------------------------------------- */

static void cut(struct level *l)
{
	struct op_chunk chunk;
	int r = op_chunk_cut(l->chunk, &chunk);
	if (r == -ENODATA)
		return;
	must(r, "cut");
	must(op_history_put_chunk(l->history, l->topic, l->number, &chunk), "put a chunk");
}

static void on_entry(void *arg, const void *slot)
{
	struct level *l = arg;
	size_t stride = op_tier_stride(l->tier);
	if (op_chunk_append(l->chunk, 0, slot, 1, stride) == 0) {
		cut(l);
		must(op_chunk_append(l->chunk, 0, slot, 1, stride) == 1 ? 0 : -EIO, "append");
	}
	if (l->above)
		op_tier_add(l->above->tier, slot, 1, stride);
}

/* type: of what it sums up. */
static void make_level(struct level *l, const struct op_topic_type *type)
{
	op_field_set fields = op_chunk_fields(&climate_reading_topic);
	must(op_tier_create(type, fields, op_tier_width_ns(l->number), on_entry, l, &l->tier),
	     "make a tier");
	type = op_tier_record_type(l->tier);
	struct op_chunk_plan plan = {.fields = op_chunk_fields(type), .max_records = CHUNK};
	must(op_chunk_builder_create(type, &plan, &l->chunk), "make chunks");
}

static void end_level(struct level *l)
{
	op_tier_flush(l->tier);
	cut(l);
}

static void destroy_level(struct level *l)
{
	op_chunk_builder_destroy(l->chunk);
	op_tier_destroy(l->tier);
}

/* ---- what is written ----------------------------------------------------------------------- */

static void write_readings(struct op_history *h, int64_t begin_s, int64_t end_s)
{
	int64_t topic;
	must(op_history_topic(h, climate_reading_topic.name, &climate_reading_topic,
			      OP_HISTORY_ROWS, 0, &topic),
	     "make the topic");
	struct level hours = {.history = h, .topic = topic, .number = 3};
	struct level minutes = {.history = h, .topic = topic, .number = 2, .above = &hours};
	make_level(&minutes, &climate_reading_topic);
	make_level(&hours, op_tier_record_type(minutes.tier));
	for (int64_t s = begin_s; s < end_s; s += EACH_S) {
		uint64_t n = (uint64_t)(s - begin_s);
		struct slot slot = {n * OP_NS_PER_S, reading(s)};
		must(op_history_put_row(h, topic, &climate_reading_topic, n / EACH_S, slot.boot_ns,
					&slot.r),
		     "put a row");
		op_tier_add(minutes.tier, &slot, 1, sizeof(slot));
	}
	end_level(&minutes);
	end_level(&hours);
	destroy_level(&minutes);
	destroy_level(&hours);
}

int main(int argc, char **argv)
{
	char note_text[256];
	struct op_buf note;
	struct op_db *db;
	struct op_history *history;
	if (argc != 4)
		return 2;
	int64_t end_s = atoll(argv[2]), begin_s = end_s - atoll(argv[3]) * DAY_S;
	struct op_db_settings set = {.path = argv[1]};
	struct op_clock_segment clock = {.offset_ns = begin_s * (int64_t)OP_NS_PER_S,
					 .quality = OP_CLOCK_SET};
	op_buf_init_fixed(&note, note_text, sizeof(note_text));
	must(op_db_open(&set, &op_history_schema, &db, &note), argv[1]);
	must(op_history_create(db, "a-boot-of-a-test", &history), "make history");
	must(op_db_begin(db), "begin");
	must(op_history_put_clock(history, &clock), "put the clock");
	write_readings(history, begin_s, end_s);
	must(op_db_commit(db), "commit");
	op_history_destroy(history);
	op_db_close(db);
	puts("ok");
	return 0;
}
