/*
 * archive.c - the archive of a backup: tar, compressed with zstd, by libarchive.
 *
 * Reading trusts nothing: only plain files, only names the manifest has, only as many bytes as it
 * says, each with its hash; what is written goes to a directory of our own. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup.h"

#define BLOCK 65536

/* ---- writing ------------------------------------------------------------------------------- */

struct writing {
	struct archive *a;
	const char *stage;
	uint64_t done, all; /* bytes */
};

static int archive_failed(struct archive *a, const char *what)
{
	int e = archive_errno(a);
	backup_tell("%s: %s", what, archive_error_string(a) ? archive_error_string(a) : "failed");
	return e > 0 && e < 4096 ? -e : -EIO;
}

static int write_header(struct writing *w, const char *path, const struct stat *st)
{
	struct archive_entry *e = archive_entry_new();
	if (!e)
		return -ENOMEM;
	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, st->st_size);
	archive_entry_set_mtime(e, st->st_mtime, 0);
	int r = archive_write_header(w->a, e);
	archive_entry_free(e);
	return r == ARCHIVE_OK ? 0 : archive_failed(w->a, path);
}

static int write_content(struct writing *w, const char *path, int fd)
{
	char bytes[BLOCK];
	ssize_t n;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		if (archive_write_data(w->a, bytes, (size_t)n) != n)
			return archive_failed(w->a, path);
		w->done += (uint64_t)n;
		int r = backup_progress(path, (double)w->done / (double)(w->all + 1));
		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static int write_file(struct writing *w, const char *path)
{
	char real[PATH_MAX];
	struct stat st;
	int r = backup_join(real, w->stage, path);
	if (r < 0)
		return r;
	OP_AUTO_CLOSE int fd = open(real, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = write_header(w, path, &st);
	return r < 0 ? r : write_content(w, path, fd);
}

static int write_entries(struct writing *w, const struct backup_manifest *m)
{
	int r = write_file(w, BACKUP_MANIFEST);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = write_file(w, m->files[i].path);
	return r;
}

static int write_to(int fd, const char *stage, const struct backup_manifest *m)
{
	struct writing w = {archive_write_new(), stage, 0, backup_manifest_bytes(m)};
	if (!w.a)
		return -ENOMEM;
	int r = 0;
	if (archive_write_set_format_pax_restricted(w.a) != ARCHIVE_OK ||
	    archive_write_add_filter_zstd(w.a) != ARCHIVE_OK ||
	    archive_write_open_fd(w.a, fd) != ARCHIVE_OK)
		r = archive_failed(w.a, "the archive");
	if (r == 0)
		r = write_entries(&w, m);
	if (r == 0 && archive_write_close(w.a) != ARCHIVE_OK)
		r = archive_failed(w.a, "the archive");
	archive_write_free(w.a);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

int backup_archive_write(const char *file, const char *stage, const struct backup_manifest *m)
{
	char part[PATH_MAX];
	if (snprintf(part, sizeof(part), "%s.part", file) >= PATH_MAX)
		return -ENAMETOOLONG;
	(void)unlink(part); /* of one that was cut off */
	OP_AUTO_CLOSE int fd =
		open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : write_to(fd, stage, m);
	if (r == 0 && rename(part, file) < 0)
		r = -errno;
	if (r == 0)
		r = backup_sync_parent(file);
	if (r < 0 && fd >= 0)
		(void)unlink(part); /* the first error is the one to tell */
	return r;
}

/* ---- reading ------------------------------------------------------------------------------- */

struct reading {
	struct archive *a;
	const char *file, *stage;
	struct backup_manifest *m;
	uint64_t done, all;
};

static int refuse(const struct reading *r, const char *what, const char *path)
{
	backup_tell("%s: %s%s%s; nothing was changed", r->file, what, *path ? ": " : "", path);
	return -OP_EDAMAGED;
}

/* 1: an entry, 0: the end. */
static int next_entry(struct reading *r, struct archive_entry **ret)
{
	int rc = archive_read_next_header(r->a, ret);
	if (rc == ARCHIVE_EOF)
		return 0;
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN
		       ? 1
		       : refuse(r, "it is cut off, damaged, or not a backup of Outpost", "");
}

static int read_manifest(struct reading *r)
{
	struct archive_entry *e;
	int rc = next_entry(r, &e);
	if (rc < 0)
		return rc;
	int64_t n = rc ? archive_entry_size(e) : 0;
	if (!rc || strcmp(archive_entry_pathname(e), BACKUP_MANIFEST) || n <= 0 ||
	    n > BACKUP_MANIFEST_MAX)
		return refuse(r, "not a backup of Outpost", "");
	OP_AUTO_FREE char *text = malloc((size_t)n);
	if (!text)
		return -ENOMEM;
	if (archive_read_data(r->a, text, (size_t)n) != n)
		return refuse(r, "it is cut off or damaged", "");
	rc = backup_manifest_read(r->m, text, (size_t)n);
	if (rc == -OP_ENEWER)
		backup_tell("%s: made by a newer version of Outpost; install that first", r->file);
	return rc == -OP_EDAMAGED ? refuse(r, "its manifest makes no sense", "") : rc;
}

/* The directories of a name that backup_path_ok has passed. */
static int make_parents(const char *real, size_t from)
{
	char at[PATH_MAX];
	(void)snprintf(at, sizeof(at), "%s", real); /* it is no longer */
	for (char *p = at + from; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(at, 0700) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int store(struct reading *r, const char *path, uint64_t bytes, int fd)
{
	char block[BLOCK];
	uint64_t got = 0;
	for (;;) {
		ssize_t n = archive_read_data(r->a, block, sizeof(block));
		if (n < 0)
			return refuse(r, "it is cut off or damaged", path);
		if (n == 0)
			return got == bytes ? 0 : refuse(r, "a file has another size", path);
		got += (uint64_t)n;
		r->done += (uint64_t)n;
		if (got > bytes)
			return refuse(r, "a file has another size", path);
		if (write(fd, block, (size_t)n) != n)
			return errno ? -errno : -EIO;
		int rc = backup_progress(path, (double)r->done / (double)(r->all + 1));
		if (rc < 0)
			return rc;
	}
}

static int check_hash(const struct reading *r, const char *real, const struct backup_file *f)
{
	char hash[BACKUP_HASH_BYTES];
	uint64_t bytes;
	int rc = backup_hash(real, hash, &bytes);
	if (rc < 0)
		return rc;
	return strcmp(hash, f->sha256) ? refuse(r, "a file is damaged", f->path) : 0;
}

static int read_file(struct reading *r, struct archive_entry *e)
{
	const char *path = archive_entry_pathname(e);
	char real[PATH_MAX];
	if (!path || archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return refuse(r, "it holds what is not a file", path ? path : "");
	struct backup_file *f = backup_path_ok(path) ? backup_manifest_find(r->m, path) : NULL;
	if (!f || f->seen)
		return refuse(r, "it holds a file that is not in its manifest", path);
	f->seen = true;
	int rc = backup_join(real, r->stage, path);
	if (rc == 0)
		rc = make_parents(real, strlen(r->stage) + 1);
	if (rc < 0)
		return rc;
	OP_AUTO_CLOSE int fd =
		open(real, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = store(r, path, f->bytes, fd);
	if (rc == 0 && fchmod(fd, f->mode) < 0)
		rc = -errno;
	return rc < 0 ? rc : check_hash(r, real, f);
}

static int read_files(struct reading *r)
{
	struct archive_entry *e;
	int rc;
	r->all = backup_manifest_bytes(r->m);
	while ((rc = next_entry(r, &e)) == 1) {
		rc = read_file(r, e);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; rc == 0 && i < r->m->n; i++)
		if (!r->m->files[i].seen)
			rc = refuse(r, "a file is missing", r->m->files[i].path);
	return rc;
}

int backup_archive_read(const char *file, const char *stage, struct backup_manifest *m)
{
	if (access(file, R_OK) < 0)
		return -errno;
	struct reading r = {archive_read_new(), file, stage, m, 0, 0};
	if (!r.a)
		return -ENOMEM;
	int rc = 0;
	if (archive_read_support_format_tar(r.a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(r.a) != ARCHIVE_OK)
		rc = archive_failed(r.a, file);
	else if (archive_read_open_filename(r.a, file, BLOCK) != ARCHIVE_OK)
		rc = refuse(&r, "not a backup of Outpost", "");
	if (rc == 0)
		rc = read_manifest(&r);
	if (rc == 0 && stage)
		rc = read_files(&r);
	archive_read_free(r.a);
	return rc;
}
