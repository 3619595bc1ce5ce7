/*
 * web_feed.c - publishes a topic of 24-byte slots in real time: `test-web-feed BUS_DIR TOPIC HZ`.
 *
 * It paces its output against absolute deadlines of the clock, each 1.25 ms at the 800 Hz of the
 * pressure sensor; a deadline that was missed is made up for at once. Record n has the number n.
 * Prints "ok" when the topic is there; ends when its standard input does.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/topic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/timerfd.h>

#include "bus_topics.h"

static bool ended(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	char c;
	return poll(&in, 1, 0) > 0 && read(0, &c, 1) <= 0;
}

static int feed(struct op_writer *w, double hz)
{
	long ns = (long)(1e9 / hz);
	struct itimerspec period = {{ns / 1000000000, ns % 1000000000}, {0, ns % 1000000000}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &period, NULL))
		return 1;
	for (uint64_t n; !ended() && read(fd, &n, sizeof(n)) == sizeof(n);)
		for (; n; n--) {
			struct tick t = {.number = op_writer_next_seq(w), .sent_ns = op_now_ns()};
			op_writer_publish(w, t.sent_ns, &t);
		}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct op_topic_type type = tick_topic;
	struct op_writer *w;
	if (argc != 4)
		return 2;
	double hz = strtod(argv[3], NULL);
	type.rate_mhz = (uint32_t)(hz * 1000);
	type.capacity = 16384;
	type.max_age_ms = 1000;
	int r = op_writer_open(argv[1], argv[2], &type, &w, NULL);
	if (r < 0) {
		fprintf(stderr, "%s/%s: %s\n", argv[1], argv[2], op_strerror(r));
		return 1;
	}
	puts("ok");
	fflush(stdout);
	r = feed(w, hz);
	op_writer_close(w);
	return r;
}
