/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "sample.h"

#include <math.h>

#include "test.h"

static const struct sample_params shipped = {
	.cpu_factor = 0.7, .offset_f = -13.5, .humidity_offset = 4};

static struct sample same(double humidity_chip, double pressure_chip, double cpu)
{
	struct sample s = {.cpu_c = cpu, .pressure_hpa = NAN};
	for (size_t i = 0; i < SAMPLE_ROUNDS; i++) {
		s.humidity_chip[i] = humidity_chip;
		s.pressure_chip[i] = pressure_chip;
	}
	s.humidity[0] = s.humidity[1] = s.humidity[2] = 40;
	return s;
}

static void expect(double humidity_chip, double pressure_chip, double cpu, double c, double f)
{
	struct sample s = same(humidity_chip, pressure_chip, cpu);
	struct climate_reading r;
	sample_reading(&s, &shipped, &r);
	CHECK_NEAR(r.temperature_c, c, 0); /* the nearest double of that decimal, nothing else */
	CHECK_NEAR(r.temperature_f, f, 0);
	CHECK_INT(r.compensated, !isnan(cpu));
	CHECK_NEAR(r.humidity, 44, 0);
	CHECK(isnan(r.pressure_hpa));
	CHECK(isnan(cpu) ? isnan(r.cpu_c) : r.cpu_c == cpu);
}

TEST(check_values_of_the_contract)
{
	expect(20, 20, 30, 5.5, 41.9);
	expect(20, 20, NAN, 12.5, 54.5);
	expect(20, 24, NAN, 14.5, 58.1);
	expect(38.65, 38.65, 51.121, 22.4, 72.3);
	expect(25, 25, 51.121, -0.8, 30.6);
	expect(25, 25, NAN, 17.5, 63.5);
}

TEST(another_offset_is_applied_with_and_without_compensation)
{
	struct sample_params p = shipped;
	struct sample s = same(38.65, 38.65, 51.121);
	struct climate_reading r;
	p.offset_f = -4;
	sample_reading(&s, &p, &r);
	CHECK_NEAR(r.temperature_c, 27.7, 0);
	s.cpu_c = NAN;
	sample_reading(&s, &p, &r);
	CHECK_NEAR(r.temperature_c, 36.4, 0);
	p.cpu_factor = 0;
	s.cpu_c = 90;
	sample_reading(&s, &p, &r);
	CHECK_NEAR(r.temperature_c, 36.4, 0);
	CHECK_INT(r.compensated, 1);
}

static double humidity_of(double a, double b, double c, double offset)
{
	struct sample_params p = shipped;
	struct sample s = same(20, 20, NAN);
	struct climate_reading r;
	p.humidity_offset = offset;
	s.humidity[0] = a;
	s.humidity[1] = b;
	s.humidity[2] = c;
	sample_reading(&s, &p, &r);
	return r.humidity;
}

TEST(humidity_is_a_median_with_an_offset_and_a_cap)
{
	CHECK_NEAR(humidity_of(30, 40, 50, 4), 44, 0);
	CHECK_NEAR(humidity_of(50, 30, 40, 4), 44, 0);
	CHECK_NEAR(humidity_of(97, 98, 99, 4), 100, 0);
	CHECK_NEAR(humidity_of(40, 40, 40, 4), 44, 0);
	CHECK_NEAR(humidity_of(2, 3, 1, -4), -2, 0); /* no floor */
	CHECK_NEAR(humidity_of(0, 45.449, 100, 4), 49.4, 0);
}

TEST(the_lowest_and_the_highest_of_both_chips_together_are_dropped)
{
	struct sample s = same(20, 24, NAN);
	s.humidity_chip[2] = -40; /* instead of a 20: the other nine lose their highest */
	CHECK_NEAR(sample_raw(&s, SAMPLE_POOLED), (4 * 20 + 4 * 24) / 8.0, 1e-12);
	s.pressure_chip[4] = 120;
	CHECK_NEAR(sample_raw(&s, SAMPLE_POOLED), (4 * 20 + 4 * 24) / 8.0, 1e-12);
	s.pressure_chip[0] = 121; /* a second one stays: the pool does not help here */
	CHECK_NEAR(sample_raw(&s, SAMPLE_POOLED), (4 * 20 + 3 * 24 + 120) / 8.0, 1e-12);
	CHECK_NEAR(sample_raw(&s, SAMPLE_MEDIAN), 22, 1e-12); /* two of five do not matter */
}

/* The order in which values came is of no account, whichever filter. */
TEST(readings_in_any_order_are_the_same)
{
	struct sample s = {.cpu_c = 50}, turned;
	for (size_t i = 0; i < SAMPLE_ROUNDS; i++) {
		s.humidity_chip[i] = 20 + (double)(i * 7 % 5) / 8;
		s.pressure_chip[i] = 21 + (double)(i * 3 % 5) / 8;
	}
	for (size_t by = 1; by < SAMPLE_ROUNDS; by++) {
		turned = s;
		for (size_t i = 0; i < SAMPLE_ROUNDS; i++) {
			turned.humidity_chip[i] = s.humidity_chip[(i + by) % SAMPLE_ROUNDS];
			turned.pressure_chip[i] = s.pressure_chip[(i + 2 * by) % SAMPLE_ROUNDS];
		}
		CHECK(sample_raw(&s, SAMPLE_POOLED) == sample_raw(&turned, SAMPLE_POOLED));
		CHECK(sample_raw(&s, SAMPLE_MEDIAN) == sample_raw(&turned, SAMPLE_MEDIAN));
	}
}

TEST(rounding_is_that_of_printf)
{
	CHECK_NEAR(sample_round1(0.25), 0.2, 0); /* an exact half: to even */
	CHECK_NEAR(sample_round1(0.75), 0.8, 0);
	CHECK_NEAR(sample_round1(2.25), 2.2, 0);
	CHECK_NEAR(sample_round1(0.35), 0.3, 0); /* in binary a little below the half */
	CHECK_NEAR(sample_round1(-0.25), -0.2, 0);
	CHECK(!signbit(sample_round1(-0.04)));
	for (int i = -5000; i <= 5000; i++) {
		char text[32], again[32];
		(void)snprintf(text, sizeof(text), "%.1f", i * 0.013);
		(void)snprintf(again, sizeof(again), "%.1f", sample_round1(i * 0.013));
		CHECK_STR(again, strcmp(text, "-0.0") ? text : "0.0");
	}
	CHECK_NEAR(sample_fahrenheit(-40), -40, 0);
	CHECK_NEAR(sample_fahrenheit(22.4), 72.3, 0);
}

TEST(the_spread_is_highest_less_lowest)
{
	const double v[] = {3, -1, 2, 7, 7};
	CHECK_NEAR(sample_spread(v, 5), 8, 0);
	CHECK_NEAR(sample_spread(v, 1), 0, 0);
}
