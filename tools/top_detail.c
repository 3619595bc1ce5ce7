/*
 * top_detail.c - one topic or one service in full, as lines of text.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "top.h"

#define CHANGES_MAX 10

static void line(struct op_buf *b, const char *name, const char *fmt, ...) OP_PRINTF(3, 4);

static void line(struct op_buf *b, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a line longer than a screen is cut */
	va_end(ap);
	op_buf_printf(b, "  %-14s %s\n", name, text);
}

static void when(uint64_t boot_ns, char out[OP_RFC3339_BYTES])
{
	op_time_rfc3339(op_wall_ns(boot_ns), out);
}

/* ---- topic ----------------------------------------------------------------------------- */

static size_t widest_name(const struct op_topic_type *type)
{
	size_t widest = 5;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		size_t n = strlen(type->fields[i].name);
		widest = n > widest && n < 32 ? n : widest;
	}
	return widest;
}

static void put_fields(const struct op_topic_type *type, const void *record, struct op_buf *b)
{
	int widest = (int)widest_name(type);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		char value[OP_TOPIC_RECORD_MAX + 1], name[64], rest[256], help[256];
		bool text = f->type == OP_TEXT || f->type == OP_ENUM;
		op_text_safe(f->name, strlen(f->name), name, sizeof(name));
		op_text_safe(f->help, strlen(f->help), help, sizeof(help));
		op_text_safe(f->unit, strlen(f->unit), rest, sizeof(rest));
		op_text_field(f, record, value, sizeof(value));
		op_buf_printf(b, text ? "  %-*s  %-14s %-7s %s\n" : "  %-*s  %14s %-7s %s\n",
			      widest, name, value, rest, help);
	}
}

static void put_record(const struct op_view_topic *t, struct op_buf *b)
{
	unsigned char record[OP_TOPIC_RECORD_MAX];
	char at[OP_RFC3339_BYTES], age[OP_TEXT_CELL];
	uint64_t seq, boot_ns, now = op_now_ns();
	if (op_reader_last(t->reader, &seq, &boot_ns, record) != 1) {
		op_buf_puts(b, "no record yet\n");
		return;
	}
	when(boot_ns, at);
	op_text_span(now > boot_ns ? now - boot_ns : 0, age);
	op_buf_printf(b, "newest record: #%" PRIu64 ", %s, %s ago\n", seq, at, age);
	put_fields(op_reader_type(t->reader), record, b);
}

static void put_readers(const struct op_view_topic *t, struct op_buf *b)
{
	op_buf_printf(b, "readers: %zu\n", t->n_readers);
	for (size_t i = 0; i < t->n_readers; i++) {
		const struct op_reader_info *r = &t->readers[i];
		uint64_t lag = t->at.published > r->next_seq ? t->at.published - r->next_seq : 0;
		op_buf_printf(b, "  %-14s pid %-7d missed %-10" PRIu64 " behind %" PRIu64 "\n",
			      r->who, r->pid, r->missed, lag);
	}
}

static void topic_detail(const struct op_view_topic *t, struct op_buf *b)
{
	const struct op_topic_type *type = op_reader_type(t->reader);
	char a[OP_TEXT_CELL], c[OP_TEXT_CELL], help[256];
	op_text_safe(type->help, strlen(type->help), help, sizeof(help));
	op_buf_printf(b, "%s  %s\n%s\n\n", t->name, op_topic_state_name(t->at.state), help);
	if (t->nominal_hz > 0)
		line(b, "rate", "%s/s measured, %s/s declared", op_text_rate(t->measured_hz, a),
		     op_text_rate(t->nominal_hz, c));
	else
		line(b, "rate", "%s/s over the last minute (events)",
		     op_text_rate(t->measured_hz, a));
	line(b, "published", "%" PRIu64 ", the newest %" PRIu64 " are kept", t->at.published,
	     op_reader_capacity(t->reader));
	if (type->max_age_ms)
		line(b, "stale after", "%s", op_text_span(type->max_age_ms * OP_NS_PER_MS, a));
	if (t->at.writer_pid)
		line(b, "writer", "%s, pid %d", t->writer, t->at.writer_pid);
	else
		line(b, "writer", "nobody");
	op_buf_putc(b, '\n');
	put_record(t, b);
	op_buf_putc(b, '\n');
	put_readers(t, b);
}

/* ---- service --------------------------------------------------------------------------- */

struct change {
	uint64_t boot_ns;
	char state[32], reason[160];
};

/* The last changes of state or reason that the status topic's ring still holds, oldest first. */
static size_t find_changes(struct op_reader *r, struct change *last)
{
	unsigned char record[OP_TOPIC_RECORD_MAX];
	uint64_t seq, boot_ns;
	size_t n = 0;
	op_reader_rewind(r, UINT64_MAX);
	while (op_reader_next(r, &seq, &boot_ns, record) == 1) {
		struct change c = {.boot_ns = boot_ns};
		const struct op_topic_type *type = op_reader_type(r);
		op_view_text(type, record, "state", c.state, sizeof(c.state));
		op_view_text(type, record, "reason", c.reason, sizeof(c.reason));
		const struct change *before = n ? &last[(n - 1) % CHANGES_MAX] : NULL;
		if (!before || strcmp(c.state, before->state) || strcmp(c.reason, before->reason))
			last[n++ % CHANGES_MAX] = c;
	}
	return n;
}

static void put_changes(const struct op_view_service *s, struct op_buf *b)
{
	struct change last[CHANGES_MAX];
	size_t n = find_changes(s->topic->reader, last);
	op_buf_puts(b, "recent states\n");
	for (size_t i = n > CHANGES_MAX ? n - CHANGES_MAX : 0; i < n; i++) {
		const struct change *c = &last[i % CHANGES_MAX];
		char at[OP_RFC3339_BYTES];
		when(c->boot_ns, at);
		op_buf_printf(b, "  %s  %-10s %s\n", at, c->state, c->reason);
	}
}

static void put_process(const struct op_view_service *s, struct op_buf *b)
{
	char a[OP_TEXT_CELL], c[OP_TEXT_CELL];
	if (!s->is.pid) {
		line(b, "process", "not running");
		return;
	}
	line(b, "process", "pid %d, %" PRIu64 " threads, up %s", s->is.pid, s->threads,
	     op_text_span((uint64_t)(s->uptime_s * 1e9), a));
	line(b, "CPU", "%.1f %% of a core", s->cpu_percent);
	if (s->pss_kib >= 0)
		line(b, "memory", "%s own share (PSS), %s resident",
		     op_text_kib((uint64_t)s->pss_kib, a), op_text_kib(s->rss_kib, c));
	else
		line(b, "memory", "%s resident; its own share needs more rights",
		     op_text_kib(s->rss_kib, c));
}

static void service_detail(const struct op_view_service *s, struct op_buf *b)
{
	char at[OP_RFC3339_BYTES] = "unknown";
	op_buf_printf(b, "%s  %s\n%s\n\n", s->name, s->is.state, s->is.reason);
	if (s->is.since_boot_ns)
		when(s->is.since_boot_ns, at);
	line(b, "since", "%s", at);
	put_process(s, b);
	line(b, "scheduling", "%s", *s->sched ? s->sched : "-");
	line(b, "restarts", "%" PRIu64, s->restarts);
	line(b, "records", "%" PRIu64, s->records);
	line(b, "missed", "%" PRIu64, s->missed);
	line(b, "errors", "%" PRIu64, s->errors);
	op_buf_putc(b, '\n');
	if (s->topic)
		put_changes(s, b);
}

void top_detail(struct top *t)
{
	const struct op_view_service *service = top_selected_service(t);
	const struct op_view_topic *topic = top_selected_topic(t);
	op_buf_reset(&t->lines);
	if (service)
		service_detail(service, &t->lines);
	else if (topic)
		topic_detail(topic, &t->lines);
}
