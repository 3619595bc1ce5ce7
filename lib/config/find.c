/*
 * find.c - an appliance's file by its name: beside the build, as installed, or where the user says.
 *
 * A handful of directories, each with NAME.yaml or NAME/NAME.yaml in it. Whoever asks for a name
 * that is nowhere is told which there are.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DIRS_MAX 32
#define NAMES_MAX 64 /* known appliances; what is over is not told */

struct search {
	char *dirs[DIRS_MAX];
	size_t n_dirs;
	char *names[NAMES_MAX];
	size_t n_names;
};

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* ---- the directories ------------------------------------------------------------------- */

static void add_dir(struct search *s, const char *dir, size_t len, const char *below)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)len, dir, below);
	if (!len || n >= (int)sizeof(path) || s->n_dirs == DIRS_MAX)
		return;
	s->dirs[s->n_dirs] = strdup(path);
	s->n_dirs += s->dirs[s->n_dirs] != NULL;
}

/* $OUTPOST_APPLIANCES: directories with ":" between them. */
static void add_environment(struct search *s)
{
	const char *dirs = getenv("OUTPOST_APPLIANCES");
	for (size_t n; dirs && *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		add_dir(s, dirs, n, "");
	}
}

/* build/outpost -> the tree; bin/outpost -> the prefix. 0 if there is none. */
static size_t own_prefix(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	if (n <= 0)
		return 0;
	ret[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(ret, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
	return strlen(ret);
}

static void add_dirs(struct search *s)
{
	char prefix[PATH_MAX];
	size_t n = own_prefix(prefix, sizeof(prefix));
	add_environment(s);
	add_dir(s, prefix, n, "/appliances");
	add_dir(s, "/etc/outpost", strlen("/etc/outpost"), "");
	add_dir(s, prefix, n, "/share/outpost/appliances");
	if (n != strlen("/usr") || strncmp(prefix, "/usr", n))
		add_dir(s, "/usr", strlen("/usr"), "/share/outpost/appliances");
}

/* ---- a name in them -------------------------------------------------------------------- */

static bool file_in(const char *dir, const char *name, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/%s.yaml", dir, name);
	if (n < (int)size && is_file(ret))
		return true;
	n = snprintf(ret, size, "%s/%s/%s.yaml", dir, name, name);
	return n < (int)size && is_file(ret);
}

static bool find(const struct search *s, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < s->n_dirs; i++) {
		if (!file_in(s->dirs[i], name, path, sizeof(path)) || strlen(path) >= size)
			continue;
		strcpy(ret, path); /* length checked */
		return true;
	}
	return false;
}

/* ---- what there is instead ------------------------------------------------------------- */

static void add_name(struct search *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (!strncmp(s->names[i], name, len) && !s->names[i][len])
			return;
	if (s->n_names == NAMES_MAX || !len)
		return;
	s->names[s->n_names] = strndup(name, len);
	s->n_names += s->names[s->n_names] != NULL;
}

static void list(struct search *s, const char *dir)
{
	char path[PATH_MAX];
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *end = strrchr(e->d_name, '.');
		size_t len = end && !strcmp(end, ".yaml") ? (size_t)(end - e->d_name)
							  : strlen(e->d_name);
		char name[NAME_MAX + 1];
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, e->d_name); /* fits */
		if (e->d_name[0] != '.' && file_in(dir, name, path, sizeof(path)))
			add_name(s, name, len);
	}
	if (d)
		(void)closedir(d); /* was only read */
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void complain(struct search *s, const char *name, struct op_buf *errors)
{
	for (size_t i = 0; i < s->n_dirs; i++)
		list(s, s->dirs[i]);
	qsort(s->names, s->n_names, sizeof(s->names[0]), by_name);
	op_buf_printf(errors, "no appliance \"%s\" in ", name);
	for (size_t i = 0; i < s->n_dirs; i++)
		op_buf_printf(errors, "%s%s", i ? ", " : "", s->dirs[i]);
	const char *near = op_nearest(name, (const char *const *)s->names, s->n_names);
	if (near) {
		op_buf_printf(errors, " (did you mean \"%s\"?)\n", near);
		return;
	}
	op_buf_puts(errors, s->n_names ? " (there is: " : " (there is none");
	for (size_t i = 0; i < s->n_names; i++)
		op_buf_printf(errors, "%s%s", i ? ", " : "", s->names[i]);
	op_buf_puts(errors, ")\n");
}

static void search_finish(struct search *s)
{
	for (size_t i = 0; i < s->n_dirs; i++)
		free(s->dirs[i]);
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i]);
}

int op_appliance_find(const char *name, char *ret, size_t size, struct op_buf *errors)
{
	if (is_file(name) && strlen(name) < size) {
		strcpy(ret, name); /* length checked */
		return 0;
	}
	if (strchr(name, '/') || strstr(name, ".y")) {
		op_buf_printf(errors, "no file %s (check the path)\n", name);
		return -ENOENT;
	}
	struct search s = {.n_dirs = 0};
	add_dirs(&s);
	bool found = find(&s, name, ret, size);
	if (!found)
		complain(&s, name, errors);
	search_finish(&s);
	return found ? 0 : -ENOENT;
}
