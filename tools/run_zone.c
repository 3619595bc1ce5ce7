/*
 * run_zone.c - TZ, which everybody takes in silence: of what is no zone the C library makes UTC.
 *
 * Before the loop, once. What counts is tzset(3): a file of zones, or a rule as POSIX writes it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_zone_file(const char *name)
{
	const char *dir = getenv("TZDIR");
	char path[PATH_MAX], magic[4] = "";
	bool whole = *name == '/';
	int n = snprintf(path, sizeof(path), "%s%s%s",
			 whole         ? ""
			 : dir && *dir ? dir
				       : "/usr/share/zoneinfo",
			 whole ? "" : "/", name);
	FILE *f = n < (int)sizeof(path) ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	size_t got = fread(magic, 1, sizeof(magic), f);
	(void)fclose(f); /* was only read */
	return got == sizeof(magic) && !memcmp(magic, "TZif", sizeof(magic));
}

/* Begins as a rule does: "CET-1...", "<+0530>-5:30". */
static bool is_rule(const char *text)
{
	const char *end = text;
	if (*text == '<') {
		end = strchr(text, '>');
		end = end ? end + 1 : text;
	} else {
		while (isalpha((unsigned char)*end))
			end++;
	}
	if (end - text < 3)
		return false;
	end += *end == '+' || *end == '-';
	return isdigit((unsigned char)*end);
}

void run_zone_check(struct run *run)
{
	const char *tz = getenv("TZ"), *name = tz && *tz == ':' ? tz + 1 : tz;
	if (!name || !*name || !strcmp(name, "UTC") || !strcmp(name, "UCT") ||
	    !strcmp(name, "GMT") || is_zone_file(name) || is_rule(name))
		return;
	run_say(run, OP_WARNING,
		"TZ=%.80s: there is no such time zone here, all times are UTC; correct its name "
		"(timedatectl list-timezones), or install tzdata",
		tz);
}
