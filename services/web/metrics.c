/*
 * metrics.c - everything that is counted, for Prometheus.
 *
 * The fields of the status topics and of every slow topic are found in their declarations; no
 * topic but status.* is known by name.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#include <stdio.h>
#include <string.h>

#define SLOW_MHZ 20000 /* faster topics are curves, not gauges */

static struct web_look look;

/* Prometheus has times in seconds and sizes in bytes, with the whole word at the end of the name.
 * Returns by how much values are to be multiplied. */
static double name_metric(const char *field, char *name, size_t size)
{
	static const struct {
		const char *end, *word;
		double factor;
	} units[] = {
		{"_ns", "_seconds", 1e-9},
		{"_ms", "_seconds", 1e-3},
		{"_s", "_seconds", 1},
		{"_kib", "_bytes", 1024},
	};
	size_t n = strlen(field);
	for (size_t i = 0; i < OP_ARRAY_SIZE(units); i++) {
		size_t end = strlen(units[i].end);
		if (n > end && !strcmp(field + n - end, units[i].end)) {
			snprintf(name, size, "outpost_service_%.*s%s", (int)(n - end), field,
				 units[i].word);
			return units[i].factor;
		}
	}
	snprintf(name, size, "outpost_service_%s", field);
	return 1;
}

static void write_services(struct web *w, struct op_buf *b)
{
	static struct web_service_look looks[WEB_SERVICES_MAX];
	for (size_t i = 0; i < w->n_services; i++)
		web_service_look(w, w->services[i], &looks[i]);
	op_prom_head(b, "outpost_service_up", "gauge", "1 ok or degraded, 0 failed");
	for (size_t i = 0; i < w->n_services; i++)
		op_prom_count(b, "outpost_service_up",
			      (const char *[]){"service", w->services[i], NULL},
			      looks[i].is.health != OP_HEALTH_FAILED);
	op_prom_head(b, "outpost_service_state", "gauge", "1 for the state the service is in");
	for (size_t i = 0; i < w->n_services; i++)
		op_prom_count(b, "outpost_service_state",
			      (const char *[]){"service", w->services[i], "state",
					       looks[i].is.state, NULL},
			      1);
	for (uint32_t f = 0; f < op_status_topic.n_fields; f++) {
		const struct op_field *field = &op_status_topic.fields[f];
		char name[96];
		if (field->type == OP_TEXT || field->type == OP_ENUM)
			continue;
		double factor = name_metric(field->name, name, sizeof(name));
		op_prom_head(b, name, "gauge", field->help);
		for (size_t i = 0; i < w->n_services; i++)
			if (looks[i].known)
				op_prom_value(b, name,
					      (const char *[]){"service", w->services[i], NULL},
					      factor * op_field_f64(field, &looks[i].status));
	}
}

static double topic_published(const struct web_look *l)
{
	return (double)l->at.published;
}

static double topic_rate(const struct web_look *l)
{
	return l->hz;
}

static double topic_nominal(const struct web_look *l)
{
	return l->type->rate_mhz / 1000.0;
}

static double topic_age(const struct web_look *l)
{
	return (double)l->at.age_ns / 1e9;
}

static double topic_live(const struct web_look *l)
{
	return l->at.state == OP_TOPIC_LIVE || l->at.state == OP_TOPIC_IDLE;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct web_look *l);
	bool needs_record;
} topic_metrics[] = {
	{"outpost_topic_published_total", "counter", "records ever published", topic_published,
	 false},
	{"outpost_topic_rate_hz", "gauge", "records per second, measured over five seconds",
	 topic_rate, false},
	{"outpost_topic_nominal_rate_hz", "gauge", "records per second as declared", topic_nominal,
	 false},
	{"outpost_topic_age_seconds", "gauge", "age of the newest record", topic_age, true},
	{"outpost_topic_live", "gauge", "1 if somebody writes it and it is not stale", topic_live,
	 false},
};

static void write_topics(struct web *w, struct op_buf *b)
{
	for (size_t m = 0; m < OP_ARRAY_SIZE(topic_metrics); m++) {
		op_prom_head(b, topic_metrics[m].name, topic_metrics[m].type,
			     topic_metrics[m].help);
		for (size_t i = 0; i < w->n_topics; i++) {
			if (!w->topics[i].reader)
				continue;
			web_board_look(&w->topics[i], &look);
			if (look.at.any || !topic_metrics[m].needs_record)
				op_prom_value(b, topic_metrics[m].name,
					      (const char *[]){"topic", w->topics[i].name, NULL},
					      topic_metrics[m].value(&look));
		}
	}
}

static void write_readers(struct web *w, struct op_buf *b)
{
	static struct op_reader_info readers[OP_TOPIC_READERS_MAX];
	const char *name = "outpost_topic_missed_total";
	op_prom_head(b, name, "counter", "records a reader lost");
	for (size_t i = 0; i < w->n_topics; i++) {
		struct op_reader *r = w->topics[i].reader;
		size_t n = r ? op_reader_list(r, readers, OP_ARRAY_SIZE(readers)) : 0;
		for (size_t k = 0; k < n; k++) {
			char pid[16], number[24];
			snprintf(pid, sizeof(pid), "%d", readers[k].pid);
			snprintf(number, sizeof(number), "%zu", k); /* a process may read twice */
			op_prom_count(b, name,
				      (const char *[]){"topic", w->topics[i].name, "reader",
						       readers[k].who, "pid", pid, "slot", number,
						       NULL},
				      readers[k].missed);
		}
	}
}

static void write_values(struct web *w, struct op_buf *b)
{
	op_prom_head(b, "outpost_value", "gauge", "newest value of a field of a slow topic");
	for (size_t i = 0; i < w->n_topics; i++) {
		struct web_topic *t = &w->topics[i];
		if (!t->reader || !strncmp(t->name, "status.", 7))
			continue;
		web_board_look(t, &look);
		if (!look.at.any || look.type->rate_mhz > SLOW_MHZ)
			continue;
		for (uint32_t f = 0; f < look.type->n_fields; f++) {
			const struct op_field *field = &look.type->fields[f];
			if (field->type != OP_TEXT)
				op_prom_value(b, "outpost_value",
					      (const char *[]){"topic", t->name, "field",
							       field->name, "unit", field->unit,
							       NULL},
					      op_field_f64(field, look.record));
		}
	}
}

struct counter {
	const char *name, *type, *help, *label, *label_value;
	uint64_t value;
};

static void write_counters(const struct counter *c, size_t n, struct op_buf *b)
{
	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(c[i].name, c[i - 1].name))
			op_prom_head(b, c[i].name, c[i].type, c[i].help);
		op_prom_count(b, c[i].name,
			      c[i].label ? (const char *[]){c[i].label, c[i].label_value, NULL}
					 : NULL,
			      c[i].value);
	}
}

#define GAUGE(name, help, value)                       \
	{                                              \
		name, "gauge", help, NULL, NULL, value \
	}
#define TOTAL(name, help, value)                         \
	{                                                \
		name, "counter", help, NULL, NULL, value \
	}
#define TOTAL_BY(name, help, label, of, value)          \
	{                                               \
		name, "counter", help, label, of, value \
	}
#define ENDS(of, value) \
	TOTAL_BY("outpost_http_closed_total", "connections closed, by cause", "cause", of, value)
#define LEFT(of, value) \
	TOTAL_BY("outpost_ws_closed_total", "live clients closed, by cause", "cause", of, value)
#define CODE(digit)                                                                      \
	TOTAL_BY("outpost_http_answers_total", "answers by status", "code", #digit "xx", \
		 h->status[digit])

static void write_http(struct web *w, struct op_buf *b)
{
	const struct op_http_counters *h = op_http_counters(w->http);
	const struct counter list[] = {
		TOTAL("outpost_http_requests_total", "requests", h->requests),
		CODE(2),
		CODE(3),
		CODE(4),
		CODE(5),
		GAUGE("outpost_http_connections", "connections now", h->open),
		GAUGE("outpost_http_deferred", "answers that are to come later, now",
		      h->deferred_now),
		TOTAL("outpost_http_deferred_total", "answers given later", h->deferred),
		TOTAL("outpost_http_accepted_total", "connections accepted", h->accepted),
		TOTAL("outpost_http_full_total", "times that further connections had to wait",
		      h->full),
		TOTAL("outpost_http_sent_bytes_total", "bytes sent", h->bytes_out),
		ENDS("peer", h->by_peer),
		ENDS("evicted", h->evicted),
		ENDS("refused", h->refused),
		ENDS("timeout", h->timed_out),
		ENDS("malformed", h->malformed),
		ENDS("requests_used_up", h->requests_used_up),
		ENDS("failed", h->failed),
		ENDS("cut", h->cut),
		ENDS("upgraded", h->upgraded),
	};
	write_counters(list, OP_ARRAY_SIZE(list), b);
}

static void write_hub(struct web *w, struct op_buf *b)
{
	const struct op_hub_counters *c = op_hub_counters(w->hub);
	const struct counter list[] = {
		GAUGE("outpost_ws_clients", "live clients now", c->clients),
		GAUGE("outpost_ws_clients_max", "most live clients", (uint64_t)w->set->max_clients),
		GAUGE("outpost_ws_streams", "streams now", c->streams),
		GAUGE("outpost_ws_subscriptions", "subscriptions now", c->subscriptions),
		TOTAL("outpost_ws_connected_total", "live clients ever", c->connected),
		TOTAL("outpost_ws_refused_total", "live clients refused", c->refused),
		TOTAL("outpost_ws_frames_total", "frames sent", c->frames),
		TOTAL("outpost_ws_records_total", "records sent", c->records),
		TOTAL("outpost_ws_sent_bytes_total", "bytes sent", c->bytes),
		TOTAL("outpost_ws_missed_total", "records slow clients lost", c->missed),
		TOTAL("outpost_ws_skips_total", "slow clients moved to the newest frame", c->skips),
		TOTAL("outpost_ws_step_downs_total", "slow clients given a lower rate",
		      c->step_downs),
		TOTAL("outpost_ws_messages_total", "messages of clients", c->messages),
		TOTAL("outpost_ws_bad_messages_total", "messages answered by an error",
		      c->bad_messages),
		LEFT("left", c->left),
		LEFT("vanished", c->vanished),
		LEFT("stalled", c->stalled),
		LEFT("too_big", c->too_big),
		LEFT("too_many", c->too_many),
		LEFT("failed", c->failed),
	};
	write_counters(list, OP_ARRAY_SIZE(list), b);
}

#define ASKED(what, value) \
	TOTAL_BY("outpost_history_asked_total", "questions about the past", "what", what, value)
#define ENDED(how, value) \
	TOTAL_BY("outpost_history_ended_total", "how those ended", "how", how, value)

static void write_history(struct web *w, struct op_buf *b)
{
	const struct web_history_counters *c = &w->asked;
	const struct counter list[] = {
		ASKED("list", c->lists),
		ASKED("points", c->points),
		ASKED("export", c->exports),
		ENDED("answered", c->ended[WEB_ANSWERED]),
		ENDED("wrong", c->ended[WEB_WRONG]),
		ENDED("failed", c->ended[WEB_FAILED]),
		ENDED("left", c->ended[WEB_LEFT]),
		ENDED("slow", c->ended[WEB_SLOW]),
		ENDED("refused", c->refused),
		GAUGE("outpost_history_working", "questions worked on now", c->working),
		GAUGE("outpost_history_waiting", "questions that wait now", c->waiting),
		GAUGE("outpost_history_exports", "exports under way now", c->open_exports),
		TOTAL("outpost_history_damaged_total",
		      "chunks that could not be read and were passed over", c->damaged),
		TOTAL("outpost_history_exported_records_total", "records exported", c->records),
	};
	write_counters(list, OP_ARRAY_SIZE(list), b);
	op_prom_head(b, "outpost_history_work_seconds_total", "counter",
		     "time of the threads that read history");
	op_prom_value(b, "outpost_history_work_seconds_total", NULL, (double)c->work_ns / 1e9);
}

int web_metrics_write(struct web *w, struct op_buf *b)
{
	op_prom_head(b, "outpost_info", "gauge", "version and appliance");
	op_prom_count(b, "outpost_info",
		      (const char *[]){"version", OUTPOST_VERSION, "appliance",
				       op_config_appliance(op_service_config(w->service)), NULL},
		      1);
	write_services(w, b);
	write_topics(w, b);
	write_readers(w, b);
	write_values(w, b);
	write_http(w, b);
	write_hub(w, b);
	write_history(w, b);
	return 200;
}
