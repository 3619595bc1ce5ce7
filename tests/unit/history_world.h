/*
 * history_world.h - a history database as a recorder would have written it, and everything that is
 * in it beside: for tests that compare what is read with what was.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_HISTORY_WORLD_H
#define OUTPOST_TEST_HISTORY_WORLD_H

#include "lib/store/history.h"
#include "test.h"

#define WORLD_S ((int64_t)OP_NS_PER_S)
#define WORLD_BOOTS 8
#define WORLD_SEGMENTS 32

#define WORLD_FIELDS(F, E, T)               \
	F(f64, level, "counts", "a float")  \
	F(u16, raw, "counts", "an integer") \
	E(phase, "low|high", "a choice")
OP_TOPIC_DECLARE(world, WORLD_FIELDS);

/* An older declaration of the same topic, and a topic that is kept in rows. */
#define OLD_WORLD_FIELDS(F, E, T)      \
	F(u32, raw, "counts", "wider") \
	F(f32, gone, "", "not there any more")
OP_TOPIC_DECLARE(old_world, OLD_WORLD_FIELDS);
#define EVENT_FIELDS(F, E, T)                \
	F(f64, peak, "counts", "a float")    \
	F(u64, number, "", "all of 64 bit")  \
	E(end, "dropped|window", "a choice") \
	T(note, 16, "text")
OP_TOPIC_DECLARE(event, EVENT_FIELDS);

/* A record, and where it lies. */
struct world_record {
	unsigned boot;
	uint64_t t, seq;
	struct world values;
};

struct world_segment {
	unsigned boot;
	struct op_clock_segment clock;
};

struct world_file {
	char path[256];
	struct op_db *db;
	struct op_history *history;
	unsigned boot; /* 1 ... */
	int64_t topic;
	struct op_chunk_builder *builder[OP_TIER_LEVELS];
	struct op_tier *tier[OP_TIER_LEVELS];
	size_t stride[OP_TIER_LEVELS];

	struct world_record *records;
	size_t n, cap;
	struct world_segment segments[WORLD_SEGMENTS];
	size_t n_segments;
};

/* Repeatable; splitmix64. */
uint64_t world_random(uint64_t *state);

/* A database in the test's directory, and its first boot. */
void world_open(struct world_file *w, const char *name);
void world_close(struct world_file *w);
/* Ends the boot, stopped or killed, and begins the next one. */
void world_boot(struct world_file *w, bool stop_first);
/* The recorder is started again in the same boot. */
void world_restart(struct world_file *w, bool stop_first);
void world_clock(struct world_file *w, uint64_t from_ns, int64_t offset_ns,
		 enum op_clock_quality quality);
void world_put(struct world_file *w, uint64_t t, const struct world *values);
/* Cuts level 0 and 1, and of the others what is due, in one transaction. */
void world_cut(struct world_file *w);
void world_sql(struct world_file *w, const char *sql);
/* Wall time of an instant, from the segments put. */
int64_t world_wall(const struct world_file *w, unsigned boot, uint64_t t);

#endif
