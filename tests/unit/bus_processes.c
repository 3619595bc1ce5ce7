/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/bus/layout.h"

#include "bus_topics.h"
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct op_writer *writer(const char *dir, const char *name)
{
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(dir, name, &tick_topic, &w, NULL), 0);
	return w;
}

static struct op_reader *reader(const char *dir, const char *name)
{
	struct op_reader *r = NULL;
	CHECK_INT(op_reader_open(dir, name, "tester", &r), 0);
	return r;
}

static void publish(struct op_writer *w)
{
	struct tick t = {.number = op_writer_next_seq(w)};
	op_writer_publish(w, op_now_ns(), &t);
}

static int next(struct op_reader *r, uint64_t *seq)
{
	struct tick t;
	uint64_t ns;
	int got = op_reader_next(r, seq, &ns, &t);
	if (got == 1)
		CHECK_INT(t.number, *seq);
	return got;
}

/* The child runs fn and ends; its failure is ours. */
static pid_t start(void (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	fn(arg);
	_exit(0);
}

static void join(pid_t pid)
{
	int status;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static struct op_ring map_file(const char *dir, const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	struct op_ring ring;
	OP_AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(op_ring_map(fd, true, &ring), 0);
	return ring;
}

/* ---- owning a topic ----------------------------------------------------------------------- */

static void own_until_killed(void *arg)
{
	int *ready = arg;
	struct op_writer *w = writer(op_test_dir(), NULL);
	publish(w);
	CHECK_INT(write(ready[1], "x", 1), 1);
	for (;;)
		pause();
}

TEST(a_topic_belongs_to_one_process_until_that_is_dead)
{
	int ready[2], owner = 0;
	char byte;
	CHECK_INT(pipe(ready), 0);
	pid_t pid = start(own_until_killed, ready);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &tick_topic, &w, &owner), -EBUSY);
	CHECK_INT(owner, pid);
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &tick_topic, &w, NULL), -EBUSY);
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	CHECK_INT(op_reader_writer_pid(r), pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(op_reader_writer_pid(r), 0);
	w = writer(op_test_dir(), NULL);
	CHECK_INT(op_writer_next_seq(w), 1);
	CHECK_INT(op_reader_writer_pid(r), getpid());
	op_writer_close(w);
	op_reader_close(r);
	close(ready[0]);
	close(ready[1]);
}

/* ---- without write permission ------------------------------------------------------------- */

static void read_as_nobody(void *arg)
{
	uint64_t seq;
	struct op_reader_info info[4];
	CHECK_INT(setgid(65534), 0);
	CHECK_INT(setuid(65534), 0);
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	CHECK_INT(op_reader_list(r, info, 4), 0); /* its line would need writing */
	op_reader_rewind(r, 1);
	CHECK_INT(next(r, &seq), 1);
	int *pipes = arg;
	CHECK_INT(write(pipes[1], "x", 1), 1);
	CHECK_INT(op_reader_wait(r, UINT64_MAX), 1);
	CHECK_INT(next(r, &seq), 1);
	uint64_t before = op_now_ns();
	CHECK_INT(op_reader_wait(r, 25 * OP_NS_PER_MS), 0);
	CHECK(op_now_ns() - before >= 25 * OP_NS_PER_MS);
	op_reader_close(r);
}

TEST(who_may_only_read_reads_and_polls)
{
	if (geteuid() != 0)
		op_test_skip("needs root, to become somebody else");
	int pipes[2];
	char byte, path[200];
	CHECK_INT(pipe(pipes), 0);
	struct op_writer *w = writer(op_test_dir(), NULL);
	snprintf(path, sizeof(path), "%s/test.tick", op_test_dir());
	CHECK_INT(chmod(op_test_dir(), 0755), 0);
	CHECK_INT(chmod(path, 0644), 0);
	publish(w);
	pid_t pid = start(read_as_nobody, pipes);
	CHECK_INT(read(pipes[0], &byte, 1), 1);
	publish(w);
	join(pid);
	op_writer_close(w);
	close(pipes[0]);
	close(pipes[1]);
}

static void open_pipe_as_nobody(void *arg)
{
	struct op_reader *r = NULL;
	CHECK_INT(setuid(65534), 0);
	CHECK_INT(op_reader_open(op_test_dir(), "fifo", NULL, &r), -EBADMSG);
}

TEST(a_named_pipe_in_the_place_of_a_topic_holds_up_nobody)
{
	char path[200];
	struct op_reader *r = NULL;
	snprintf(path, sizeof(path), "%s/fifo", op_test_dir());
	CHECK_INT(mkfifo(path, 0444), 0);
	CHECK_INT(chmod(op_test_dir(), 0755), 0);
	CHECK_INT(op_reader_open(op_test_dir(), "fifo", NULL, &r), -EBADMSG);
	if (geteuid() == 0)
		join(start(open_pipe_as_nobody, NULL));
	CHECK_INT(unlink(path), 0);
}

/* ---- no room ------------------------------------------------------------------------------ */

static bool is_empty(const char *dir)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/.test.tick.new", dir);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* This process alone sees the mount; it goes with the process. */
static void mount_small_disk(void)
{
	if (geteuid() != 0)
		op_test_skip("needs root, to mount a small file system");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		op_test_skip("cannot have mounts of its own here: %s", strerror(errno));
	CHECK_INT(mount("small", op_test_dir(), "tmpfs", 0, "size=64k"), 0);
}

TEST(a_full_file_system_is_an_error_at_start)
{
	struct op_topic_type type = tick_topic;
	struct op_writer *w = NULL;
	mount_small_disk();
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), -ENOSPC);
	CHECK(is_empty(op_test_dir()));
	type.capacity = 512;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), 0);
	publish(w);
	op_writer_close(w);
	/* A larger one does not fit beside it: the old one must not be harmed. */
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	type.capacity = 2048;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), -ENOSPC);
	CHECK(is_empty(op_test_dir()));
	CHECK(!op_reader_retired(r));
	type.capacity = 512;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &type, &w, NULL), 0);
	CHECK_INT(op_writer_next_seq(w), 1);
	for (int i = 0; i < 2000; i++) /* every page is there: no SIGBUS */
		publish(w);
	op_writer_close(w);
	op_reader_close(r);
}

TEST(a_limit_on_file_size_is_an_error_at_start)
{
	struct rlimit small = {65536, 65536};
	struct op_writer *w = NULL;
	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &tick_topic, &w, NULL), -EFBIG);
	CHECK(w == NULL && is_empty(op_test_dir()));
}

/* ---- sleeping and waking ------------------------------------------------------------------ */

#define ROUND_TRIPS 3000

static void answer_pings(void *arg)
{
	struct op_writer *w = writer(op_test_dir(), "pong");
	struct op_reader *r = reader(op_test_dir(), "ping");
	uint64_t seq;
	op_reader_rewind(r, UINT64_MAX);
	for (uint64_t i = 0; i < ROUND_TRIPS; i++) {
		CHECK_INT(op_reader_wait(r, UINT64_MAX), 1);
		CHECK_INT(next(r, &seq), 1);
		CHECK_INT(seq, i);
		publish(w);
	}
	op_writer_close(w);
	op_reader_close(r);
}

TEST_WITHIN(no_wake_up_is_lost, 30)
{
	struct op_writer *pong = writer(op_test_dir(), "pong"), *w = writer(op_test_dir(), "ping");
	struct op_reader *r = reader(op_test_dir(), "pong");
	uint64_t seq;
	op_writer_close(pong); /* there to be opened for reading; the child writes it */
	pid_t pid = start(answer_pings, NULL);
	for (uint64_t i = 0; i < ROUND_TRIPS; i++) {
		publish(w);
		CHECK_INT(op_reader_wait(r, UINT64_MAX), 1);
		CHECK_INT(next(r, &seq), 1);
		CHECK_INT(seq, i);
	}
	join(pid);
	op_writer_close(w);
	op_reader_close(r);
}

struct crowd {
	_Atomic uint32_t open;
	_Atomic uint32_t got[3];
};

static struct crowd *crowd;

/* Each waits for each record; the writer goes on only when all have it. */
static void wait_for_each(void *arg)
{
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	unsigned index = (unsigned)(uintptr_t)arg;
	uint64_t seq;
	atomic_fetch_add(&crowd->open, 1);
	for (uint64_t i = 0; i < 500; i++) {
		CHECK_INT(op_reader_wait(r, UINT64_MAX), 1);
		CHECK_INT(next(r, &seq), 1);
		CHECK_INT(seq, i);
		atomic_store(&crowd->got[index], (uint32_t)i + 1);
	}
	op_reader_close(r);
}

TEST_WITHIN(every_sleeper_of_a_crowd_wakes_for_every_record, 30)
{
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	CHECK(crowd != MAP_FAILED);
	struct op_writer *w = writer(op_test_dir(), NULL);
	pid_t pids[3];
	for (uintptr_t i = 0; i < 3; i++)
		pids[i] = start(wait_for_each, (void *)i);
	while (atomic_load(&crowd->open) < 3)
		sched_yield();
	for (uint32_t i = 0; i < 500; i++) {
		publish(w);
		for (unsigned k = 0; k < 3; k++)
			while (atomic_load(&crowd->got[k]) <= i)
				sched_yield();
	}
	for (unsigned k = 0; k < 3; k++)
		join(pids[k]);
	op_writer_close(w);
	munmap(crowd, sizeof(*crowd));
}

TEST(a_wait_ends_when_its_time_is_over_and_not_before)
{
	struct op_writer *w = writer(op_test_dir(), NULL);
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	uint64_t shortest = UINT64_MAX;
	for (int i = 0; i < 5 || (shortest >= 25 * OP_NS_PER_MS && i < 200); i++) {
		uint64_t before = op_now_ns();
		CHECK_INT(op_reader_wait(r, 20 * OP_NS_PER_MS), 0);
		uint64_t took = op_now_ns() - before;
		CHECK(took >= 20 * OP_NS_PER_MS);
		shortest = took < shortest ? took : shortest;
	}
	CHECK(shortest < 25 * OP_NS_PER_MS); /* the machine may be busy, but not each time */
	CHECK_INT(op_reader_wait(r, 0), 0);
	publish(w);
	CHECK_INT(op_reader_wait(r, 0), 1);
	CHECK_INT(op_reader_wait(r, UINT64_MAX), 1);
	op_reader_close(r);
	op_writer_close(w);
}

static void on_signal(int sig)
{
}

static void send_signals(void *arg)
{
	for (;;) {
		kill(getppid(), SIGUSR1);
		sched_yield();
	}
}

TEST(a_signal_ends_a_wait)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	CHECK_INT(sigaction(SIGUSR1, &sa, NULL), 0);
	struct op_writer *w = writer(op_test_dir(), NULL);
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	pid_t pid = start(send_signals, NULL);
	CHECK_INT(op_reader_wait(r, UINT64_MAX), -EINTR);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	op_reader_close(r);
	op_writer_close(w);
}

/* Holds the directory as an opener does, while signals rain on the one that waits for it. */
static void hold_directory(void *arg)
{
	int *ready = arg;
	OP_AUTO_CLOSE int fd = open(op_test_dir(), O_RDONLY | O_DIRECTORY);
	CHECK_INT(flock(fd, LOCK_EX), 0);
	CHECK_INT(write(ready[1], "x", 1), 1);
	for (uint64_t end = op_now_ns() + 30 * OP_NS_PER_MS; op_now_ns() < end;) {
		kill(getppid(), SIGUSR1);
		sched_yield();
	}
}

TEST(signals_do_not_keep_a_topic_from_being_opened)
{
	struct sigaction sa = {.sa_handler = on_signal};
	CHECK_INT(sigaction(SIGUSR1, &sa, NULL), 0);
	int ready[2];
	char byte;
	CHECK_INT(pipe(ready), 0);
	pid_t pid = start(hold_directory, ready);
	ssize_t n;
	while ((n = read(ready[0], &byte, 1)) < 0 && errno == EINTR)
		;
	CHECK_INT(n, 1);
	op_writer_close(writer(op_test_dir(), NULL));
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	CHECK_INT(status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void wait_for_retirement(void *arg)
{
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	atomic_fetch_add(&crowd->open, 1);
	CHECK_INT(op_reader_wait(r, UINT64_MAX), -OP_ESCHEMA);
	op_reader_close(r);
}

TEST(a_sleeper_wakes_when_its_file_is_retired)
{
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	CHECK(crowd != MAP_FAILED);
	op_writer_close(writer(op_test_dir(), NULL));
	pid_t pid = start(wait_for_retirement, NULL);
	while (!atomic_load(&crowd->open))
		sched_yield();
	struct op_topic_type other = tick_topic;
	other.help = "another help is another schema";
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &other, &w, NULL), 0);
	join(pid);
	op_writer_close(w);
	munmap(crowd, sizeof(*crowd));
}

static void wait_for_one(void *arg)
{
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	CHECK_INT(op_reader_wait(r, UINT64_MAX), 1); /* a time-out would find the record too */
	op_reader_close(r);
}

TEST(a_sleeper_whose_writer_was_killed_before_it_rang_is_woken_by_the_next)
{
	op_writer_close(writer(op_test_dir(), NULL));
	struct op_ring ring = map_file(op_test_dir(), "test.tick");
	struct op_ring_readers *readers = (void *)((char *)ring.map + ring.header->reader_offset);
	pid_t pid = start(wait_for_one, NULL);
	while (!atomic_exchange(&readers->sleepers, 0)) /* as it took the flag and died */
		sched_yield();
	struct op_writer *w = writer(op_test_dir(), NULL);
	publish(w);
	join(pid);
	op_writer_close(w);
	op_ring_unmap(&ring);
}

static void sleep_for_ever(void *arg)
{
	struct op_reader *r = reader(op_test_dir(), "test.tick");
	CHECK(op_reader_wait(r, UINT64_MAX) < 0);
}

TEST(the_bell_rings_only_for_sleepers_and_once_for_a_dead_one)
{
	struct op_writer *w = writer(op_test_dir(), NULL);
	struct op_reader *awake = reader(op_test_dir(), "test.tick");
	struct op_ring ring = map_file(op_test_dir(), "test.tick");
	const struct op_ring_readers *readers =
		(const void *)((const char *)ring.map + ring.header->reader_offset);
	uint32_t bell = atomic_load(&ring.writer->bell);
	uint64_t seq;
	for (int i = 0; i < 100; i++) {
		publish(w);
		CHECK_INT(op_reader_wait(awake, UINT64_MAX), 1); /* there is something: no sleep */
		CHECK_INT(next(awake, &seq), 1);
	}
	CHECK_INT(atomic_load(&ring.writer->bell), bell);
	pid_t pid = start(sleep_for_ever, NULL);
	while (!atomic_load(&readers->sleepers))
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 100; i++)
		publish(w);
	CHECK_INT(atomic_load(&ring.writer->bell), bell + 1);
	op_ring_unmap(&ring);
	op_reader_close(awake);
	op_writer_close(w);
}
