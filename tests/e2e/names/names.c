/*
 * names.c - beside the sources of outpost-post: a name server that is silent.
 *
 * The name "slow.invalid" is looked up for as long as nobody writes to the pipe OUTPOST_TEST_NAMES.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
						       const struct addrinfo *hints,
						       struct addrinfo **res)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *fifo = getenv("OUTPOST_TEST_NAMES");
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && fifo && !strcmp(node, "slow.invalid")) {
		char c;
		int fd = open(fifo, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, &c, 1);
		(void)close(fd);
		return n < 0 ? EAI_SYSTEM : EAI_NONAME;
	}
	return real(node, service, hints, res);
}
