/*
 * recorder_feed.c - the sensor hub's samples, faster than they come: for the bench of the recorder.
 *
 *     bench-recorder-feed BUSDIR SPEED SECONDS [TRACE]
 *
 * Publishes pbt.sample for so many seconds, paced at SPEED times 800 Hz, with stamps of 800 Hz: the
 * recorder sees SPEED seconds of a sensor's life in one. The topic declares the rate at which its
 * records come. Prints how many there were.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <time.h>

#include "pbt_signal.h"

#define STEP_NS (10 * OP_NS_PER_MS)
#define BLOCK 4096

static struct pbt_slot slots[BLOCK];

static void publish(struct op_writer *w, struct pbt_signal *s, size_t n)
{
	while (n > 0) {
		size_t now = n < BLOCK ? n : BLOCK;
		pbt_signal_fill(s, slots, now);
		for (size_t i = 0; i < now; i++)
			(void)op_writer_publish(w, slots[i].boot_ns, &slots[i].sample);
		n -= now;
	}
}

/* Absolute times on the boot clock: a step that comes late makes the next one no later. */
static void wait_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / OP_NS_PER_S), (long)(ns % OP_NS_PER_S)};
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	struct op_topic_type type = pbt_sample_topic;
	struct pbt_signal signal;
	struct op_writer *w;
	if (argc < 4)
		return 2;
	double speed = strtod(argv[2], NULL), seconds = strtod(argv[3], NULL);
	type.rate_mhz = (uint32_t)(800000 * speed);
	int err = op_writer_open(argv[1], NULL, &type, &w, NULL);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], op_strerror(err));
		return 1;
	}
	uint64_t start = op_now_ns(), steps = (uint64_t)(seconds * 1e9 / STEP_NS), made = 0;
	pbt_signal_init(&signal, argc > 4 ? argv[4] : NULL, "default", start);
	for (uint64_t i = 1; i <= steps; i++) {
		uint64_t due = (uint64_t)((double)i * STEP_NS / 1e9 * 800 * speed);
		publish(w, &signal, due - made);
		made = due;
		wait_until(start + i * STEP_NS);
	}
	printf("%llu\n", (unsigned long long)made);
	pbt_signal_finish(&signal);
	op_writer_close(w);
	return 0;
}
