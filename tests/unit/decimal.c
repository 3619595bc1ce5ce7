/*
 * decimal.c - the fast way of writing numbers says what the slow way says.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/base/decimal.h"

#include <float.h>
#include <math.h>

#include "test.h"

static uint64_t seed = 0x9e3779b97f4a7c15u;

/* splitmix64: the same numbers on every run */
static uint64_t next(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void slow(double v, bool is_float, char out[OP_DECIMAL_BYTES])
{
	for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
		snprintf(out, OP_DECIMAL_BYTES, "%.*g", digits, v);
		if (is_float ? (double)strtof(out, NULL) == v : strtod(out, NULL) == v)
			return;
	}
}

static void check_f64(double v)
{
	char got[OP_DECIMAL_BYTES], want[OP_DECIMAL_BYTES];
	slow(v, false, want);
	CHECK_INT(op_decimal_f64(v, got), strlen(got));
	CHECK_STR(got, want);
}

static void check_f32(float v)
{
	char got[OP_DECIMAL_BYTES], want[OP_DECIMAL_BYTES];
	slow((double)v, true, want);
	CHECK_INT(op_decimal_f32(v, got), strlen(got));
	CHECK_STR(got, want);
}

TEST(edges_are_written_as_printf_does)
{
	static const double edges[] = {0,
				       1,
				       9,
				       10,
				       0.1,
				       0.5,
				       1e-4,
				       9.9999e-5,
				       1e-5,
				       1e15,
				       999999999999999,
				       1e14 + 0.5,
				       1e16,
				       DBL_MAX,
				       DBL_MIN,
				       0x1p-1074,
				       1.0 / 3,
				       2.5e-3,
				       123456.789,
				       0x1p53,
				       0x1p53 + 2};
	for (size_t i = 0; i < OP_ARRAY_SIZE(edges); i++) {
		check_f64(edges[i]);
		check_f64(-edges[i]);
		if (fabs(edges[i]) <= (double)FLT_MAX) {
			check_f32((float)edges[i]);
			check_f32(-(float)edges[i]);
		}
	}
}

TEST(short_decimals_are_written_as_printf_does)
{
	for (unsigned i = 0; i < 200000; i++) {
		double v = (double)(next() % 1000000000) / pow(10, (double)(next() % 12));
		check_f64(v);
		check_f32((float)v);
	}
}

TEST(any_bits_are_written_as_printf_does)
{
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t bits = next();
		double v;
		float f;
		memcpy(&v, &bits, sizeof(v));
		memcpy(&f, &bits, sizeof(f));
		if (isfinite(v))
			check_f64(v);
		if (isfinite(f))
			check_f32(f);
	}
}

TEST(floats_near_a_decimal_are_written_as_printf_does)
{
	for (unsigned i = 0; i < 200000; i++) {
		float f = (float)(next() % 1000000) / 10.0f + (float)(next() % 100) * 1e-5f;
		check_f32(f);
		check_f32(nextafterf(f, 0));
		check_f32((float)(next() % 2000000000));
		check_f32((float)(next() % 20000) * 1000);
	}
}
