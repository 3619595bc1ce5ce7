/*
 * power_vfs.c - an SQLite VFS that forgets, as a medium does whose power is cut.
 *
 * Each file that SQLite opens is tracked by its inode: what the medium has (durable), and the
 * writes since. Files are never let go, so that no inode comes twice. One thread.
 * Document: power.h; the model of the medium: docs/faults.md.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "power_medium.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct handle {
	sqlite3_file base;
	struct medium_file *tracked; /* NULL: temporary, may be lost as a whole */
	sqlite3_file real[];
};

static sqlite3_vfs *system_vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct handle *)f)->real;
}

#define PASS(f, method, ...) (real_of(f)->pMethods->method(real_of(f), ##__VA_ARGS__))

/* ---- what is remembered ------------------------------------------------------------------- */

static int file_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)f;
	int rc = PASS(f, xWrite, bytes, n, at);
	if (rc == SQLITE_OK && h->tracked)
		medium_write(h->tracked, bytes, (size_t)n, (size_t)at);
	return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct handle *h = (struct handle *)f;
	int rc = PASS(f, xTruncate, size);
	if (rc == SQLITE_OK && h->tracked)
		medium_truncate(h->tracked, (size_t)size);
	return rc;
}

/* The real sync is left out: it would take a thousand times as long and prove nothing. */
static int file_sync(sqlite3_file *f, int flags)
{
	struct handle *h = (struct handle *)f;
	if (h->tracked)
		medium_sync(h->tracked);
	return SQLITE_OK;
}

/* ---- what is passed on -------------------------------------------------------------------- */

static int file_close(sqlite3_file *f)
{
	return PASS(f, xClose);
}

static int file_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
	return PASS(f, xRead, out, n, at);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return PASS(f, xFileSize, ret);
}

static int file_lock(sqlite3_file *f, int level)
{
	return PASS(f, xLock, level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return PASS(f, xUnlock, level);
}

static int file_reserved(sqlite3_file *f, int *ret)
{
	return PASS(f, xCheckReservedLock, ret);
}

/* A hint to reserve space would write behind our back. */
static int file_control(sqlite3_file *f, int what, void *arg)
{
	if (what == SQLITE_FCNTL_SIZE_HINT || what == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_OK;
	return PASS(f, xFileControl, what, arg);
}

static int file_sector(sqlite3_file *f)
{
	return PASS(f, xSectorSize);
}

static int file_character(sqlite3_file *f)
{
	return PASS(f, xDeviceCharacteristics);
}

static int shm_map(sqlite3_file *f, int page, int bytes, int extend, void volatile **ret)
{
	return PASS(f, xShmMap, page, bytes, extend, ret);
}

static int shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return PASS(f, xShmLock, at, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
	PASS(f, xShmBarrier);
}

static int shm_unmap(sqlite3_file *f, int forget)
{
	return PASS(f, xShmUnmap, forget);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, /* no mappings of the database: they would be written unseen */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_character,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* ---- names -------------------------------------------------------------------------------- */

#define TRACKED (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct handle *h = (struct handle *)f;
	struct stat st;
	bool there = name && stat(name, &st) == 0;
	int rc = system_vfs->xOpen(system_vfs, name, h->real, flags, ret_flags);
	h->base.pMethods = h->real->pMethods ? &methods : NULL;
	h->tracked =
		rc == SQLITE_OK && name && (flags & TRACKED) ? medium_open(name, !there) : NULL;
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	medium_delete(name);
	int rc = system_vfs->xDelete(system_vfs, name, 0);
	if (sync_dir)
		medium_sync_names();
	return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	return system_vfs->xAccess(system_vfs, name, flags, ret);
}

static int vfs_full(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	return system_vfs->xFullPathname(system_vfs, name, n, out);
}

static sqlite3_vfs power_vfs;

void power_begin(uint64_t seed, uint64_t cut_at)
{
	medium_begin(seed, cut_at);
	if (!system_vfs)
		system_vfs = sqlite3_vfs_find(NULL);
	power_vfs = *system_vfs;
	power_vfs.zName = POWER_VFS;
	power_vfs.szOsFile = (int)sizeof(struct handle) + system_vfs->szOsFile;
	power_vfs.pNext = NULL;
	power_vfs.xOpen = vfs_open;
	power_vfs.xDelete = vfs_delete;
	power_vfs.xAccess = vfs_access;
	power_vfs.xFullPathname = vfs_full;
	if (sqlite3_vfs_register(&power_vfs, 1) != SQLITE_OK)
		abort();
}

/* ---- what does not go through SQLite (-Wl,--wrap) ----------------------------------------- */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_rename(const char *from, const char *to)
{
	int r = __real_rename(from, to);
	if (r == 0 && system_vfs)
		medium_rename(from, to);
	return r;
}

int __wrap_fsync(int fd)
{
	struct stat st;
	if (system_vfs && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		medium_sync_names();
	return 0;
}
