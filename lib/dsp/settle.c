/*
 * settle.c - waits for rest and takes the mean of it.
 *
 * The window slides; a histogram of its samples gives the median without sorting. The test for rest
 * walks the histogram and the window, so it is made once per sixteenth of a window only.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dsp/settle.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void op_settle_init(struct op_settle *s, const struct op_settle_params *params)
{
	assert(params->window >= 16 && params->window <= OP_SETTLE_WINDOW_MAX);
	s->params = *params;
	op_settle_restart(s);
}

void op_settle_restart(struct op_settle *s)
{
	s->seen = 0;
	s->step = s->params.window;
	s->forced = false;
	s->mean = 0;
	s->sum = 0;
	memset(s->histogram, 0, sizeof(s->histogram));
}

static void slide(struct op_settle *s, unsigned value)
{
	uint16_t *slot = &s->ring[s->seen % s->params.window];
	if (s->seen >= s->params.window) {
		s->histogram[*slot]--;
		s->sum -= *slot;
	}
	*slot = (uint16_t)value;
	s->histogram[value]++;
	s->sum += value;
	s->seen++;
	s->mean = (double)s->sum / (s->seen < s->params.window ? s->seen : s->params.window);
}

static unsigned median(const struct op_settle *s)
{
	unsigned below = 0, level = 0;
	while (level < OP_SETTLE_LEVELS - 1 &&
	       (below += s->histogram[level]) * 2 <= s->params.window)
		level++;
	return level;
}

/* Samples within the band about m, and their sum. */
static unsigned within(const struct op_settle *s, unsigned m, uint64_t *ret_sum)
{
	unsigned from = m > s->params.band ? m - s->params.band : 0;
	unsigned to =
		m + s->params.band < OP_SETTLE_LEVELS ? m + s->params.band : OP_SETTLE_LEVELS - 1;
	unsigned n = 0;
	*ret_sum = 0;
	for (unsigned level = from; level <= to; level++) {
		n += s->histogram[level];
		*ret_sum += (uint64_t)level * s->histogram[level];
	}
	return n;
}

/* The mean of a quarter of the window, without what lies outside the band about m. */
static double quarter_mean(const struct op_settle *s, unsigned from, unsigned m)
{
	unsigned sum = 0, n = 0;
	for (unsigned i = 0; i < s->params.window / 4; i++) {
		unsigned v = s->ring[(from + i) % s->params.window];
		bool near = v + s->params.band >= m && v <= m + s->params.band;
		sum += near ? v : 0;
		n += near;
	}
	return n ? (double)sum / n : 0;
}

static double half_mean(const struct op_settle *s, unsigned from, unsigned n)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < n; i++)
		sum += s->ring[(from + i) % s->params.window];
	return (double)sum / n;
}

/* A step at the very edge of the window is no outlier: both halves must agree, all of them. */
static bool even(const struct op_settle *s)
{
	unsigned n = s->params.window / 2;
	double difference = half_mean(s, s->seen, n) - half_mean(s, s->seen + n, n);
	return fabs(difference) * 2 < s->params.band;
}

/* The end of a hit, or the top of a weak one, may stay within the band: the quarters must agree
 * too. */
static bool level(const struct op_settle *s, unsigned m)
{
	double least = OP_SETTLE_LEVELS, most = 0;
	for (unsigned q = 0; q < 4; q++) {
		double mean = quarter_mean(s, s->seen + q * (s->params.window / 4), m);
		least = fmin(least, mean);
		most = fmax(most, mean);
	}
	return (most - least) * 5 < s->params.band;
}

bool op_settle_step(struct op_settle *s, unsigned value, double *ret_baseline)
{
	uint64_t sum;
	slide(s, value < OP_SETTLE_LEVELS ? value : OP_SETTLE_LEVELS - 1);
	if (--s->step > 0)
		return false;
	s->step = s->params.window / 16;
	unsigned m = median(s), n = within(s, m, &sum);
	if (n * 16 >= s->params.window * 15 && even(s) && level(s, m)) {
		*ret_baseline = (double)sum / n;
		return true;
	}
	s->forced = s->seen >= s->params.max_samples;
	if (s->forced)
		*ret_baseline = m;
	return s->forced;
}
