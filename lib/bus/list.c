/*
 * list.c - which topics there are. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <string.h>

#include "layout.h"

static int is_topic(const struct dirent *e)
{
	return op_ring_name_ok(e->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int op_bus_list(const char *bus_dir, int (*fn)(const char *name, void *arg), void *arg)
{
	struct dirent **entries;
	int n = scandir(bus_dir, &entries, is_topic, by_bytes), r = 0;
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = fn(entries[i]->d_name, arg);
		free(entries[i]);
	}
	free(entries);
	return r;
}
