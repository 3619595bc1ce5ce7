/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "history_support.h"

#define DAY (86400 * S)
#define WALL (1763712000 * S) /* 2025-11-21T08:00:00Z */
#define BYTES 4000            /* of a chunk */

static int64_t chunks_topic, rows_topic;

static void open_as(const char *boot)
{
	start(boot);
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_history_topic(history, "test.every", &every_topic, OP_HISTORY_CHUNKS, ~0ULL,
				   &chunks_topic),
		  0);
	CHECK_INT(op_history_topic(history, "test.tick", &tick_topic, OP_HISTORY_ROWS, ~0ULL,
				   &rows_topic),
		  0);
	CHECK_INT(op_db_commit(db), 0);
}

static void clock_is(int64_t from_ns, int64_t offset_ns, enum op_clock_quality quality)
{
	struct op_clock_segment s = {(uint64_t)from_ns, offset_ns, quality};
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_history_put_clock(history, &s), 0);
	CHECK_INT(op_db_commit(db), 0);
}

/* n chunks of a level, each `every` long, from boot time `from` on. What is in them does not
 * matter. */
static void add_chunks(unsigned level, int64_t from, int64_t every, unsigned n)
{
	static unsigned char data[BYTES];
	CHECK_INT(op_db_begin(db), 0);
	for (unsigned i = 0; i < n; i++) {
		struct op_chunk c = {.t0_ns = (uint64_t)(from + i * every),
				     .t1_ns = (uint64_t)(from + i * every + every - 1),
				     .seq0 = i,
				     .n = 100,
				     .data = data,
				     .bytes = sizeof(data)};
		CHECK_INT(op_history_put_chunk(history, chunks_topic, level, &c), 0);
	}
	CHECK_INT(op_db_commit(db), 0);
}

static void add_rows(int64_t from, int64_t every, unsigned n)
{
	CHECK_INT(op_db_begin(db), 0);
	for (unsigned i = 0; i < n; i++) {
		struct tick t = {i, i};
		CHECK_INT(op_history_put_row(history, rows_topic, &tick_topic, i,
					     (uint64_t)(from + i * every), &t),
			  0);
	}
	CHECK_INT(op_db_commit(db), 0);
}

/* Steps until no more is wanted. Returns what was deleted. */
static struct op_retention_result settle(const struct op_retention *bounds, int64_t wall_ns)
{
	struct op_retention_result all = {0}, step = {.more = true};
	for (int i = 0; step.more; i++) {
		CHECK(i < 10000);
		CHECK_INT(op_retention_step(history, bounds, wall_ns, &step), 0);
		all.chunks += step.chunks;
		all.rows += step.rows;
		all.bytes += step.bytes;
	}
	return all;
}

static uint64_t used_bytes(void)
{
	uint64_t used = 0, file = 0;
	CHECK_INT(op_db_size(db, &used, &file), 0);
	return used;
}

TEST(within_its_bounds_nothing_is_deleted_nor_written)
{
	struct op_retention bounds = {.max_bytes = 1 << 30, .max_age_s = {3600, 3600, 3600, 3600}};
	open_as("boot-a");
	clock_is(0, WALL, OP_CLOCK_SYNCHRONISED);
	add_chunks(0, 10 * S, S, 100);
	add_rows(10 * S, S, 100);
	int before = sqlite3_total_changes(op_db_handle(db));
	struct op_retention_result r = settle(&bounds, WALL + 3000 * S);
	CHECK_INT(r.chunks + r.rows, 0);
	r = settle(&(struct op_retention){0}, WALL + 1000 * DAY);
	CHECK_INT(r.chunks + r.rows, 0);
	CHECK_INT(sqlite3_total_changes(op_db_handle(db)), before);
	stop();
}

TEST(by_size_the_least_valuable_goes_first_and_of_it_the_oldest)
{
	open_as("boot-a");
	add_chunks(3, 0, 3600 * S, 20);
	add_chunks(2, 0, 3600 * S, 20);
	add_chunks(1, 0, 30 * S, 100);
	add_chunks(0, 0, 30 * S, 100);
	add_rows(0, S, 1000);
	stop();
	open_as("boot-b");
	add_chunks(0, 0, 30 * S, 100);
	struct op_retention bounds = {.max_bytes = used_bytes() - 50 * BYTES};
	struct op_retention_result r = settle(&bounds, 0);
	CHECK(r.chunks >= 45 && r.chunks <= 55);
	CHECK_INT(r.rows, 0);
	CHECK(used_bytes() <= bounds.max_bytes);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 0 AND boot = 2"), 100);
	CHECK_INT(number("SELECT min(t0) FROM chunks WHERE level = 0 AND boot = 1"),
		  30 * S * (int64_t)r.chunks);
	/* All raw chunks of the old boot, then those of this one, then the seconds. */
	bounds.max_bytes = used_bytes() - 200 * BYTES;
	(void)settle(&bounds, 0);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 0"), 0);
	CHECK(number("SELECT count(*) FROM chunks WHERE level = 1") < 100);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 2"), 20);
	bounds.max_bytes =
		used_bytes() - (number("SELECT count(*) FROM chunks WHERE level = 1") + 25) * BYTES;
	(void)settle(&bounds, 0);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level < 3"), 0);
	CHECK(number("SELECT count(*) FROM chunks") > 0);
	CHECK_INT(number("SELECT count(*) FROM rows_2"), 1000);
	/* Rows are last. */
	bounds.max_bytes = 1;
	(void)settle(&bounds, 0);
	CHECK_INT(number("SELECT count(*) FROM chunks"), 0);
	CHECK_INT(number("SELECT count(*) FROM rows_2"), 0);
	CHECK_INT(number("SELECT count(*) FROM boots WHERE boot_id = 'boot-a'"), 0);
	stop();
}

TEST(by_age_each_level_has_its_own)
{
	struct op_retention bounds = {.max_age_s = {3600, 7200, 86400, 0}};
	open_as("boot-a");
	clock_is(0, WALL, OP_CLOCK_SYNCHRONISED);
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++)
		add_chunks(level, 0, 60 * S, 600); /* ten hours */
	add_rows(0, 60 * S, 600);
	(void)settle(&bounds, WALL + 36000 * S);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 0"), 60);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 1"), 121);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 2"), 600);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE level = 3"), 600);
	CHECK_INT(number("SELECT count(*) FROM rows_2"), 60);
	CHECK_INT(number("SELECT min(t) FROM rows_2"), 32400 * S);
	stop();
}

/* A boot whose time nobody knows stays, whatever the date is now; newer ones go all the same. */
TEST(an_unknown_clock_deletes_nothing)
{
	struct op_retention bounds = {.max_age_s = {3600, 3600, 3600, 3600}};
	open_as("boot-a");
	add_chunks(0, 0, 60 * S, 10); /* no clock at all */
	add_rows(0, 60 * S, 10);
	stop();
	open_as("boot-b");
	clock_is(0, 0, OP_CLOCK_UNKNOWN); /* 1970 */
	add_chunks(0, 0, 60 * S, 10);
	add_rows(0, 60 * S, 10);
	stop();
	open_as("boot-c");
	clock_is(0, WALL, OP_CLOCK_SET);
	add_chunks(0, 0, 60 * S, 10);
	add_rows(0, 60 * S, 10);
	struct op_retention_result r = settle(&bounds, 0);
	CHECK_INT(r.chunks + r.rows, 0);
	r = settle(&bounds, 1000 * S); /* a clock that says 1970 */
	CHECK_INT(r.chunks + r.rows, 0);
	r = settle(&bounds, WALL + 10 * DAY);
	CHECK_INT(r.chunks, 10);
	CHECK_INT(r.rows, 10);
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE boot < 3"), 20);
	CHECK_INT(number("SELECT count(*) FROM rows_2 WHERE boot < 3"), 20);
	stop();
}

/* The clock was put forward by an hour in the middle of the boot. */
TEST(age_is_by_the_clock_of_its_time)
{
	struct op_retention bounds = {.max_age_s = {1000}};
	open_as("boot-a");
	clock_is(0, WALL, OP_CLOCK_SET);
	clock_is(5000 * S, WALL + 3600 * S, OP_CLOCK_SYNCHRONISED);
	add_rows(0, 100 * S, 100);
	add_chunks(0, 0, 100 * S, 100);
	(void)settle(&bounds, WALL + 3600 * S + 7000 * S); /* boot time 7000 */
	CHECK_INT(number("SELECT min(t) FROM rows_2"), 6000 * S);
	CHECK_INT(number("SELECT min(t0) FROM chunks"), 6000 * S);
	stop();
}

TEST(free_space_is_kept)
{
	struct statvfs fs;
	struct op_retention bounds = {0};
	open_as("boot-a");
	add_chunks(0, 0, 60 * S, 100);
	CHECK_INT(statvfs(op_db_path(db), &fs), 0);
	bounds.min_free_bytes = 1;
	CHECK_INT(settle(&bounds, 0).chunks, 0);
	bounds.min_free_bytes = UINT64_MAX / 2; /* there will never be so much */
	CHECK_INT(settle(&bounds, 0).chunks, 100);
	CHECK_INT(number("PRAGMA freelist_count"), 0);
	stop();
}

/* What was deleted goes back to the file system but for a reserve, in small steps. */
TEST(the_file_becomes_smaller)
{
	struct op_retention bounds = {.max_bytes = 1000000};
	struct op_retention_result step = {.more = true};
	open_as("boot-a");
	add_chunks(0, 0, 60 * S, 2000); /* 8 MB */
	int64_t before = number("PRAGMA page_count"), size = number("PRAGMA page_size");
	for (int i = 0; step.more; i++) {
		int64_t pages = number("PRAGMA page_count");
		CHECK(i < 10000);
		CHECK_INT(op_retention_step(history, &bounds, 0, &step), 0);
		CHECK((pages - number("PRAGMA page_count")) * size <= 200000);
	}
	CHECK(before * size > 7000000);
	CHECK(number("PRAGMA page_count") * size < 2500000);
	CHECK_INT(
		number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
		1);
	stop();
}

/* A failure on the way leaves everything as it was. */
TEST(a_step_is_a_transaction_of_its_own)
{
	struct op_retention bounds = {.max_bytes = 1};
	struct op_retention_result r;
	open_as("boot-a");
	add_chunks(0, 0, 60 * S, 3000);
	CHECK_INT(op_retention_step(history, &bounds, 0, &r), 0);
	CHECK(r.more && r.chunks > 0);
	CHECK_INT(number("SELECT count(*) FROM chunks"), 3000 - (int64_t)r.chunks);
	CHECK(sqlite3_get_autocommit(op_db_handle(db)));
	stop();
}
