/*
 * export_file.c - where an export goes: standard output, or a file that is whole or not there.
 *
 * The file is written beside its place under another name, brought to the disk and then renamed;
 * what was there before stays until then. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "export.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WAIT_MS 100

/* A pipe or a device is written as it is: it must not be replaced by a file. */
static int open_special(struct export_file *f, const char *path)
{
	f->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return f->fd < 0 ? -errno : 0;
}

static int open_beside(struct export_file *f, const char *path)
{
	mode_t mask = umask(0);
	(void)umask(mask); /* the only way to ask for it */
	if (snprintf(f->made, sizeof(f->made), "%s.XXXXXX", path) >= (int)sizeof(f->made))
		return -ENAMETOOLONG;
	f->fd = mkostemp(f->made, O_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	f->path = path;
	(void)fchmod(f->fd, 0666 & ~mask); /* if not, it stays private, which harms nobody */
	return 0;
}

int export_file_open(struct export_file *f, const char *path)
{
	struct stat st;
	*f = (struct export_file){.fd = STDOUT_FILENO};
	if (!path || !strcmp(path, "-"))
		return 0;
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return open_beside(f, path);
	return S_ISDIR(st.st_mode) ? -EISDIR : open_special(f, path);
}

int export_file_write(struct export_file *f, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(f->fd, text, n);
		if (done >= 0) {
			text += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = f->fd, .events = POLLOUT};
			(void)poll(&p, 1, WAIT_MS); /* then write again */
		} else if (errno != EINTR) {
			return -errno;
		}
		if (export_signal && n > 0)
			return -ECANCELED;
	}
	return 0;
}

/* The new name must survive a power cut as the content does. */
static int sync_directory(const char *path)
{
	char dir[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');
	if (slash == path)
		slash++;
	if (slash)
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path); /* fits */
	OP_AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno; /* written, but not to be listed */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int export_file_keep(struct export_file *f)
{
	if (!f->path)
		return 0;
	if (fsync(f->fd) < 0 || rename(f->made, f->path) < 0)
		return -errno;
	const char *path = f->path;
	f->path = NULL;
	(void)close(f->fd); /* it is on the disk */
	f->fd = -1;
	return sync_directory(path);
}

void export_file_close(struct export_file *f)
{
	if (!f->path)
		return;
	(void)close(f->fd);    /* not wanted any more, */
	(void)unlink(f->made); /* and neither is the name */
	f->path = NULL;
}
