/*
 * shim.c - LD_PRELOAD: a disk that is full, failing, read-only or slow, and a clock that steps.
 *
 * Faults are switched on and off in running processes through the mapped file that OUTPOST_SHIM
 * names (shim.h). Files opened below its directory are watched by descriptor. What the C library
 * does inside itself (stdio, getaddrinfo) is not seen, and a mapping is written to without asking.
 * Slow syncs are paced in real time. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define DESCRIPTORS 65536
#define NS_PER_S 1000000000LL

/* The function behind ours, looked up once. */
#define REAL(name)                                                        \
	({                                                                \
		static __typeof__(name) *real_##name;                     \
		if (!real_##name)                                         \
			*(void **)&real_##name = dlsym(RTLD_NEXT, #name); \
		real_##name;                                              \
	})

static struct shim *control;
static _Atomic unsigned char watched[DESCRIPTORS];

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("OUTPOST_SHIM");
	int fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)REAL(close)(fd);
	if (map != MAP_FAILED && !memcmp(map, SHIM_MAGIC, 8))
		control = map;
}

static int refuse(int error)
{
	atomic_fetch_add_explicit(&control->refused, 1, memory_order_relaxed);
	errno = error;
	return -1;
}

/* ---- which files -------------------------------------------------------------------------- */

static bool below(const char *path)
{
	size_t n = strnlen(control->dir, SHIM_DIR_MAX);
	return n > 0 && !strncmp(path, control->dir, n) && (path[n] == '/' || path[n] == '\0');
}

static bool descriptor_below(int fd)
{
	char name[64], path[PATH_MAX];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return below(path);
}

/* A path relative to a directory is below if that is. */
static bool path_below(int dir, const char *path)
{
	char here[PATH_MAX];
	if (!control)
		return false;
	if (path[0] == '/')
		return below(path);
	return dir == AT_FDCWD ? getcwd(here, sizeof(here)) && below(here) : descriptor_below(dir);
}

static void watch(int fd, bool yes)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		atomic_store_explicit(&watched[fd], yes, memory_order_relaxed);
}

static bool is_watched(int fd)
{
	return control && fd >= 0 && fd < DESCRIPTORS &&
	       atomic_load_explicit(&watched[fd], memory_order_relaxed);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* "0": there is no clock chip; "1": it has set the time at boot. */
static int open_chip(const char *path)
{
	if (control->clock_chip == SHIM_NO) {
		errno = ENOENT;
		return -1;
	}
	int fd = memfd_create("hctosys", MFD_CLOEXEC);
	if (fd >= 0 && (REAL(write)(fd, "1\n", 2) != 2 || lseek(fd, 0, SEEK_SET) != 0))
		abort(); /* a test bed that is broken */
	return fd;
}

static bool of_chip(const char *path)
{
	return control && control->clock_chip && !strncmp(path, "/sys/class/rtc", 14);
}

static int error_of_open(int dir, const char *path, int flags)
{
	struct stat st;
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
	if (!writes || !path_below(dir, path))
		return 0;
	bool makes = (flags & O_CREAT) && fstatat(dir, path, &st, 0) < 0;
	return control->name_error ? control->name_error : makes ? control->grow_error : 0;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(ap, mode_t) : 0;
}

static int opened(int fd)
{
	if (fd >= 0 && control)
		watch(fd, descriptor_below(fd));
	return fd;
}

#define OPEN(name, at)                                                                   \
	EXPORT int name(const char *path, int flags, ...)                                \
	{                                                                                \
		va_list ap;                                                              \
		va_start(ap, flags);                                                     \
		mode_t mode = mode_of(flags, ap);                                        \
		va_end(ap);                                                              \
		if (of_chip(path))                                                       \
			return open_chip(path);                                          \
		int error = error_of_open(AT_FDCWD, path, flags);                        \
		return error ? refuse(error) : opened(REAL(name)(path, flags, mode));    \
	}                                                                                \
	EXPORT int at(int dir, const char *path, int flags, ...)                         \
	{                                                                                \
		va_list ap;                                                              \
		va_start(ap, flags);                                                     \
		mode_t mode = mode_of(flags, ap);                                        \
		va_end(ap);                                                              \
		if (of_chip(path))                                                       \
			return open_chip(path);                                          \
		int error = error_of_open(dir, path, flags);                             \
		return error ? refuse(error) : opened(REAL(at)(dir, path, flags, mode)); \
	}

OPEN(open, openat)
OPEN(open64, openat64)

EXPORT FILE *fopen(const char *path, const char *mode)
{
	int fd = of_chip(path) ? open_chip(path) : -1;
	if (of_chip(path))
		return fd < 0 ? NULL : fdopen(fd, "r");
	int error = strpbrk(mode, "wa+") ? error_of_open(AT_FDCWD, path, O_RDWR | O_CREAT) : 0;
	if (error) {
		(void)refuse(error);
		return NULL;
	}
	return REAL(fopen)(path, mode);
}

EXPORT int close(int fd)
{
	watch(fd, false);
	return REAL(close)(fd);
}

/* ---- names -------------------------------------------------------------------------------- */

static int error_of_name(int dir, const char *path)
{
	return path_below(dir, path) ? control->name_error : 0;
}

EXPORT int rename(const char *from, const char *to)
{
	int error = error_of_name(AT_FDCWD, to);
	return error ? refuse(error) : REAL(rename)(from, to);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int error = error_of_name(to_dir, to);
	return error ? refuse(error) : REAL(renameat)(from_dir, from, to_dir, to);
}

EXPORT int unlink(const char *path)
{
	int error = error_of_name(AT_FDCWD, path);
	return error ? refuse(error) : REAL(unlink)(path);
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
	int error = error_of_name(dir, path);
	return error ? refuse(error) : REAL(unlinkat)(dir, path, flags);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	int error = error_of_name(AT_FDCWD, path);
	if (!error && path_below(AT_FDCWD, path))
		error = control->grow_error;
	return error ? refuse(error) : REAL(mkdir)(path, mode);
}

/* ---- writing ------------------------------------------------------------------------------ */

static off_t size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* at < 0: where the file stands. */
static int error_of_write(int fd, off_t at, size_t n)
{
	if (control->write_error)
		return control->write_error;
	if (!control->grow_error)
		return 0;
	int flags = fcntl(fd, F_GETFL);
	if (at < 0)
		at = flags >= 0 && (flags & O_APPEND) ? size_of(fd) : lseek(fd, 0, SEEK_CUR);
	return at + (off_t)n > size_of(fd) ? control->grow_error : 0;
}

static ssize_t count(ssize_t n)
{
	if (n > 0) {
		atomic_fetch_add_explicit(&control->writes, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&control->bytes, (uint64_t)n, memory_order_relaxed);
	}
	return n;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
	if (!is_watched(fd))
		return REAL(write)(fd, bytes, n);
	int error = error_of_write(fd, -1, n);
	return error ? refuse(error) : count(REAL(write)(fd, bytes, n));
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
	size_t bytes = 0;
	if (!is_watched(fd))
		return REAL(writev)(fd, v, n);
	for (int i = 0; i < n; i++)
		bytes += v[i].iov_len;
	int error = error_of_write(fd, -1, bytes);
	return error ? refuse(error) : count(REAL(writev)(fd, v, n));
}

#define AT_OFFSET(off, pwrite, ftruncate, fallocate, posix_fallocate)               \
	EXPORT ssize_t pwrite(int fd, const void *bytes, size_t n, off at)          \
	{                                                                           \
		int error = is_watched(fd) ? error_of_write(fd, at, n) : 0;         \
		if (error)                                                          \
			return refuse(error);                                       \
		ssize_t done = REAL(pwrite)(fd, bytes, n, at);                      \
		return is_watched(fd) ? count(done) : done;                         \
	}                                                                           \
	EXPORT int ftruncate(int fd, off size)                                      \
	{                                                                           \
		int error = !is_watched(fd)        ? 0                              \
			    : control->write_error ? control->write_error           \
			    : size > size_of(fd)   ? control->grow_error            \
						   : 0;                               \
		return error ? refuse(error) : REAL(ftruncate)(fd, size);           \
	}                                                                           \
	EXPORT int fallocate(int fd, int mode, off at, off n)                       \
	{                                                                           \
		int error = is_watched(fd) ? error_of_write(fd, at, (size_t)n) : 0; \
		return error ? refuse(error) : REAL(fallocate)(fd, mode, at, n);    \
	}                                                                           \
	EXPORT int posix_fallocate(int fd, off at, off n)                           \
	{                                                                           \
		int error = is_watched(fd) ? error_of_write(fd, at, (size_t)n) : 0; \
		if (error)                                                          \
			(void)refuse(error);                                        \
		return error ? error : REAL(posix_fallocate)(fd, at, n);            \
	}

AT_OFFSET(off_t, pwrite, ftruncate, fallocate, posix_fallocate)
AT_OFFSET(off64_t, pwrite64, ftruncate64, fallocate64, posix_fallocate64)

/* ---- syncing ------------------------------------------------------------------------------ */

/* Returns the error to give. */
static int slow_down(int fd)
{
	if (!is_watched(fd))
		return 0;
	atomic_fetch_add_explicit(&control->syncs, 1, memory_order_relaxed);
	struct timespec left = {control->sync_ms / 1000, control->sync_ms % 1000 * 1000000L};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		; /* a disk does not care for signals */
	return control->sync_error;
}

EXPORT int fsync(int fd)
{
	int error = slow_down(fd);
	return error ? refuse(error) : REAL(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
	int error = slow_down(fd);
	return error ? refuse(error) : REAL(fdatasync)(fd);
}

/* ---- clocks ------------------------------------------------------------------------------- */

static int64_t offset_of(clockid_t id)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return control->wall_offset_ns + control->boot_offset_ns;
	case CLOCK_BOOTTIME:
		return control->boot_offset_ns;
	}
	return 0;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = REAL(clock_gettime)(id, ret);
	int64_t offset = r == 0 && control ? offset_of(id) : 0;
	if (offset) {
		int64_t ns = ret->tv_nsec + offset % NS_PER_S;
		ret->tv_sec += offset / NS_PER_S + (ns >= NS_PER_S) - (ns < 0);
		ret->tv_nsec = (ns + NS_PER_S) % NS_PER_S;
	}
	return r;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
	*ret = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

EXPORT time_t time(time_t *ret)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

static int tell(int state, struct timex *t)
{
	if (!control || !control->clock_synchronised || state < 0)
		return state;
	if (control->clock_synchronised == SHIM_NO) {
		t->status |= STA_UNSYNC;
		return TIME_ERROR;
	}
	t->status &= ~STA_UNSYNC;
	return TIME_OK;
}

EXPORT int adjtimex(struct timex *t)
{
	return tell(REAL(adjtimex)(t), t);
}

EXPORT int ntp_adjtime(struct timex *t)
{
	return tell(REAL(ntp_adjtime)(t), t);
}

EXPORT int clock_adjtime(clockid_t id, struct timex *t)
{
	return tell(REAL(clock_adjtime)(id, t), t);
}
