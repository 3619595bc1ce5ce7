/*
 * run_notify.c - the supervisor's side of sd_notify(3): one socket, senders known by credentials.
 *
 * Loop thread. The kernel tells who sent a datagram (SCM_CREDENTIALS, unix(7)), so one service
 * cannot speak for another. Anything malformed is passed over: the sender is a program that may
 * be broken in any way.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <stdio.h>
#include <string.h>

/* The value of a line "KEY=value", NULL if the line is another. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);
	return !strncmp(line, key, n) && line[n] == '=' ? line + n + 1 : NULL;
}

static void take_url(struct run *run, const char *url)
{
	if (run->url[0] == '\0')
		(void)snprintf(run->url, sizeof(run->url), "%s", url); /* longer ones are cut */
}

static void take_message(struct unit *u, char *text)
{
	bool ready = false;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *v;
		if ((v = value_of(line, "X_OUTPOST_URL")))
			take_url(u->run, v);
		else if ((v = value_of(line, "READY")) && !strcmp(v, "1"))
			ready = true;
		else if ((v = value_of(line, "WATCHDOG")) && !strcmp(v, "1"))
			unit_alive(u);
	}
	if (ready) /* last, so that the address beside it is known by then */
		unit_event(u, EV_READY);
}

static pid_t sender(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct ucred cred;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		return cred.pid;
	}
	return 0;
}

static bool receive_one(struct run *run)
{
	char text[1024];
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(run->notify.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR;
	struct unit *u = run_unit_of(run, sender(&msg));
	text[n] = '\0';
	if (u && !(msg.msg_flags & MSG_TRUNC))
		take_message(u, text);
	return true;
}

void run_notify_hear(struct run *run)
{
	/* More than a socket's queue holds, yet a bound: a sender may be in a loop. */
	for (unsigned i = 0; i < 1024 && receive_one(run); i++)
		;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	run_notify_hear(poll->data);
}

int run_notify_open(struct run *run)
{
	struct run_notify *n = &run->notify;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int on = 1;
	int len = snprintf(n->path, sizeof(n->path), "%s/notify.sock", run->place.runtime);
	if (len >= (int)sizeof(n->path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, n->path, (size_t)len + 1);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd < 0)
		return -errno;
	(void)unlink(n->path); /* a killed predecessor's; we hold the lock */
	if (setsockopt(n->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(n->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	int r = uv_poll_init(&run->loop, &n->poll, n->fd);
	n->poll.data = run;
	return r < 0 ? r : uv_poll_start(&n->poll, UV_READABLE, on_readable);
}

void run_notify_close(struct run *run)
{
	struct run_notify *n = &run->notify;
	if (n->fd < 0)
		return;
	if (n->poll.loop)
		uv_close((uv_handle_t *)&n->poll, NULL);
	(void)close(n->fd); /* nobody is left who could send */
	if (run_place_is_ours(run))
		(void)unlink(n->path); /* a leftover is replaced by the next run */
	n->fd = -1;
}
