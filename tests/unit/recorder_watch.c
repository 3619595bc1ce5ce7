/* A thread in a lock is stuck, one that waits for the system is not.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "services/recorder/watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "test.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ends[2];
static atomic_int tid;
static atomic_bool stop;

static void *locked(void *arg)
{
	atomic_store(&tid, (int)syscall(SYS_gettid));
	(void)pthread_mutex_lock(&lock);
	(void)pthread_mutex_unlock(&lock);
	return NULL;
}

static void *reading(void *arg)
{
	char c;
	atomic_store(&tid, (int)syscall(SYS_gettid));
	(void)!read(ends[0], &c, 1);
	return NULL;
}

static void *computing(void *arg)
{
	atomic_store(&tid, (int)syscall(SYS_gettid));
	while (!atomic_load(&stop))
		;
	return NULL;
}

/* Begins it, and waits until it is in a system call of the kind, or in none. */
static pthread_t begin(void *(*fn)(void *), bool in_system)
{
	pthread_t thread;
	char path[64], text[64];
	atomic_store(&tid, 0);
	CHECK_INT(pthread_create(&thread, NULL, fn, NULL), 0);
	for (bool there = false; !there;) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&tid));
		FILE *f = atomic_load(&tid) ? fopen(path, "r") : NULL;
		if (f && fgets(text, sizeof(text), f))
			there = strchr(text, ')')[2] == (in_system ? 'S' : 'R');
		if (f)
			fclose(f);
	}
	return thread;
}

TEST(a_lock_that_is_not_given_is_the_end)
{
	pthread_mutex_lock(&lock);
	pthread_t thread = begin(locked, true);
	CHECK(watch_moves(atomic_load(&tid), WATCH_LOCK_NS - 1));
	CHECK(!watch_moves(atomic_load(&tid), WATCH_LOCK_NS));
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}

TEST(the_system_may_take_as_long_as_it_takes)
{
	CHECK_INT(pipe(ends), 0);
	pthread_t thread = begin(reading, true);
	CHECK(watch_moves(atomic_load(&tid), WATCH_LOCK_NS));
	CHECK(watch_moves(atomic_load(&tid), 100 * WATCH_WORK_NS));
	CHECK_INT(write(ends[1], "x", 1), 1);
	pthread_join(thread, NULL);
	close(ends[0]);
	close(ends[1]);
}

TEST(computing_has_a_longer_limit)
{
	pthread_t thread = begin(computing, false);
	CHECK(watch_moves(atomic_load(&tid), WATCH_LOCK_NS));
	CHECK(!watch_moves(atomic_load(&tid), WATCH_WORK_NS));
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
