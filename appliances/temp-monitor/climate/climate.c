/*
 * climate.c - outpost-climate: the Sense HAT of the temperature monitor, from registers to topics.
 *
 * Everything happens on the loop thread: the sampler reads, the light matrix shows the result of
 * each cycle, the joystick is passed on, calls are answered. A board that is missing is no reason
 * not to be up: the service is then degraded, says why, and goes on trying.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "key.h"
#include "led.h"
#include "sampler.h"

struct climate {
	struct op_service *service;
	const struct climate_settings *settings;
	struct sampler sampler;
	struct led led;
	struct key_watch *key;
};

/* ---- calls --------------------------------------------------------------------------------- */

static json_t *number(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static int call_raw(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct climate *c = op_service_self(s);
	double cpu = sampler_cpu(&c->sampler), raw = source_raw(&c->sampler.source);
	*ret_result = json_pack("{s:o, s:o}", "cpu_temperature", number(cpu), "raw_temperature",
				number(raw));
	return *ret_result ? 0 : -ENOMEM;
}

static int call_calibration(struct op_service *s, json_t *args, json_t **ret_result,
			    struct op_buf *error)
{
	const struct climate_settings *set = ((struct climate *)op_service_self(s))->settings;
	*ret_result = json_pack("{s:f, s:f, s:f, s:f}", "cpu_factor", set->cpu_factor, "offset_f",
				set->offset_f, "humidity_offset", set->humidity_offset,
				"interval_s", set->interval_s);
	return *ret_result ? 0 : -ENOMEM;
}

static int call_stats(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	const struct climate *c = op_service_self(s);
	const struct sampler *m = &c->sampler;
	*ret_result = json_pack("{s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "cycle_ms",
				(double)m->cycle_ns / 1e6, "next_ns",
				(json_int_t)grid_due_ns(&m->grid), "cycles", (json_int_t)m->cycles,
				"failed", (json_int_t)m->failed, "skipped", (json_int_t)m->skipped,
				"resets", (json_int_t)m->source.hat.resets, "unchanged",
				(json_int_t)m->source.unchanged, "led_errors",
				(json_int_t)c->led.errors, "led", c->led.fd >= 0);
	return *ret_result ? 0 : -ENOMEM;
}

static const struct op_call calls[] = {
	{"raw", "temperatures of processor and humidity chip, read now; null: not readable",
	 call_raw},
	{"calibration", "the numbers that readings are corrected with", call_calibration},
	{"stats",
	 "readings, those that failed or were skipped, how long the last one took, when the next "
	 "one "
	 "begins, resets of the chips",
	 call_stats},
};

/* ---- each reading -------------------------------------------------------------------------- */

/* The mock has no matrix: what it would show is printed (contract 3.3). */
static void on_reading(void *arg, const struct climate_reading *r)
{
	struct climate *c = arg;
	char text[SCROLL_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "Temp: %.1fF", r->temperature_f); /* cut if absurd */
	if (c->settings->mock) {
		printf("Mock SenseHat displaying: %s\n", text);
		(void)fflush(stdout); /* nobody may be listening */
		return;
	}
	led_show(&c->led, text);
	key_look(c->key);
}

/* ---- life ---------------------------------------------------------------------------------- */

/* The socket of a simulator may not be there yet. */
static bool is_board(const char *path)
{
	struct stat st;
	return !strncmp(path, "/dev/", 5) || (stat(path, &st) == 0 && S_ISCHR(st.st_mode));
}

static void say_source(const struct climate_settings *set)
{
	if (!set->mock) {
		op_log(OP_INFO, "REAL Sense HAT driver is active: %s%s", set->device.path,
		       is_board(set->device.path) ? "" : " (SIMULATED: no board, a simulator)");
		return;
	}
	printf("Using mock SenseHat\n");
	(void)fflush(stdout); /* nobody may be listening */
	op_log(OP_WARNING,
	       "USE_MOCK_SENSOR is set -- sensor readings are FABRICATED, not from hardware.");
	op_log(OP_INFO, "MOCK Sense HAT driver is active: %s",
	       set->mock_file[0] ? set->mock_file : "always the same readings");
}

static int start(struct op_service *s, const void *settings, void **ret_self)
{
	struct climate *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*ret_self = c;
	c->service = s;
	c->settings = settings;
	say_source(c->settings);
	const char *led = c->settings->mock ? "off" : c->settings->led;
	const char *joystick = c->settings->mock ? "off" : c->settings->joystick;
	int err = led_open(&c->led, s, led);
	if (!err)
		err = key_open(s, joystick, &c->key);
	if (!err)
		err = sampler_open(&c->sampler, s, c->settings);
	c->sampler.done = on_reading;
	c->sampler.arg = c;
	return err;
}

static void stop(struct op_service *s, void *self)
{
	struct climate *c = self;
	if (!c)
		return;
	sampler_close(&c->sampler);
	key_close(c->key);
	led_close(&c->led);
	free(c);
}

static bool alive(struct op_service *s, void *self)
{
	return sampler_alive(&((struct climate *)self)->sampler);
}

static void status(struct op_service *s, void *self)
{
	const struct climate *c = self;
	if (c)
		op_service_count(s, c->sampler.cycles, c->sampler.skipped,
				 c->sampler.failed + c->led.errors);
}

int main(int argc, char **argv)
{
	struct op_service_desc desc = {
		.program = "outpost-climate",
		.help = "reads temperature and humidity from a Sense HAT",
		OP_SERVICE_SETTINGS(climate_settings),
		OP_SERVICE_CALLS(calls),
		.start = start,
		.stop = stop,
		.alive = alive,
		.status = status,
	};
	return op_service_main(argc, argv, &desc);
}
