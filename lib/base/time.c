/*
 * time.c - the boot clock, and wall time at the edges.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/base.h>
#include <stdio.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	(void)clock_gettime(id, &ts); /* cannot fail for these clocks and a valid pointer */
	return (uint64_t)ts.tv_sec * OP_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t op_now_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

int64_t op_wall_ns(uint64_t boot_ns)
{
	int64_t offset = (int64_t)clock_ns(CLOCK_REALTIME) - (int64_t)op_now_ns();
	return (int64_t)boot_ns + offset;
}

void op_time_rfc3339(int64_t wall_ns, char out[OP_RFC3339_BYTES])
{
	int64_t s = wall_ns / (int64_t)OP_NS_PER_S, ns = wall_ns % (int64_t)OP_NS_PER_S;
	if (ns < 0) {
		s -= 1;
		ns += (int64_t)OP_NS_PER_S;
	}
	time_t t = (time_t)s;
	struct tm tm = {0};
	(void)gmtime_r(&t, &tm); /* a year that does not fit leaves the epoch's zeroes */
	(void)snprintf(out, OP_RFC3339_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		       (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		       (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		       (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
		       (unsigned)(ns / 1000000) % 1000);
}
