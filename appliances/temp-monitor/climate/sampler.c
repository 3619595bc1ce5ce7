/*
 * sampler.c - the state machine of a cycle.
 *
 * On the loop and not a thread of its own: a cycle is thirty transfers of under 1 ms within a
 * second of every minute; a bus that hangs costs the loop 200 ms, once per retry, since the first
 * failure ends the cycle.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu.h"

#define POLL_NS (10 * OP_NS_PER_MS) /* between looks for something new */
#define NEW_NS OP_NS_PER_S          /* chips convert each 80 ms or less */
#define SETTLE_NS (2 * OP_NS_PER_S) /* the first conversions, longer after a reset */
#define STUCK_NS (10 * OP_NS_PER_S)

static void on_due(uv_timer_t *timer);

static void arm(struct sampler *s, uint64_t due_ns)
{
	uv_loop_t *loop = op_service_loop(s->service);
	uint64_t now = op_now_ns();
	s->due_ns = due_ns > now ? due_ns : now;
	uv_update_time(loop);
	/* Fails only when it is closing. */
	(void)uv_timer_start(s->timer, on_due, (s->due_ns - now + OP_NS_PER_MS - 1) / OP_NS_PER_MS,
			     0);
}

/* ---- outcomes ------------------------------------------------------------------------------ */

static void fail(struct sampler *s)
{
	const char *why = source_why(&s->source);
	s->failed++;
	s->failed_in_a_row++;
	if (strcmp(s->told, why)) {
		(void)snprintf(s->told, sizeof(s->told), "%s", why); /* fits */
		op_log(OP_ERR, "Error updating sensor data: %s", why);
	}
	op_service_set_state(s->service, OP_STATE_DEGRADED, "%s", why);
	source_failed(&s->source);
	s->phase = SAMPLER_WAIT;
	arm(s, op_now_ns() + (uint64_t)(s->settings->retry_s * (double)OP_NS_PER_S));
}

static void log_reading(const struct climate_reading *r)
{
	struct op_buf text;
	char mem[160];
	op_buf_init_fixed(&text, mem, sizeof(mem));
	op_buf_printf(&text, "Temperature: %.1f°C, Humidity: %.1f%%, CPU Temp: ", r->temperature_c,
		      r->humidity);
	size_t at = text.len;
	if (r->compensated)
		op_json_f64(&text, r->cpu_c);
	if (r->compensated && !strpbrk(mem + at, ".e"))
		op_buf_puts(&text, ".0"); /* as the programs do that read this line */
	op_buf_puts(&text, r->compensated ? "°C" : "N/A");
	op_log(OP_INFO, "%s", mem);
}

/* Retries are beside the grid: points that passed meanwhile were not skipped, they failed. */
static void next_cycle(struct sampler *s)
{
	uint64_t passed = grid_advance(&s->grid, op_now_ns());
	if (!s->failed_in_a_row)
		s->skipped += passed;
	s->failed_in_a_row = 0;
	s->phase = SAMPLER_WAIT;
	arm(s, grid_due_ns(&s->grid));
}

static void finish(struct sampler *s)
{
	const struct sample_params params = climate_settings_sample(s->settings);
	struct climate_reading r;
	if (source_end(&s->source, &s->sample) < 0) {
		fail(s);
		return;
	}
	sample_reading(&s->sample, &params, &r);
	s->cycles++;
	s->cycle_ns = op_now_ns() - s->begun_ns;
	(void)op_writer_publish(s->topic, op_now_ns(), &r); /* its number is of no use */
	log_reading(&r);
	if (s->failed_in_a_row)
		op_log(OP_NOTICE, "readings come again after %llu that failed",
		       (unsigned long long)s->failed_in_a_row);
	s->told[0] = '\0';
	op_service_set_state(s->service, OP_STATE_READY, NULL);
	s->done(s->arg, &r);
	next_cycle(s);
}

/* ---- steps --------------------------------------------------------------------------------- */

double sampler_cpu(struct sampler *s)
{
	const char *path = s->settings->cpu_temp_path;
	double celsius;
	int err = cpu_temperature(path, &celsius);
	if (err && !s->cpu_missed) {
		op_log(OP_ERR, "temperature of the processor: %s: %s (services.%s.cpu_temp_path)",
		       path,
		       err == -EINVAL   ? "no number in it"
		       : err == -ERANGE ? "that of no processor"
					: op_strerror(err),
		       op_service_name(s->service));
		op_log(OP_WARNING, "readings are not compensated: the temperature of the processor "
				   "is not known");
	}
	if (!err && s->cpu_missed)
		op_log(OP_NOTICE, "temperature of the processor: %s is readable again", path);
	s->cpu_missed = err != 0;
	return err ? NAN : celsius;
}

static void enter(struct sampler *s, enum sampler_phase phase, uint64_t wait_ns)
{
	s->phase = phase;
	s->n = 0;
	s->limit_ns = op_now_ns() + wait_ns;
}

static int begin(struct sampler *s)
{
	s->begun_ns = op_now_ns();
	s->sample.cpu_c = sampler_cpu(s);
	s->sample.pressure_hpa = NAN;
	uint64_t resets = s->source.hat.resets;
	int r = source_begin(&s->source);
	if (s->source.hat.resets != resets)
		op_log(OP_WARNING,
		       "a chip of the Sense HAT had lost its settings (%llu times so far)",
		       (unsigned long long)s->source.hat.resets);
	if (r < 0)
		return r;
	if (r == 1)
		enter(s, SAMPLER_SETTLE, SETTLE_NS);
	else
		enter(s, SAMPLER_ROUNDS, NEW_NS);
	s->round_ns = op_now_ns();
	return 0;
}

static int settle(struct sampler *s)
{
	int r = source_settle(&s->source);
	if (!r)
		enter(s, SAMPLER_ROUNDS, NEW_NS);
	s->round_ns = op_now_ns();
	return r;
}

/* The next round is due a pause after this one was, however long the chips were waited for. */
static void next_round(struct sampler *s)
{
	uint64_t now = op_now_ns();
	s->n++;
	s->round_ns += (uint64_t)s->settings->round_ms * OP_NS_PER_MS;
	if (s->round_ns < now)
		s->round_ns = now;
	s->limit_ns = s->round_ns + NEW_NS;
}

static int round_of_temperatures(struct sampler *s)
{
	int r = source_temperatures(&s->source, &s->sample, s->n);
	if (r)
		return r;
	next_round(s);
	if (s->n == SAMPLE_ROUNDS) {
		s->phase = SAMPLER_HUMIDITY;
		s->n = 0;
	}
	return 0;
}

static int round_of_humidity(struct sampler *s)
{
	int r = source_humidity(&s->source, &s->sample, s->n);
	if (!r)
		next_round(s);
	return r;
}

static int (*const steps[])(struct sampler *s) = {
	[SAMPLER_WAIT] = begin,
	[SAMPLER_SETTLE] = settle,
	[SAMPLER_ROUNDS] = round_of_temperatures,
	[SAMPLER_HUMIDITY] = round_of_humidity,
};

static void on_due(uv_timer_t *timer)
{
	struct sampler *s = timer->data;
	uint64_t now = op_now_ns();
	if (now < s->due_ns) { /* the loop counts whole milliseconds of a clock read before */
		arm(s, s->due_ns);
		return;
	}
	int r = steps[s->phase](s);
	if (r == -EAGAIN && now < s->limit_ns) {
		arm(s, now + POLL_NS);
		return;
	}
	if (r == -EAGAIN)
		source_stalled(&s->source);
	if (r)
		fail(s);
	else if (s->phase == SAMPLER_HUMIDITY && s->n == SAMPLE_HUMIDITIES)
		finish(s);
	else
		arm(s, s->round_ns);
}

/* ---- life ---------------------------------------------------------------------------------- */

bool sampler_alive(const struct sampler *s)
{
	return op_now_ns() < s->due_ns + STUCK_NS;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

int sampler_open(struct sampler *s, struct op_service *service,
		 const struct climate_settings *settings)
{
	*s = (struct sampler){.service = service, .settings = settings};
	source_init(&s->source, settings);
	s->timer = malloc(sizeof(*s->timer));
	if (!s->timer)
		return -ENOMEM;
	(void)uv_timer_init(op_service_loop(service), s->timer); /* cannot fail */
	s->timer->data = s;
	int err = op_writer_open(op_service_bus_dir(service), NULL, &climate_reading_topic,
				 &s->topic, NULL);
	if (err)
		return err;
	grid_init(&s->grid, op_now_ns(), settings->interval_s);
	arm(s, grid_due_ns(&s->grid));
	return 0;
}

void sampler_close(struct sampler *s)
{
	if (!s->timer)
		return;
	uv_close((uv_handle_t *)OP_STEAL(s->timer), on_closed);
	source_finish(&s->source);
	op_writer_close(OP_STEAL(s->topic));
}
