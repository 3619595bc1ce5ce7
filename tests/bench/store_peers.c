/*
 * store_peers.c - rows of SQLite and lines of InfluxDB's protocol, from the same records.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "store_peers.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
		exit(1);
	}
}

static void insert_row(sqlite3_stmt *s, const struct pbt_slot *slot, uint64_t seq)
{
	sqlite3_bind_int64(s, 1, (int64_t)slot->boot_ns);
	sqlite3_bind_int64(s, 2, (int64_t)seq);
	sqlite3_bind_double(s, 3, (double)slot->sample.baseline);
	sqlite3_bind_double(s, 4, (double)slot->sample.envelope);
	sqlite3_bind_int(s, 5, slot->sample.raw);
	sqlite3_bind_int(s, 6, slot->sample.phase);
	if (sqlite3_step(s) != SQLITE_DONE)
		exit(1);
	sqlite3_reset(s);
}

void peer_rows(const char *dir, const struct pbt_slot *slots, size_t n, double *ret_rate,
	       double *ret_bytes)
{
	char path[512];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	snprintf(path, sizeof(path), "%s/rows.db", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
	sql(db, "CREATE TABLE samples(time INTEGER PRIMARY KEY, seq INTEGER, baseline REAL,"
		" envelope REAL, raw INTEGER, phase INTEGER)");
	if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO samples VALUES(?,?,?,?,?,?)", -1, &s,
			       NULL) != SQLITE_OK)
		exit(1);
	double from = seconds(), begun = from;
	sql(db, "BEGIN");
	for (size_t i = 0; i < n; i++) {
		insert_row(s, &slots[i], i);
		if (i % 256 == 0 && seconds() - begun >= 1) {
			sql(db, "COMMIT; BEGIN");
			begun = seconds();
		}
	}
	sql(db, "COMMIT");
	*ret_rate = (double)n / (seconds() - from);
	sqlite3_finalize(s);
	sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(db);
	struct stat st;
	if (stat(path, &st))
		exit(1);
	*ret_bytes = (double)st.st_size / (double)n;
	(void)unlink(path); /* its log went when it was closed */
}

double peer_line_protocol(const struct pbt_slot *slots, size_t n, bool all, bool gz)
{
	z_stream z = {0};
	size_t plain = 0;
	static unsigned char out[65536];
	char line[256];
	if (deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		const struct pbt_sample *s = &slots[i].sample;
		unsigned long long ns = 1763712000000000000u + slots[i].boot_ns;
		int bytes_of_line =
			all ? snprintf(line, sizeof(line),
				       "pbt.sample baseline=%.9g,envelope=%.9g,raw=%ui,phase=%ui "
				       "%llu\n",
				       (double)s->baseline, (double)s->envelope, s->raw, s->phase,
				       ns)
			    : snprintf(line, sizeof(line), "pbt.sample raw=%ui %llu\n", s->raw, ns);
		plain += (size_t)bytes_of_line;
		z.next_in = (unsigned char *)line;
		z.avail_in = (unsigned)bytes_of_line;
		while (gz && (z.avail_in > 0 || i == n - 1)) {
			z.next_out = out;
			z.avail_out = sizeof(out);
			if (deflate(&z, i == n - 1 ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END)
				break;
		}
	}
	double bytes = gz ? (double)z.total_out : (double)plain;
	deflateEnd(&z);
	return bytes / (double)n;
}
