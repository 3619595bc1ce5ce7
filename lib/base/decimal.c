/*
 * decimal.c - the shortest decimal text of a floating-point number that reads back the same.
 *
 * Numbers of sensors have few decimals, and for those there is a way without printf and strtod, ten
 * times as fast: with the least k for which m = round(v * 10^k) reads back as v, the text is m with
 * the point k digits from its end. Reading back needs no strtod, because m (below 2^53) and 10^k
 * (up to 10^22) are exact doubles, so that the quotient is m / 10^k correctly rounded, which is
 * what strtod returns. Numbers that need more digits, or an exponent, take the slow way.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "decimal.h"

#include <math.h>
#include <outpost/base.h>
#include <stdio.h>
#include <string.h>

#define LEAST 1e-4 /* below, %g writes an exponent; times 1e19 it passes both limits below */

static const double tens[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
			      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};

/* m with the point before its last k digits. */
static size_t put(bool negative, uint64_t m, unsigned k, char *out)
{
	char digits[OP_DECIMAL_BYTES], *end = digits + sizeof(digits), *p = end;
	for (unsigned i = 0; m > 0 || i <= k; i++) {
		if (i == k && k > 0)
			*--p = '.';
		*--p = (char)('0' + m % 10);
		m /= 10;
	}
	if (negative)
		*--p = '-';
	size_t n = (size_t)(end - p);
	memcpy(out, p, n);
	out[n] = '\0';
	return n;
}

/* Halves to even, as printf does. */
static uint64_t nearest(double v)
{
	uint64_t m = (uint64_t)(v + 0.5);
	return (double)m - v == 0.5 ? m & ~UINT64_C(1) : m;
}

size_t op_decimal_f64(double v, char out[OP_DECIMAL_BYTES])
{
	double magnitude = fabs(v);
	int digits = 15, n = 0;
	if (magnitude >= LEAST && magnitude < 1e15) {
		for (unsigned k = 0; k < OP_ARRAY_SIZE(tens); k++) {
			double scaled = magnitude * tens[k];
			if (scaled >= 1e15)
				break;
			uint64_t m = nearest(scaled);
			if ((double)m / tens[k] == magnitude)
				return put(v < 0, m, k, out);
		}
		digits = 16; /* fifteen would have been found */
	} else if (v == 0) {
		return put(signbit(v), 0, 0, out);
	}
	for (; digits <= 17; digits++) {
		n = snprintf(out, OP_DECIMAL_BYTES, "%.*g", digits, v); /* 17 digits fit */
		if (strtod(out, NULL) == v)
			break;
	}
	return (size_t)n;
}

/* Halfway between two floats: there, rounding twice may differ from rounding once. */
static bool is_midway(double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof(bits));
	return (bits & 0x1fffffff) == 0x10000000; /* the 29 bits that a float lacks */
}

size_t op_decimal_f32(float v, char out[OP_DECIMAL_BYTES])
{
	double magnitude = fabs((double)v), scaled;
	int n = 0;
	if (magnitude >= LEAST && magnitude < 1e7) {
		for (unsigned k = 0; (scaled = magnitude * tens[k]) < 1e9; k++) {
			uint64_t m = nearest(scaled);
			double back = (double)m / tens[k];
			if (k == 0 && m >= 1000000 && m % 10 == 0)
				break; /* %g would write 1.2e+06 */
			if ((double)(float)back == magnitude && !is_midway(back))
				return put(v < 0, m, k, out);
		}
	} else if (v == 0) {
		return put(signbit(v), 0, 0, out);
	}
	for (int digits = 6; digits <= 9; digits++) {
		n = snprintf(out, OP_DECIMAL_BYTES, "%.*g", digits, (double)v); /* 9 digits fit */
		if (strtof(out, NULL) == v)
			break;
	}
	return (size_t)n;
}

double op_decimal_widen(float v)
{
	char text[OP_DECIMAL_BYTES];
	if (!isfinite(v))
		return (double)v;
	(void)op_decimal_f32(v, text);
	return strtod(text, NULL);
}
