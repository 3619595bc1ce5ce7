/*
 * shorten.h - a long text, such as a path, in little room: its beginning and its end.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BASE_SHORTEN_H
#define OUTPOST_BASE_SHORTEN_H

#include <stddef.h>

/* The text, or of a longer one beginning and end with "..." between, in at most most bytes and a
 * NUL; no character of UTF-8 is cut. out has most + 1 bytes, most is at least 3. Any thread. */
void op_shorten(const char *text, size_t most, char *out);

#endif
