/*
 * find.c - sysfs: /sys/class/graphics/fb1/name, /sys/class/input/event3/device/name.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "find.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int find_read_line(const char *path, char *ret, size_t size)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static bool says(const char *dir, const char *entry, const char *below, const char *name)
{
	char path[PATH_MAX], text[128];
	return snprintf(path, sizeof(path), "%s/%s/%s", dir, entry, below) < (int)sizeof(path) &&
	       find_read_line(path, text, sizeof(text)) == 0 && !strcmp(text, name);
}

int find_named(const char *dir, const char *prefix, const char *below, const char *name, char *ret,
	       size_t size)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int err = -ENOENT;
	while (d && err && (e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)) && strlen(e->d_name) < size &&
		    says(dir, e->d_name, below, name)) {
			strcpy(ret, e->d_name);
			err = 0;
		}
	if (d)
		closedir(d);
	return err;
}
