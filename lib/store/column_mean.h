/*
 * column_mean.h - columns that need not be stored: exponential means of others.
 *
 *     y <- (1 - factor) y + factor d        in double precision and in this order
 *
 * d is another column x, its distance from a third one |x - z|, or how far it is above it, max(x -
 * z, 0): what lib/dsp/envelope.h makes of a signal. Where y leaves the rule (a start, a reset, a
 * baseline that is held) it is begun anew from the true value. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_COLUMN_MEAN_H
#define OUTPOST_STORE_COLUMN_MEAN_H

#include <outpost/topic.h>

enum op_mean_input { OP_MEAN_PLAIN, OP_MEAN_DISTANCE, OP_MEAN_EXCESS, OP_MEAN_INPUTS };

struct op_mean_rule {
	uint8_t input; /* enum op_mean_input */
	uint8_t x, z;  /* fields; z == x for OP_MEAN_PLAIN */
	double factor; /* 0 < factor <= 1 */
};

/* n values of a type as doubles. */
void op_mean_values(enum op_type type, const void *values, size_t n, double *ret);
/* d from x and z, in place of z. For OP_MEAN_PLAIN a copy of x. */
void op_mean_inputs(enum op_mean_input input, const double *x, double *z_to_d, size_t n);

/* The factor that makes y the mean of d, 0 if none is near. Passes over where y begins anew. */
double op_mean_fit(const double *d, const double *y, size_t n, double tolerance);

/* Where y has to be begun anew so that it is never off by more than tolerance: ret_at gets up to
 * max places, the first is 0. Returns how many there are, max + 1 if they are more. type: that of
 * y, F32 or F64. */
size_t op_mean_restarts(double factor, enum op_type type, const double *d, const double *y,
			size_t n, double tolerance, uint32_t *ret_at, size_t max);

/* The reverse. values: of y, holds the true ones at[0 ... restarts - 1] on entry, all on return.
 * at rises from 0 and stays below n. */
void op_mean_replay(double factor, enum op_type type, const double *d, size_t n, const uint32_t *at,
		    size_t restarts, void *values);

#endif
