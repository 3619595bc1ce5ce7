/*
 * bus_torn.c - no reader ever takes a torn record, however often it is lapped.
 *
 * Every record carries a number from which all of its bytes follow. The ring is tiny, so that
 * readers are overtaken all the time, also in the middle of a copy.
 *
 * In the threads' test all mappings of the ring are one: mmap is wrapped, since the thread
 * sanitizer knows memory by its address and would not see that two mappings are the same page.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_topics.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define RECORDS 60000
#else
#define RECORDS 600000
#endif
#define READERS 3

/* ---- one mapping for all ------------------------------------------------------------------ */

void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t n);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t n);

static struct {
	bool on;
	unsigned char *map; /* the writer's, which is made first and covers all */
	size_t bytes;
} one;

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	if (!one.on || fd < 0)
		return __real_mmap(at, n, prot, flags, fd, offset);
	if (!one.map) {
		one.map = __real_mmap(at, n, prot, flags, fd, offset);
		one.bytes = n;
	}
	CHECK((size_t)offset + n <= one.bytes);
	return one.map + offset;
}

int __wrap_munmap(void *at, size_t n)
{
	unsigned char *p = at;
	if (one.map && p >= one.map && p < one.map + one.bytes)
		return 0;
	return __real_munmap(at, n);
}

/* ---- writer and readers ------------------------------------------------------------------- */

struct shared {
	_Atomic uint32_t open; /* readers that are */
	_Atomic uint32_t done; /* the writer is */
	_Atomic uint64_t read, missed;
};

static struct op_writer *open_writer(uint32_t capacity)
{
	struct op_topic_type type = mark_topic;
	struct op_writer *w = NULL;
	type.capacity = capacity;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), 0);
	return w;
}

/* Bursts at full speed, of single records and of batches, then a breath for the readers. */
static void write_all(struct op_writer *w, struct shared *s, size_t batch_most)
{
	struct mark m[16];
	uint64_t stamps[16], seq = 0;
	while (atomic_load(&s->open) < READERS)
		sched_yield();
	while (seq < RECORDS) {
		size_t n = 1 + mark_mix(seq) % batch_most;
		for (size_t i = 0; i < n; i++) {
			mark_fill(&m[i], seq + i);
			stamps[i] = seq + i;
		}
		if (n == 1)
			seq = op_writer_publish(w, stamps[0], m) + 1;
		else
			seq = op_writer_publish_n(w, stamps, m, n) + n;
		if (mark_mix(seq) % 512 == 0)
			sched_yield();
	}
	atomic_store(&s->done, 1);
}

static size_t read_checked(struct op_reader *r, size_t max, uint64_t *next)
{
	struct {
		uint64_t boot_ns;
		struct mark mark;
	} slots[16];
	uint64_t first, missed = op_reader_missed(r);
	ssize_t n = op_reader_read(r, slots, max, &first);
	CHECK(n >= 0);
	for (ssize_t i = 0; i < n; i++) {
		CHECK(mark_whole(&slots[i].mark));
		CHECK_INT(slots[i].mark.number, first + (uint64_t)i);
		CHECK_INT(slots[i].boot_ns, first + (uint64_t)i);
	}
	if (n > 0)
		CHECK_INT(first - *next, op_reader_missed(r) - missed);
	*next = op_reader_next_seq(r);
	return (size_t)n;
}

static void check_last(struct op_reader *r, uint64_t *newest)
{
	struct mark m;
	uint64_t seq, ns;
	int got = op_reader_last(r, &seq, &ns, &m);
	CHECK(got >= 0);
	if (!got)
		return;
	CHECK(mark_whole(&m) && m.number == seq && ns == seq);
	CHECK(seq >= *newest);
	*newest = seq;
}

static void read_all(struct shared *s, unsigned index)
{
	struct op_reader *r = NULL;
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", NULL, &r), 0);
	uint64_t next = op_reader_next_seq(r), newest = 0, count = 0;
	CHECK_INT(next, 0);
	atomic_fetch_add(&s->open, 1);
	while (!atomic_load(&s->done) || next < op_reader_published(r)) {
		count += read_checked(r, 1 + (next + index) % 16, &next);
		if (index == 0)
			check_last(r, &newest);
		if (index == 1)
			CHECK(op_reader_wait(r, OP_NS_PER_MS) >= 0);
	}
	CHECK_INT(count + op_reader_missed(r), op_reader_published(r));
	atomic_fetch_add(&s->read, count);
	atomic_fetch_add(&s->missed, op_reader_missed(r));
	op_reader_close(r);
}

static void report(const struct shared *s)
{
	printf("read %llu, missed %llu\n", (unsigned long long)s->read,
	       (unsigned long long)s->missed);
	CHECK(s->read > 100); /* readers got on, and were lapped: else nothing was tried */
	CHECK(s->missed > 100);
}

/* ---- threads ------------------------------------------------------------------------------ */

static struct shared threads_share;

static void *reader_thread(void *arg)
{
	read_all(&threads_share, (unsigned)(uintptr_t)arg);
	return NULL;
}

static void run_threads(uint32_t capacity, size_t batch_most)
{
	pthread_t threads[READERS];
	one.on = true;
	struct op_writer *w = open_writer(capacity);
	for (uintptr_t i = 0; i < READERS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, reader_thread, (void *)i), 0);
	write_all(w, &threads_share, batch_most);
	for (size_t i = 0; i < READERS; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	op_writer_close(w);
	__real_munmap(one.map, one.bytes);
	report(&threads_share);
}

TEST_WITHIN(threads_never_see_a_torn_record_in_a_ring_of_eight, 60)
{
	run_threads(8, 1);
}

TEST_WITHIN(threads_never_see_a_torn_batch, 60)
{
	run_threads(32, 16);
}

/* ---- processes ---------------------------------------------------------------------------- */

static void run_processes(uint32_t capacity, size_t batch_most)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(s != MAP_FAILED);
	struct op_writer *w = open_writer(capacity);
	pid_t pids[READERS];
	for (unsigned i = 0; i < READERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			op_writer_close(w);
			read_all(s, i);
			exit(0);
		}
	}
	write_all(w, s, batch_most);
	for (unsigned i = 0; i < READERS; i++) {
		int status;
		CHECK_INT(waitpid(pids[i], &status, 0), pids[i]);
		CHECK_INT(status, 0);
	}
	op_writer_close(w);
	report(s);
	munmap(s, sizeof(*s));
}

TEST_WITHIN(processes_never_see_a_torn_record_in_a_ring_of_eight, 60)
{
	run_processes(8, 1);
}

TEST_WITHIN(processes_never_see_a_torn_batch, 60)
{
	run_processes(32, 16);
}
