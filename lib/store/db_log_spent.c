/*
 * db_log_spent.c - is everything that a write-ahead log holds in its database already?
 *
 * SQLite begins a log anew by writing its head over the old one, once all of the old log is in the
 * database. If the power goes just then the head may be torn, and what follows is spent: nothing
 * is lost. Then each page is in the database as the newest frame has it. Reads only.
 * Document: https://www.sqlite.org/fileformat2.html, 1.3.2 and 4.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <string.h>

#include "lib/store/db_file.h"

#define LOG_HEAD_BYTES 32
#define FRAME_HEAD_BYTES 24
#define PAGE_MAX 65536
#define FRAMES_MAX 16384 /* of longer logs nothing is said */

struct spent {
	int db, log;
	size_t page_bytes;
	uint32_t *frames;     /* their pages; of the round that the first one belongs to */
	size_t n;             /* up to its last commit */
	uint32_t pages;       /* of the database after that */
	unsigned char *a, *b; /* a page each */
};

static bool read_page_bytes(struct spent *s)
{
	unsigned char size[2];
	if (pread(s->db, size, 2, 16) != 2)
		return false;
	size_t n = (size_t)size[0] << 8 | size[1];
	s->page_bytes = n == 1 ? PAGE_MAX : n;
	return s->page_bytes >= 512 && s->page_bytes <= PAGE_MAX &&
	       !(s->page_bytes & (s->page_bytes - 1));
}

static off_t frame_at(const struct spent *s, size_t i)
{
	return LOG_HEAD_BYTES + (off_t)(i * (FRAME_HEAD_BYTES + s->page_bytes));
}

/* False: there are too many. */
static bool read_frames(struct spent *s)
{
	unsigned char head[FRAME_HEAD_BYTES], salts[8];
	for (size_t i = 0; i < FRAMES_MAX; i++) {
		if (pread(s->log, head, sizeof(head), frame_at(s, i)) != sizeof(head))
			return true;
		if (i == 0)
			memcpy(salts, head + 8, sizeof(salts));
		if (memcmp(salts, head + 8, sizeof(salts)))
			return true;
		s->frames[i] = db_big_endian(head);
		if (!db_big_endian(head + 4))
			continue;
		s->n = i + 1;
		s->pages = db_big_endian(head + 4);
	}
	return false;
}

static bool is_newest(const struct spent *s, size_t i)
{
	for (size_t k = i + 1; k < s->n; k++)
		if (s->frames[k] == s->frames[i])
			return false;
	return s->frames[i] <= s->pages; /* else it was given back */
}

static bool is_in_database(const struct spent *s, size_t i)
{
	ssize_t n = (ssize_t)s->page_bytes;
	uint32_t page = s->frames[i];
	return page > 0 &&
	       pread(s->log, s->a, s->page_bytes, frame_at(s, i) + FRAME_HEAD_BYTES) == n &&
	       pread(s->db, s->b, s->page_bytes, (off_t)(page - 1) * n) == n &&
	       !memcmp(s->a, s->b, s->page_bytes);
}

bool op_db_log_spent(int db_fd, int log_fd)
{
	struct spent s = {.db = db_fd, .log = log_fd};
	if (!read_page_bytes(&s))
		return false;
	OP_AUTO_FREE uint32_t *frames = calloc(FRAMES_MAX, sizeof(*frames));
	OP_AUTO_FREE unsigned char *pages = malloc(2 * s.page_bytes);
	if (!frames || !pages)
		return false;
	s.frames = frames;
	s.a = pages;
	s.b = pages + s.page_bytes;
	bool spent = read_frames(&s) && s.n > 0;
	for (size_t i = 0; spent && i < s.n; i++)
		spent = !is_newest(&s, i) || is_in_database(&s, i);
	return spent;
}
