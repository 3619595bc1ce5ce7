/*
 * status.c - `outpost status`: services and topics of a running appliance, once.
 *
 * Reads the bus and asks nobody, so it answers at once and also when a service hangs. Rates come
 * from the stamps in the rings. Described in outpost-status(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"
#include "table.h"
#include "text.h"
#include "tools.h"
#include "view.h"

#define OUTPUT_LIMIT (8 << 20)

static const char usage[] =
	"usage: outpost status [--json] [--check] [--runtime DIR]\n"
	"Shows the services and topics of a running appliance.\n"
	"\n"
	"  --json           as one JSON object\n"
	"  --check          one line; returns 0 ok, 1 degraded, 2 failed, 3 unknown\n"
	"  --runtime DIR    runtime directory of the appliance\n";

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_time(struct op_buf *b, const char *key, uint64_t boot_ns)
{
	char when[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(boot_ns), when);
	op_json_key(b, key);
	if (boot_ns)
		op_json_str(b, when);
	else
		op_json_null(b);
}

static void put_or_null(struct op_buf *b, const char *key, bool known, uint64_t v)
{
	op_json_key(b, key);
	if (known)
		op_json_u64(b, v);
	else
		op_json_null(b);
}

/* Three decimals are more than a rate, a share or an age is worth. */
static void put_f64(struct op_buf *b, const char *key, double v)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "%.3f", v < 1e15 ? v : 1e15);
	op_json_key(b, key);
	op_json_raw(b, text);
}

static void service_json(const struct op_view_service *s, struct op_buf *b)
{
	op_json_key(b, s->name);
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", op_health_name(s->is.health));
	op_json_kv_str(b, "state", s->is.state);
	op_json_kv_str(b, "reason", s->is.reason);
	put_time(b, "since", s->is.since_boot_ns);
	put_or_null(b, "pid", s->is.pid != 0, (uint64_t)s->is.pid);
	put_f64(b, "uptime_s", s->uptime_s);
	put_f64(b, "cpu_percent", s->cpu_percent);
	op_json_kv_u64(b, "rss_kib", s->rss_kib);
	put_or_null(b, "pss_kib", s->pss_kib >= 0, (uint64_t)s->pss_kib);
	op_json_kv_u64(b, "threads", s->threads);
	op_json_kv_u64(b, "restarts", s->restarts);
	op_json_kv_u64(b, "records", s->records);
	op_json_kv_u64(b, "missed", s->missed);
	op_json_kv_u64(b, "errors", s->errors);
	op_json_kv_str(b, "sched", s->sched);
	op_json_end(b, '}');
}

static void readers_json(const struct op_view_topic *t, struct op_buf *b)
{
	op_json_key(b, "readers");
	op_json_begin(b, '[');
	for (size_t i = 0; i < t->n_readers; i++) {
		op_json_begin(b, '{');
		op_json_kv_str(b, "who", t->readers[i].who);
		op_json_kv_i64(b, "pid", t->readers[i].pid);
		op_json_kv_u64(b, "missed", t->readers[i].missed);
		op_json_end(b, '}');
	}
	op_json_end(b, ']');
}

static void topic_json(const struct op_view_topic *t, struct op_buf *b)
{
	const struct op_topic_type *type = op_reader_type(t->reader);
	op_json_key(b, t->name);
	op_json_begin(b, '{');
	op_json_kv_str(b, "help", type->help);
	op_json_kv_str(b, "state", op_topic_state_name(t->at.state));
	put_f64(b, "rate_hz", t->nominal_hz);
	put_f64(b, "measured_hz", t->measured_hz);
	op_json_key(b, "age_ms");
	if (t->at.any)
		op_json_f64(b, (double)(t->at.age_ns / OP_NS_PER_US) / 1000);
	else
		op_json_null(b);
	op_json_kv_u64(b, "max_age_ms", type->max_age_ms);
	op_json_kv_u64(b, "published", t->at.published);
	op_json_kv_u64(b, "capacity", op_reader_capacity(t->reader));
	put_or_null(b, "writer", t->at.writer_pid != 0, (uint64_t)t->at.writer_pid);
	op_json_kv_u64(b, "missed", t->missed);
	readers_json(t, b);
	op_json_end(b, '}');
}

static void view_json(const struct op_view *v, struct op_buf *b)
{
	op_json_begin(b, '{');
	op_json_kv_str(b, "appliance", v->appliance);
	op_json_kv_str(b, "status", op_health_name(v->health));
	put_time(b, "time", v->now_ns);
	op_json_kv_str(b, "runtime", v->runtime);
	op_json_key(b, "services");
	op_json_begin(b, '{');
	for (size_t i = 0; i < v->n_services; i++)
		service_json(&v->services[i], b);
	op_json_end(b, '}');
	op_json_key(b, "topics");
	op_json_begin(b, '{');
	for (size_t i = 0; i < v->n_topics; i++)
		topic_json(v->topics[i], b);
	op_json_end(b, '}');
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
}

/* ---- tables ---------------------------------------------------------------------------- */

static void put_table(struct op_table *table, struct op_buf *b)
{
	op_table_layout(table, 0);
	op_table_put_header(table, b);
	op_buf_putc(b, '\n');
	for (size_t i = 0; i < table->n_rows; i++) {
		op_table_put_row(table, i, b);
		op_buf_putc(b, '\n');
	}
}

static void view_tables(const struct op_view *v, struct op_buf *b)
{
	const struct op_view_service *services[OP_VIEW_TOPICS_MAX];
	const struct op_view_topic *topics[OP_VIEW_TOPICS_MAX];
	char when[OP_RFC3339_BYTES];
	struct op_table table = {.n_rows = 0};
	for (size_t i = 0; i < v->n_services; i++)
		services[i] = &v->services[i];
	for (size_t i = 0; i < v->n_topics; i++)
		topics[i] = v->topics[i];
	op_time_rfc3339(op_wall_ns(v->now_ns), when);
	op_buf_printf(b, "%s: %s, %s, %s\n\n", v->appliance, op_health_name(v->health), when,
		      v->runtime);
	op_table_services(&table, services, v->n_services, v->now_ns);
	put_table(&table, b);
	op_buf_putc(b, '\n');
	op_table_topics(&table, topics, v->n_topics, OP_SPARK_NONE);
	put_table(&table, b);
	op_table_finish(&table);
}

/* "sensorhub degraded: pbt degraded (no device)": what monitoring plugins print. */
static void view_check(const struct op_view *v, struct op_buf *b)
{
	op_buf_printf(b, "%s %s", v->appliance, op_health_name(v->health));
	const char *sep = ": ";
	for (size_t i = 0; i < v->n_services; i++) {
		const struct op_view_service *s = &v->services[i];
		if (s->is.health == OP_HEALTH_OK)
			continue;
		op_buf_printf(b, "%s%s %s", sep, s->name, s->is.state);
		if (*s->is.reason)
			op_buf_printf(b, " (%s)", s->is.reason);
		sep = ", ";
	}
	if (v->n_services == 0)
		op_buf_puts(b, ": no service runs");
	op_buf_putc(b, '\n');
}

/* ---- command --------------------------------------------------------------------------- */

struct options {
	bool json, check;
	const char *runtime;
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"check", no_argument, NULL, 'c'},
		{"runtime", required_argument, NULL, 'R'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'j')
			o->json = true;
		else if (c == 'c')
			o->check = true;
		else if (c == 'R')
			o->runtime = optarg;
		else if (c == 'h')
			return fputs(usage, stdout) < 0 ? 2 : 1;
		else
			return fputs(usage, stderr) < 0 ? 3 : 3;
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "outpost status: \"%s\" is not expected\n%s", argv[optind], usage);
	return 3;
}

static int print(struct op_buf *b)
{
	if (!b->err && fwrite(b->data, 1, b->len, stdout) == b->len && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "outpost status: cannot write: %s\n", op_strerror(b->err ? b->err : errno));
	return 1;
}

static int show(const struct options *o, struct op_view *v)
{
	struct op_buf b;
	int e = op_view_take(v);
	if (e < 0) {
		fprintf(stderr, "outpost status: %s/bus: %s%s\n", v->runtime, op_strerror(e),
			e == -ENOENT   ? "; no appliance runs there"
			: e == -EACCES ? "; its state is unknown: run this as root, or as the user "
					 "or group that owns the topics there"
				       : "");
		return o->check ? 3 : 1;
	}
	op_buf_init(&b, OUTPUT_LIMIT);
	if (o->json)
		view_json(v, &b);
	else if (o->check)
		view_check(v, &b);
	else
		view_tables(v, &b);
	int status = print(&b);
	op_buf_finish(&b);
	if (o->check)
		return status ? 3 : (int)v->health;
	return status;
}

int op_tool_status(int argc, char **argv)
{
	struct options o = {.runtime = NULL};
	char dir[PATH_MAX - 8];
	setlocale(LC_CTYPE, "");
	int done = parse(argc, argv, &o);
	if (done)
		return done - 1;
	if (op_tool_runtime(o.runtime, dir, sizeof(dir)) < 0)
		return o.check ? 3 : 1;
	struct op_view *v = op_view_create(dir);
	if (!v) {
		fprintf(stderr, "outpost status: %s\n", op_strerror(ENOMEM));
		return 1;
	}
	int status = show(&o, v);
	op_view_destroy(v);
	return status;
}
