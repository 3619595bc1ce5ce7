/*
 * copy.h - record bytes in and out of the ring as relaxed atomic words.
 *
 * A reader may copy a slot while the writer overwrites it, and throws the copy away afterwards.
 * Plain memcpy would make that a data race in the sense of C11 5.1.2.4; relaxed atomics of the
 * machine's word do not, cost the same, and let the thread sanitizer watch everything else.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BUS_COPY_H
#define OUTPOST_BUS_COPY_H

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

typedef unsigned long op_word;

/* to is in the ring and 8-aligned; the last word is filled up with zeroes. */
static inline void copy_in(void *to, const void *from, size_t n)
{
	_Atomic op_word *out = to;
	const unsigned char *in = from;
	for (; n >= sizeof(op_word); n -= sizeof(op_word), in += sizeof(op_word)) {
		op_word w;
		memcpy(&w, in, sizeof(w));
		atomic_store_explicit(out++, w, memory_order_relaxed);
	}
	if (n > 0) {
		op_word w = 0;
		memcpy(&w, in, n);
		atomic_store_explicit(out, w, memory_order_relaxed);
	}
}

/* from is in the ring and 8-aligned. */
static inline void copy_out(void *to, const void *from, size_t n)
{
	const _Atomic op_word *in = from;
	unsigned char *out = to;
	for (; n >= sizeof(op_word); n -= sizeof(op_word), out += sizeof(op_word)) {
		op_word w = atomic_load_explicit(in++, memory_order_relaxed);
		memcpy(out, &w, sizeof(w));
	}
	if (n > 0) {
		op_word w = atomic_load_explicit(in, memory_order_relaxed);
		memcpy(out, &w, n);
	}
}

#endif
