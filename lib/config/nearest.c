/*
 * nearest.c - the name a user probably meant: optimal string alignment distance (Levenshtein with
 * transpositions of neighbours), letters compared without case.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <outpost/config.h>
#include <string.h>

#define WORD_MAX 64

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

static unsigned distance(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned row[3][WORD_MAX + 1]; /* rows i - 2, i - 1 and i, in turn */
	for (unsigned j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *now = row[i % 3];
		const unsigned *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned cost = !same(a[i - 1], b[j - 1]);
			now[j] = least(up[j] + 1, now[j - 1] + 1, up[j - 1] + cost);
			bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
				       same(a[i - 2], b[j - 1]);
			if (swapped && up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}

const char *op_nearest(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	unsigned best_distance = (unsigned)(len / 3) + 1; /* one more than is allowed */
	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t name_len = strlen(names[i]);
		if (name_len > WORD_MAX)
			continue;
		unsigned d = distance(word, len, names[i], name_len);
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}
