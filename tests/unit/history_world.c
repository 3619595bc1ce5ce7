/*
 * history_world.c - writes a history database the way the recorder does.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "history_world.h"

static const unsigned entries_of_chunk[OP_TIER_LEVELS] = {0, 0, 60, 24};

OP_TOPIC_DEFINE(world, WORLD_FIELDS, .name = "test.world", .rate_mhz = 1000);

uint64_t world_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* ---- levels ------------------------------------------------------------------------------- */

static void append(struct world_file *w, unsigned level, uint64_t seq, const void *slot)
{
	CHECK_INT(op_chunk_append(w->builder[level], seq, slot, 1, w->stride[level]), 1);
}

static void put_chunk(struct world_file *w, unsigned level)
{
	struct op_chunk chunk;
	if (op_chunk_pending(w->builder[level]) == 0)
		return;
	CHECK_INT(op_chunk_cut(w->builder[level], &chunk), 0);
	CHECK_INT(op_history_put_chunk(w->history, w->topic, level, &chunk), 0);
}

static void on_second(void *arg, const void *slot)
{
	struct world_file *w = arg;
	append(w, 1, 0, slot);
	op_tier_add(w->tier[2], slot, 1, w->stride[1]);
}

static void on_minute(void *arg, const void *slot)
{
	struct world_file *w = arg;
	append(w, 2, 0, slot);
	op_tier_add(w->tier[3], slot, 1, w->stride[2]);
}

static void on_hour(void *arg, const void *slot)
{
	append(arg, 3, 0, slot);
}

static void begin_life(struct world_file *w)
{
	static const op_tier_fn fns[] = {NULL, on_second, on_minute, on_hour};
	const struct op_topic_type *type = &world_topic;
	struct op_chunk_plan plan = {.max_records = 4096, .zstd_level = 1};
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		if (level > 0) {
			op_field_set fields = level == 1 ? op_chunk_fields(type) : 0;
			CHECK_INT(op_tier_create(type, fields, op_tier_width_ns(level), fns[level],
						 w, &w->tier[level]),
				  0);
			type = op_tier_record_type(w->tier[level]);
			w->stride[level] = op_tier_stride(w->tier[level]);
		}
		plan.fields = op_chunk_fields(type);
		CHECK_INT(op_chunk_builder_create(type, &plan, &w->builder[level]), 0);
	}
	w->stride[0] = OP_SLOT_RECORD + sizeof(struct world);
}

/* What is in memory is lost. */
static void end_life(struct world_file *w)
{
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		op_chunk_builder_destroy(w->builder[level]);
		op_tier_destroy(w->tier[level]);
		w->builder[level] = NULL;
		w->tier[level] = NULL;
	}
}

void world_cut(struct world_file *w)
{
	CHECK_INT(op_db_begin(w->db), 0);
	op_tier_flush(w->tier[1]); /* level 1 covers the same span */
	put_chunk(w, 0);
	put_chunk(w, 1);
	for (unsigned level = 2; level < OP_TIER_LEVELS; level++)
		if (op_chunk_pending(w->builder[level]) >= entries_of_chunk[level])
			put_chunk(w, level);
	CHECK_INT(op_db_commit(w->db), 0);
}

static void stop(struct world_file *w)
{
	world_cut(w);
	op_tier_flush(w->tier[2]);
	op_tier_flush(w->tier[3]);
	CHECK_INT(op_db_begin(w->db), 0);
	put_chunk(w, 2);
	put_chunk(w, 3);
	CHECK_INT(op_db_commit(w->db), 0);
}

/* ---- lives -------------------------------------------------------------------------------- */

static void attach(struct world_file *w)
{
	char boot_id[40];
	(void)snprintf(boot_id, sizeof(boot_id), "00000000-0000-0000-0000-%012u",
		       w->boot); /* fits */
	CHECK_INT(op_history_create(w->db, boot_id, &w->history), 0);
	CHECK_INT(op_db_begin(w->db), 0);
	CHECK_INT(op_history_topic(w->history, "test.world", &world_topic, OP_HISTORY_CHUNKS,
				   op_chunk_fields(&world_topic), &w->topic),
		  0);
	CHECK_INT(op_db_commit(w->db), 0);
	int more = 1;
	for (int i = 0; i < 100000 && more > 0; i++)
		more = op_history_catch_up(w->history);
	CHECK_INT(more, 0);
	begin_life(w);
}

static void detach(struct world_file *w, bool stop_first)
{
	if (stop_first)
		stop(w);
	else
		world_cut(w);
	end_life(w);
	op_history_destroy(w->history);
}

void world_open(struct world_file *w, const char *name)
{
	*w = (struct world_file){.boot = 1};
	(void)snprintf(w->path, sizeof(w->path), "%s/%s", op_test_dir(), name); /* fits */
	const struct op_db_settings settings = {.path = w->path};
	CHECK_INT(op_db_open(&settings, &op_history_schema, &w->db, NULL), 0);
	attach(w);
}

void world_close(struct world_file *w)
{
	end_life(w);
	op_history_destroy(w->history);
	op_db_close(w->db);
	free(w->records);
}

void world_restart(struct world_file *w, bool stop_first)
{
	detach(w, stop_first);
	attach(w);
}

void world_boot(struct world_file *w, bool stop_first)
{
	detach(w, stop_first);
	w->boot++;
	attach(w);
}

void world_sql(struct world_file *w, const char *sql)
{
	CHECK_INT(op_db_exec(w->db, sql), 0);
}

/* ---- content ------------------------------------------------------------------------------ */

void world_clock(struct world_file *w, uint64_t from_ns, int64_t offset_ns,
		 enum op_clock_quality quality)
{
	struct op_clock_segment clock = {from_ns, offset_ns, quality};
	CHECK_INT(op_db_begin(w->db), 0);
	CHECK_INT(op_history_put_clock(w->history, &clock), 0);
	CHECK_INT(op_db_commit(w->db), 0);
	for (size_t i = 0; i < w->n_segments; i++) {
		struct world_segment *s = &w->segments[i];
		if (s->boot == w->boot && s->clock.from_ns == from_ns) {
			s->clock = clock;
			return;
		}
	}
	CHECK(w->n_segments < WORLD_SEGMENTS);
	w->segments[w->n_segments++] = (struct world_segment){w->boot, clock};
}

int64_t world_wall(const struct world_file *w, unsigned boot, uint64_t t)
{
	struct op_clock_segment clocks[WORLD_SEGMENTS];
	size_t n = 0;
	for (size_t i = 0; i < w->n_segments; i++)
		if (w->segments[i].boot == boot)
			clocks[n++] = w->segments[i].clock;
	return (int64_t)t + (n ? op_clock_at(clocks, n, t)->offset_ns : 0);
}

void world_put(struct world_file *w, uint64_t t, const struct world *values)
{
	_Alignas(8) unsigned char slot[OP_SLOT_RECORD + sizeof(struct world)];
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 1024;
		w->records = reallocarray(w->records, w->cap, sizeof(*w->records));
		CHECK(w->records);
	}
	w->records[w->n] = (struct world_record){w->boot, t, w->n, *values};
	memcpy(slot, &t, sizeof(t));
	memcpy(slot + OP_SLOT_RECORD, values, sizeof(*values));
	append(w, 0, w->n++, slot);
	op_tier_add(w->tier[1], slot, 1, w->stride[0]);
}
