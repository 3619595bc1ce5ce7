/*
 * thread.c - threads as a small box wants them: a small stack, locked, and no signals.
 *
 * The default of 8 MiB of stack per thread costs nothing until memory is locked; then it costs
 * 8 MiB. Signals belong to the loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/service.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES (64 * 1024)
#ifdef __has_feature
#define HAS_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif
#if HAS_SANITIZER
#define STACK_FLOOR (1024 * 1024) /* the sanitizers' frames are several times larger */
#else
#define STACK_FLOOR STACK_BYTES
#endif

struct start {
	char name[16]; /* the kernel's limit, pthread_setname_np(3) */
	void *(*fn)(void *);
	void *arg;
};

static void lock_own_stack(void)
{
	pthread_attr_t attr;
	void *stack;
	size_t bytes;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	if (pthread_attr_getstack(&attr, &stack, &bytes) == 0)
		(void)mlock(stack, bytes); /* refused: the stack may be paged, as by default */
	(void)pthread_attr_destroy(&attr);
}

static void *enter(void *arg)
{
	struct start s = *(struct start *)arg;
	free(arg);
	(void)pthread_setname_np(pthread_self(), s.name); /* cosmetic */
	lock_own_stack();
	return s.fn(s.arg);
}

static int create(pthread_t *ret_thread, const pthread_attr_t *attr, struct start *s)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	int r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r != 0)
		return -r;
	r = pthread_create(ret_thread, attr, enter, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it worked a line above */
	return -r;
}

int op_thread_create(pthread_t *ret_thread, const char *name, size_t stack_bytes,
		     void *(*fn)(void *), void *arg)
{
	struct start *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->arg = arg;
	strncpy(s->name, name, sizeof(s->name) - 1);
	pthread_attr_t attr;
	int r = -pthread_attr_init(&attr);
	if (r == 0) {
		size_t bytes = stack_bytes > STACK_BYTES ? stack_bytes : STACK_BYTES;
		r = -pthread_attr_setstacksize(&attr, bytes > STACK_FLOOR ? bytes : STACK_FLOOR);
		if (r == 0)
			r = create(ret_thread, &attr, s);
		(void)pthread_attr_destroy(&attr);
	}
	if (r < 0)
		free(s);
	return r;
}
