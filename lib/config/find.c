/*
 * find.c - an appliance's file by its name: beside the build, as installed, or where the user says.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/config.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct search {
	char *ret;
	size_t size;
	struct op_buf *errors;
};

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Takes path if there is a file; otherwise adds it to the places looked at. */
static bool take(struct search *s, const char *path)
{
	if (is_file(path) && strlen(path) < s->size) {
		strcpy(s->ret, path); /* length checked */
		return true;
	}
	op_buf_printf(s->errors, "\n  %s", path);
	return false;
}

static bool take_printf(struct search *s, const char *fmt, ...) OP_PRINTF(2, 3);
static bool take_printf(struct search *s, const char *fmt, ...)
{
	char path[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return n > 0 && (size_t)n < sizeof(path) && take(s, path);
}

/* $OUTPOST_APPLIANCES: directories with ":" between them. */
static bool search_environment(struct search *s, const char *name)
{
	const char *dirs = getenv("OUTPOST_APPLIANCES");
	for (size_t n; dirs && *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		if (n && (take_printf(s, "%.*s/%s.yaml", (int)n, dirs, name) ||
			  take_printf(s, "%.*s/%s/%s.yaml", (int)n, dirs, name, name)))
			return true;
	}
	return false;
}

/* Beside the program: in a build tree, or installed under some prefix. */
static bool search_near(struct search *s, const char *name)
{
	char exe[2048];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	for (int up = 0; up < 2; up++) { /* build/outpost -> the tree; bin/outpost -> the prefix */
		char *slash = strrchr(exe, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
	return take_printf(s, "%s/appliances/%s/%s.yaml", exe, name, name) ||
	       take_printf(s, "/etc/outpost/%s.yaml", name) ||
	       take_printf(s, "%s/share/outpost/appliances/%s/%s.yaml", exe, name, name);
}

int op_appliance_find(const char *name, char *ret, size_t size, struct op_buf *errors)
{
	OP_AUTO_BUF struct op_buf places;
	op_buf_init(&places, 65536);
	struct search s = {ret, size, &places};
	bool is_path = strchr(name, '/') || strstr(name, ".y");
	if (take(&s, name))
		return 0;
	if (!is_path && (search_environment(&s, name) || search_near(&s, name) ||
			 take_printf(&s, "/usr/share/outpost/appliances/%s.yaml", name)))
		return 0;
	op_buf_printf(errors, "%s: no such appliance (looked for:%s\n)\n", name, places.data);
	return -ENOENT;
}
