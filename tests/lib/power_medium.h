/*
 * power_medium.h - what a medium holds for certain, and what it may hold after a power cut.
 *
 * Between power_vfs.c, which sees the calls, and power_medium.c, which knows the medium.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_POWER_MEDIUM_H
#define OUTPOST_POWER_MEDIUM_H

#include "power.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct medium_file;

/* Forgets everything of before: what the files hold now is on the medium. */
void medium_begin(uint64_t seed, uint64_t cut_at);
/* The file of this name, which was made just now or was there. */
struct medium_file *medium_open(const char *name, bool made);
void medium_write(struct medium_file *f, const void *bytes, size_t n, size_t at);
void medium_truncate(struct medium_file *f, size_t size);
/* Also makes its name durable, if it is new: SQLite syncs the directory of a new log or journal,
 * and journalling file systems do it for a new file. */
void medium_sync(struct medium_file *f);
void medium_delete(const char *name); /* before it is done */
void medium_rename(const char *from, const char *to);
void medium_sync_names(void);

#endif
