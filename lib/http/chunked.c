/*
 * chunked.c - the body of a request that comes in chunks (RFC 9112, 7.1): pure, no I/O, no
 * allocation.
 *
 * Chunks are joined where they lie, so that a body is one piece for its handler. A chunk is taken
 * when it is here whole: with a bound on the body and on the length of a line, what is kept of an
 * unfinished request is bounded too. Trailer fields are read over, chunk extensions are ignored.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

#define LINE_MAX_BYTES 1024
#define TRAILER_MAX_BYTES 2048

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of the line with a chunk's size, 0 if it is not here whole, -400. */
static int take_size(const char *p, size_t n, uint64_t *ret)
{
	const char *end = memmem(p, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES, "\r\n", 2);
	uint64_t size = 0;
	size_t i = 0;
	for (; i < n && digit(p[i]) >= 0; i++) {
		if (i == 8)
			return -400;
		size = size * 16 + (uint64_t)digit(p[i]);
	}
	if (!end && n < LINE_MAX_BYTES)
		return i < n && !strchr(";\r \t", p[i]) ? -400 : 0;
	if (!end || !i || !strchr(";\r \t", p[i]) || memchr(p, '\n', (size_t)(end - p)) ||
	    memchr(p, '\0', (size_t)(end - p)))
		return -400;
	*ret = size;
	return (int)(end + 2 - p);
}

/* Bytes of the trailer with the empty line that ends it, 0 if it is not here whole, -400, -431. */
static int take_trailer(const char *p, size_t n)
{
	size_t window = n < TRAILER_MAX_BYTES ? n : TRAILER_MAX_BYTES;
	if (window >= 2 && !memcmp(p, "\r\n", 2))
		return 2;
	const char *end = memmem(p, window, "\r\n\r\n", 4);
	if (end)
		return memchr(p, '\0', (size_t)(end - p)) ? -400 : (int)(end + 4 - p);
	return n < TRAILER_MAX_BYTES ? 0 : -431;
}

int http_chunks_take(char *p, size_t *n, size_t *body, size_t max)
{
	for (;;) {
		char *at = p + *body;
		size_t left = *n - *body;
		uint64_t size;
		int line = take_size(at, left, &size);
		if (line <= 0)
			return line;
		if (size > max - *body)
			return -413;
		if (!size) {
			int trailer = take_trailer(at + line, left - (size_t)line);
			if (trailer <= 0)
				return trailer;
			size_t used = (size_t)line + (size_t)trailer;
			memmove(at, at + used, left - used);
			*n -= used;
			return 1;
		}
		size_t whole = (size_t)line + (size_t)size;
		if (left < whole + 2) /* a wrong end is seen at its first byte */
			return left > whole && at[whole] != '\r' ? -400 : 0;
		if (memcmp(at + whole, "\r\n", 2))
			return -400;
		memmove(at, at + line, (size_t)size);
		memmove(at + size, at + whole + 2, left - whole - 2);
		*n -= (size_t)line + 2;
		*body += (size_t)size;
	}
}
