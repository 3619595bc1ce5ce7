/*
 * store_history.c - charts, export and opening of a large history.
 *
 * The database (see store_history_make.c) holds a year of tiers of an 800 Hz topic, then is filled
 * up to 2 GB. Each chart has 2,000 points of four fields at the newest end of the year and is asked
 * of a reader that was just opened; the median of five counts, "cold" is one after the file was
 * put out of the page cache: it says more of the medium, so it has no bar. Ranges just below a
 * change of level are the most expensive ones: 41.6 days from minutes, 16.6 hours from seconds, 999
 * s from records. Beside them one hour of a table with a row per sample, as SQLite is used without
 * Outpost.
 *
 * Ready after a start means: opened for writing, the newest time found, the topic found, one chunk
 * committed. One JSON line per figure on stdout. Directory: $TMPDIR or /var/tmp; 2.2 GB for a
 * minute.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "store_history.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/store/query.h"

#define POINTS 2000
#define RUNS 5
#define END_WALL_NS ((BEGIN_WALL_S + TOTAL_S) * (int64_t)OP_NS_PER_S)
#define EXPORT_STEP 65536

static char dir[256], year_path[300], rows_path[300];

_Noreturn void bench_die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("store_history: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void bench_ok(int r, const char *what)
{
	if (r != 0)
		bench_die("%s: %d %s", what, r, r < 0 ? op_strerror(r) : sqlite3_errstr(r));
}

double bench_now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void say(const char *metric, double value, const char *unit, const char *peer,
		double peer_value)
{
	printf("{\"bench\":\"store_history\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\","
	       "\"bar\":null,\"peer\":{",
	       metric, value, unit);
	if (peer)
		printf("\"%s\":%.6g", peer, peer_value);
	puts("}}");
	(void)fflush(stdout); /* who reads it sees what is missing */
}

static void forget_cache(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("%s: %s", path, strerror(errno));
	bench_ok(fdatasync(fd), "sync");
	bench_ok(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "forget the page cache");
	(void)close(fd); /* was only read */
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* ---- charts ------------------------------------------------------------------------------- */

static double chart_once(int64_t span_s, unsigned *level)
{
	struct op_query *q;
	struct op_query_points p;
	struct op_query_span span = {"bench.sample", END_WALL_NS - span_s * (int64_t)OP_NS_PER_S,
				     END_WALL_NS, POINTS, NULL};
	double begin = bench_now_ms();
	bench_ok(op_query_open(year_path, &q), "open for reading");
	bench_ok(op_query_span(q, &span, &p, NULL), "chart");
	double taken = bench_now_ms() - begin;
	/* Half of the points asked for is the least that a change of level leaves. */
	if (p.n < POINTS / 2 - 1 && p.n < (size_t)(span_s / HOUR_S) - 2)
		bench_die("a chart of %ld s has %zu points", (long)span_s, p.n);
	if (p.n_fields != 4 || p.damaged)
		bench_die("a chart of %u fields, %lu damaged", p.n_fields,
			  (unsigned long)p.damaged);
	*level = p.level;
	op_query_close(q);
	return taken;
}

static double chart(const char *name, int64_t span_s, double *cold_slowest, const char *peer,
		    double peer_value)
{
	double taken[RUNS];
	unsigned level;
	char metric[64];
	forget_cache(year_path);
	double cold = chart_once(span_s, &level);
	*cold_slowest = cold > *cold_slowest ? cold : *cold_slowest;
	for (int i = 0; i < RUNS; i++)
		taken[i] = chart_once(span_s, &level);
	qsort(taken, RUNS, sizeof(taken[0]), by_value);
	(void)snprintf(metric, sizeof(metric), "chart_%s_from_%s", name,
		       op_tier_name(level)); /* fits */
	say(metric, taken[RUNS / 2], "ms", peer, peer_value);
	return taken[RUNS / 2];
}

static double chart_of_rows(void)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	size_t n = 0;
	double begin = bench_now_ms();
	bench_ok(sqlite3_open_v2(rows_path, &db, SQLITE_OPEN_READONLY, NULL), "open rows");
	bench_ok(sqlite3_prepare_v2(
			 db,
			 "SELECT t / 1800000000, count(*), min(raw), max(raw), avg(raw),"
			 " min(baseline), max(baseline), avg(baseline), min(envelope),"
			 " max(envelope), avg(envelope), min(phase), max(phase), avg(phase)"
			 " FROM samples WHERE t >= 0 AND t < 3600000000000 GROUP BY 1",
			 -1, &s, NULL),
		 "prepare chart of rows");
	while (sqlite3_step(s) == SQLITE_ROW)
		n++;
	double taken = bench_now_ms() - begin;
	if (n != POINTS)
		bench_die("a chart of rows has %zu points", n);
	bench_ok(sqlite3_finalize(s), "finalize");
	bench_ok(sqlite3_close(db), "close rows");
	return taken;
}

static void charts(void)
{
	static const struct {
		const char *name;
		int64_t span_s;
	} ranges[] = {
		{"year", YEAR_S},       {"83_days", 83L * DAY_S}, {"41_days", 41L * DAY_S},
		{"month", 30L * DAY_S}, {"day", DAY_S},           {"16_hours", 59900},
		{"hour", HOUR_S},       {"999_s", 999},           {"minute", 60},
	};
	double slowest = 0, cold_slowest = 0, rows = chart_of_rows();
	for (size_t i = 0; i < OP_ARRAY_SIZE(ranges); i++) {
		bool beside = ranges[i].span_s == HOUR_S;
		double taken = chart(ranges[i].name, ranges[i].span_s, &cold_slowest,
				     beside ? "sqlite_row_per_sample" : NULL, rows);
		slowest = taken > slowest ? taken : slowest;
		if (beside)
			say("chart_hour_ahead", rows / taken, "x", NULL, 0);
	}
	say("chart_slowest", slowest, "ms", NULL, 0);
	say("chart_cold_slowest", cold_slowest, "ms", NULL, 0);
}

/* ---- export ------------------------------------------------------------------------------- */

/* Of this process: others run beside it, and nothing waits here. */
static double cpu_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* cannot fail for this clock */
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void export_rate(const char *metric, enum op_export_format format)
{
	struct op_query *q;
	struct op_export *e;
	struct op_export_settings settings = {.topic = "bench.sample",
					      .from_wall_ns = INT64_MIN,
					      .to_wall_ns = INT64_MAX,
					      .format = format};
	struct op_buf text;
	int more = 1;
	op_buf_init(&text, 4 << 20);
	double begin = cpu_ms();
	bench_ok(op_query_open(year_path, &q), "open for reading");
	bench_ok(op_export_begin(q, &settings, &e, NULL), "export");
	while (more > 0) {
		op_buf_reset(&text);
		more = op_export_step(e, EXPORT_STEP, &text);
	}
	bench_ok(more, "export");
	double taken = cpu_ms() - begin;
	if (op_export_records(e) != (uint64_t)RAW_S * HZ)
		bench_die("%lu records exported", (unsigned long)op_export_records(e));
	say(metric, (double)op_export_records(e) / taken * 1e3, "1/s", NULL, 0);
	op_export_end(e);
	op_query_close(q);
	op_buf_finish(&text);
}

/* ---- opening ------------------------------------------------------------------------------ */

struct writer {
	struct op_db *db;
	struct op_history *history;
	int64_t topic;
	uint64_t t;
};

static void put_one(struct writer *w)
{
	static const char bytes[1500];
	struct op_chunk chunk = {w->t, w->t, 0, 1, bytes, sizeof(bytes)};
	w->t += OP_NS_PER_S;
	bench_ok(op_history_put_chunk(w->history, w->topic, 0, &chunk), "put");
}

static void open_writer(struct writer *w, unsigned boot)
{
	char boot_id[40];
	int64_t newest;
	const struct op_db_settings settings = {.path = year_path};
	(void)snprintf(boot_id, sizeof(boot_id), "00000000-0000-0000-0000-%012u", boot); /* fits */
	bench_ok(op_db_open(&settings, &op_history_schema, &w->db, NULL), "open");
	bench_ok(op_history_newest_wall(w->db, &newest), "newest time");
	bench_ok(op_history_create(w->db, boot_id, &w->history), "history");
	bench_ok(op_db_begin(w->db), "begin");
	bench_ok(op_history_topic(w->history, "bench.filler", &sample_topic, OP_HISTORY_CHUNKS,
				  op_chunk_fields(&sample_topic), &w->topic),
		 "topic");
	put_one(w);
	bench_ok(op_db_commit(w->db), "commit");
}

static double ready_once(unsigned boot)
{
	struct writer w = {.t = OP_NS_PER_S};
	forget_cache(year_path);
	double begin = bench_now_ms();
	open_writer(&w, boot);
	double taken = bench_now_ms() - begin;
	op_history_destroy(w.history);
	op_db_close(w.db);
	return taken;
}

/* Commits, and is in the middle of a transaction when it dies. */
static _Noreturn void write_until_killed(unsigned boot, int ready)
{
	struct writer w = {.t = OP_NS_PER_S};
	open_writer(&w, boot);
	for (unsigned i = 0;; i++) {
		bench_ok(op_db_begin(w.db), "begin");
		for (unsigned k = 0; k < 200; k++)
			put_one(&w);
		if (i == 20 && write(ready, "r", 1) != 1)
			bench_die("cannot say that I write");
		bench_ok(op_db_commit(w.db), "commit");
	}
}

static void kill_a_writer(unsigned boot)
{
	int ends[2];
	char byte;
	bench_ok(pipe2(ends, O_CLOEXEC), "pipe");
	pid_t child = fork();
	if (child == 0)
		write_until_killed(boot, ends[1]);
	(void)close(ends[1]); /* the child's */
	if (child < 0 || read(ends[0], &byte, 1) != 1)
		bench_die("the writer did not write");
	(void)kill(child, SIGKILL); /* ours, not yet waited for */
	(void)waitpid(child, NULL, 0);
	(void)close(ends[0]); /* was only read */
}

static void openings(void)
{
	double clean = 0, killed = 0;
	for (unsigned i = 0; i < RUNS; i++) {
		double taken = ready_once(100 + i);
		clean = taken > clean ? taken : clean;
		kill_a_writer(200 + i);
		taken = ready_once(300 + i);
		killed = taken > killed ? taken : killed;
	}
	say("ready", clean / 1e3, "s", NULL, 0);
	say("ready_after_kill", killed / 1e3, "s", NULL, 0);
	struct op_query *q;
	const struct op_query_topic *topics;
	size_t n;
	forget_cache(year_path);
	double begin = bench_now_ms();
	bench_ok(op_query_open(year_path, &q), "open for reading");
	bench_ok(op_query_topics(q, &topics, &n), "topics");
	say("topics", bench_now_ms() - begin, "ms", NULL, 0);
	op_query_close(q);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)remove(path); /* what stays is in a directory of temporary files */
	return 0;
}

static void clean_up(void)
{
	(void)nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS); /* as above */
}

static int in_child(void)
{
	struct stat st;
	(void)snprintf(year_path, sizeof(year_path), "%s/history.db", dir); /* fits */
	(void)snprintf(rows_path, sizeof(rows_path), "%s/rows.db", dir);    /* fits */
	bench_make_rows(rows_path);
	bench_make_year(year_path);
	bench_ok(stat(year_path, &st), "stat");
	say("year_bytes", (double)st.st_size, "B", NULL, 0);
	charts();
	export_rate("export_csv", OP_EXPORT_CSV);
	export_rate("export_jsonl", OP_EXPORT_JSONL);
	bench_make_big(year_path);
	openings();
	return 0;
}

/* The parent cleans up, however the child ends. */
int main(void)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(dir, sizeof(dir), "%s/store-history-XXXXXX", base ? base : "/var/tmp");
	if (n >= (int)sizeof(dir) || !mkdtemp(dir))
		bench_die("no directory %s: %s", dir, strerror(errno));
	pid_t child = fork();
	if (child == 0)
		exit(in_child());
	int status = 1;
	if (child > 0)
		(void)waitpid(child, &status, 0); /* it is ours */
	clean_up();
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
