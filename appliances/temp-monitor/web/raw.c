/*
 * raw.c - /api/raw: the temperatures that the climate service measures for it.
 *
 * One measurement is under way at a time, whatever the number of requests: those that come
 * meanwhile are answered with it. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "appliances/temp-monitor/climate/cpu.h"
#include "routes.h"
#include "services/web/call.h"

#define RAW_MS 5000 /* one measurement of a chip, and the bus to itself */

/* A request that waits. */
struct waiting {
	struct op_http_reply *reply;
	struct waiting *next;
};

static struct {
	struct waiting *first;
	struct web_call *call; /* NULL: none is under way */
} raw;

static void on_gone(struct op_http_reply *r, void *arg)
{
	struct waiting **at = &raw.first;
	while (*at != arg)
		at = &(*at)->next;
	*at = (*at)->next;
	free(arg);
}

static const struct op_http_reply_events events = {.gone = on_gone};

static void write_calibration(const struct climate_settings *c, struct op_buf *b)
{
	op_json_key(b, "calibration");
	op_json_begin(b, '{');
	op_json_key(b, "cpu_factor");
	op_json_float(b, c->cpu_factor);
	op_json_key(b, "humidity_offset");
	op_json_float(b, c->humidity_offset);
	op_json_key(b, "offset_f");
	op_json_float(b, c->offset_f);
	op_json_end(b, '}');
}

static double number_of(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* The processor's needs nobody else. */
static double cpu_of(const struct temp_web *t, json_t *result)
{
	double celsius;
	if (result)
		return number_of(result, "cpu_temperature");
	return cpu_temperature(t->climate.cpu_temp_path, &celsius) ? (double)NAN : celsius;
}

/* What could not be read, or nobody answered for, is null. */
static void write_raw(struct temp_web *t, json_t *result, struct op_buf *b)
{
	temp_reading_refresh(t);
	op_json_begin(b, '{');
	write_calibration(&t->climate, b);
	op_json_kv_bool(b, "compensated", t->reading.compensated);
	op_json_key(b, "compensated_temperature");
	temp_write_celsius(t, b);
	op_json_key(b, "cpu_temperature");
	temp_write_tenths(b, cpu_of(t, result));
	op_json_key(b, "humidity");
	temp_write_humidity(t, b);
	op_json_key(b, "raw_temperature");
	temp_write_tenths(b, number_of(result, "raw_temperature"));
	temp_write_time(t, b);
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
}

static void answer_all(struct temp_web *t, json_t *result)
{
	struct waiting *at = OP_STEAL(raw.first);
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 4096);
	write_raw(t, result, &b);
	while (at) {
		struct waiting *next = at->next;
		if (b.err)
			op_http_reply_error(at->reply, 500, "out of memory");
		else
			op_http_reply_answer(at->reply, 200, "application/json", b.data, b.len);
		free(at);
		at = next;
	}
}

static void on_measured(void *arg, int status, json_t *result, const char *error)
{
	raw.call = NULL;
	answer_all(arg, result);
}

/* Nobody waits for a sampler that is known to be stuck. */
static void measure(struct temp_web *t)
{
	int r = temp_sampler_is_alive(t) ? web_call(t->web, t->climate_name, "raw", NULL, RAW_MS,
						    on_measured, t, &raw.call)
					 : -ENOENT;
	if (r < 0)
		answer_all(t, NULL);
}

void temp_raw_get(struct op_http_request *rq, void *arg)
{
	struct waiting *w = calloc(1, sizeof(*w));
	if (!w || !(w->reply = op_http_defer(rq, &events, w))) {
		free(w);
		op_http_error(rq, 503, "out of memory");
		return;
	}
	w->next = raw.first;
	raw.first = w;
	if (!raw.call)
		measure(arg);
}
