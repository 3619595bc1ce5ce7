/*
 * state.c - finds the stored file of the appliance that a tool is to read.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "state.h"

#include <dirent.h>
#include <limits.h>
#include <outpost/buf.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

struct found {
	char first[PATH_MAX];
	size_t n;
	struct op_buf list; /* all of them, a line each */
};

static int join(const char *tool, const char *dir, const char *file, char *ret, size_t size)
{
	if ((size_t)snprintf(ret, size, "%s/%s", dir, file) < size)
		return 0;
	fprintf(stderr, "%s: the state directory's name is too long: %s\n", tool, dir);
	return -ENAMETOOLONG;
}

static bool is_simulated(const char *name)
{
	size_t n = strlen(name), end = strlen(OP_STATE_SIM);
	return n > end && !strcmp(name + n - end, OP_STATE_SIM);
}

static void look_in(const char *base, const char *file, bool simulated, struct found *found)
{
	DIR *d = opendir(base);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[PATH_MAX];
		if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s/%s", base, e->d_name,
						    file) >= (int)sizeof(path))
			continue;
		if (access(path, F_OK) < 0 || is_simulated(e->d_name) != simulated)
			continue;
		if (found->n++ == 0)
			memcpy(found->first, path, sizeof(path));
		op_buf_printf(&found->list, "  --state %s/%s\n", base, e->d_name);
	}
	if (d)
		(void)closedir(d); /* was only read */
}

/* Where the state of this user's appliances is, and of those of the system. */
static void look_everywhere(const char *file, bool simulated, struct found *found)
{
	static const char system_base[] = "/var/lib/outpost";
	char base[PATH_MAX];
	look_in(system_base, file, simulated, found);
	if (op_state_dir(NULL, "", base, sizeof(base)) < 0)
		return;
	size_t n = strlen(base);
	if (n > 0 && base[n - 1] == '/')
		base[n - 1] = '\0';
	if (strcmp(base, system_base) != 0)
		look_in(base, file, simulated, found);
}

static int take_only(const char *tool, const char *file, const struct found *found, char *ret_path,
		     size_t size)
{
	if (found->n == 1 && strlen(found->first) < size) {
		memcpy(ret_path, found->first, strlen(found->first) + 1);
		return 0;
	}
	if (found->n > 1) {
		fprintf(stderr, "%s: several appliances have a %s; choose one:\n%s", tool, file,
			found->list.data);
		return -ENOTUNIQ;
	}
	fprintf(stderr, "%s: no appliance has a %s here; say which with its name, or --state DIR\n",
		tool, file);
	return -ENOENT;
}

int op_tool_state(const char *tool, const char *given, const char *appliance, const char *file,
		  char *ret_path, size_t size)
{
	char dir[PATH_MAX];
	if (given)
		return join(tool, given, file, ret_path, size);
	if (appliance && op_state_dir(NULL, appliance, dir, sizeof(dir)) == 0)
		return join(tool, dir, file, ret_path, size);
	struct found found = {.n = 0};
	op_buf_init(&found.list, 65536);
	look_everywhere(file, false, &found);
	if (found.n == 0) /* a trial beside the real one is not meant */
		look_everywhere(file, true, &found);
	int r = take_only(tool, file, &found, ret_path, size);
	op_buf_finish(&found.list);
	return r;
}
