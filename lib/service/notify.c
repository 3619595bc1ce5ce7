/*
 * notify.c - sd_notify(3) by hand: a datagram of assignments to an AF_UNIX address.
 *
 * Loop thread. Addresses starting with '/' are paths, with '@' abstract names (unix(7)); the
 * vsock form is for virtual machines' payloads and is refused.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/notify.h"

#include <stdio.h>
#include <string.h>

static int parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_bytes)
{
	size_t n = strlen(text);
	if (text[0] != '/' && text[0] != '@')
		return -EINVAL;
	if (n < 2 || n >= sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, text, n);
	if (text[0] == '@')
		ret->sun_path[0] = '\0';
	/* An abstract name is every byte of the length given, so no closing NUL is counted. */
	*ret_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (text[0] == '/'));
	return 0;
}

static uint64_t watchdog_from_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10);
}

int op_notify_open(struct op_notify *n)
{
	*n = (struct op_notify){.fd = -1, .watchdog_us = watchdog_from_environment()};
	const char *where = getenv("NOTIFY_SOCKET");
	int r = where && *where ? parse_address(where, &n->addr, &n->addr_bytes) : 0;
	if (r == 0 && where && *where) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		r = n->fd < 0 ? -errno : 0;
	}
	(void)unsetenv("NOTIFY_SOCKET"); /* cannot fail: the name has no '=' */
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return r;
}

void op_notify_close(struct op_notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd); /* nothing is buffered */
	n->fd = -1;
}

int op_notify_send(struct op_notify *n, const char *fmt, ...)
{
	if (n->fd < 0)
		return 0;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof(text))
		return -EMSGSIZE;
	ssize_t sent = sendto(n->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT,
			      (const struct sockaddr *)&n->addr, n->addr_bytes);
	return sent < 0 ? -errno : 0;
}
