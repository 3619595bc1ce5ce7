/*
 * shim.h - the control block of shim.c; the test changes it, the processes look at it at each call.
 *
 * A file of this, mapped by all. tests/lib/outpost_test.py, class Shim, has the same layout.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SHIM_H
#define OUTPOST_SHIM_H

#include <stdint.h>

#define SHIM_MAGIC "OPSHIM01"
#define SHIM_DIR_MAX 512

enum shim_told { SHIM_AS_IT_IS, SHIM_YES, SHIM_NO };

struct shim {
	char magic[8];
	/* Below dir; errno, 0: no fault. */
	int32_t write_error; /* every write */
	int32_t grow_error;  /* writes that make a file longer, or make one: a full disk */
	int32_t name_error;  /* opening for writing, making, renaming and removing */
	int32_t sync_error;
	int32_t sync_ms; /* how long each fsync takes */
	/* Everywhere. */
	int32_t clock_synchronised; /* enum shim_told: adjtimex */
	int32_t clock_chip;         /* enum shim_told: /sys/class/rtc */
	int32_t reserved;
	int64_t wall_offset_ns; /* of CLOCK_REALTIME */
	int64_t boot_offset_ns; /* of CLOCK_BOOTTIME and CLOCK_REALTIME: time spent suspended */
	/* Counted below dir since the block was made. */
	_Atomic uint64_t writes, bytes, syncs, refused;
	char dir[SHIM_DIR_MAX]; /* absolute, without links */
};

#endif
