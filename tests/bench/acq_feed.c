/*
 * acq_feed.c - the other end of the acquisition bench: paces lines into a pty and times
 * their records.
 *
 *     bench-acq-feed flood LINES          as many lines as fast as they are taken; prints seconds
 *     bench-acq-feed pace SECONDS BUSDIR  800 lines/s; prints p50, p99 and max of line written ->
 *                                         record readable, in ns, by a reader that sleeps
 *     bench-acq-feed tick                 800 lines/s until it is killed
 *
 * Prints the slave's path first and starts when a line comes on standard input.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <outpost/topic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>

#define PERIOD_NS 1250000
#define BLOCK 4000

static int make_pty(void)
{
	struct termios t;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master) || tcgetattr(master, &t))
		exit(2);
	cfmakeraw(&t);
	if (tcsetattr(master, TCSANOW, &t))
		exit(2);
	printf("%s\n", ptsname(master));
	fflush(stdout);
	return master;
}

static void wait_go(void)
{
	if (getchar() == EOF)
		exit(2);
}

static void write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, bytes, n);
		if (w < 0)
			exit(2);
		bytes += w;
		n -= (size_t)w;
	}
}

/* Lines of the simulator's signal at rest, in blocks; the last block is the rest. */
static void flood(int master, unsigned long lines)
{
	char block[BLOCK * 4];
	for (size_t i = 0; i < BLOCK; i++)
		memcpy(block + i * 4, (char[]){'3', (char)('5' + i * 7 % 5), '\r', '\n'}, 4);
	wait_go();
	uint64_t from = op_now_ns();
	for (unsigned long left = lines; left > 0;) {
		size_t n = left < BLOCK ? left : BLOCK;
		write_all(master, block, n * 4);
		left -= n;
	}
	printf("%.6f\n", (double)(op_now_ns() - from) / OP_NS_PER_S);
}

/* ---- latency --------------------------------------------------------------------------- */

struct pace {
	struct op_reader *reader;
	_Atomic uint64_t *written_ns; /* of each line; the topic's sequence begins with 0 */
	_Atomic bool done;
	uint64_t *took;
	_Atomic size_t n;
	size_t max;
};

static void *receive(void *arg)
{
	struct pace *p = arg;
	char slots[64 * 64];
	uint64_t first;
	while (!atomic_load(&p->done)) {
		if (op_reader_wait(p->reader, 100 * OP_NS_PER_MS) <= 0)
			continue;
		ssize_t n = op_reader_read(p->reader, slots, 64, &first);
		uint64_t now = op_now_ns();
		for (ssize_t i = 0; i < n && first + (uint64_t)i < p->max; i++)
			p->took[p->n++] = now - atomic_load(&p->written_ns[first + (uint64_t)i]);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void tick(int master)
{
	wait_go();
	uint64_t due = op_now_ns();
	for (;;) {
		due += PERIOD_NS;
		struct timespec ts = {(time_t)(due / OP_NS_PER_S), (long)(due % OP_NS_PER_S)};
		(void)clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts,
				      NULL); /* early: no harm */
		write_all(master, "40\r\n", 4);
	}
}

static void pace(int master, unsigned long seconds, const char *bus_dir)
{
	struct pace p = {.max = seconds * 800};
	pthread_t thread;
	p.took = calloc(p.max, sizeof(*p.took));
	p.written_ns = calloc(p.max, sizeof(*p.written_ns));
	wait_go();
	if (!p.took || !p.written_ns ||
	    op_reader_open(bus_dir, "pbt.sample", NULL, &p.reader) < 0 ||
	    pthread_create(&thread, NULL, receive, &p))
		exit(2);
	uint64_t due = op_now_ns();
	for (size_t i = 0; i < p.max; i++) {
		due += PERIOD_NS;
		struct timespec ts = {(time_t)(due / OP_NS_PER_S), (long)(due % OP_NS_PER_S)};
		(void)clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts,
				      NULL); /* early: no harm */
		atomic_store(&p.written_ns[i], op_now_ns());
		write_all(master, "40\r\n", 4);
	}
	for (int i = 0; i < 100 && p.n < p.max; i++) /* the last ones; p.n is only looked at */
		(void)clock_nanosleep(CLOCK_BOOTTIME, 0, &(struct timespec){0, 1000000}, NULL);
	atomic_store(&p.done, true);
	pthread_join(thread, NULL);
	if (p.n == 0)
		exit(2);
	qsort(p.took, p.n, sizeof(*p.took), by_value);
	printf("%llu %llu %llu %zu\n", (unsigned long long)p.took[p.n / 2],
	       (unsigned long long)p.took[p.n * 99 / 100], (unsigned long long)p.took[p.n - 1],
	       p.n);
	op_reader_close(p.reader);
	free(p.took);
	free((void *)p.written_ns);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "flood"))
		flood(make_pty(), strtoul(argv[2], NULL, 10));
	else if (argc == 4 && !strcmp(argv[1], "pace"))
		pace(make_pty(), strtoul(argv[2], NULL, 10), argv[3]);
	else if (argc == 2 && !strcmp(argv[1], "tick"))
		tick(make_pty());
	else
		return 2;
	fflush(stdout);
	wait_go(); /* the pty stays until the bench has looked */
	return 0;
}
