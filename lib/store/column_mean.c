/*
 * column_mean.c - finds the factor of an exponential mean, checks it, and works it out again.
 *
 * Any thread. Numbers may be anything, NaN included: whatever does not follow the rule is begun
 * anew, bit by bit.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/column_mean.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RATIOS 255 /* looked at for the first guess of a factor */

/* ---- inputs --------------------------------------------------------------------------------- */

#define VALUES(ctype)                                                        \
	for (size_t i = 0; i < n; i++) {                                     \
		ctype v;                                                     \
		memcpy(&v, (const char *)values + i * sizeof(v), sizeof(v)); \
		ret[i] = (double)v;                                          \
	}                                                                    \
	break

void op_mean_values(enum op_type type, const void *values, size_t n, double *ret)
{
	switch (type) {
	case OP_U8:
	case OP_ENUM:
		VALUES(uint8_t);
	case OP_I8:
		VALUES(int8_t);
	case OP_U16:
		VALUES(uint16_t);
	case OP_I16:
		VALUES(int16_t);
	case OP_U32:
		VALUES(uint32_t);
	case OP_I32:
		VALUES(int32_t);
	case OP_U64:
		VALUES(uint64_t);
	case OP_I64:
		VALUES(int64_t);
	case OP_F32:
		VALUES(float);
	case OP_F64:
		VALUES(double);
	case OP_TEXT:
		break;
	}
}

void op_mean_inputs(enum op_mean_input input, const double *x, double *z_to_d, size_t n)
{
	if (input == OP_MEAN_PLAIN)
		memcpy(z_to_d, x, n * sizeof(*x));
	else if (input == OP_MEAN_DISTANCE)
		for (size_t i = 0; i < n; i++)
			z_to_d[i] = fabs(x[i] - z_to_d[i]);
	else
		for (size_t i = 0; i < n; i++)
			z_to_d[i] = fmax(x[i] - z_to_d[i], 0);
}

/* ---- the factor ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median of what each step says the factor is: a few starts anew do not matter to it. */
static double first_guess(const double *d, const double *y, size_t n)
{
	double ratio[RATIOS];
	size_t got = 0, stride = n > RATIOS ? n / RATIOS : 1;
	for (size_t i = 1; i < n && got < RATIOS; i += stride) {
		double r = (y[i] - y[i - 1]) / (d[i] - y[i - 1]);
		if (isfinite(r))
			ratio[got++] = r;
	}
	if (got == 0)
		return 0;
	qsort(ratio, got, sizeof(*ratio), compare);
	return ratio[got / 2];
}

double op_mean_fit(const double *d, const double *y, size_t n, double tolerance)
{
	double guess = first_guess(d, y, n), above = 0, below = 0;
	for (size_t i = 1; i < n; i++) {
		double gap = d[i] - y[i - 1], step = y[i] - y[i - 1];
		if (!(fabs(step - guess * gap) <= tolerance))
			continue;
		above += step * gap;
		below += gap * gap;
	}
	double factor = above / below;
	return factor > 0 && factor <= 1 ? factor : 0;
}

/* ---- following the rule --------------------------------------------------------------------- */

static inline double step(double factor, double y, double d)
{
	return (1 - factor) * y + factor * d;
}

size_t op_mean_restarts(double factor, enum op_type type, const double *d, const double *y,
			size_t n, double tolerance, uint32_t *ret_at, size_t max)
{
	double now = NAN;
	size_t got = 0;
	for (size_t i = 0; i < n; i++) {
		now = step(factor, now, d[i]);
		double shown = type == OP_F32 ? (double)(float)now : now;
		if (i > 0 && fabs(shown - y[i]) <= tolerance)
			continue;
		if (got == max)
			return max + 1;
		ret_at[got++] = (uint32_t)i;
		now = y[i];
	}
	return got;
}

/* From one start to the next. */
#define REPLAY(ctype)                                    \
	do {                                             \
		ctype *v = values;                       \
		double now = (double)v[from];            \
		for (size_t i = from + 1; i < to; i++) { \
			now = step(factor, now, d[i]);   \
			v[i] = (ctype)now;               \
		}                                        \
	} while (0)

void op_mean_replay(double factor, enum op_type type, const double *d, size_t n, const uint32_t *at,
		    size_t restarts, void *values)
{
	for (size_t k = 0; k < restarts; k++) {
		size_t from = at[k], to = k + 1 < restarts ? at[k + 1] : n;
		if (type == OP_F32)
			REPLAY(float);
		else
			REPLAY(double);
	}
}
