/*
 * metrics.c - /metrics: JSON as clients of this kind of monitor know it, Prometheus' text for those
 * that ask for it.
 *
 * No request waits for a measurement: the processor's share is that since the figures were taken
 * last, at most every FRESH_NS. What a process uses is summed over all services of the appliance.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <unistd.h>

#include "appliances/temp-monitor/climate/cpu.h"
#include "routes.h"

#define FRESH_NS (200 * OP_NS_PER_MS)

/* ---- the figures ------------------------------------------------------------------------- */

static void take_ticks(struct temp_system *s)
{
	struct system_ticks now;
	s->failed = system_ticks_read(&now) < 0;
	if (s->failed)
		return;
	s->cpu_percent = system_percent(&s->ticks, &now);
	s->ticks = now;
}

static void take_processes(struct temp_web *t)
{
	struct temp_system *s = &t->system;
	s->rss_kib = s->threads = 0;
	s->files = 0;
	for (size_t i = 0; i < t->web->n_services; i++) {
		struct web_service_look look;
		web_service_look(t->web, t->web->services[i], &look);
		if (!look.is.pid)
			continue;
		int files = system_files(look.is.pid);
		s->rss_kib += look.status.rss_kib;
		s->threads += look.status.threads;
		s->files = files < 0 || s->files < 0 ? -1 : s->files + files;
	}
}

static void refresh(struct temp_web *t)
{
	struct temp_system *s = &t->system;
	uint64_t now = op_now_ns();
	if (s->at_ns && now - s->at_ns < FRESH_NS)
		return;
	s->at_ns = now;
	take_ticks(s);
	take_processes(t);
}

/* Cycles of sampling in which somebody was told something (outpost-alerts(8)). */
static uint64_t cycles_told(struct temp_web *t)
{
	static struct web_look look;
	struct web_topic *topic = web_board_open(t->web, "alerts.state");
	if (!topic || !topic->reader)
		return 0;
	web_board_look(topic, &look);
	for (uint32_t i = 0; look.at.any && i < look.type->n_fields; i++)
		if (!strcmp(look.type->fields[i].name, "cycles_told"))
			return (uint64_t)op_field_f64(&look.type->fields[i], look.record);
	return 0;
}

/* ---- the answer -------------------------------------------------------------------------- */

static void write_application(struct temp_web *t, struct op_buf *b)
{
	const struct op_http_counters *n = op_http_counters(t->web->http);
	char time[TEMP_TIME_BYTES];
	temp_reading_time(t, time);
	op_json_key(b, "application");
	op_json_begin(b, '{');
	op_json_key(b, "current_humidity_percent");
	temp_write_humidity(t, b);
	op_json_key(b, "current_temp_c");
	temp_write_celsius(t, b);
	op_json_kv_str(b, "last_sensor_update", time);
	op_json_kv_bool(b, "sensor_thread_alive", temp_sampler_is_alive(t));
	op_json_kv_u64(b, "total_requests", n->requests + n->malformed);
	op_json_key(b, "uptime_seconds");
	op_json_float(b, (double)((op_now_ns() - t->started_ns) / 1000) / 1e6);
	op_json_kv_u64(b, "webhook_alerts_sent", cycles_told(t));
	op_json_end(b, '}');
}

static void write_hardware(struct temp_web *t, struct op_buf *b)
{
	double celsius;
	op_json_key(b, "hardware");
	op_json_begin(b, '{');
	op_json_key(b, "cpu_temp_c");
	if (cpu_temperature(t->climate.cpu_temp_path, &celsius) == 0)
		op_json_float(b, celsius);
	else
		op_json_null(b);
	op_json_end(b, '}');
}

static void write_system(const struct temp_web *t, struct op_buf *b)
{
	const struct temp_system *s = &t->system;
	if (s->failed) {
		op_json_key(b, "system");
		op_json_begin(b, '{');
		op_json_kv_str(b, "error", "Unable to collect system metrics");
		op_json_end(b, '}');
		return;
	}
	double ram_kib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1024;
	op_json_key(b, "system");
	op_json_begin(b, '{');
	op_json_key(b, "cpu_percent");
	op_json_float(b, s->cpu_percent);
	op_json_key(b, "file_descriptors");
	if (s->files >= 0)
		op_json_i64(b, s->files);
	else
		op_json_str(b, "N/A");
	op_json_key(b, "memory_mb");
	op_json_float(b, (double)s->rss_kib / 1024);
	op_json_key(b, "memory_percent");
	op_json_float(b, 100 * (double)s->rss_kib / ram_kib);
	op_json_kv_u64(b, "threads", s->threads);
	op_json_end(b, '}');
}

/* Who takes JSON as well gets it: some clients name text/plain in every request. */
static bool wants_prometheus(const struct op_http_request *rq)
{
	const char *accept = op_http_field_get(rq, "accept");
	return accept && !op_http_list_has(accept, "application/json") &&
	       (op_http_list_has(accept, "text/plain") ||
		op_http_list_has(accept, "application/openmetrics-text"));
}

static void on_metrics(struct op_http_request *rq, void *arg)
{
	struct temp_web *t = arg;
	if (wants_prometheus(rq)) {
		web_metrics_get(rq, t->web);
		return;
	}
	struct op_buf *b = temp_json(rq);
	temp_reading_refresh(t);
	refresh(t);
	op_json_begin(b, '{');
	write_application(t, b);
	write_hardware(t, b);
	write_system(t, b);
	op_json_end(b, '}');
	temp_answer(rq, 200, b);
}

int temp_metrics_mount(struct temp_web *t)
{
	take_ticks(&t->system); /* where the first share begins */
	t->system.cpu_percent = 0;
	return op_http_route_with(t->web->http, OP_HTTP_GET, "/metrics", on_metrics, t,
				  &temp_metrics);
}
