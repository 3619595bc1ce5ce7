/*
 * decimal.h - the shortest decimal text of a floating-point number that reads back the same.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BASE_DECIMAL_H
#define OUTPOST_BASE_DECIMAL_H

#include <stddef.h>

#define OP_DECIMAL_BYTES 32

/* v is finite. The text is what printf's %.*g gives with the fewest digits (from 15, and from 6)
 * that read back v. Returns its length; out is NUL-terminated. Any thread. */
size_t op_decimal_f64(double v, char out[OP_DECIMAL_BYTES]);
size_t op_decimal_f32(float v, char out[OP_DECIMAL_BYTES]);

/* The double that the shortest text of v reads as: 31.1 of 31.1f, where (double)v is
 * 31.100000381469727. What is not finite stays. Any thread. */
double op_decimal_widen(float v);

#endif
