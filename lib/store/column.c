/*
 * column.c - values as ordered numbers, and columns read back.
 *
 * Any thread. Numbers come from files that may be damaged: every length is checked before it is
 * used. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/column.h"

#include <string.h>

/* ---- values as numbers --------------------------------------------------------------------- */

unsigned op_column_bytes(enum op_type type)
{
	static const uint8_t bytes[] = {[OP_U8] = 1,  [OP_I8] = 1,  [OP_U16] = 2,  [OP_I16] = 2,
					[OP_U32] = 4, [OP_I32] = 4, [OP_U64] = 8,  [OP_I64] = 8,
					[OP_F32] = 4, [OP_F64] = 8, [OP_ENUM] = 1, [OP_TEXT] = 0};
	return (size_t)type < OP_ARRAY_SIZE(bytes) ? bytes[type] : 0;
}

/* Negative floats count down as their bits count up, and have the sign bit. */
static inline uint64_t float_key(uint64_t v, uint64_t sign)
{
	return v & sign ? ~v & (sign | (sign - 1)) : v | sign;
}

static inline uint64_t float_unkey(uint64_t v, uint64_t sign)
{
	return v & sign ? v & ~sign : ~v & (sign | (sign - 1));
}

#define WIDEN(ctype, expression)                                                      \
	for (size_t i = 0; i < n; i++) {                                              \
		ctype bits;                                                           \
		memcpy(&bits, (const char *)values + i * sizeof(bits), sizeof(bits)); \
		uint64_t v = bits;                                                    \
		ret[i] = (expression);                                                \
	}                                                                             \
	break

void op_column_widen(enum op_type type, const void *values, size_t n, uint64_t *ret)
{
	switch (type) {
	case OP_U8:
	case OP_ENUM:
		WIDEN(uint8_t, v);
	case OP_I8:
		WIDEN(uint8_t, v ^ 0x80);
	case OP_U16:
		WIDEN(uint16_t, v);
	case OP_I16:
		WIDEN(uint16_t, v ^ 0x8000);
	case OP_U32:
		WIDEN(uint32_t, v);
	case OP_I32:
		WIDEN(uint32_t, v ^ 0x80000000u);
	case OP_F32:
		WIDEN(uint32_t, float_key(v, 0x80000000u));
	case OP_U64:
		WIDEN(uint64_t, v);
	case OP_I64:
		WIDEN(uint64_t, v ^ 1ULL << 63);
	case OP_F64:
		WIDEN(uint64_t, float_key(v, 1ULL << 63));
	case OP_TEXT:
		break;
	}
}

#define NARROW(ctype, expression)                                                   \
	for (size_t i = 0; i < n; i++) {                                            \
		uint64_t v = numbers[i];                                            \
		ctype bits = (ctype)(expression);                                   \
		memcpy((char *)ret_values + i * sizeof(bits), &bits, sizeof(bits)); \
	}                                                                           \
	break

int op_column_narrow(enum op_type type, const uint64_t *numbers, size_t n, void *ret_values)
{
	unsigned bytes = op_column_bytes(type);
	uint64_t all = 0;
	for (size_t i = 0; i < n; i++)
		all |= numbers[i];
	if (bytes < 8 && all >> 8 * bytes)
		return -OP_EDAMAGED;
	switch (type) {
	case OP_U8:
	case OP_ENUM:
		NARROW(uint8_t, v);
	case OP_I8:
		NARROW(uint8_t, v ^ 0x80);
	case OP_U16:
		NARROW(uint16_t, v);
	case OP_I16:
		NARROW(uint16_t, v ^ 0x8000);
	case OP_U32:
		NARROW(uint32_t, v);
	case OP_I32:
		NARROW(uint32_t, v ^ 0x80000000u);
	case OP_F32:
		NARROW(uint32_t, float_unkey(v, 0x80000000u));
	case OP_U64:
		NARROW(uint64_t, v);
	case OP_I64:
		NARROW(uint64_t, v ^ 1ULL << 63);
	case OP_F64:
		NARROW(uint64_t, float_unkey(v, 1ULL << 63));
	case OP_TEXT:
		break;
	}
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

int op_column_decoder_init(struct op_column_decoder *d, size_t max)
{
	*d = (struct op_column_decoder){.max = max};
	d->planes = malloc(8 * max);
	d->zstd = ZSTD_createDCtx();
	if (d->planes && d->zstd)
		return 0;
	op_column_decoder_finish(d);
	return -ENOMEM;
}

void op_column_decoder_finish(struct op_column_decoder *d)
{
	free(d->planes);
	(void)ZSTD_freeDCtx(d->zstd); /* takes NULL, always succeeds */
	*d = (struct op_column_decoder){0};
}

/* Up to eight bytes as they come, lowest first. */
static uint64_t load_word(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;
	for (size_t i = 0; i < bytes && i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static int unpack_bits(struct op_bytes *in, size_t n, uint64_t *ret)
{
	unsigned bits = (unsigned)op_bytes_get(in, 1);
	if (bits < 1 || bits > 64)
		return -OP_EDAMAGED;
	size_t bytes = (n * bits + 7) / 8;
	const uint8_t *p = op_bytes_take(in, bytes);
	if (!p)
		return -OP_EDAMAGED;
	uint64_t mask = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1, word = 0;
	unsigned have = 0; /* bits of word not used yet; the others are zero */
	for (size_t i = 0; i < n; i++) {
		ret[i] = word & mask;
		if (have >= bits) {
			word = bits == 64 ? 0 : word >> bits;
			have -= bits;
			continue;
		}
		uint64_t next = load_word(p, bytes);
		p += bytes < 8 ? bytes : 8;
		bytes -= bytes < 8 ? bytes : 8;
		unsigned used = bits - have;
		ret[i] = (word | next << have) & mask;
		word = used == 64 ? 0 : next >> used;
		have = 64 - used;
	}
	return 0;
}

static int unpack_zstd(struct op_column_decoder *d, struct op_bytes *in, size_t n, uint64_t *ret)
{
	unsigned planes = (unsigned)op_bytes_get(in, 1);
	uint64_t bytes = op_bytes_get_varint(in);
	const uint8_t *p = bytes <= SIZE_MAX ? op_bytes_take(in, (size_t)bytes) : NULL;
	if (!p || planes < 1 || planes > 8)
		return -OP_EDAMAGED;
	if (ZSTD_decompressDCtx(d->zstd, d->planes, planes * n, p, (size_t)bytes) != planes * n)
		return -OP_EDAMAGED;
	for (size_t i = 0; i < n; i++)
		ret[i] = d->planes[i];
	for (unsigned k = 1; k < planes; k++) {
		const uint8_t *plane = d->planes + k * n;
		for (size_t i = 0; i < n; i++)
			ret[i] |= (uint64_t)plane[i] << 8 * k;
	}
	return 0;
}

static int unpack(struct op_column_decoder *d, struct op_bytes *in, unsigned packing, size_t n,
		  uint64_t *ret)
{
	switch (packing) {
	case OP_COLUMN_EQUAL:
		memset(ret, 0, n * sizeof(*ret));
		return 0;
	case OP_COLUMN_BITS:
		return unpack_bits(in, n, ret);
	case OP_COLUMN_ZSTD:
		return unpack_zstd(d, in, n, ret);
	default:
		return -OP_EDAMAGED;
	}
}

/* numbers[order ...] are differences; those before are values. */
static void sum_up(uint64_t *numbers, size_t n, unsigned order)
{
	if (order == 1) {
		for (size_t i = 1; i < n; i++)
			numbers[i] += numbers[i - 1];
	} else if (order == 2) {
		uint64_t step = numbers[1] - numbers[0];
		for (size_t i = 2; i < n; i++) {
			step += numbers[i];
			numbers[i] = numbers[i - 1] + step;
		}
	}
}

int op_column_decode(struct op_column_decoder *d, struct op_bytes *in, size_t n,
		     uint64_t *ret_numbers)
{
	unsigned code = (unsigned)op_bytes_get(in, 1), order = code & 3;
	bool zigzag = code & 4;
	if (in->bad || n > d->max || n <= order || order > OP_COLUMN_ORDER_MAX || code & 0xc8)
		return -OP_EDAMAGED;
	for (unsigned i = 0; i < order; i++)
		ret_numbers[i] = op_bytes_get_varint(in);
	uint64_t least = 0, *rest = ret_numbers + order;
	if (!zigzag)
		least = order ? op_column_unzigzag(op_bytes_get_varint(in))
			      : op_bytes_get_varint(in);
	int err = unpack(d, in, code >> 4, n - order, rest);
	if (err || in->bad)
		return -OP_EDAMAGED;
	for (size_t i = 0; i < n - order; i++)
		rest[i] = zigzag ? op_column_unzigzag(rest[i]) : rest[i] + least;
	sum_up(ret_numbers, n, order);
	return 0;
}
