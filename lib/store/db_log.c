/*
 * db_log.c - has a write-ahead log lost a transaction that was committed?
 *
 * SQLite reads a log up to the first frame that does not fit its chain of checksums and takes the
 * rest for the torn end of a power cut. With synchronous=FULL the next transaction begins only when
 * the last one is on the medium; so a commit behind a broken frame, with a frame of a later
 * transaction behind it, was committed once, and is lost by damage. In a relaxed one nothing
 * follows from that, and only the log's head, which is synced always, is judged. Reads only.
 * Document: https://www.sqlite.org/fileformat2.html, 4.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/db_file.h"

#define HEAD_BYTES 32
#define FRAME_HEAD_BYTES 24
#define PAGE_MAX 65536
#define MAGIC_LITTLE 0x377f0682u /* checksums over little-endian words */

struct log {
	const char *path; /* of the database */
	FILE *f;
	unsigned char salts[8];
	uint32_t page_bytes, sum[2];
	bool little, relaxed;
	bool broken, commit; /* a frame that does not fit; behind it, one that commits */
};

static uint32_t word(const struct log *l, const unsigned char *p)
{
	return l->little ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]
			 : db_big_endian(p);
}

/* n: a multiple of 8. */
static void sum_up(struct log *l, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		l->sum[0] += word(l, p + i) + l->sum[1];
		l->sum[1] += word(l, p + i + 4) + l->sum[0];
	}
}

/* False: not the head of a log. */
static bool read_head(struct log *l, const unsigned char *head)
{
	l->little = db_big_endian(head) == MAGIC_LITTLE;
	l->page_bytes = db_big_endian(head + 8);
	memcpy(l->salts, head + 16, sizeof(l->salts));
	sum_up(l, head, 24);
	return (db_big_endian(head) & ~1u) == MAGIC_LITTLE && l->page_bytes >= 512 &&
	       l->page_bytes <= PAGE_MAX && !(l->page_bytes & (l->page_bytes - 1)) &&
	       l->sum[0] == db_big_endian(head + 24) && l->sum[1] == db_big_endian(head + 28);
}

/* True: the proof of damage. */
static bool judge_frame(struct log *l, const unsigned char *frame)
{
	bool ours = !memcmp(frame + 8, l->salts, sizeof(l->salts)); /* not of an earlier round */
	if (!l->broken) {
		sum_up(l, frame, 8);
		sum_up(l, frame + FRAME_HEAD_BYTES, l->page_bytes);
		l->broken = !ours || l->sum[0] != db_big_endian(frame + 16) ||
			    l->sum[1] != db_big_endian(frame + 20);
	}
	if (!l->broken || !ours)
		return false;
	if (l->commit)
		return true;
	l->commit = db_big_endian(frame + 4) != 0;
	return false;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

static bool is_spent(const struct log *l)
{
	OP_AUTO_CLOSE int db = open(l->path, O_RDONLY | O_CLOEXEC);
	return db >= 0 && op_db_log_spent(db, fileno(l->f));
}

static int judge(struct log *l, unsigned char *frame, bool *ret)
{
	unsigned char head[HEAD_BYTES];
	size_t n = fread(head, 1, sizeof(head), l->f);
	*ret = false;
	if (n < sizeof(head) || all_zero(head, n)) /* never begun */
		return ferror(l->f) ? -EIO : 0;
	if (!read_head(l, head)) {
		*ret = fgetc(l->f) != EOF && !is_spent(l);
		return 0;
	}
	while (!*ret && !l->relaxed && fread(frame, FRAME_HEAD_BYTES + l->page_bytes, 1, l->f) == 1)
		*ret = judge_frame(l, frame);
	return ferror(l->f) ? -EIO : 0;
}

int op_db_file_log_damaged(const char *path, bool relaxed, bool *ret)
{
	char name[PATH_MAX];
	struct log l = {.path = path, .relaxed = relaxed};
	if (snprintf(name, sizeof(name), "%s-wal", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	l.f = fopen(name, "rbe");
	if (!l.f && errno == ENOENT) {
		*ret = false;
		return 0;
	}
	if (!l.f)
		return -errno;
	OP_AUTO_FREE unsigned char *frame = malloc(FRAME_HEAD_BYTES + PAGE_MAX);
	int r = frame ? judge(&l, frame, ret) : -ENOMEM;
	(void)fclose(l.f); /* was only read */
	return r;
}
