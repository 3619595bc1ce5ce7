/*
 * store_history.h - the history that bench store_history reads: how it is made.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_HISTORY_BENCH_H
#define OUTPOST_STORE_HISTORY_BENCH_H

#include "lib/store/history.h"

#define HZ 800
#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define YEAR_S (365L * DAY_S)
/* A year, and what a recorder that still runs has in its memory at worst: a day less a minute of
 * hours, an hour less a minute of minutes. */
#define TOTAL_S (YEAR_S + DAY_S - 60)
#define RAW_S (2 * HOUR_S)       /* the newest of the year, at level 0 */
#define SECONDS_S (30L * DAY_S)  /* the newest of the year, at level 1 */
#define BEGIN_WALL_S 1763722800L /* 2025-11-21T11:00Z */
#define FILE_BYTES (2000L << 20)

#define SAMPLE_FIELDS(F, E, T)         \
	F(f32, baseline, "counts", "") \
	F(f32, envelope, "counts", "") \
	F(u16, raw, "counts", "")      \
	E(phase, "settling|armed|capture|pulse|refractory|wait", "")
OP_TOPIC_DECLARE(sample, SAMPLE_FIELDS);

_Noreturn void bench_die(const char *fmt, ...) OP_PRINTF(1, 2);
/* Fails the bench unless r is 0. */
void bench_ok(int r, const char *what);
double bench_now_ms(void);

/* A signal like the sensor's: noise about a level that wanders, and a hit now and then. */
struct signal {
	uint64_t state;
	double level, baseline, envelope;
	unsigned since_hit;
};
void signal_next(struct signal *s, struct sample *ret);

/* Writes the year. */
void bench_make_year(const char *path);
/* Adds chunks of noise until the file has FILE_BYTES. */
void bench_make_big(const char *path);
/* The same hour as a row per sample, in a database of its own. */
void bench_make_rows(const char *path);

#endif
