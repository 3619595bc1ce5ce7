/* What stands beside the driver: values of a whole cycle, the mock, files of the system.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "source.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cpu.h"
#include "find.h"
#include "test.h"

static struct climate_settings settings(int64_t frozen_after)
{
	return (struct climate_settings){
		.device = {.scheme = "i2c", .path = "/nonexistent/i2c-1"},
		.frozen_after = frozen_after,
	};
}

static struct sample still_air(void)
{
	struct sample s = {.cpu_c = 50, .pressure_hpa = 1000, .humidity = {40, 40.5, 40.2}};
	for (size_t i = 0; i < SAMPLE_ROUNDS; i++) {
		s.humidity_chip[i] = 25 + 0.01 * (double)i;
		s.pressure_chip[i] = 24 - 0.01 * (double)i;
	}
	return s;
}

static const char *file(const char *name, const char *text)
{
	static char path[200];
	CHECK(snprintf(path, sizeof(path), "%s/%s", op_test_dir(), name) < (int)sizeof(path));
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

/* ---- a cycle ------------------------------------------------------------------------------- */

static void expect_leap(double *value, double by, const char *part, const struct sample *sample)
{
	const struct climate_settings set = settings(0);
	struct source s;
	double was = *value;
	source_init(&s, &set);
	*value = was + by;
	CHECK_INT(source_end(&s, sample), -EIO);
	CHECK_HAS(source_why(&s), part);
	*value = was;
	CHECK_INT(source_end(&s, sample), 0);
	source_finish(&s);
}

TEST(values_that_leap_within_a_cycle_are_not_believed)
{
	struct sample air = still_air();
	expect_leap(&air.humidity_chip[3], 6, "0x5f leap by 6 degC", &air);
	expect_leap(&air.humidity_chip[0], -50, "0x5f leap by 50 degC", &air);
	expect_leap(&air.pressure_chip[4], 9, "0x5c leap by 9 degC", &air);
	expect_leap(&air.humidity[2], 30, "0x5f leap by 30 points", &air);
}

static int end(struct source *s, bool changed)
{
	struct sample air = still_air();
	s->hat.changed = changed;
	return source_end(s, &air);
}

TEST(chips_that_never_change_are_frozen)
{
	const struct climate_settings set = settings(3), never = settings(0);
	struct source s;
	source_init(&s, &set);
	CHECK_INT(end(&s, true), 0);
	CHECK_INT(end(&s, false), 0);
	CHECK_INT(end(&s, false), 0);
	CHECK_INT(end(&s, true), 0); /* in a row, it says */
	CHECK_INT(end(&s, false), 0);
	CHECK_INT(end(&s, false), 0);
	CHECK_INT(end(&s, false), -EIO);
	CHECK_HAS(source_why(&s), "frozen: no count of either chip changed over 3 readings");
	source_failed(&s);
	CHECK_INT(end(&s, false), -EIO); /* opening it anew is no cure */
	CHECK_INT(end(&s, true), 0);
	source_finish(&s);
	source_init(&s, &never);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(end(&s, false), 0);
	source_finish(&s);
}

TEST(without_a_bus_nothing_begins)
{
	const struct climate_settings set = settings(0);
	struct sample air;
	struct source s;
	source_init(&s, &set);
	CHECK_INT(source_begin(&s), -ENOENT);
	CHECK_HAS(source_why(&s), "/nonexistent/i2c-1 is not there: switch I2C on");
	CHECK_INT(source_temperatures(&s, &air, 0), -ENODEV);
	CHECK(isnan(source_raw(&s)));
	CHECK_HAS(source_why(&s), "/nonexistent/i2c-1 is not there");
	source_finish(&s);
}

/* ---- the mock ------------------------------------------------------------------------------ */

static double next(struct mock *m, enum mock_value which)
{
	double v = NAN;
	CHECK_INT(mock_next(m, which, &v), 0);
	return v;
}

TEST(the_mock_is_constant_without_a_file)
{
	struct mock m = {.file = ""};
	for (int i = 0; i < 3; i++) {
		CHECK_INT(mock_begin(&m), 0);
		CHECK(next(&m, MOCK_TEMP_HUMIDITY) == 25 && next(&m, MOCK_TEMP_PRESSURE) == 25 &&
		      next(&m, MOCK_HUMIDITY) == 40);
	}
	mock_finish(&m);
}

TEST(arrays_are_used_up_in_order_and_anew_each_cycle)
{
	struct mock m = {.file = file("mock", "{\"temp_humidity\":[1,2.5,-3],\"temp_pressure\":7,"
					      "\"humidity\":[50],\"fail\":null}")};
	for (int i = 0; i < 2; i++) {
		CHECK_INT(mock_begin(&m), 0);
		CHECK_NEAR(next(&m, MOCK_TEMP_HUMIDITY), 1, 0);
		CHECK_NEAR(next(&m, MOCK_TEMP_PRESSURE), 7, 0);
		CHECK_NEAR(next(&m, MOCK_TEMP_HUMIDITY), 2.5, 0);
		for (int k = 0; k < 3; k++) {
			CHECK_NEAR(next(&m, MOCK_TEMP_HUMIDITY), -3, 0);
			CHECK_NEAR(next(&m, MOCK_HUMIDITY), 50, 0);
		}
	}
	mock_finish(&m);
}

static void expect_failing(const char *text, const char *part)
{
	struct mock m = {.file = file("mock", text)};
	double v = 99;
	int err = mock_begin(&m);
	if (!err)
		err = mock_next(&m, MOCK_HUMIDITY, &v);
	CHECK(err < 0 && v == 99);
	CHECK_HAS(m.why, part);
	CHECK_HAS(m.why, m.file);
	mock_finish(&m);
}

TEST(a_file_that_says_no_reading_is_a_failing_sensor)
{
	expect_failing("", "not JSON");
	expect_failing("{\"humidity\":40", "not JSON");
	expect_failing("40", "not JSON");
	expect_failing("[40]", "not a JSON object");
	expect_failing("{\"humidity\":40,\"fail\":true}", "it says \"fail\"");
	expect_failing("{}", "no number in \"humidity\"");
	expect_failing("{\"humidity\":[]}", "no number in \"humidity\"");
	expect_failing("{\"humidity\":\"40\"}", "no number in \"humidity\"");
	expect_failing("{\"humidity\":[true]}", "no number in \"humidity\"");
	expect_failing("{\"humidity\":1e999}", "not JSON");
	struct mock m = {.file = "/nonexistent/mock"};
	CHECK(mock_begin(&m) < 0);
	CHECK_HAS(m.why, "No such file");
}

TEST(a_file_that_never_ends_is_given_up)
{
	struct mock m = {.file = "/dev/zero"};
	CHECK(mock_begin(&m) < 0);
	CHECK_HAS(m.why, "large");
	char path[200];
	CHECK(snprintf(path, sizeof(path), "%s/fifo", op_test_dir()) < (int)sizeof(path));
	CHECK(mkfifo(path, 0600) == 0);
	m.file = path;
	CHECK(mock_begin(&m) < 0); /* at once, although nobody writes */
	mock_finish(&m);
}

/* ---- files of the system ------------------------------------------------------------------- */

TEST(the_processors_temperature_is_in_thousandths)
{
	static const struct {
		const char *text;
		double celsius;
		int err;
	} cases[] = {
		{"51121\n", 51.121, 0},  {"51121", 51.121, 0},      {"-5000\n", -5, 0},
		{"0\n", 0, 0},           {"42000 \n", 42, 0},       {"51121.5\n", 51.1215, 0},
		{"250000", 250, 0},      {"", 99, -EINVAL},         {"\n", 99, -EINVAL},
		{"warm\n", 99, -EINVAL}, {"51121C\n", 99, -EINVAL}, {"nan\n", 99, -ERANGE},
		{"inf\n", 99, -ERANGE},  {"-274000", 99, -ERANGE},  {"2147483647", 99, -ERANGE}};
	for (size_t i = 0; i < OP_ARRAY_SIZE(cases); i++) {
		double v = 99;
		CHECK_INT(cpu_temperature(file("temp", cases[i].text), &v), cases[i].err);
		CHECK_NEAR(v, cases[i].celsius, 1e-12);
	}
	double v = 99;
	CHECK_INT(cpu_temperature("/nonexistent/temp", &v), -ENOENT);
	CHECK_INT(cpu_temperature(op_test_dir(), &v), -EISDIR);
	CHECK_NEAR(v, 99, 0);
}

static void make(const char *entry, const char *name)
{
	char path[250];
	CHECK(snprintf(path, sizeof(path), "%s/%s", op_test_dir(), entry) < (int)sizeof(path));
	CHECK(mkdir(path, 0755) == 0);
	CHECK(snprintf(path, sizeof(path), "%s/name", entry) < (int)sizeof(path));
	if (name)
		(void)file(path, name);
}

TEST(devices_are_found_by_their_drivers_name)
{
	char found[8] = "";
	make("fb0", "BCM2708 FB\n");
	make("fb1", NULL);
	make("fb2", "RPi-Sense FB\n");
	make("fbcon", "RPi-Sense FBs\n");
	make("card0", "RPi-Sense FB\n");
	CHECK_INT(find_named(op_test_dir(), "fb", "name", "RPi-Sense FB", found, sizeof(found)), 0);
	CHECK_STR(found, "fb2");
	CHECK_INT(find_named(op_test_dir(), "fb", "name", "RPi", found, sizeof(found)), -ENOENT);
	CHECK_INT(find_named("/nonexistent", "fb", "name", "x", found, sizeof(found)), -ENOENT);
	CHECK_STR(found, "fb2");
	CHECK_INT(find_named(op_test_dir(), "fb", "name", "RPi-Sense FB", found, 3), -ENOENT);
}
