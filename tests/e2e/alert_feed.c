/*
 * alert_feed.c - a topic that a test steers line by line, for alerts.py.
 *
 *     alert_feed BUS_DIRECTORY    commands on stdin, one per line, each answered by "ok":
 *     open | close                test.gauge has a writer | has none
 *     set VALUE MODE NOTE         one record (VALUE may be nan; MODE 0 off, 1 on, 2 fault)
 *     hold HZ                     from now on the last one again and again; 0: no more
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/topic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define GAUGE_FIELDS(F, E, T)                         \
	F(f64, value, "degC", "what is shown")        \
	F(f32, coarse, "degC", "the same in 32 bits") \
	E(mode, "off|on|fault", "how it is")          \
	T(note, 32, "remark")
OP_TOPIC_DECLARE(gauge, GAUGE_FIELDS);
OP_TOPIC_DEFINE(gauge, GAUGE_FIELDS, .name = "test.gauge", .help = "A value for tests",
		.max_age_ms = 3000);

static const char *directory;
static struct op_writer *writer;
static struct gauge now;
static double hz;

static void publish(void)
{
	if (writer)
		(void)op_writer_publish(writer, op_now_ns(), &now); /* the number is of no use */
}

static int open_topic(void)
{
	return writer ? 0 : op_writer_open(directory, NULL, &gauge_topic, &writer, NULL);
}

static int obey(const char *line)
{
	unsigned mode = 0;
	char note[32] = "";
	if (!strcmp(line, "open\n"))
		return open_topic();
	if (!strcmp(line, "close\n")) {
		op_writer_close(OP_STEAL(writer));
	} else if (sscanf(line, "hold %lf", &hz) == 1) {
		publish();
	} else if (sscanf(line, "set %lf %u %31s", &now.value, &mode, note) >= 1) {
		now.coarse = (float)now.value;
		now.mode = (uint8_t)mode;
		memcpy(now.note, note, sizeof(now.note));
		publish();
	} else {
		return -EINVAL;
	}
	return 0;
}

/* True: a line may be read; false: the next record is due. */
static bool wait_line(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	return poll(&in, 1, hz > 0 ? (int)(1000 / hz) : -1) != 0;
}

int main(int argc, char **argv)
{
	char line[256];
	if (argc != 2)
		return 2;
	directory = argv[1];
	(void)setvbuf(stdin, NULL, _IONBF, 0); /* so that poll sees what is left */
	for (;;) {
		if (!wait_line()) {
			publish();
			continue;
		}
		if (!fgets(line, sizeof(line), stdin))
			break;
		int r = obey(line);
		puts(r < 0 ? op_strerror(r) : "ok");
		fflush(stdout);
	}
	op_writer_close(writer);
	return 0;
}
