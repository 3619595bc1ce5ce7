/*
 * sample.h - from the readings of one cycle to what is published (contract 3.1).
 *
 * Pure: no I/O, no clock. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_SAMPLE_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_SAMPLE_H

#include "topics.h"

#define SAMPLE_ROUNDS 5     /* readings of temperature per chip and cycle */
#define SAMPLE_HUMIDITIES 3 /* readings of humidity per cycle */

enum sample_filter {
	SAMPLE_POOLED, /* both chips in one heap, without the lowest and the highest: the mean */
	SAMPLE_MEDIAN, /* the mean of both chips' medians: one wild value changes nothing */
};

struct sample_params {
	enum sample_filter filter;
	double cpu_factor;      /* share of the distance to the processor that is its heat */
	double offset_f;        /* Fahrenheit degrees, a difference */
	double humidity_offset; /* points */
};

/* Everything of one cycle. */
struct sample {
	double humidity_chip[SAMPLE_ROUNDS]; /* degC, HTS221 */
	double pressure_chip[SAMPLE_ROUNDS]; /* degC, LPS25H */
	double humidity[SAMPLE_HUMIDITIES];  /* %RH */
	double cpu_c;                        /* NaN: unknown */
	double pressure_hpa;                 /* NaN: unknown */
};

/* To one decimal, halves of the exact binary value to even, as printf does; never -0. */
double sample_round1(double v);
/* degF of a rounded degC, rounded. */
double sample_fahrenheit(double celsius);
/* degC before compensation. */
double sample_raw(const struct sample *s, enum sample_filter filter);
void sample_reading(const struct sample *s, const struct sample_params *p,
		    struct climate_reading *ret);
/* Highest less lowest of n values, n at least 1. */
double sample_spread(const double *v, size_t n);

#endif
