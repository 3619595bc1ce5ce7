/*
 * store_ingest.c - records of pbt.sample into chunks on one core, and bytes they take, beside what
 * people use instead.
 *
 *     bench-store_ingest TRACE [levels|pages]
 *
 * Ours: append, three tiers, encode, insert and commit (synchronous=FULL), once a second as the
 * peer. The peer: the same records as rows of SQLite, synchronous=NORMAL, a transaction a second.
 * Sizes are of the recorded trace and of the simulated signal, cut each 30 s; the yardstick is what
 * the same fields take in InfluxDB's line protocol, plain and gzipped. "levels" prints instead what
 * zstd levels cost and give, "pages" what goes to the disk with pages of other sizes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/store/history.h"

#include "pbt_signal.h"
#include "store_peers.h"

enum { BASELINE, ENVELOPE, RAW, PHASE };
#define RAW_ONLY (1u << RAW)
#define DERIVED (1u << BASELINE | 1u << ENVELOPE)
#define ALL (DERIVED | RAW_ONLY | 1u << PHASE)

#define RECORDS (1u << 21) /* of a run */
#define BATCH 4096         /* as a recorder reads them */
#define CUT 24000          /* records of 30 s */
#define RECORDED 16000     /* of the trace: it must not repeat within a chunk */
#define SIZED (CUT * 40)   /* 20 minutes */
#define ROUNDS 5
#define ROWS 400000

static struct pbt_slot *slots;
static size_t cut = CUT;                             /* records of a chunk */
static unsigned page_bytes;                          /* 0: as by default */
static char dir[] = "/var/tmp/outpost-bench-XXXXXX"; /* a disk, not a tmpfs */
static const char *trace;

_Noreturn static void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, op_strerror(err));
	exit(1);
}

static void must(const char *what, int err)
{
	if (err < 0)
		die(what, err);
}

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void figure(const char *metric, double value, const char *unit, const char *peer,
		   double peer_value)
{
	printf("{\"bench\":\"store_ingest\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\","
	       "\"bar\":null,\"peer\":{",
	       metric, value, unit);
	if (peer)
		printf("\"%s\":%.6g", peer, peer_value);
	printf("}}\n");
	fflush(stdout);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* ---- a recorder's data path --------------------------------------------------------------------
 */

struct path {
	struct op_db *db;
	struct op_history *history;
	int64_t topic;
	struct op_chunk_builder *level[OP_TIER_LEVELS];
	struct op_tier *tier[OP_TIER_LEVELS];
	uint64_t chunk_bytes[OP_TIER_LEVELS];
	double committed;
};

static void put(struct path *p, unsigned level)
{
	struct op_chunk chunk;
	if (op_chunk_pending(p->level[level]) == 0)
		return;
	must("cut", op_chunk_cut(p->level[level], &chunk));
	p->chunk_bytes[level] += chunk.bytes;
	must("insert", op_history_put_chunk(p->history, p->topic, level, &chunk));
}

/* A bucket of a level is an entry of it, and a record of the next. */
static void take(void *arg, const void *slot, unsigned level)
{
	struct path *p = arg;
	size_t stride = op_tier_stride(p->tier[level]);
	while (op_chunk_append(p->level[level], 0, slot, 1, stride) == 0)
		put(p, level);
	if (level + 1 < OP_TIER_LEVELS)
		op_tier_add(p->tier[level + 1], slot, 1, stride);
}
static void take_1(void *arg, const void *slot)
{
	take(arg, slot, 1);
}
static void take_2(void *arg, const void *slot)
{
	take(arg, slot, 2);
}
static void take_3(void *arg, const void *slot)
{
	take(arg, slot, 3);
}

static void open_tiers(struct path *p, op_field_set fields)
{
	static const op_tier_fn takes[] = {NULL, take_1, take_2, take_3};
	const struct op_topic_type *type = &pbt_sample_topic;
	struct op_chunk_plan plan = {.fields = ~0ULL, .max_records = 4096};
	for (unsigned i = 1; i < OP_TIER_LEVELS; i++) {
		must("tier",
		     op_tier_create(type, fields, op_tier_width_ns(i), takes[i], p, &p->tier[i]));
		type = op_tier_record_type(p->tier[i]);
		must("builder", op_chunk_builder_create(type, &plan, &p->level[i]));
	}
}

static void path_open(struct path *p, op_field_set fields, op_field_set recompute, size_t records,
		      int zstd_level)
{
	char path[512];
	struct op_buf note;
	*p = (struct path){0};
	snprintf(path, sizeof(path), "%s/history.db", dir);
	op_buf_init(&note, 4096);
	struct op_db_settings settings = {.path = path, .page_bytes = page_bytes};
	must(path, op_db_open(&settings, &op_history_schema, &p->db, &note));
	op_buf_finish(&note);
	must("history", op_history_create(p->db, "bench", &p->history));
	struct op_chunk_plan plan = {.fields = fields,
				     .recompute = recompute,
				     .max_records = records,
				     .zstd_level = zstd_level};
	must("builder", op_chunk_builder_create(&pbt_sample_topic, &plan, &p->level[0]));
	open_tiers(p, fields);
	must("begin", op_db_begin(p->db));
	must("topic", op_history_topic(p->history, "pbt.sample", &pbt_sample_topic,
				       OP_HISTORY_CHUNKS, fields, &p->topic));
	p->committed = seconds();
}

static void commit(struct path *p)
{
	must("commit", op_db_commit(p->db));
	must("begin", op_db_begin(p->db));
	p->committed = seconds();
}

static void feed(struct path *p, const struct pbt_slot *from, uint64_t seq, size_t n)
{
	op_tier_add(p->tier[1], from, n, sizeof(*from));
	while (n > 0) {
		size_t took = op_chunk_append(p->level[0], seq, from, n, sizeof(*from));
		from += took;
		seq += took;
		n -= took;
		if (n > 0) {
			put(p, 0);
			put(p, 1);
		}
	}
	if (seconds() - p->committed >= 1)
		commit(p);
}

static void path_flush(struct path *p)
{
	put(p, 0);
	for (unsigned i = 1; i < OP_TIER_LEVELS; i++) {
		op_tier_flush(p->tier[i]);
		put(p, i);
	}
	must("commit", op_db_commit(p->db));
}

static void path_close(struct path *p)
{
	op_history_destroy(p->history);
	for (unsigned i = 0; i < OP_TIER_LEVELS; i++) {
		op_chunk_builder_destroy(p->level[i]);
		op_tier_destroy(p->tier[i]);
	}
	op_db_close(p->db);
}

static void remove_files(const char *name)
{
	static const char *const tails[] = {"", "-wal", "-shm", ".lock"};
	char path[512];
	for (size_t i = 0; i < OP_ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, tails[i]);
		(void)unlink(path); /* there may be none */
	}
}

/* ---- speed -------------------------------------------------------------------------------------
 */

static double our_speed(op_field_set fields, op_field_set recompute, int zstd_level)
{
	double rate[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct path p;
		path_open(&p, fields, recompute, OP_CHUNK_RECORDS_MAX, zstd_level);
		double from = seconds();
		for (size_t at = 0; at < RECORDS; at += BATCH)
			feed(&p, slots + at, at, BATCH);
		path_flush(&p);
		rate[i] = RECORDS / (seconds() - from);
		path_close(&p);
		remove_files("history.db");
	}
	qsort(rate, ROUNDS, sizeof(*rate), ascending);
	return rate[ROUNDS / 2];
}

static void speed(void)
{
	double rows, row_bytes;
	peer_rows(dir, slots, ROWS, &rows, &row_bytes);
	figure("records_per_s", our_speed(RAW_ONLY, 0, 0), "1/s", "sqlite_rows", rows);
	figure("records_per_s_recompute", our_speed(DERIVED | RAW_ONLY, DERIVED, 0), "1/s",
	       "sqlite_rows", rows);
	figure("records_per_s_all_fields", our_speed(ALL, 0, 0), "1/s", "sqlite_rows", rows);
	figure("row_bytes_sqlite", row_bytes, "B", NULL, 0);
}

/* ---- size --------------------------------------------------------------------------------------
 */

/* Bytes a sample of the pages in use, and of the chunks alone. */
static double our_size(op_field_set fields, op_field_set recompute, int zstd_level,
		       double *ret_chunks)
{
	struct path p;
	uint64_t used, file;
	path_open(&p, fields, recompute, cut, zstd_level);
	for (size_t at = 0; at < SIZED; at += BATCH)
		feed(&p, slots + at, at, SIZED - at < BATCH ? SIZED - at : BATCH);
	path_flush(&p);
	must("size", op_db_size(p.db, &used, &file));
	*ret_chunks = (double)p.chunk_bytes[0] / SIZED;
	path_close(&p);
	remove_files("history.db");
	return (double)used / SIZED;
}

static void sizes_of(const char *signal)
{
	static const struct {
		const char *name;
		op_field_set fields, recompute;
	} ways[] = {{"raw", RAW_ONLY, 0},
		    {"recompute", DERIVED | RAW_ONLY, DERIVED},
		    {"all_fields", ALL, 0}};
	char metric[64];
	for (size_t i = 0; i < OP_ARRAY_SIZE(ways); i++) {
		double chunks;
		double all = our_size(ways[i].fields, ways[i].recompute, 0, &chunks);
		double line = peer_line_protocol(slots, SIZED, i == 2, true);
		snprintf(metric, sizeof(metric), "chunk_bytes_%s_%s", ways[i].name, signal);
		figure(metric, chunks, "B", "influx_gzip", line);
		snprintf(metric, sizeof(metric), "stored_bytes_%s_%s", ways[i].name, signal);
		figure(metric, all, "B", "influx_plain",
		       peer_line_protocol(slots, SIZED, i == 2, false));
	}
}

static void fill(const char *from, size_t n)
{
	struct pbt_signal s;
	pbt_signal_init(&s, from, "default", 1000 * OP_NS_PER_S);
	pbt_signal_fill(&s, slots, n);
	pbt_signal_finish(&s);
}

/* ---- deleting ----------------------------------------------------------------------------------
 */

#define COMMITS 100 /* of the writer's own, in between */

/* What the writer itself takes for one, in seconds. */
static double commit_chunk(struct path *p, const struct op_chunk *chunk)
{
	double from = seconds();
	must("begin", op_db_begin(p->db));
	must("insert", op_history_put_chunk(p->history, p->topic, 0, chunk));
	must("commit", op_db_commit(p->db));
	return seconds() - from;
}

/* How long a step of retention keeps the database to itself, and beside it a commit of the writer:
 * half of 50 MB go. */
static void retention(void)
{
	static unsigned char data[12000];
	struct path p;
	struct op_retention bounds = {.max_bytes = 25000000};
	struct op_retention_result r = {.more = true};
	double worst = 0, own = 0, from = 0;
	struct op_chunk chunk = {.n = CUT, .data = data, .bytes = sizeof(data)};
	uint64_t steps = 0, bytes = 0;
	path_open(&p, RAW_ONLY, 0, CUT, 0);
	for (uint64_t i = 0; i < 4200; i++) {
		chunk.t0_ns = i * 30 * OP_NS_PER_S;
		chunk.t1_ns = chunk.t0_ns + 30 * OP_NS_PER_S - 1;
		must("insert", op_history_put_chunk(p.history, p.topic, 0, &chunk));
	}
	must("commit", op_db_commit(p.db));
	for (; r.more; steps++) {
		from = seconds();
		must("step", op_retention_step(p.history, &bounds, 0, &r));
		double took = seconds() - from;
		worst = took > worst ? took : worst;
		bytes += r.bytes;
		if (steps < COMMITS)
			own = fmax(own, commit_chunk(&p, &chunk));
	}
	figure("retention_step_worst", worst * 1000, "ms", "commit_of_a_chunk", own * 1000);
	figure("retention_bytes_per_step", (double)bytes / (double)steps, "B", NULL, 0);
	path_close(&p);
	remove_files("history.db");
}

/* ---- zstd levels -------------------------------------------------------------------------------
 */

static void levels(void)
{
	static const int level[] = {-5, -1, 1, 2, 3, 5, 7, 9, 12, 15, 19};
	for (size_t i = 0; i < OP_ARRAY_SIZE(level); i++) {
		double raw, all;
		(void)our_size(RAW_ONLY, 0, level[i], &raw);
		(void)our_size(ALL, 0, level[i], &all);
		printf("level %3d: raw %.4f B, all fields %.4f B; %.3g and %.3g records/s\n",
		       level[i], raw, all, our_speed(RAW_ONLY, 0, level[i]),
		       our_speed(ALL, 0, level[i]));
		fflush(stdout);
	}
}

/* ---- pages -------------------------------------------------------------------------------------
 */

static double written(void)
{
	unsigned long long n = 0;
	char line[128];
	FILE *f = fopen("/proc/self/io", "r");
	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "write_bytes: %llu", &n); /* other lines do not match */
	if (f)
		fclose(f);
	return (double)n;
}

/* Bytes written a sample, WAL and checkpoints included, with a commit each `every` records. */
static double bytes_written(unsigned page, size_t every)
{
	struct path p;
	double before = written();
	page_bytes = page;
	path_open(&p, DERIVED | RAW_ONLY, DERIVED, every, 0);
	for (size_t at = 0; at < RECORDS; at += every) {
		size_t n = RECORDS - at < every ? RECORDS - at : every;
		p.committed = seconds(); /* not by the clock */
		feed(&p, slots + at, at, n);
		op_tier_flush(p.tier[1]);
		put(&p, 0);
		put(&p, 1);
		commit(&p);
	}
	path_flush(&p);
	path_close(&p);
	remove_files("history.db");
	return (written() - before) / RECORDS;
}

static void pages(void)
{
	static const unsigned sizes[] = {512, 1024, 2048, 4096};
	static const unsigned commits_s[] = {5, 10, 30, 60};
	for (size_t i = 0; i < OP_ARRAY_SIZE(sizes); i++) {
		printf("page %4u:", sizes[i]);
		for (size_t k = 0; k < OP_ARRAY_SIZE(commits_s); k++)
			printf("  %u s %.3f B", commits_s[k],
			       bytes_written(sizes[i], commits_s[k] * 800));
		printf("\n");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* one core, if we may choose */
	slots = malloc(RECORDS * sizeof(*slots));
	if (argc < 2 || !slots || !mkdtemp(dir))
		return 2;
	trace = argv[1];
	fill(NULL, RECORDS);
	if (argc > 2 && !strcmp(argv[2], "pages")) {
		pages();
	} else if (argc > 2) {
		levels();
	} else {
		speed();
		retention();
		cut = CUT;
		sizes_of("simulated");
		fill(trace, SIZED);
		cut = RECORDED;
		sizes_of("recorded");
	}
	(void)rmdir(dir); /* what is left in it says more than an error */
	free(slots);
	return 0;
}
