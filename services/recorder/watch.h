/*
 * watch.h - is a thread that has not come back for long waiting for its disk, or is it stuck?
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_WATCH_H
#define OUTPOST_RECORDER_WATCH_H

#include <outpost/base.h>
#include <sys/types.h>

#define WATCH_LOCK_NS (30 * OP_NS_PER_S)  /* nobody here waits so long for a lock */
#define WATCH_WORK_NS (600 * OP_NS_PER_S) /* nor computes so long without an end */

/* tid: a thread of this process that began one piece of work busy_ns ago. False if it waits for a
 * lock, or computes, for too long. In any other system call it waits for the system, a disk above
 * all, and that takes as long as it takes: killing it would not help. */
bool watch_moves(pid_t tid, uint64_t busy_ns);

#endif
