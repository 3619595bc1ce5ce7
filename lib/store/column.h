/*
 * column.h - one column of numbers in few bytes, exactly.
 *
 * Values of every type are mapped to 64-bit numbers that are ordered like them (also floats, NaN
 * and both zeros: it is the bits that are kept). What is stored are these numbers, their
 * differences or the differences of those, whichever a look at a part of them finds cheapest; all
 * equal, in as many bits as the largest needs, or byte by byte through zstd. Format:
 * outpost-store(7).
 *
 * Pure; one thread per object. Decoding trusts nothing and needs no memory but the caller's limit.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_COLUMN_H
#define OUTPOST_STORE_COLUMN_H

#include <outpost/topic.h>
#include <zstd.h>

#include "lib/store/bytes.h"

/* Size of a value; 0: text, which is no column. */
unsigned op_column_bytes(enum op_type type);
/* values: n of type, in a row. */
void op_column_widen(enum op_type type, const void *values, size_t n, uint64_t *ret);
/* -OP_EDAMAGED: a number there is no value for. */
int op_column_narrow(enum op_type type, const uint64_t *numbers, size_t n,
		     void *ret_values) OP_MUST_CHECK;
/* Signed number as one that is ordered like it, and back. */
static inline uint64_t op_column_key(int64_t v)
{
	return (uint64_t)v ^ (1ULL << 63);
}
static inline int64_t op_column_unkey(uint64_t v)
{
	return (int64_t)(v ^ (1ULL << 63));
}

struct op_column_encoder {
	size_t max; /* values of a column */
	int zstd_level;
	uint64_t *rest;  /* max: what is left of the values */
	uint8_t *planes; /* 8 * max bytes */
	void *packed;
	size_t packed_bytes;
	ZSTD_CCtx *zstd;
};
int op_column_encoder_init(struct op_column_encoder *e, size_t max, int zstd_level) OP_MUST_CHECK;
void op_column_encoder_finish(struct op_column_encoder *e);
/* Appends 1 ... max numbers to out. -ENOMEM; else see out->err. */
int op_column_encode(struct op_column_encoder *e, const uint64_t *numbers, size_t n,
		     struct op_buf *out) OP_MUST_CHECK;

struct op_column_decoder {
	size_t max;
	uint8_t *planes; /* 8 * max bytes */
	ZSTD_DCtx *zstd;
};
int op_column_decoder_init(struct op_column_decoder *d, size_t max) OP_MUST_CHECK;
void op_column_decoder_finish(struct op_column_decoder *d);
/* Takes a column of n numbers (1 ... max) off in. -OP_EDAMAGED. */
int op_column_decode(struct op_column_decoder *d, struct op_bytes *in, size_t n,
		     uint64_t *ret_numbers) OP_MUST_CHECK;

/* ---- between encoding and decoding ------------------------------------------------------- */

#define OP_COLUMN_ORDER_MAX 2 /* differences of differences */
enum op_column_packing { OP_COLUMN_EQUAL, OP_COLUMN_BITS, OP_COLUMN_ZSTD };
/* First byte of a column. */
#define OP_COLUMN_CODE(order, zigzag, packing) \
	((uint8_t)((order) | ((zigzag) ? 4 : 0) | (packing) << 4))

/* Small numbers of either sign as small numbers without one: 0, -1, 1, -2 ... */
static inline uint64_t op_column_zigzag(uint64_t v)
{
	return v << 1 ^ -(v >> 63);
}
static inline uint64_t op_column_unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

#endif
