/*
 * show.c - /api/topics and /status: everything the bus says, as JSON (outpost-http(7)).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#include <string.h>

static void write_readers(const struct op_reader *r, struct op_buf *b)
{
	static struct op_reader_info readers[OP_TOPIC_READERS_MAX];
	size_t n = op_reader_list(r, readers, OP_ARRAY_SIZE(readers));
	op_json_key(b, "readers");
	op_json_begin(b, '[');
	for (size_t i = 0; i < n; i++) {
		op_json_begin(b, '{');
		op_json_kv_str(b, "who", readers[i].who);
		op_json_kv_i64(b, "pid", readers[i].pid);
		op_json_kv_u64(b, "missed", readers[i].missed);
		op_json_end(b, '}');
	}
	op_json_end(b, ']');
}

static void write_numbers(const struct web_look *look, struct op_buf *b)
{
	op_json_kv_f64(b, "rate_hz", look->type->rate_mhz / 1000.0);
	op_json_kv_f64(b, "measured_hz", (double)(int64_t)(look->hz * 100 + 0.5) / 100);
	op_json_kv_u64(b, "published", look->at.published);
	op_json_key(b, "age_ms");
	if (look->at.any)
		op_json_u64(b, look->at.age_ns / OP_NS_PER_MS);
	else
		op_json_null(b);
	op_json_kv_u64(b, "max_age_ms", look->type->max_age_ms);
	op_json_key(b, "writer");
	if (look->at.writer_pid)
		op_json_i64(b, look->at.writer_pid);
	else
		op_json_null(b);
	op_json_kv_str(b, "state", op_topic_state_name(look->at.state));
}

static void write_topic(struct web_topic *t, bool schema, struct op_buf *b)
{
	static struct web_look look;
	if (!t->reader)
		return;
	web_board_look(t, &look);
	op_json_begin(b, '{');
	op_json_kv_str(b, "topic", t->name);
	op_json_kv_str(b, "help", look.type->help);
	write_numbers(&look, b);
	if (schema) {
		op_json_key(b, "schema");
		op_json_raw(b, op_reader_schema(t->reader));
	}
	op_json_kv_u64(b, "capacity", op_reader_capacity(t->reader));
	write_readers(t->reader, b);
	if (look.at.any) {
		op_json_key(b, "last");
		op_json_begin(b, '{');
		op_json_kv_u64(b, "seq", look.at.seq);
		op_json_kv_u64(b, "boot_ns", look.at.boot_ns);
		op_record_json(look.type, look.record, b);
		op_json_end(b, '}');
	}
	op_json_end(b, '}');
}

static void write_topics(struct web *w, bool schema, struct op_buf *b)
{
	op_json_key(b, "topics");
	op_json_begin(b, '[');
	for (size_t i = 0; i < w->n_topics; i++)
		write_topic(&w->topics[i], schema, b);
	op_json_end(b, ']');
}

int web_topics_write(struct web *w, struct op_buf *b)
{
	op_json_begin(b, '{');
	write_topics(w, true, b);
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
	return 200;
}

/* Fields of the status record but those that the judgement replaces. */
static void write_counts(const struct op_status *status, struct op_buf *b)
{
	struct op_field fields[OP_TOPIC_FIELDS_MAX];
	struct op_topic_type type = op_status_topic;
	type.fields = fields;
	type.n_fields = 0;
	for (uint32_t i = 0; i < op_status_topic.n_fields; i++) {
		const struct op_field *f = &op_status_topic.fields[i];
		if (strcmp(f->name, "state") != 0 && strcmp(f->name, "reason") != 0)
			fields[type.n_fields++] = *f;
	}
	op_record_json(&type, status, b);
}

static void write_service(struct web *w, const char *name, struct op_buf *b)
{
	struct web_service_look s;
	web_service_look(w, name, &s);
	op_json_key(b, name);
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", op_health_name(s.is.health));
	op_json_kv_str(b, "state", s.is.state);
	op_json_kv_str(b, "reason", s.is.reason);
	if (s.known)
		write_counts(&s.status, b);
	op_json_end(b, '}');
}

static void write_hub(struct web *w, struct op_buf *b)
{
	const struct op_hub_counters *c = op_hub_counters(w->hub);
	op_json_key(b, "live");
	op_json_begin(b, '{');
	op_json_kv_u64(b, "clients", c->clients);
	op_json_kv_u64(b, "max_clients", (uint64_t)w->set->max_clients);
	op_json_kv_u64(b, "refused", c->refused);
	op_json_kv_u64(b, "frames", c->frames);
	op_json_kv_u64(b, "records", c->records);
	op_json_kv_u64(b, "missed", c->missed);
	op_json_end(b, '}');
}

int web_status_write(struct web *w, struct op_buf *b)
{
	char now[OP_RFC3339_BYTES];
	const struct op_config *config = op_service_config(w->service);
	op_time_rfc3339(op_wall_ns(op_now_ns()), now);
	op_json_begin(b, '{');
	op_json_kv_str(b, "appliance", op_config_appliance(config));
	op_json_kv_str(b, "description", op_config_description(config));
	op_json_kv_str(b, "version", OUTPOST_VERSION);
	op_json_kv_str(b, "time", now);
	op_json_key(b, "services");
	op_json_begin(b, '{');
	for (size_t i = 0; i < w->n_services; i++)
		write_service(w, w->services[i], b);
	op_json_end(b, '}');
	write_hub(w, b);
	write_topics(w, false, b);
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
	return 200;
}
