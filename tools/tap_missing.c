/*
 * tap_missing.c - what `outpost tap` says of a topic that is not there: whether anything runs
 * there, which name was perhaps meant, which topics there are.
 *
 * Told once, on standard error; waiting goes on, for a topic may come late.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/config.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tap.h"

#define NAMES_MAX 256

struct names {
	char text[NAMES_MAX][OP_TOPIC_NAME_MAX + 1];
	const char *list[NAMES_MAX];
	size_t n;
};

static int add_name(const char *name, void *arg)
{
	struct names *names = arg;
	if (names->n == NAMES_MAX)
		return 1; /* enough to read */
	(void)snprintf(names->text[names->n], sizeof(names->text[0]), "%s", name); /* fits */
	names->list[names->n] = names->text[names->n];
	names->n++;
	return 0;
}

static void tell_names(const struct names *names, const char *meant)
{
	const char *near = meant ? op_nearest(meant, names->list, names->n) : NULL;
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	fputs(near ? " There are:" : "; there are:", stderr);
	for (size_t i = 0; i < names->n; i++)
		fprintf(stderr, " %s", names->list[i]);
	fputs(names->n == NAMES_MAX ? " ...\n" : "\n", stderr);
}

void tap_tell_missing(const struct tap_options *o, const char *topic)
{
	static struct names names; /* 16 KiB */
	names.n = 0;
	int e = op_bus_list(o->bus_dir, add_name, &names);
	if (topic)
		fprintf(stderr, "outpost tap: %s: not there yet, waiting", topic);
	else
		fputs("outpost tap: no topic matches yet, waiting", stderr);
	if (names.n > 0)
		tell_names(&names, topic);
	else
		fprintf(stderr, "; nothing %s in %s yet\n", e == -ENOENT ? "runs" : "is published",
			o->bus_dir);
}

int tap_check_runtime(const char *dir)
{
	struct stat st;
	int e = stat(dir, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (e < 0)
		fprintf(stderr, "outpost tap: %s: %s; %s\n", dir, op_strerror(e),
			e == -EACCES ? "run this as root, or as the user or group that owns it"
				     : "no appliance runs there: start one with `outpost run "
				       "APPLIANCE`, or say where it runs with --runtime DIR");
	return e;
}
