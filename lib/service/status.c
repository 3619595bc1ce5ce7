/*
 * status.c - the status topic: what a service says of itself, once a second and on each change.
 *
 * Loop thread. The record of a predecessor is still in the topic when this process opens it: that
 * is where the count of restarts lives, so that nobody has to keep it elsewhere. A topic that
 * cannot be opened is fatal, since a service without one is invisible.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/decimal.h"

OP_TOPIC_DEFINE(op_status, OP_STATUS_FIELDS, .name = "status",
		.help = "what a service says of itself", .rate_mhz = 1000, .max_age_ms = 3000,
		.capacity = 64);

static uint64_t cpu_used_ns(void)
{
	struct rusage ru = {0};
	(void)getrusage(RUSAGE_SELF, &ru); /* cannot fail for this process and a valid pointer */
	uint64_t s = (uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec;
	uint64_t us = (uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec;
	return s * OP_NS_PER_S + us * OP_NS_PER_US;
}

/* num_threads and rss are the 20th and 24th field of proc_pid_stat(5); the command's name may
 * contain anything, so counting starts behind its closing parenthesis (the 2nd field). */
static void read_proc_stat(struct op_status *r)
{
	char text[1024];
	OP_AUTO_CLOSE int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	char *p = strrchr(text, ')');
	unsigned field = 2;
	for (; p && field < 24; field++) {
		p = strchr(p + 1, ' ');
		if (p && field + 1 == 20)
			r->threads = (uint32_t)strtoul(p, NULL, 10);
	}
	if (p)
		r->rss_kib = (uint32_t)(strtoul(p, NULL, 10) * (unsigned long)getpagesize() / 1024);
}

static void sample_process(struct service_status *st)
{
	uint64_t now = op_now_ns(), cpu = cpu_used_ns();
	uint64_t passed = now - st->sampled_ns;
	if (passed < 100 * OP_NS_PER_MS)
		return; /* several changes in a moment: too short for a share of anything */
	st->record.cpu_percent = (float)(100.0 * (double)(cpu - st->cpu_ns) / (double)passed);
	st->cpu_ns = cpu;
	st->sampled_ns = now;
	read_proc_stat(&st->record);
}

void service_status_publish(struct op_service *s)
{
	struct service_status *st = &s->status;
	if (!st->writer)
		return;
	uint64_t now = op_now_ns();
	if (s->desc->status && s->self && !s->stopping)
		s->desc->status(s, s->self);
	sample_process(st);
	st->record.uptime_s = (double)(now - st->started_ns) / (double)OP_NS_PER_S;
	service_sched_text(s, st->record.sched, sizeof(st->record.sched));
	(void)op_writer_publish(st->writer, now,
				&st->record); /* the sequence number is not needed */
}

/* Tells the supervisor all there is, so that a lost datagram is mended by the next one. */
static void notify_state(struct op_service *s)
{
	struct service_status *st = &s->status;
	const char *reason = st->record.reason;
	int r = op_notify_send(&s->notify, "%s%s%s%sSTATUS=%s%s%s",
			       st->was_ready ? "READY=1\n" : "", *st->url ? "X_OUTPOST_URL=" : "",
			       st->url, *st->url ? "\n" : "", op_state_name(st->record.state),
			       *reason ? ": " : "", reason);
	st->dirty = r < 0;
}

static void on_second(uv_timer_t *timer)
{
	struct op_service *s = timer->data;
	(void)op_service_beat(s, timer, on_second, 1000); /* an open handle: cannot fail */
	if (s->status.dirty)
		notify_state(s);
	service_status_publish(s);
}

/* A predecessor that said goodbye leaves its count; any other died and adds one. */
static uint32_t restarts_so_far(const struct op_writer *w)
{
	struct op_status last;
	uint64_t when;
	if (!op_writer_last(w, &when, &last))
		return 0;
	return last.state == OP_STATE_STOPPED ? last.restarts : last.restarts + 1;
}

int service_status_open(struct op_service *s, int *ret_owner)
{
	struct service_status *st = &s->status;
	char topic[OP_TOPIC_NAME_MAX + 8];
	(void)snprintf(topic, sizeof(topic), "status.%s", s->name); /* too long: refused below */
	int r = op_writer_open(s->bus_dir, topic, &op_status_topic, &st->writer, ret_owner);
	if (r < 0)
		return r;
	st->started_ns = st->sampled_ns = op_now_ns();
	st->record = (struct op_status){
		.since_boot_ns = st->started_ns,
		.pid = (uint32_t)getpid(),
		.restarts = restarts_so_far(st->writer),
		.state = OP_STATE_STARTING,
	};
	read_proc_stat(&st->record);
	service_status_publish(s);
	return 0;
}

int service_status_start(struct op_service *s)
{
	int r = uv_timer_init(&s->loop, &s->status.timer);
	s->status.timer.data = s;
	if (r == 0)
		r = op_service_beat(s, &s->status.timer, on_second, 1000);
	uv_unref((uv_handle_t *)&s->status.timer);
	return r;
}

void service_status_close(struct op_service *s)
{
	op_writer_close(s->status.writer);
	s->status.writer = NULL;
}

/* That it is well again is a notice: what is wrong the next time is news. */
static void log_state(const struct op_status *r, uint8_t before)
{
	enum op_level level = r->state == OP_STATE_DEGRADED ? OP_WARNING
			      : before == OP_STATE_DEGRADED ? OP_NOTICE
							    : OP_INFO;
	op_log(level, "%s%s%s", op_state_name(r->state), *r->reason ? ": " : "", r->reason);
}

void op_service_set_state(struct op_service *s, enum op_state state, const char *fmt, ...)
{
	struct op_status *r = &s->status.record;
	char reason[sizeof(r->reason)] = "";
	if (fmt) {
		va_list ap;
		va_start(ap, fmt);
		(void)vsnprintf(reason, sizeof(reason), fmt, ap); /* cut at the field's size */
		va_end(ap);
	}
	if (r->state == state && !strcmp(r->reason, reason))
		return;
	if (s->stopping && state < OP_STATE_STOPPING)
		return; /* a late device must not undo the goodbye */
	uint8_t before = r->state;
	if (before != state)
		r->since_boot_ns = op_now_ns();
	r->state = (uint8_t)state;
	memset(r->reason, 0, sizeof(r->reason));
	memcpy(r->reason, reason, strlen(reason));
	log_state(r, before);
	if (state == OP_STATE_READY || state == OP_STATE_DEGRADED)
		s->status.was_ready = true;
	notify_state(s);
	service_status_publish(s);
}

void op_service_count(struct op_service *s, uint64_t records, uint64_t missed, uint64_t errors)
{
	s->status.record.records = records;
	s->status.record.missed = missed;
	s->status.record.errors = errors;
}

void op_service_set_url(struct op_service *s, const char *url)
{
	(void)snprintf(s->status.url, sizeof(s->status.url), "%s", url); /* longer ones are cut */
	notify_state(s);
}

/* To the millisecond. */
static double seconds_since(uint64_t boot_ns)
{
	return (double)((op_now_ns() - boot_ns) / OP_NS_PER_MS) / 1000;
}

json_t *service_status_json(struct op_service *s)
{
	const struct op_status *r = &s->status.record;
	double since = seconds_since(r->since_boot_ns);
	double uptime = seconds_since(s->status.started_ns);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:s}",
		"service", s->name, "program", s->desc->program, "state", op_state_name(r->state),
		"reason", r->reason, "in_state_s", since, "uptime_s", uptime, "records",
		(json_int_t)r->records, "missed", (json_int_t)r->missed, "errors",
		(json_int_t)r->errors, "cpu_percent", op_decimal_widen(r->cpu_percent), "rss_kib",
		(json_int_t)r->rss_kib, "threads", (json_int_t)r->threads, "pid",
		(json_int_t)r->pid, "restarts", (json_int_t)r->restarts, "sched", r->sched);
}
