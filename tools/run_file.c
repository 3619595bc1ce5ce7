/*
 * run_file.c - the optional log file: appended line by line, rotated by size.
 *
 * Loop thread. A full or read-only disk must not stop an appliance, so nothing here fails after
 * the start: lines that find no room are counted, at most once a second the file is tried again,
 * and the count is written when it works. A line is whole or not there at all.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int run_file_open(struct run_file *f)
{
	struct stat st;
	f->fd = -1;
	f->bytes = 0;
	if (!f->path)
		return 0;
	f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode))
		f->bytes = (uint64_t)st.st_size;
	return 0;
}

void run_file_close(struct run_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd); /* every line was a write of its own */
	f->fd = -1;
}

static void rotated_name(const struct run_file *f, unsigned i, char *ret, size_t size)
{
	if (i == 0)
		(void)snprintf(ret, size, "%s", f->path); /* too long: rename fails, below */
	else
		(void)snprintf(ret, size, "%s.%u", f->path, i);
}

/* path.1 -> path.2 ..., path -> path.1; the oldest is overwritten. If a rename fails the file is
 * emptied instead: the bound on the size is the promise. */
static void rotate(struct run_file *f)
{
	char from[PATH_MAX], to[PATH_MAX];
	bool moved = f->keep > 0;
	for (unsigned i = f->keep; i > 0; i--) {
		rotated_name(f, i - 1, from, sizeof(from));
		rotated_name(f, i, to, sizeof(to));
		if (rename(from, to) < 0 && i == 1)
			moved = false;
	}
	if (!moved && f->fd >= 0 && ftruncate(f->fd, 0) == 0) {
		f->bytes = 0;
		return;
	}
	run_file_close(f);
	if (run_file_open(f) < 0)
		f->retry_ns = op_now_ns() + OP_NS_PER_S;
}

static bool put(struct run_file *f, const char *line, size_t n)
{
	ssize_t done = write(f->fd, line, n);
	if (done == (ssize_t)n) {
		f->bytes += n;
		return true;
	}
	/* Part of a line fitted: take it back, or the next line would be glued to it. */
	if (done > 0 && ftruncate(f->fd, (off_t)f->bytes) < 0)
		f->bytes += (uint64_t)done;
	return false;
}

static bool writable(struct run_file *f)
{
	uint64_t now = op_now_ns();
	if (f->retry_ns > now)
		return false;
	if (f->fd < 0 && run_file_open(f) < 0) {
		f->retry_ns = now + OP_NS_PER_S;
		return false;
	}
	return true;
}

static bool put_lost(struct run_file *f)
{
	char text[128], when[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(op_now_ns()), when);
	int n = snprintf(text, sizeof(text), "%s outpost warning %llu lines lost: no room\n", when,
			 (unsigned long long)f->lost);
	return put(f, text, (size_t)n);
}

void run_file_write(struct run_file *f, const char *line, size_t n)
{
	if (!f->path)
		return;
	if (f->fd >= 0 && f->bytes > 0 && f->bytes + n > f->max_bytes)
		rotate(f);
	bool ok = writable(f) && (f->lost == 0 || put_lost(f));
	if (ok)
		f->lost = 0;
	if (ok && put(f, line, n))
		return;
	if (ok)
		f->retry_ns = op_now_ns() + OP_NS_PER_S;
	f->lost++;
}
