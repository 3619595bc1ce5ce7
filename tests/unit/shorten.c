/*
 * shorten.c - lib/base/shorten.c: what is left of a long text.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/base/shorten.h"

#include "test.h"

#include <string.h>

static void check(const char *text, size_t most, const char *want)
{
	char out[64];
	memset(out, 'x', sizeof(out));
	op_shorten(text, most, out);
	CHECK_STR(out, want);
	CHECK(strlen(out) <= most && out[most + 1] == 'x');
}

TEST(what_fits_stays)
{
	check("", 3, "");
	check("abc", 3, "abc");
	check("/var/lib/outpost", 16, "/var/lib/outpost");
}

TEST(of_the_rest_both_ends_are_left)
{
	check("abcd", 3, "...");
	check("/var/lib/outpost/history.db", 18, "/var/...history.db");
	check("/var/lib/outpost/history.db", 26, "/var/li...tpost/history.db");
}

TEST(no_character_is_cut)
{
	check("\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc", 8, "...\u00f6\u00fc");
	check("\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc", 11, "\u00e4...\u00e4\u00f6\u00fc");
	check("\u20ac\u20ac\u20ac\u20ac", 8, "...\u20ac");
}
