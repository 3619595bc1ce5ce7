/*
 * bytes.h - numbers as bytes: little-endian, and as many bytes as they need (LEB128).
 *
 * Writing goes into an op_buf, whose error is looked at in the end. Reading checks every step: past
 * the end or after nonsense it gives zeros and stays bad. Pure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_BYTES_H
#define OUTPOST_STORE_BYTES_H

#include <outpost/buf.h>

static inline void op_bytes_put(struct op_buf *out, uint64_t v, unsigned bytes)
{
	uint8_t b[8];
	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	op_buf_put(out, b, bytes);
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static inline void op_bytes_put_varint(struct op_buf *out, uint64_t v)
{
	uint8_t b[10];
	unsigned n = 0;
	for (; v >= 0x80; v >>= 7)
		b[n++] = (uint8_t)(v | 0x80);
	b[n++] = (uint8_t)v;
	op_buf_put(out, b, n);
}

struct op_bytes {
	const uint8_t *at, *end;
	bool bad;
};

static inline struct op_bytes op_bytes_of(const void *data, size_t n)
{
	const uint8_t *p = data;
	return (struct op_bytes){p, p + n, false};
}

/* The next n bytes, or NULL. */
static inline const uint8_t *op_bytes_take(struct op_bytes *in, size_t n)
{
	const uint8_t *p = in->at;
	if (in->bad || (size_t)(in->end - p) < n) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return p;
}

static inline uint64_t op_bytes_get(struct op_bytes *in, unsigned bytes)
{
	const uint8_t *p = op_bytes_take(in, bytes);
	uint64_t v = 0;
	for (unsigned i = 0; p && i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static inline uint64_t op_bytes_get_varint(struct op_bytes *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint64_t b = op_bytes_get(in, 1);
		if (shift == 63 && b > 1)
			break; /* more than 64 bits */
		v |= (b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

#endif
