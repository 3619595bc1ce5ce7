/*
 * watch.c - is a thread waiting for its disk, or is it stuck? By proc_pid_syscall(5).
 *
 * A process may always look at its own threads. Pure otherwise.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum place { IN_LOCK, COMPUTING, IN_SYSTEM };

static bool is_lock(long number)
{
#ifdef SYS_futex_time64
	if (number == SYS_futex_time64)
		return true;
#endif
	return number == SYS_futex;
}

static enum place where_is(pid_t tid)
{
	char path[64], text[32];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid); /* fits */
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return COMPUTING; /* not known: the longer of the two limits */
	text[n] = '\0';
	if (text[0] < '0' || text[0] > '9')
		return COMPUTING; /* "running" */
	return is_lock(strtol(text, NULL, 10)) ? IN_LOCK : IN_SYSTEM;
}

bool watch_moves(pid_t tid, uint64_t busy_ns)
{
	if (busy_ns < WATCH_LOCK_NS)
		return true;
	switch (where_is(tid)) {
	case IN_LOCK:
		return false;
	case COMPUTING:
		return busy_ns < WATCH_WORK_NS;
	case IN_SYSTEM:
		break;
	}
	return true;
}
