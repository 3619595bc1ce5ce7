/*
 * plain.c - /health, /api/temp, /api/verify-token.
 *
 * Their JSON is compact, its keys in alphabetical order, one line.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "fault.h"
#include "routes.h"

/* ---- for all routes ---------------------------------------------------------------------- */

struct op_buf *temp_json(struct op_http_request *rq)
{
	return op_http_body(rq);
}

void temp_error_id(char ret[TEMP_ERROR_ID_BYTES])
{
	uint16_t tail = 0;
	(void)!getrandom(&tail, sizeof(tail), GRND_NONBLOCK); /* two that are alike do no harm */
	snprintf(ret, TEMP_ERROR_ID_BYTES, "%lld_%04x",
		 (long long)(op_wall_ns(op_now_ns()) / (int64_t)OP_NS_PER_MS), tail);
}

void temp_answer(struct op_http_request *rq, int status, struct op_buf *b)
{
	char id[TEMP_ERROR_ID_BYTES];
	op_buf_putc(b, '\n');
	if (!b->err) {
		op_http_answer(rq, status, "application/json", b->data, b->len);
		return;
	}
	temp_error_id(id);
	op_log(OP_ERR, "%s: the answer failed: %s (error_id %s)", rq->path, op_strerror(b->err),
	       id);
	op_buf_reset(b);
	temp_fault_write(b, rq->path, id);
	op_http_answer(rq, 500, "application/json", b->data, b->len);
}

void temp_write_celsius(const struct temp_web *t, struct op_buf *b)
{
	if (t->read_ns)
		op_json_float(b, t->reading.temperature_c);
	else
		op_json_u64(b, 0);
}

void temp_write_humidity(const struct temp_web *t, struct op_buf *b)
{
	if (t->read_ns && t->reading.humidity < 100)
		op_json_float(b, t->reading.humidity);
	else /* as it comes out of Python's min(100, ..) */
		op_json_u64(b, t->read_ns ? 100 : 0);
}

void temp_write_tenths(struct op_buf *b, double v)
{
	char text[400];
	snprintf(text, sizeof(text), "%.1f", v);
	op_json_raw(b, isfinite(v) ? text : "null");
}

void temp_write_time(const struct temp_web *t, struct op_buf *b)
{
	char time[TEMP_TIME_BYTES];
	temp_reading_time(t, time);
	op_json_kv_str(b, "timestamp", time);
}

/* ---- /health ----------------------------------------------------------------------------- */

static void on_health(struct op_http_request *rq, void *arg)
{
	struct temp_web *t = arg;
	struct op_buf *b = temp_json(rq);
	temp_reading_refresh(t);
	bool alive = temp_sampler_is_alive(t), stale = temp_reading_is_stale(t);
	uint64_t now = op_now_ns();
	op_json_begin(b, '{');
	op_json_key(b, "last_reading_age_seconds");
	temp_write_tenths(b, t->read_ns ? temp_reading_age_s(t) : (double)NAN);
	op_json_kv_bool(b, "reading_stale", stale);
	op_json_kv_bool(b, "sensor_thread_alive", alive);
	op_json_kv_str(b, "status", alive && !stale ? "healthy" : "unhealthy");
	op_json_kv_bool(b, "temperature_compensated", t->reading.compensated);
	op_json_key(b, "timestamp");
	op_json_float(b, (double)(op_wall_ns(now) / 10000) / 1e5);
	op_json_key(b, "uptime_seconds");
	op_json_float(b, (double)((now - t->started_ns) / 1000) / 1e6);
	op_json_end(b, '}');
	temp_answer(rq, alive && !stale ? 200 : 503, b);
}

/* ---- /api/temp --------------------------------------------------------------------------- */

static void on_temp(struct op_http_request *rq, void *arg)
{
	struct temp_web *t = arg;
	struct op_buf *b = temp_json(rq);
	temp_reading_refresh(t);
	op_json_begin(b, '{');
	op_json_kv_bool(b, "compensated", t->reading.compensated);
	op_json_key(b, "humidity");
	temp_write_humidity(t, b);
	op_json_key(b, "temperature_c");
	temp_write_celsius(t, b);
	op_json_key(b, "temperature_f");
	op_json_float(b, t->read_ns ? t->reading.temperature_f : 32);
	temp_write_time(t, b);
	op_json_end(b, '}');
	temp_answer(rq, 200, b);
}

/* ---- /api/verify-token ------------------------------------------------------------------- */

static void on_verify(struct op_http_request *rq, void *arg)
{
	struct op_buf *b = temp_json(rq);
	op_json_begin(b, '{');
	op_json_kv_str(b, "message", "Token is valid");
	op_json_kv_bool(b, "valid", true);
	op_json_end(b, '}');
	temp_answer(rq, 200, b);
}

int temp_plain_mount(struct temp_web *t)
{
	const struct {
		const char *path;
		op_http_fn fn;
		const struct op_http_route_options *options;
	} routes[] = {
		{"/health", on_health, &temp_open},
		{"/api/temp", on_temp, &temp_bearer},
		{"/api/raw", temp_raw_get, &temp_bearer},
		{"/api/verify-token", on_verify, &temp_bearer},
	};
	int r = 0;
	for (size_t i = 0; !r && i < OP_ARRAY_SIZE(routes); i++)
		r = op_http_route_with(t->web->http, OP_HTTP_GET, routes[i].path, routes[i].fn, t,
				       routes[i].options);
	return r;
}
