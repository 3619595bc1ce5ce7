/*
 * pool.c - memory that lives as long as a configuration: chunks that are dropped together.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

#define CHUNK_BYTES 8192

struct pool_chunk {
	struct pool_chunk *next;
	size_t used, cap;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *pool_alloc(struct pool *p, size_t bytes)
{
	const size_t align = _Alignof(max_align_t);
	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + align - 1) / align * align;
	struct pool_chunk *c = p->chunks;
	if (!c || c->cap - c->used < bytes) {
		size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
		c = calloc(1, sizeof(*c) + cap);
		if (!c)
			return NULL;
		c->cap = cap;
		c->next = p->chunks;
		p->chunks = c;
	}
	void *at = c->bytes + c->used;
	c->used += bytes;
	return at;
}

char *pool_text(struct pool *p, const char *text, size_t n)
{
	char *copy = pool_alloc(p, n + 1);
	if (copy && n)
		memcpy(copy, text, n);
	return copy;
}

void pool_finish(struct pool *p)
{
	while (p->chunks) {
		struct pool_chunk *next = p->chunks->next;
		free(p->chunks);
		p->chunks = next;
	}
}
