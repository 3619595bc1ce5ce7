/*
 * alloc_count.c - preloaded: counts allocations of the thread whose name is in ALLOC_COUNT_THREAD.
 *
 * The count goes to the file ALLOC_COUNT_FILE, mapped, so that the bench reads it while the program
 * runs. Other threads are not counted: the loop may allocate, the sample path may not.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *p, size_t n);

static _Atomic uint64_t *counter;

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("ALLOC_COUNT_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		counter = p;
}

static void count(void)
{
	char name[17] = "";
	const char *want = counter ? getenv("ALLOC_COUNT_THREAD") : NULL;
	if (want && prctl(PR_GET_NAME, name) == 0 && !strcmp(name, want))
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); /* only a number */
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	count();
	return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t each)
{
	count();
	return __libc_calloc(n, each);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
	count();
	return __libc_realloc(p, n);
}
