/*
 * power.h - power cuts for what is stored by SQLite, in one process, without a cable.
 *
 * An SQLite VFS over the system's own. What is written is seen at once by everybody, as it would be
 * through the page cache; beside it the bed remembers what the medium has for certain. At the
 * chosen sync, or at power_cut, it brings the files to a state in which a real medium could be:
 * of what was written since the last sync of a file each write is kept, lost, torn between sectors
 * or garbled, by the seed. New, renamed and deleted names are undone from some point on, as a
 * journalling file system would, unless their directory was synced since. The index of the log
 * (-shm) may hold anything.
 *
 * A program links with POWER_WRAPS (tests/fault/meson.build), so that renames and syncs of
 * directories that do not go through SQLite are seen as well. One thread; files of a few MB.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_POWER_H
#define OUTPOST_POWER_H

#include <stdint.h>

#define POWER_VFS "power"
#define POWER_CUT 42 /* exit status of a process whose power was cut */

/* Makes it SQLite's default in this process. cut_at: the sync, counted from 1, that does not happen
 * any more; 0: none. */
void power_begin(uint64_t seed, uint64_t cut_at);
uint64_t power_syncs(void); /* so far, of files and of directories */
/* Now. */
_Noreturn void power_cut(void);

/* What cuts did to unsynced writes, in memory shared with children; set before power_begin. */
struct power_harm {
	_Atomic uint64_t cuts, kept, lost, torn, garbled, names_undone;
};
void power_count(struct power_harm *harm);

#endif
