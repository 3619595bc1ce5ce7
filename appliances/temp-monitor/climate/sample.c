/*
 * sample.c - trimmed mean, compensation and rounding of the contract, section 3.1.
 *
 * The offset that operators use was found with the mean over both chips together, so that one is
 * the default although a median per chip is the better filter.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define POOL (2 * SAMPLE_ROUNDS)

double sample_round1(double v)
{
	char text[340]; /* the longest double */
	(void)snprintf(text, sizeof(text), "%.1f", v);
	double rounded = strtod(text, NULL);
	return rounded == 0 ? 0 : rounded;
}

double sample_fahrenheit(double celsius)
{
	return sample_round1(celsius * 9 / 5 + 32);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *v, size_t n)
{
	double sorted[POOL];
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), compare);
	return (sorted[n / 2] + sorted[(n - 1) / 2]) / 2;
}

static double pooled(const struct sample *s)
{
	double all[POOL], sum = 0;
	memcpy(all, s->humidity_chip, sizeof(s->humidity_chip));
	memcpy(all + SAMPLE_ROUNDS, s->pressure_chip, sizeof(s->pressure_chip));
	qsort(all, POOL, sizeof(*all), compare);
	for (size_t i = 1; i < POOL - 1; i++)
		sum += all[i];
	return sum / (POOL - 2);
}

double sample_raw(const struct sample *s, enum sample_filter filter)
{
	if (filter == SAMPLE_POOLED)
		return pooled(s);
	return (median(s->humidity_chip, SAMPLE_ROUNDS) + median(s->pressure_chip, SAMPLE_ROUNDS)) /
	       2;
}

void sample_reading(const struct sample *s, const struct sample_params *p,
		    struct climate_reading *ret)
{
	double raw = sample_raw(s, p->filter);
	bool known = !isnan(s->cpu_c);
	double compensated = known ? raw - (s->cpu_c - raw) * p->cpu_factor : raw;
	double humidity = median(s->humidity, SAMPLE_HUMIDITIES) + p->humidity_offset;
	memset(ret, 0, sizeof(*ret)); /* the padding is published, too */
	ret->temperature_c = sample_round1(compensated + p->offset_f * 5 / 9);
	ret->temperature_f = sample_fahrenheit(ret->temperature_c);
	ret->humidity = sample_round1(humidity > 100 ? 100 : humidity);
	ret->raw_c = raw;
	ret->cpu_c = s->cpu_c;
	ret->pressure_hpa = s->pressure_hpa;
	ret->compensated = known;
}

double sample_spread(const double *v, size_t n)
{
	double lowest = v[0], highest = v[0];
	for (size_t i = 1; i < n; i++) {
		lowest = v[i] < lowest ? v[i] : lowest;
		highest = v[i] > highest ? v[i] : highest;
	}
	return highest - lowest;
}
