/*
 * bus_kill.c - kill -9 of a topic's writer and readers at random instants.
 *
 * A writer and three readers (polling, sleeping, and one that opens and closes all the time) run
 * flat out. The referee kills one of them at a random instant, starts it again and goes on at once,
 * so that some die while they open the topic. What must hold: nobody is stuck, no reader takes a
 * torn record, the sequence goes on, every loss is counted, no file is left over, the doorbell is
 * quiet.
 *
 * 200 kills; 2,000 if OUTPOST_FAULT_FULL is set, OUTPOST_KILLS if that is. The printed seed repeats
 * the referee's choices (OUTPOST_SEED), as far as the scheduler plays along.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/bus/layout.h"

#include "bus_topics.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define ACTORS 4
#define BATCH_MOST 16
#define STUCK_NS (60 * OP_NS_PER_S)

enum { WRITER, POLLING, SLEEPING, COMING };

static struct {
	_Atomic uint64_t progress[ACTORS]; /* records written or read */
	_Atomic uint64_t noted;            /* the writer: published so far */
	_Atomic uint64_t retirements;
} * shared;

static bool change_schema;

/* ---- the writer --------------------------------------------------------------------------- */

static struct op_writer *open_writer(void)
{
	struct op_topic_type type = mark_topic;
	struct op_writer *w = NULL;
	type.capacity = 64;
	if (change_schema && mark_mix((uint64_t)getpid()) % 4 == 0) {
		type.max_age_ms = 1 + (uint32_t)getpid();
		atomic_fetch_add(&shared->retirements, 1);
	}
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), 0);
	return w;
}

/* A predecessor may have died after it published and before it took note of that. */
static void check_start(const struct op_writer *w)
{
	uint64_t next = op_writer_next_seq(w), noted = atomic_load(&shared->noted), ns;
	struct mark m;
	CHECK(next >= noted && next <= noted + BATCH_MOST);
	if (op_writer_last(w, &ns, &m))
		CHECK(mark_whole(&m) && m.number == next - 1 && ns == next - 1);
	atomic_store(&shared->noted, next);
}

static void play_writer(void)
{
	struct op_writer *w = open_writer();
	struct mark m[BATCH_MOST];
	uint64_t stamps[BATCH_MOST];
	check_start(w);
	for (;;) {
		uint64_t seq = op_writer_next_seq(w), random = mark_mix(seq ^ (uint64_t)getpid());
		size_t n = 1 + random % BATCH_MOST;
		for (size_t i = 0; i < n; i++) {
			mark_fill(&m[i], seq + i);
			stamps[i] = seq + i;
		}
		CHECK_INT(op_writer_publish_n(w, stamps, m, n), seq);
		atomic_store(&shared->noted, seq + n);
		atomic_fetch_add(&shared->progress[WRITER], n);
		if (random >> 60 == 0)
			sched_yield();
	}
}

/* ---- readers ------------------------------------------------------------------------------ */

/* There is no topic before the first writer, and none between two of different schema. */
static struct op_reader *open_reader(void)
{
	struct op_reader *r = NULL;
	int e;
	while ((e = op_reader_open(op_test_dir(), "test.mark", "actor", &r)) == -ENOENT)
		sched_yield();
	CHECK_INT(e, 0);
	return r;
}

/* Returns records read, or -OP_ESCHEMA. */
static ssize_t read_checked(struct op_reader *r)
{
	struct {
		uint64_t boot_ns;
		struct mark mark;
	} slots[24];
	uint64_t first, at = op_reader_next_seq(r), missed = op_reader_missed(r);
	ssize_t n = op_reader_read(r, slots, OP_ARRAY_SIZE(slots), &first);
	CHECK(n >= 0 || n == -OP_ESCHEMA);
	for (ssize_t i = 0; i < n; i++) {
		CHECK(mark_whole(&slots[i].mark));
		CHECK_INT(slots[i].mark.number, first + (uint64_t)i);
		CHECK_INT(slots[i].boot_ns, first + (uint64_t)i);
	}
	uint64_t got = n > 0 ? (uint64_t)n : 0;
	CHECK_INT(op_reader_next_seq(r) - at, got + op_reader_missed(r) - missed);
	return n;
}

static void play_reader(int role)
{
	struct op_reader *r = open_reader();
	for (uint64_t turn = 0;; turn++) {
		ssize_t n = read_checked(r);
		if (n > 0)
			atomic_fetch_add(&shared->progress[role], (uint64_t)n);
		if (n < 0 || (role == COMING && turn % 8 == 7)) {
			op_reader_close(r);
			r = open_reader();
			op_reader_rewind(r, UINT64_MAX);
		} else if (role == SLEEPING) {
			int e = op_reader_wait(r, UINT64_MAX);
			CHECK(e == 1 || e == -OP_ESCHEMA);
		} else if (n == 0) {
			sched_yield();
		}
	}
}

/* ---- the referee -------------------------------------------------------------------------- */

static pid_t start(int role)
{
	fflush(NULL);
	pid_t parent = getpid(), pid = fork();
	CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (role == WRITER)
		play_writer();
	else
		play_reader(role);
	_exit(2);
}

/* Who failed a check has ended by itself, and has said why. */
static void kill_one(pid_t pid, int role)
{
	int status;
	kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		op_test_fail(__FILE__, __LINE__, "actor %d ended by itself, status %#x", role,
			     status);
}

/* Everybody must get on within the time; it is long for the sake of a busy machine. */
static void check_nobody_is_stuck(void)
{
	uint64_t before[ACTORS], deadline = op_now_ns() + STUCK_NS;
	for (int i = 0; i < ACTORS; i++)
		before[i] = atomic_load(&shared->progress[i]);
	for (int i = 0; i < ACTORS; i++)
		while (atomic_load(&shared->progress[i]) == before[i]) {
			if (op_now_ns() > deadline)
				op_test_fail(__FILE__, __LINE__, "actor %d is stuck", i);
			sched_yield();
		}
}

static void let_run(uint64_t ns)
{
	struct timespec ts = {.tv_nsec = (long)ns};
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL); /* the random instant, no more */
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);
	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void check_files(void)
{
	DIR *d = opendir(op_test_dir());
	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
			CHECK_STR(e->d_name, "test.mark");
	closedir(d);
}

/* After the last kill: all is as if nothing had happened. */
static void check_aftermath(void)
{
	struct op_writer *w = open_writer();
	check_start(w);
	check_files();
	struct op_reader *r = NULL;
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", "", &r), 0);
	struct op_reader_info info[4];
	CHECK_INT(op_reader_list(r, info, 4), 0);
	CHECK_INT(op_reader_writer_pid(r), getpid());
	op_reader_close(r);

	char path[200];
	snprintf(path, sizeof(path), "%s/test.mark", op_test_dir());
	struct op_ring ring;
	OP_AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK_INT(op_ring_map(fd, true, &ring), 0);
	uint32_t bell = atomic_load(&ring.writer->bell);
	for (int i = 0; i < 100; i++) {
		struct mark m;
		mark_fill(&m, op_writer_next_seq(w));
		op_writer_publish(w, m.number, &m);
	}
	CHECK(atomic_load(&ring.writer->bell) - bell <= 1);
	op_ring_unmap(&ring);
	op_writer_close(w);
}

static void run(void)
{
	uint64_t kills = number_from("OUTPOST_KILLS", getenv("OUTPOST_FAULT_FULL") ? 2000 : 200);
	uint64_t seed = number_from("OUTPOST_SEED", 20261121), random = seed, killed[ACTORS] = {0};
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED);
	pid_t pids[ACTORS];
	for (int i = 0; i < ACTORS; i++)
		pids[i] = start(i);
	for (uint64_t i = 0; i < kills; i++) {
		random = mark_mix(random);
		int role = random & 1 ? WRITER : 1 + (int)((random >> 1) % (ACTORS - 1));
		if (random >> 62) /* every fourth dies as soon as it lives */
			let_run((random >> 8) % OP_NS_PER_MS);
		kill_one(pids[role], role);
		pids[role] = start(role);
		killed[role]++;
		if (i % 20 == 19)
			check_nobody_is_stuck();
	}
	check_nobody_is_stuck();
	for (int i = 0; i < ACTORS; i++)
		kill_one(pids[i], i);
	check_aftermath();
	printf("seed %llu: killed %llu writers, %llu readers; %llu records, %llu retirements\n",
	       (unsigned long long)seed, (unsigned long long)killed[WRITER],
	       (unsigned long long)(killed[POLLING] + killed[SLEEPING] + killed[COMING]),
	       (unsigned long long)shared->noted, (unsigned long long)shared->retirements);
	munmap(shared, sizeof(*shared));
}

TEST_WITHIN(killing_anyone_at_any_instant_disturbs_nobody_else, 300)
{
	run();
}

TEST_WITHIN(killing_anyone_while_schemas_change_disturbs_nobody_else, 300)
{
	change_schema = true;
	run();
}
