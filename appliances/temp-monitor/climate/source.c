/*
 * source.c - rounds over both chips, and what values of a whole cycle cannot be.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RECENT_NS (200 * OP_NS_PER_MS)
#define TEMPERATURE_LEAP 5 /* degC that air cannot change by within a cycle's second */
#define HUMIDITY_LEAP 25   /* the same in points; breath on the chip is slower */

enum { GOT_HUMIDITY = 1, GOT_PRESSURE = 2, GOT_BOTH = 3 };

void source_init(struct source *s, const struct climate_settings *settings)
{
	*s = (struct source){.settings = settings, .said = "", .mock.file = settings->mock_file};
	hat_init(&s->hat, settings->device.path);
}

void source_finish(struct source *s)
{
	hat_close(&s->hat);
	mock_finish(&s->mock);
}

const char *source_why(const struct source *s)
{
	return s->said;
}

void source_failed(struct source *s)
{
	s->sound = false;
	hat_close(&s->hat);
}

static int said(struct source *s, const char *why, int err)
{
	s->said = why;
	return err;
}

int source_begin(struct source *s)
{
	s->got = 0;
	s->odd = false;
	if (s->settings->mock)
		return said(s, s->mock.why, mock_begin(&s->mock));
	s->said = s->hat.why;
	if (s->hat.open)
		return hat_check(&s->hat);
	int err = hat_open(&s->hat);
	return err ? err : 1;
}

/* ---- one round ----------------------------------------------------------------------------- */

static int read_humidity_chip(struct source *s)
{
	int err = hat_humidity_chip(&s->hat, &s->humidity_chip);
	if (!err) {
		s->got |= GOT_HUMIDITY;
		s->humidity_chip_ns = op_now_ns();
	}
	return err;
}

static int read_pressure_chip(struct source *s)
{
	int err = hat_pressure_chip(&s->hat, &s->pressure_chip);
	if (!err)
		s->got |= GOT_PRESSURE;
	return err;
}

/* Both chips, each read once; -EAGAIN as long as one of them has nothing new. */
static int read_both(struct source *s)
{
	int humidity = s->got & GOT_HUMIDITY ? 0 : read_humidity_chip(s);
	if (humidity && humidity != -EAGAIN)
		return humidity;
	int pressure = s->got & GOT_PRESSURE ? 0 : read_pressure_chip(s);
	if (pressure && pressure != -EAGAIN)
		return pressure;
	if (s->got != GOT_BOTH)
		return -EAGAIN;
	s->got = 0;
	return 0;
}

/* Before its first conversion a chip may show what is no measurement. */
int source_settle(struct source *s)
{
	int err = read_both(s);
	s->odd = err == -ERANGE || (err == -EAGAIN && s->odd);
	if (err != -ERANGE)
		return err;
	s->got = 0;
	return -EAGAIN;
}

static int mock_temperatures(struct source *s, struct sample *sample, size_t n)
{
	int err = mock_next(&s->mock, MOCK_TEMP_HUMIDITY, &sample->humidity_chip[n]);
	return err ? err : mock_next(&s->mock, MOCK_TEMP_PRESSURE, &sample->pressure_chip[n]);
}

int source_temperatures(struct source *s, struct sample *sample, size_t n)
{
	if (s->settings->mock)
		return mock_temperatures(s, sample, n);
	int err = read_both(s);
	if (err)
		return err;
	sample->humidity_chip[n] = s->humidity_chip.temperature;
	sample->pressure_chip[n] = s->pressure_chip.temperature;
	sample->pressure_hpa = s->pressure_chip.pressure;
	return 0;
}

int source_humidity(struct source *s, struct sample *sample, size_t n)
{
	if (s->settings->mock)
		return mock_next(&s->mock, MOCK_HUMIDITY, &sample->humidity[n]);
	int err = read_humidity_chip(s);
	if (!err)
		sample->humidity[n] = s->humidity_chip.humidity;
	s->got = 0;
	return err;
}

/* ---- the whole cycle ----------------------------------------------------------------------- */

static int leap(struct source *s, uint8_t address, double by, const char *unit)
{
	(void)snprintf(s->why, sizeof(s->why),
		       "values of the chip at 0x%02x leap by %.0f %s within a second: see to the "
		       "board and its connector",
		       address, by, unit); /* fits */
	return said(s, s->why, -EIO);
}

static int check_leaps(struct source *s, const struct sample *sample)
{
	double by = sample_spread(sample->humidity_chip, SAMPLE_ROUNDS);
	if (by > TEMPERATURE_LEAP)
		return leap(s, OP_HTS221_ADDRESS, by, "degC");
	by = sample_spread(sample->humidity, SAMPLE_HUMIDITIES);
	if (by > HUMIDITY_LEAP)
		return leap(s, OP_HTS221_ADDRESS, by, "points");
	by = sample_spread(sample->pressure_chip, SAMPLE_ROUNDS);
	return by > TEMPERATURE_LEAP ? leap(s, s->hat.pressure_address, by, "degC") : 0;
}

int source_end(struct source *s, const struct sample *sample)
{
	if (s->settings->mock)
		return 0;
	s->unchanged = hat_changed(&s->hat) ? 0 : s->unchanged + 1;
	if (!s->settings->frozen_after || s->unchanged < s->settings->frozen_after) {
		int err = check_leaps(s, sample);
		s->sound = !err;
		return err;
	}
	(void)snprintf(s->why, sizeof(s->why),
		       "frozen: no count of either chip changed over %lld readings: switch the "
		       "board off and on",
		       (long long)s->settings->frozen_after); /* fits; no running number in it */
	return said(s, s->why, -EIO);
}

void source_stalled(struct source *s)
{
	uint8_t address = s->got & GOT_HUMIDITY ? s->hat.pressure_address : OP_HTS221_ADDRESS;
	if (s->odd) /* there was something, and hat.why says what */
		return;
	(void)snprintf(s->why, sizeof(s->why),
		       "chip at 0x%02x gives no new values: switch the board off and on",
		       address); /* fits */
	s->said = s->why;
}

/* Not the cycle's own mock, which is in the middle of its arrays. */
static double mock_raw(const char *file)
{
	struct mock m = {.file = file};
	double value;
	bool ok = mock_begin(&m) == 0 && mock_next(&m, MOCK_TEMP_HUMIDITY, &value) == 0;
	mock_finish(&m);
	return ok ? value : NAN;
}

double source_raw(struct source *s)
{
	if (s->settings->mock)
		return mock_raw(s->mock.file);
	if (!s->sound) /* one value alone may be anything */
		return NAN;
	bool recent = s->humidity_chip_ns && op_now_ns() - s->humidity_chip_ns <= RECENT_NS;
	struct op_hts221_values now = s->humidity_chip;
	if (!recent && hat_humidity_chip(&s->hat, &now) < 0)
		return NAN;
	if (!recent) {
		s->humidity_chip = now;
		s->humidity_chip_ns = op_now_ns();
	}
	return now.temperature;
}
