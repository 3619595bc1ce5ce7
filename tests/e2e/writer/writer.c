/*
 * writer.c - a writer of real topics that a test steers line by line over standard input.
 *
 *     open KIND TOPIC             KIND: point, point2 (declared anew), event (no rate), status
 *     pub TOPIC N [HZ]            N records; with HZ their stamps are 1/HZ apart
 *     state TOPIC STATE [REASON]  one status record
 *     silent TOPIC STATE          the same, four seconds ago
 *     close TOPIC
 *
 * Stamps of states and of records with HZ end AHEAD_NS from now: to a test on a busy machine they
 * are fresh for that long, as they would be if the writer went on.
 *
 * Each command is answered by "ok" when it is done, so that nobody has to wait and hope. Leaves at
 * the end of input. Usage: test-writer BUS_DIR
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

#include "topics.h"

OP_TOPIC_DEFINE(op_status, OP_STATUS_FIELDS, .name = "status", .help = "State of a service",
		.rate_mhz = 1000, .max_age_ms = 3000);

#define AHEAD_NS (20 * OP_NS_PER_S)

struct open_topic {
	char name[OP_TOPIC_NAME_MAX + 1];
	char kind[16];
	struct op_writer *w;
};

static struct open_topic topics[32];
static const char *bus_dir;

static _Noreturn void fail(const char *what, const char *why)
{
	printf("failed: %s: %s\n", what, why);
	exit(1);
}

static struct open_topic *find(const char *name)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(topics); i++)
		if (!strcmp(topics[i].name, name))
			return &topics[i];
	fail(name, "not open");
}

static struct op_topic_type type_of(const char *kind)
{
	struct op_topic_type event = point_topic;
	event.rate_mhz = event.max_age_ms = 0;
	if (!strcmp(kind, "status"))
		return op_status_topic;
	if (!strcmp(kind, "event"))
		return event;
	return !strcmp(kind, "point2") ? point2_topic : point_topic;
}

static void open_topic(const char *kind, const char *name)
{
	struct open_topic *t = find("");
	struct op_topic_type type = type_of(kind);
	int e = op_writer_open(bus_dir, name, &type, &t->w, NULL);
	if (e < 0)
		fail(name, op_strerror(e));
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	(void)snprintf(t->kind, sizeof(t->kind), "%s", kind);
}

static void publish_one(struct open_topic *t, uint64_t boot_ns)
{
	uint32_t n = (uint32_t)op_writer_next_seq(t->w);
	if (!strcmp(t->kind, "point2")) {
		struct point2 p = {.y = n * 2.0, .n = n};
		op_writer_publish(t->w, boot_ns, &p);
		return;
	}
	struct point p = {.x = n * 0.5,
			  .level = (float)(n % 10240) * 0.1f,
			  .n = n,
			  .raw = (uint16_t)n,
			  .mode = n & 1};
	if (n % 4 == 3)
		(void)snprintf(p.note, sizeof(p.note), "a, \"%u\"", n);
	op_writer_publish(t->w, boot_ns, &p);
}

static void publish(const char *name, uint64_t n, double hz)
{
	struct open_topic *t = find(name);
	uint64_t newest = op_now_ns() + AHEAD_NS;
	for (uint64_t i = 0; i < n; i++)
		publish_one(t, hz > 0 ? newest - (uint64_t)((double)(n - 1 - i) * 1e9 / hz)
				      : op_now_ns());
}

static int state_number(const char *state)
{
	int number = 0;
	for (const char *p = OP_STATE_LABELS; *p; number++) {
		size_t n = strcspn(p, "|");
		if (strlen(state) == n && !memcmp(p, state, n))
			return number;
		p += n + (p[n] == '|');
	}
	fail(state, "no such state");
}

static void publish_state(const char *name, const char *state, const char *reason, uint64_t stamp)
{
	struct open_topic *t = find(name);
	uint64_t now = op_now_ns();
	struct op_status s = {.since_boot_ns = now,
			      .records = 1234567,
			      .missed = 8,
			      .errors = 2,
			      .uptime_s = 3725,
			      .cpu_percent = 1.5f,
			      .rss_kib = 2048,
			      .pid = (uint32_t)getpid(),
			      .restarts = 3,
			      .threads = 2,
			      .state = (uint8_t)state_number(state)};
	(void)snprintf(s.reason, sizeof(s.reason), "%s", reason);
	(void)snprintf(s.sched, sizeof(s.sched), "fifo 50, cores 0");
	op_writer_publish(t->w, stamp, &s);
}

static void close_topic(const char *name)
{
	struct open_topic *t = find(name);
	op_writer_close(t->w);
	t->name[0] = '\0';
}

static void obey(const char *line)
{
	char verb[16] = "", a[64] = "", b[64] = "", rest[256] = "";
	int n = sscanf(line, "%15s %63s %63s %255[^\n]", verb, a, b, rest);
	if (!strcmp(verb, "open") && n >= 3)
		open_topic(a, b);
	else if (!strcmp(verb, "pub") && n >= 3)
		publish(a, strtoull(b, NULL, 10), strtod(rest, NULL));
	else if (!strcmp(verb, "state") && n >= 3)
		publish_state(a, b, rest, op_now_ns() + AHEAD_NS);
	else if (!strcmp(verb, "silent") && n >= 3)
		publish_state(a, b, rest, op_now_ns() - 4 * OP_NS_PER_S);
	else if (!strcmp(verb, "close") && n >= 2)
		close_topic(a);
	else
		fail(line, "not understood");
	puts("ok");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[512];
	if (argc != 2)
		return 2;
	bus_dir = argv[1];
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
