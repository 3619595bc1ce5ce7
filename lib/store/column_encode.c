/*
 * column_encode.c - a column written: find the cheapest form, take what is left, pack it.
 *
 * Ranges are measured over the whole column, since they decide how many bits it takes; what zstd
 * would make of it is guessed from the entropy of a part. Any thread. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "lib/store/column.h"

#define SAMPLE 1024   /* numbers the guess looks at */
#define WINDOW 128    /* of them in a row */
#define ZSTD_COSTS 24 /* bytes of a frame before it holds anything, about */

int op_column_encoder_init(struct op_column_encoder *e, size_t max, int zstd_level)
{
	*e = (struct op_column_encoder){.max = max, .zstd_level = zstd_level};
	e->packed_bytes = ZSTD_compressBound(8 * max);
	e->rest = malloc(max * sizeof(*e->rest));
	e->planes = malloc(8 * max);
	e->packed = malloc(e->packed_bytes);
	e->zstd = ZSTD_createCCtx();
	if (e->rest && e->planes && e->packed && e->zstd)
		return 0;
	op_column_encoder_finish(e);
	return -ENOMEM;
}

void op_column_encoder_finish(struct op_column_encoder *e)
{
	free(e->rest);
	free(e->planes);
	free(e->packed);
	(void)ZSTD_freeCCtx(e->zstd); /* takes NULL, always succeeds */
	*e = (struct op_column_encoder){0};
}

/* ---- what form ------------------------------------------------------------------------------ */

/* Least and greatest difference of an order; as keys (op_column_key) from order 1 on. */
struct range {
	uint64_t least, most;
};

static inline void widen_range(struct range *r, uint64_t v)
{
	r->least = v < r->least ? v : r->least;
	r->most = v > r->most ? v : r->most;
}

static void find_ranges(const uint64_t *v, size_t n, struct range r[OP_COLUMN_ORDER_MAX + 1])
{
	for (unsigned k = 0; k <= OP_COLUMN_ORDER_MAX; k++)
		r[k] = (struct range){UINT64_MAX, 0};
	uint64_t step = 0;
	for (size_t i = 0; i < n; i++) {
		widen_range(&r[0], v[i]);
		if (i < 1)
			continue;
		uint64_t before = step;
		step = v[i] - v[i - 1];
		widen_range(&r[1], op_column_key((int64_t)step));
		if (i >= 2)
			widen_range(&r[2], op_column_key((int64_t)(step - before)));
	}
}

struct form {
	unsigned order;
	bool zigzag;
	uint64_t least; /* taken off before packing; 0 with zigzag */
	unsigned bits;  /* of the largest number that is left */
};

static unsigned bit_width(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static struct form form_of(const struct range *r, unsigned order, bool zigzag)
{
	struct form f = {.order = order, .zigzag = zigzag};
	uint64_t least = order ? (uint64_t)op_column_unkey(r->least) : r->least;
	uint64_t most = order ? (uint64_t)op_column_unkey(r->most) : r->most;
	if (zigzag) {
		uint64_t a = op_column_zigzag(least), b = op_column_zigzag(most);
		f.bits = bit_width(a > b ? a : b);
	} else {
		f.least = least;
		f.bits = bit_width(most - least);
	}
	return f;
}

/* What is left of number i (>= order). */
static inline uint64_t remainder_at(const struct form *f, const uint64_t *v, size_t i)
{
	uint64_t d = v[i];
	if (f->order == 1)
		d -= v[i - 1];
	else if (f->order == 2)
		d -= 2 * v[i - 1] - v[i - 2];
	return f->zigzag ? op_column_zigzag(d) : d - f->least;
}

/* Some windows spread over the column. Returns how many numbers. */
static size_t look(const struct form *f, const uint64_t *v, size_t n, uint64_t *ret)
{
	size_t all = n - f->order, got = 0;
	size_t windows = all > SAMPLE ? SAMPLE / WINDOW : 1;
	size_t each = all > SAMPLE ? WINDOW : all;
	for (size_t w = 0; w < windows; w++) {
		size_t from = f->order + (windows > 1 ? w * ((all - each) / (windows - 1)) : 0);
		for (size_t i = 0; i < each; i++)
			ret[got++] = remainder_at(f, v, from + i);
	}
	return got;
}

/* Bits the numbers would take if each byte were coded by its frequency among those of its place. */
static double entropy(const uint64_t *numbers, size_t n, unsigned bits)
{
	double sum = 0, log_n = log2((double)n);
	for (unsigned shift = 0; shift < bits; shift += 8) {
		uint16_t count[256] = {0};
		for (size_t i = 0; i < n; i++)
			count[numbers[i] >> shift & 0xff]++;
		for (unsigned c = 0; c < 256; c++)
			if (count[c])
				sum += count[c] * (log_n - log2(count[c]));
	}
	return sum;
}

/* Bits of the whole column in this form, about. */
static double cost(const struct form *f, const uint64_t *v, size_t n)
{
	uint64_t numbers[SAMPLE];
	double packed = (double)f->bits * (double)(n - f->order) + 64 * f->order;
	if (n < WINDOW || f->bits == 0)
		return packed;
	size_t got = look(f, v, n, numbers);
	double coded = entropy(numbers, got, f->bits) / (double)got * (double)n;
	return fmin(packed, coded + 8 * ZSTD_COSTS);
}

static struct form cheapest(const uint64_t *v, size_t n)
{
	struct range r[OP_COLUMN_ORDER_MAX + 1];
	find_ranges(v, n, r);
	struct form best = form_of(&r[0], 0, false);
	double least = cost(&best, v, n);
	for (unsigned order = 1; order <= OP_COLUMN_ORDER_MAX && order < n && best.bits; order++) {
		for (int zigzag = 0; zigzag <= 1; zigzag++) {
			struct form f = form_of(&r[order], order, zigzag);
			double c = cost(&f, v, n);
			if (c < least) {
				best = f;
				least = c;
			}
		}
	}
	return best;
}

/* ---- packing -------------------------------------------------------------------------------- */

static void put_bits(const uint64_t *v, size_t n, unsigned bits, struct op_buf *out)
{
	uint64_t word = 0;
	unsigned fill = 0;
	for (size_t i = 0; i < n; i++) {
		word |= v[i] << fill;
		fill += bits;
		if (fill < 64)
			continue;
		op_bytes_put(out, word, 8);
		fill -= 64;
		word = fill ? v[i] >> (bits - fill) : 0;
	}
	op_bytes_put(out, word, (fill + 7) / 8);
}

/* The bytes of the numbers by place: first all the lowest. */
static void split(struct op_column_encoder *e, size_t n, unsigned planes)
{
	for (unsigned k = 0; k < planes; k++) {
		uint8_t *plane = e->planes + k * n;
		for (size_t i = 0; i < n; i++)
			plane[i] = (uint8_t)(e->rest[i] >> 8 * k);
	}
}

/* Bytes of the zstd frame in e->packed, 0 if it does not pay. */
static size_t squeeze(struct op_column_encoder *e, size_t n, unsigned bits)
{
	unsigned planes = (bits + 7) / 8;
	size_t plain = (n * bits + 7) / 8;
	if (plain <= ZSTD_COSTS)
		return 0;
	split(e, n, planes);
	size_t got = ZSTD_compressCCtx(e->zstd, e->packed, e->packed_bytes, e->planes, planes * n,
				       e->zstd_level);
	return ZSTD_isError(got) || got + 4 >= plain ? 0 : got;
}

static void put_form(const struct form *f, enum op_column_packing packing, const uint64_t *v,
		     struct op_buf *out)
{
	op_bytes_put(out, OP_COLUMN_CODE(f->order, f->zigzag, packing), 1);
	for (unsigned i = 0; i < f->order; i++)
		op_bytes_put_varint(out, v[i]);
	if (!f->zigzag)
		op_bytes_put_varint(out, f->order ? op_column_zigzag(f->least) : f->least);
}

int op_column_encode(struct op_column_encoder *e, const uint64_t *numbers, size_t n,
		     struct op_buf *out)
{
	struct form f = cheapest(numbers, n);
	if (f.bits == 0) {
		put_form(&f, OP_COLUMN_EQUAL, numbers, out);
		return out->err;
	}
	size_t left = n - f.order;
	for (size_t i = 0; i < left; i++)
		e->rest[i] = remainder_at(&f, numbers, f.order + i);
	size_t packed = squeeze(e, left, f.bits);
	put_form(&f, packed ? OP_COLUMN_ZSTD : OP_COLUMN_BITS, numbers, out);
	op_bytes_put(out, packed ? (f.bits + 7) / 8 : f.bits, 1);
	if (packed) {
		op_bytes_put_varint(out, packed);
		op_buf_put(out, e->packed, packed);
	} else {
		put_bits(e->rest, left, f.bits, out);
	}
	return out->err;
}
