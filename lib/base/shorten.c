/*
 * shorten.c - a long text in little room.
 *
 * Pure; nothing fails. The end of a path says more than its beginning: it has two thirds.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "shorten.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* In the middle of a character of UTF-8. */
static bool is_within(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void op_shorten(const char *text, size_t most, char *out)
{
	size_t n = strlen(text), head = (most - 3) / 3, tail = most - 3 - head;
	if (n <= most) {
		memcpy(out, text, n + 1);
		return;
	}
	const char *end = text + n - tail;
	while (head > 0 && is_within(text[head]))
		head--;
	while (is_within(*end))
		end++;
	(void)snprintf(out, most + 1, "%.*s...%s", (int)head, text, end); /* fits */
}
