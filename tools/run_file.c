/*
 * run_file.c - the optional log file: appended line by line, rotated by size, found again when
 * somebody else rotates it.
 *
 * Loop thread. A full or read-only disk must not stop an appliance, so nothing here fails after
 * the start: lines that find no room are counted, at most once a second the file is tried again,
 * and the count is written when it works. A line is whole or not there at all, and is a write(2) of
 * its own: nothing is lost with the process.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int run_file_make_dir(const char *path, char *ret_dir, size_t size)
{
	(void)snprintf(ret_dir, size, "%s", path); /* too long: open fails and says so */
	char *slash = strrchr(ret_dir, '/');
	if (!slash || slash == ret_dir)
		return 0;
	*slash = '\0';
	int r = op_dir_make(ret_dir, 0755);
	return r == -EEXIST ? 0 : r;
}

int run_file_open(struct run_file *f)
{
	struct stat st;
	f->fd = -1;
	f->bytes = 0;
	if (!f->path)
		return 0;
	f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		     0640);
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) < 0)
		return 0; /* the next line looks again */
	f->device = st.st_dev;
	f->inode = st.st_ino;
	f->regular = S_ISREG(st.st_mode);
	if (f->regular)
		f->bytes = (uint64_t)st.st_size;
	return 0;
}

void run_file_close(struct run_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd); /* every line was a write of its own */
	f->fd = -1;
}

/* ---- rotation ------------------------------------------------------------------------------ */

static void rotated_name(const struct run_file *f, unsigned i, char *ret, size_t size)
{
	if (i == 0)
		(void)snprintf(ret, size, "%s", f->path); /* too long: rename fails, below */
	else
		(void)snprintf(ret, size, "%s.%u", f->path, i);
}

static bool try_open(struct run_file *f)
{
	int r = run_file_open(f);
	if (r == -ENOENT) { /* the directory went too */
		char dir[PATH_MAX];
		if (run_file_make_dir(f->path, dir, sizeof(dir)) == 0)
			r = run_file_open(f);
	}
	f->error = r < 0 ? r : f->error;
	if (r < 0)
		f->retry_ns = op_now_ns() + OP_NS_PER_S;
	return r == 0;
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
	(void)try_open(f); /* told by the next line */
}

/* Somebody renamed the file (logrotate's "create"), removed it or emptied it ("copytruncate"). */
static void follow(struct run_file *f)
{
	struct stat st;
	if (f->fd < 0)
		return;
	if (stat(f->path, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode) {
		if (S_ISREG(st.st_mode))
			f->bytes = (uint64_t)st.st_size;
		return;
	}
	run_file_close(f);
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool put(struct run_file *f, const char *line, size_t n)
{
	ssize_t done = write(f->fd, line, n);
	if (done == (ssize_t)n) {
		f->bytes += f->regular ? n : 0; /* a device is not rotated */
		return true;
	}
	f->error = done < 0 ? -errno : -ENOSPC;
	/* Part of a line fitted: take it back, or the next line would be glued to it. */
	if (done > 0 && f->regular && ftruncate(f->fd, (off_t)f->bytes) < 0)
		f->bytes += (uint64_t)done;
	return false;
}

static bool writable(struct run_file *f)
{
	if (f->retry_ns > op_now_ns())
		return false;
	return f->fd >= 0 || try_open(f);
}

static bool put_lost(struct run_file *f)
{
	char text[64], mem[256];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	int n = snprintf(text, sizeof(text), "%llu lines lost: no room",
			 (unsigned long long)f->lost);
	run_log_filed(&b, f->style, "outpost", OP_WARNING, op_wall_ns(op_now_ns()), text,
		      (size_t)n);
	return put(f, b.data, b.len);
}

void run_file_write(struct run_file *f, const char *line, size_t n)
{
	if (!f->path)
		return;
	follow(f);
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
	f->lost_ever++;
}
