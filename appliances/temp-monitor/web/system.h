/*
 * system.h - what the machine and the processes of the appliance use: processor, memory, threads.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_SYSTEM_H
#define OUTPOST_TEMP_MONITOR_SYSTEM_H

#include <outpost/base.h>

/* Time of all processors since boot, in ticks. */
struct system_ticks {
	uint64_t busy, all;
};

/* The first line of /proc/stat, proc_stat(5): idle and iowait are not busy; guests are in the
 * user's time already. -EINVAL: it is no such line. Pure. */
int system_ticks_parse(const char *line, struct system_ticks *ret) OP_MUST_CHECK;
/* Reads it; errors from the system. */
int system_ticks_read(struct system_ticks *ret) OP_MUST_CHECK;
/* 0 to 100, one decimal; 0 if no time has passed. Pure. */
double system_percent(const struct system_ticks *from, const struct system_ticks *to);
/* Open descriptors of a process, or a negative errno. */
int system_files(int pid);

#endif
