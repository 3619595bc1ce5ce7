/*
 * topics.h - what the recorder says of itself, once a second.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_TOPICS_H
#define OUTPOST_RECORDER_TOPICS_H

#include <outpost/topic.h>

#define RECORDER_DISK_LABELS "opening|ok|slow|full|read_only|failing|in_use|newer"
#define RECORDER_CLOCK_LABELS "unknown|set|synchronised"

#define RECORDER_STATS_FIELDS(F, E, T)                                                 \
	F(u64, records, "", "records taken to be kept")                                \
	F(u64, stored, "", "of those, on disk")                                        \
	F(u64, dropped, "", "of those, lost because the disk failed for too long")     \
	F(u64, missed, "", "records that came too fast to be read from the bus")       \
	F(u64, chunks, "", "chunks stored, tiers included")                            \
	F(u64, rows, "", "rows stored")                                                \
	F(u64, bytes, "B", "stored in chunks and rows")                                \
	F(u64, commits, "", "transactions")                                            \
	F(u64, failures, "", "attempts to open or commit that failed")                 \
	F(u64, deleted, "", "chunks and rows deleted to keep the bounds")              \
	F(u64, set_aside, "", "damaged databases set aside")                           \
	F(u64, queue_bytes, "B", "waiting for the disk")                               \
	F(u64, queue_bytes_most, "B", "most that ever waited")                         \
	F(u64, db_bytes, "B", "of the database in use")                                \
	F(u64, db_file_bytes, "B", "of its file with its log")                         \
	F(f64, oldest_s, "s", "age of the oldest record that is not on disk; 0: none") \
	F(f64, commit_ms, "ms", "time the last transaction took")                      \
	E(disk, RECORDER_DISK_LABELS, "how the disk does")                             \
	E(clock, RECORDER_CLOCK_LABELS, "what the wall clock is worth")                \
	T(last_error, 127, "what failed last")
OP_TOPIC_DECLARE(recorder_stats, RECORDER_STATS_FIELDS);

#endif
