/*
 * find.h - devices by the name their driver gave them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_FIND_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_FIND_H

#include <outpost/base.h>

/* Looks in the folders PREFIX* of dir for a file below that says name, and writes the folder's own
 * name ("fb1") into ret. -ENOENT: there is none. Any thread; reads small files. */
int find_named(const char *dir, const char *prefix, const char *below, const char *name, char *ret,
	       size_t size) OP_MUST_CHECK;
/* The first line of a small file without its end, at most size - 1 bytes. Does not wait. */
int find_read_line(const char *path, char *ret, size_t size) OP_MUST_CHECK;

#endif
