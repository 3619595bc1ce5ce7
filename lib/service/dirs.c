/*
 * dirs.c - where an appliance keeps what runs and what stays, and how those places are made.
 *
 * Any thread. Under /tmp anybody can make a directory of our name first, so there it must be ours,
 * a real directory and closed to others before anything is put into it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int put(char *ret, size_t size, const char *fmt, ...) OP_PRINTF(3, 4);
static int put(char *ret, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(path) || (size_t)n >= size)
		return -ENAMETOOLONG;
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

/* Services may change directory and hand paths on, so they are made absolute once. */
static int put_absolute(char *ret, size_t size, const char *given)
{
	char here[PATH_MAX];
	if (given[0] == '/')
		return put(ret, size, "%s", given);
	if (!getcwd(here, sizeof(here)))
		return -errno;
	return put(ret, size, "%s/%s", here, given);
}

int op_runtime_base(char *ret, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	if (geteuid() == 0)
		return put(ret, size, "/run/outpost");
	if (xdg && xdg[0] == '/')
		return put(ret, size, "%s/outpost", xdg);
	return put(ret, size, "/tmp/outpost-%u", (unsigned)geteuid());
}

int op_runtime_dir(const char *given, const char *appliance, char *ret, size_t size)
{
	if (given && *given)
		return put_absolute(ret, size, given);
	char base[PATH_MAX];
	int r = op_runtime_base(base, sizeof(base));
	return r < 0 ? r : put(ret, size, "%s/%s", base, appliance);
}

int op_state_dir(const char *given, const char *appliance, char *ret, size_t size)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (given && *given)
		return put_absolute(ret, size, given);
	if (geteuid() == 0)
		return put(ret, size, "/var/lib/outpost/%s", appliance);
	if (xdg && xdg[0] == '/')
		return put(ret, size, "%s/outpost/%s", xdg, appliance);
	if (home && home[0] == '/')
		return put(ret, size, "%s/.local/state/outpost/%s", home, appliance);
	return -ENOENT;
}

int op_dir_make(const char *path, unsigned mode)
{
	char at[PATH_MAX];
	int r = put(at, sizeof(at), "%s", path);
	if (r < 0)
		return r;
	for (char *p = at + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(at, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -errno;
		*p = '/';
	}
	if (mkdir(at, mode) < 0 && errno != EEXIST)
		return -errno;
	struct stat st;
	if (stat(at, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* The fallback base /tmp/outpost-UID: -EPERM if it is not ours alone. */
static int make_private_base(const char *base)
{
	struct stat st;
	if (mkdir(base, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(base, &st) < 0)
		return -errno;
	bool ours = S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
	return ours ? 0 : -EPERM;
}

int op_runtime_make(const char *dir)
{
	char path[PATH_MAX];
	int r = put(path, sizeof(path), "/tmp/outpost-%u", (unsigned)geteuid());
	if (r == 0 && !strncmp(dir, path, strlen(path)) && dir[strlen(path)] == '/')
		r = make_private_base(path);
	if (r == 0)
		r = op_dir_make(dir, 0755);
	static const char *const subs[] = {"bus", "call"};
	for (size_t i = 0; r == 0 && i < OP_ARRAY_SIZE(subs); i++) {
		r = put(path, sizeof(path), "%s/%s", dir, subs[i]);
		if (r == 0)
			r = op_dir_make(path, 0755);
	}
	return r;
}
