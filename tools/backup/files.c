/*
 * files.c - files and directories: hash, copy, sync, remove; progress and being stopped.
 *
 * One thread; the signal handlers only set a mark. Hashes: libcrypto.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* ---- progress ------------------------------------------------------------------------------ */

static volatile sig_atomic_t stopped;
static bool drawn, told;

static void stop(int signal)
{
	stopped = 1;
}

void backup_catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};
	(void)sigaction(SIGINT, &action, NULL); /* these exist */
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
}

int backup_progress(const char *what, double done)
{
	static uint64_t last_ns;
	uint64_t now = op_now_ns();
	if (stopped)
		return -ECANCELED;
	if (!isatty(STDERR_FILENO) || now - last_ns < 100 * OP_NS_PER_MS)
		return 0;
	last_ns = now;
	drawn = true;
	fprintf(stderr, "\r\033[K%3.0f %% %.60s", done * 100, what);
	return 0;
}

void backup_progress_end(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}

void backup_tell(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	told = true;
	backup_progress_end();
	fprintf(stderr, "outpost %s: ", backup_verb);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void backup_tell_last(const char *what, int error)
{
	if (error == -ECANCELED)
		backup_tell("stopped");
	else if (error < 0 && !told)
		backup_tell("%s: %s", what, op_strerror(error));
}

/* ---- files --------------------------------------------------------------------------------- */

int backup_join(char out[PATH_MAX], const char *a, const char *b)
{
	if (snprintf(out, PATH_MAX, "%s/%s", a, b) < PATH_MAX)
		return 0;
	backup_tell("%s/%s: the name is too long", a, b);
	return -ENAMETOOLONG;
}

static int hash_all(int fd, EVP_MD_CTX *ctx, uint64_t *ret_bytes)
{
	unsigned char bytes[65536];
	ssize_t n;
	*ret_bytes = 0;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		if (EVP_DigestUpdate(ctx, bytes, (size_t)n) != 1)
			return -EIO;
		*ret_bytes += (uint64_t)n;
		int r = backup_progress("checking", 1);
		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static void put_hex(const unsigned char *digest, unsigned n, char *out)
{
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]); /* fits */
}

int backup_hash(const char *real, char ret[BACKUP_HASH_BYTES], uint64_t *ret_bytes)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	OP_AUTO_CLOSE int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
	if (r == 0)
		r = hash_all(fd, ctx, ret_bytes);
	if (r == 0 && (EVP_DigestFinal_ex(ctx, digest, &n) != 1 || n * 2 + 1 != BACKUP_HASH_BYTES))
		r = -EIO;
	if (r == 0)
		put_hex(digest, n, ret);
	EVP_MD_CTX_free(ctx);
	return r;
}

static int create(const char *real)
{
	int fd = open(real, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int backup_copy(const char *from, const char *to)
{
	char bytes[65536];
	OP_AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in < 0)
		return -errno;
	OP_AUTO_CLOSE int out = create(to);
	if (out < 0)
		return out;
	int r = 0;
	ssize_t n = 0;
	while (r == 0 && (n = read(in, bytes, sizeof(bytes))) > 0) {
		r = op_write_all(out, bytes, (size_t)n);
		if (r == 0)
			r = backup_progress(from, 0);
	}
	return n < 0 ? -errno : r;
}

int backup_put(const char *real, const char *text, size_t n)
{
	OP_AUTO_CLOSE int fd = create(real);
	return fd < 0 ? fd : op_write_all(fd, text, n);
}

/* ---- directories --------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)remove(path); /* what stays, stays: it is a hidden directory of ours */
	return 0;
}

void backup_remove_tree(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int sync_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 || fsync(fd) < 0 ? errno : 0;
}

int backup_sync_tree(const char *dir)
{
	int r = nftw(dir, sync_one, 16, FTW_DEPTH | FTW_PHYS);
	return r < 0 ? -errno : -r;
}

int backup_sync_parent(const char *path)
{
	char copy[PATH_MAX];
	if (snprintf(copy, sizeof(copy), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	OP_AUTO_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

bool backup_is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT;
	bool empty = true;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			empty = false;
	(void)closedir(d); /* was only read */
	return empty;
}
