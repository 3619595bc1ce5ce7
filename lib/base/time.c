/*
 * time.c - the boot clock, and wall time at the edges.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/base.h>
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
	/* Unsigned: a stamp may come from a damaged file, and then wraps around. */
	return (int64_t)(boot_ns + clock_ns(CLOCK_REALTIME) - op_now_ns());
}

/* n decimal digits, then a separator; not printf, because every record that is shown has a time. */
static char *digits(char *out, unsigned n, unsigned v, char after)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		out[i] = (char)('0' + v % 10);
	out[n] = after;
	return out + n + 1;
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
	char *p = digits(out, 4, (unsigned)(tm.tm_year + 1900), '-');
	p = digits(p, 2, (unsigned)(tm.tm_mon + 1), '-');
	p = digits(p, 2, (unsigned)tm.tm_mday, 'T');
	p = digits(p, 2, (unsigned)tm.tm_hour, ':');
	p = digits(p, 2, (unsigned)tm.tm_min, ':');
	p = digits(p, 2, (unsigned)tm.tm_sec, '.');
	p = digits(p, 3, (unsigned)(ns / 1000000), 'Z');
	*p = '\0';
}
