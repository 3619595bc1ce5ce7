/*
 * program.c - finds a program by its name, from where the calling one is.
 *
 * Any thread; nothing is kept. What is not there is an error for the caller to tell of.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/base/program.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int own_directory(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	*strrchr(ret, '/') = '\0'; /* the kernel gives an absolute path */
	return 0;
}

/* 0; -ENOENT: not in this place, try others. */
static int look(const char *dir, size_t dir_len, const char *place, const char *name, char *ret,
		size_t size)
{
	char path[PATH_MAX + 256];
	int n = snprintf(path, sizeof(path), "%.*s%s/%s", (int)dir_len, dir, place, name);
	if (n >= (int)sizeof(path) || (size_t)n >= size)
		return -ENAMETOOLONG;
	if (access(path, X_OK) != 0)
		return -ENOENT;
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

int op_program_find(const char *name, char *ret, size_t size)
{
	char own[PATH_MAX];
	if (strlen(name) >= size || strlen(name) >= 200)
		return -ENAMETOOLONG;
	if (strchr(name, '/')) {
		strcpy(ret, name); /* length checked */
		return access(name, X_OK) ? -errno : 0;
	}
	int r = own_directory(own, sizeof(own));
	if (r < 0)
		return r;
	r = look(own, strlen(own), "", name, ret, size);
	if (r == -ENOENT)
		r = look(own, strlen(own), "/../libexec/outpost", name, ret, size);
	const char *dirs = getenv("OUTPOST_PROGRAMS");
	for (size_t n; r == -ENOENT && dirs && *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		if (n > 0 && n < PATH_MAX)
			r = look(dirs, n, "", name, ret, size);
	}
	return r;
}
