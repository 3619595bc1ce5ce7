/*
 * time_parse.c - a time as people and scripts give it. Pure; always UTC where no offset is said.
 *
 * RFC 3339, and around it: the date alone, a blank instead of T, minutes without seconds, no zone.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "lib/store/query.h"

#define SECONDS_MAX 9000000000LL /* the year 2255: nanoseconds still fit */

/* n digits, no more and no less, from low to high. */
static bool digits(const char **p, unsigned n, int low, int high, int *ret)
{
	int v = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return false;
		v = v * 10 + ((*p)[i] - '0');
	}
	*p += n;
	*ret = v;
	return v >= low && v <= high;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ".123" as nanoseconds; digits beyond are read and dropped. */
static bool fraction(const char **p, int64_t *ret_ns)
{
	int64_t ns = 0, unit = 100000000;
	if (!skip(p, '.'))
		return true;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		ns += (**p - '0') * unit;
	*ret_ns = ns;
	return true;
}

/* "Z", "+02:00" or nothing. */
static bool zone(const char **p, int64_t *ret_s)
{
	int hours, minutes, sign = **p == '-' ? -1 : 1;
	if (skip(p, 'Z') || skip(p, 'z') || **p == '\0')
		return true;
	if (!skip(p, '+') && !skip(p, '-'))
		return false;
	if (!digits(p, 2, 0, 23, &hours) || !skip(p, ':') || !digits(p, 2, 0, 59, &minutes))
		return false;
	*ret_s = sign * (hours * 3600LL + minutes * 60LL);
	return true;
}

static bool time_of_day(const char **p, struct tm *tm, int64_t *ret_ns, int64_t *ret_zone_s)
{
	if (!digits(p, 2, 0, 23, &tm->tm_hour) || !skip(p, ':') ||
	    !digits(p, 2, 0, 59, &tm->tm_min))
		return false;
	if (skip(p, ':') && (!digits(p, 2, 0, 60, &tm->tm_sec) || !fraction(p, ret_ns)))
		return false;
	skip(p, ' ');
	return zone(p, ret_zone_s);
}

static bool is_date(const char *p)
{
	for (int i = 0; i < 4; i++)
		if (!isdigit((unsigned char)p[i]))
			return false;
	return p[4] == '-';
}

static int parse_date(const char *p, int64_t *ret_wall_ns)
{
	struct tm tm = {0};
	int64_t ns = 0, zone_s = 0;
	if (!digits(&p, 4, 1970, 2254, &tm.tm_year) || !skip(&p, '-') ||
	    !digits(&p, 2, 1, 12, &tm.tm_mon) || !skip(&p, '-') ||
	    !digits(&p, 2, 1, 31, &tm.tm_mday))
		return -EINVAL;
	if ((skip(&p, 'T') || skip(&p, 't') || skip(&p, ' ')) &&
	    !time_of_day(&p, &tm, &ns, &zone_s))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	int day = tm.tm_mday, leap = tm.tm_sec == 60;
	tm.tm_sec -= leap; /* not to be taken for the next day */
	int64_t s = timegm(&tm) + leap;
	if (*p != '\0' || tm.tm_mday != day)
		return -EINVAL;
	*ret_wall_ns = (s - zone_s) * (int64_t)OP_NS_PER_S + ns;
	return 0;
}

/* "1795255200", "1795255200.25" */
static int parse_seconds(const char *p, int64_t *ret_wall_ns)
{
	int64_t s = 0, ns = 0;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		s = s * 10 + (*p - '0');
		if (s > SECONDS_MAX)
			return -EINVAL;
	}
	if (!fraction(&p, &ns) || *p != '\0')
		return -EINVAL;
	*ret_wall_ns = s * (int64_t)OP_NS_PER_S + ns;
	return 0;
}

/* "-15m" */
static int parse_ago(const char *p, int64_t now_wall_ns, int64_t *ret_wall_ns)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	int64_t n_ns;
	size_t length = strspn(p, "0123456789.");
	char number[32];
	if (length == 0 || length >= sizeof(number) || strlen(p) != length + 1)
		return -EINVAL;
	memcpy(number, p, length);
	number[length] = '\0';
	if (parse_seconds(number, &n_ns) < 0)
		return -EINVAL;
	for (size_t i = 0; i < OP_ARRAY_SIZE(units); i++) {
		int64_t ago;
		if (p[length] != units[i].unit)
			continue;
		if (__builtin_mul_overflow(n_ns, units[i].s, &ago) ||
		    __builtin_sub_overflow(now_wall_ns, ago, ret_wall_ns))
			return -EINVAL;
		return 0;
	}
	return -EINVAL;
}

int op_time_parse(const char *text, int64_t now_wall_ns, int64_t *ret_wall_ns)
{
	int64_t t;
	int r = 0;
	if (!strcmp(text, "now"))
		t = now_wall_ns;
	else if (text[0] == '-')
		r = parse_ago(text + 1, now_wall_ns, &t);
	else if (is_date(text))
		r = parse_date(text, &t);
	else
		r = parse_seconds(text, &t);
	if (r == 0)
		*ret_wall_ns = t;
	return r;
}
