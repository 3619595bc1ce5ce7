/*
 * notify.h - the client's side of sd_notify(3): datagrams to whoever set NOTIFY_SOCKET.
 *
 * The protocol is documented and stable; speaking it here saves every service a megabyte of
 * library. Used by services towards their supervisor, and by `outpost run` towards systemd.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SERVICE_NOTIFY_H
#define OUTPOST_SERVICE_NOTIFY_H

#include <outpost/base.h>
#include <sys/socket.h>
#include <sys/un.h>

struct op_notify {
	int fd; /* -1: nobody listens, everything succeeds and does nothing */
	struct sockaddr_un addr;
	socklen_t addr_bytes;
	uint64_t watchdog_us; /* 0: the supervisor has no watchdog for this process */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment, so
 * that programs started later do not speak in our name. -EINVAL: an address of another kind. */
int op_notify_open(struct op_notify *n) OP_MUST_CHECK;
void op_notify_close(struct op_notify *n);
/* Sends assignments separated by newlines. Never blocks: -EAGAIN when the queue is full. */
int op_notify_send(struct op_notify *n, const char *fmt, ...) OP_PRINTF(2, 3) OP_MUST_CHECK;

#endif
