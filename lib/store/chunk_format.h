/*
 * chunk_format.h - what builder and reader of chunks agree on: outpost-store(7), "Chunks".
 *
 *     "OpC1"  crc32  n  columns  { field  form | type << 4  bytes  column }...
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_CHUNK_FORMAT_H
#define OUTPOST_STORE_CHUNK_FORMAT_H

#include <string.h>
#include <zlib.h>

#include "lib/store/bytes.h"
#include "lib/store/chunk.h"

#define CHUNK_MAGIC "OpC1" /* the digit is the version */
#define CHUNK_CHECKED 8    /* bytes before those that the checksum covers */

/* Numbers of columns; those below are fields. */
enum { CHUNK_TIME = 254, CHUNK_SEQ = 255 };

/* How a field is stored. */
enum chunk_form {
	CHUNK_PLAIN,    /* its values */
	CHUNK_MEAN,     /* rule and starts of an exponential mean: column_mean.h */
	CHUNK_QUOTIENT, /* whole numbers, to be divided by another column */
	CHUNK_FORMS
};

/* Times are a line from the first one on, plus a small rest: step is in 1/2^20 of OP_CHUNK_TIME_NS
 * per record. */
#define CHUNK_STEP_SHIFT 20
static inline uint64_t chunk_line(uint64_t t0, uint64_t step, size_t i)
{
	return t0 + (step * i >> CHUNK_STEP_SHIFT);
}

/* CRC-32 of IEEE 802.3, of a whole chunk. */
static inline uint32_t chunk_crc(const void *data, size_t bytes)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)data + CHUNK_CHECKED,
				 bytes - CHUNK_CHECKED);
}

#endif
