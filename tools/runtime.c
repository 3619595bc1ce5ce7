/*
 * runtime.c - finds the runtime directory of the appliance that a tool is to talk to.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct found {
	char first[PATH_MAX];
	size_t n;
	struct op_buf list;    /* all of them, a line each */
	char denied[PATH_MAX]; /* one that this user may not read; "" if there is none */
};

static bool is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* True if no topic of this bus may be read, as another user's may not. */
static bool is_denied(const char *bus)
{
	bool denied = false;
	DIR *d = opendir(bus);
	if (!d)
		return errno == EACCES;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		denied = faccessat(dirfd(d), e->d_name, R_OK, AT_EACCESS) < 0 && errno == EACCES;
		if (!denied)
			break;
	}
	(void)closedir(d); /* was only read */
	return denied;
}

/* Appliances are the directories below base that hold a bus. */
static void look_in(const char *base, struct found *found)
{
	DIR *d = opendir(base);
	for (struct dirent *e; d && (e = readdir(d));) {
		char dir[PATH_MAX], bus[PATH_MAX + 8];
		if (e->d_name[0] == '.' ||
		    snprintf(dir, sizeof(dir), "%s/%s", base, e->d_name) >= (int)sizeof(dir))
			continue;
		(void)snprintf(bus, sizeof(bus), "%s/bus", dir); /* fits */
		if (!is_dir(bus))
			continue;
		if (is_denied(bus)) {
			memcpy(found->denied, dir, sizeof(dir));
			continue;
		}
		if (found->n++ == 0)
			memcpy(found->first, dir, sizeof(dir));
		op_buf_printf(&found->list, "  --runtime %s\n", dir);
	}
	if (d)
		(void)closedir(d); /* was only read */
}

static int take(const char *dir, char *ret_dir, size_t size)
{
	if (snprintf(ret_dir, size, "%s", dir) < (int)size)
		return 0;
	fprintf(stderr, "outpost: the runtime directory's name is too long: %s\n", dir);
	return -ENAMETOOLONG;
}

/* fn returns true to end it. */
static void each_base(bool (*fn)(const char *base, void *arg), void *arg)
{
	char base[PATH_MAX];
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	if (fn("/run/outpost", arg))
		return;
	if (xdg && *xdg) {
		(void)snprintf(base, sizeof(base), "%s/outpost", xdg); /* cut: finds nothing */
		if (fn(base, arg))
			return;
	}
	(void)snprintf(base, sizeof(base), "/tmp/outpost-%u", (unsigned)getuid()); /* fits */
	(void)fn(base, arg);
}

static bool look_further(const char *base, void *arg)
{
	look_in(base, arg);
	return false;
}

int op_tool_runtime(const char *given, char *ret_dir, size_t size)
{
	const char *env = getenv("OUTPOST_RUNTIME");
	if (!given && env && *env)
		given = env;
	if (given)
		return take(given, ret_dir, size);
	struct found found = {.n = 0};
	op_buf_init(&found.list, 65536);
	each_base(look_further, &found);
	int e = 0;
	if (found.n == 1) {
		e = take(found.first, ret_dir, size);
	} else if (found.n == 0 && found.denied[0]) {
		e = take(found.denied, ret_dir, size); /* whoever opens it says why it cannot */
	} else if (found.n == 0) {
		fprintf(stderr, "outpost: no appliance runs here; start one with `outpost run "
				"APPLIANCE`, or say where with --runtime DIR\n");
		e = -ENOENT;
	} else {
		fprintf(stderr, "outpost: several appliances are here; choose one:\n%s",
			found.list.data);
		e = -ENOTUNIQ;
	}
	op_buf_finish(&found.list);
	return e;
}

/* ---- the state directory ------------------------------------------------------------------ */

bool op_tool_noted_state(const char *runtime, char ret[PATH_MAX])
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/state", runtime) >= (int)sizeof(path))
		return false;
	FILE *f = fopen(path, "re");
	bool got = f && fgets(ret, PATH_MAX, f) && ret[0] == '/';
	if (f)
		(void)fclose(f); /* was only read */
	if (got)
		ret[strcspn(ret, "\n")] = '\0';
	return got;
}

struct wanted {
	char state[PATH_MAX], runtime[PATH_MAX];
};

static bool look_for_state(const char *base, void *arg)
{
	struct wanted *w = arg;
	char dir[PATH_MAX], noted[PATH_MAX];
	bool got = false;
	DIR *d = opendir(base);
	for (struct dirent *e; !got && d && (e = readdir(d));)
		got = e->d_name[0] != '.' &&
		      snprintf(dir, sizeof(dir), "%s/%s", base, e->d_name) < (int)sizeof(dir) &&
		      op_tool_noted_state(dir, noted) && !strcmp(noted, w->state);
	if (d)
		(void)closedir(d); /* was only read */
	if (got)
		memcpy(w->runtime, dir, sizeof(dir));
	return got;
}

int op_tool_runtime_of(const char *state, char *ret_dir, size_t size)
{
	struct wanted w = {.runtime = ""};
	if (!realpath(state, w.state))
		return -errno;
	each_base(look_for_state, &w);
	return w.runtime[0] ? take(w.runtime, ret_dir, size) : -ENOENT;
}
