/*
 * db_file.c - the files of a database: lock, a first look, setting aside what is damaged.
 *
 * Nothing here deletes what somebody may want back. Any thread, one at a time per database; the
 * lock keeps other processes out. Document: outpost-store(7); of the file's head:
 * https://www.sqlite.org/fileformat2.html, 1.3.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/db_file.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define HEAD_BYTES 100
#define HEAD_VERSION 60        /* user_version */
#define HEAD_APPLICATION_ID 68 /* application_id */
#define ASIDE_MAX 1000         /* names tried within one second */

/* The database first: were the log first, a power cut in between would leave a database that looks
 * sound and is old. A log without its database is seen, and set aside the next time. */
static const char *const endings[] = {"", "-wal", "-journal", "-shm"};

static int join(char out[PATH_MAX], const char *path, const char *ending)
{
	int n = snprintf(out, PATH_MAX, "%s%s", path, ending);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int op_db_file_lock(const char *path, int *ret_fd)
{
	char name[PATH_MAX];
	int r = join(name, path, ".lock");
	if (r < 0)
		return r;
	OP_AUTO_CLOSE int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0)
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = op_steal_fd(&fd);
	return 0;
}

/* ---- a first look ------------------------------------------------------------------------- */

/* The version may be newer still in the log: whoever opens it asks again. */
static enum op_db_look judge_head(const unsigned char *head, const struct op_db_schema *schema,
				  const char **ret_why)
{
	if (memcmp(head, "SQLite format 3", 16)) {
		*ret_why = "not a database";
		return OP_DB_DAMAGED;
	}
	if (db_big_endian(head + HEAD_APPLICATION_ID) != schema->id) {
		*ret_why = "another kind of database";
		return OP_DB_DAMAGED;
	}
	return db_big_endian(head + HEAD_VERSION) > schema->n_steps ? OP_DB_NEWER : OP_DB_THERE;
}

static off_t log_bytes(const char *path)
{
	char name[PATH_MAX];
	struct stat st;
	return join(name, path, "-wal") == 0 && stat(name, &st) == 0 ? st.st_size : 0;
}

static int look_inside(const char *path, const struct op_db_schema *schema, enum op_db_look *ret,
		       const char **ret_why)
{
	unsigned char head[HEAD_BYTES];
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return -errno;
	if (n < HEAD_BYTES) {
		*ret_why = n == 0 ? "empty" : "cut short";
		*ret = OP_DB_DAMAGED;
	} else {
		/* The power may have gone while the log was taken in: then the head may be torn,
		 * and the log has it whole. SQLite knows. */
		*ret = log_bytes(path) > 0 ? OP_DB_THERE : judge_head(head, schema, ret_why);
	}
	return 0;
}

int op_db_file_look(const char *path, const struct op_db_schema *schema, enum op_db_look *ret,
		    const char **ret_why)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		/* A link to nowhere is somebody's disk that is not mounted. */
		if (errno != ENOENT)
			return -errno;
		if (lstat(path, &st) == 0)
			return -ENOLINK;
		*ret = OP_DB_NONE;
		return 0;
	}
	if (S_ISREG(st.st_mode))
		return look_inside(path, schema, ret, ret_why);
	*ret_why = S_ISDIR(st.st_mode) ? "a directory" : "not a file";
	*ret = OP_DB_DAMAGED;
	return 0;
}

/* ---- setting aside ------------------------------------------------------------------------ */

static bool taken(const char *base)
{
	char name[PATH_MAX];
	struct stat st;
	for (size_t i = 0; i < OP_ARRAY_SIZE(endings); i++)
		if (join(name, base, endings[i]) < 0 || lstat(name, &st) == 0)
			return true;
	return false;
}

static int free_name(const char *path, char out[PATH_MAX])
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm)); /* fits */
	for (unsigned i = 0; i < ASIDE_MAX; i++) {
		int n = i ? snprintf(out, PATH_MAX, "%s.damaged-%s-%u", path, stamp, i)
			  : snprintf(out, PATH_MAX, "%s.damaged-%s", path, stamp);
		if (n >= PATH_MAX - 16)
			return -ENAMETOOLONG;
		if (!taken(out))
			return 0;
	}
	return -EEXIST;
}

int op_db_file_set_aside(const char *path, bool log_only, char name[PATH_MAX])
{
	int any = 0, r = free_name(path, name);
	for (size_t i = log_only; r == 0 && i < OP_ARRAY_SIZE(endings); i++) {
		char from[PATH_MAX], to[PATH_MAX];
		if ((r = join(from, path, endings[i])) < 0 || (r = join(to, name, endings[i])) < 0)
			break;
		if (rename(from, to) == 0)
			any = 1;
		else if (errno != ENOENT)
			r = -errno;
	}
	if (r == 0 && any)
		r = op_db_file_sync_dir(path);
	return r < 0 ? r : any;
}

void op_db_file_discard(const char *path)
{
	char name[PATH_MAX];
	for (size_t i = 0; i < OP_ARRAY_SIZE(endings); i++)
		if (join(name, path, endings[i]) == 0)
			(void)unlink(name); /* mostly not there */
}

static int copy_bytes(int in, int out)
{
	char bytes[16384];
	ssize_t n;
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(out, bytes + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
		}
	if (n < 0 || fsync(out) < 0)
		return -errno;
	return 0;
}

int op_db_file_keep_log(const char *path, char name[PATH_MAX])
{
	char log[PATH_MAX];
	int r = join(log, path, "-wal");
	if (r == 0)
		r = free_name(path, name);
	if (r < 0)
		return r;
	(void)strcat(name, "-wal"); /* free_name left room */
	OP_AUTO_CLOSE int in = open(log, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	OP_AUTO_CLOSE int out = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (out < 0)
		return -errno;
	r = copy_bytes(in, out);
	if (r < 0)
		(void)unlink(name); /* the first error is the one to tell */
	return r < 0 ? r : op_db_file_sync_dir(path);
}

int op_db_file_probe(const char *path)
{
	char name[PATH_MAX];
	int r = join(name, path, ".probe");
	if (r < 0)
		return r;
	OP_AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, "x", 1) != 1)
		r = errno == EDQUOT ? -ENOSPC : -errno;
	if (fd >= 0)
		(void)unlink(name); /* an empty file at worst, and used again */
	return r;
}

int op_db_file_sync_dir(const char *path)
{
	char copy[PATH_MAX];
	int r = join(copy, path, "");
	if (r < 0)
		return r;
	OP_AUTO_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}
