/*
 * port.c - the pty, its links, and sending without waiting.
 *
 * Only the master is kept open. While no program has the other end open, poll(2) reports a hang-up,
 * which tells it from a slow one. The line is set raw through the master, so that nothing sent
 * is echoed back before the program has set it up.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "port.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

void port_init(struct port *p)
{
	memset(p, 0, offsetof(struct port, buffer));
	p->master = p->spare = -1;
}

static int make_parents(const char *path)
{
	char part[PATH_MAX];
	for (const char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(s - path), path); /* shorter */
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Replaces an older link at once, so that nobody finds none in between. */
static int make_link(const char *target, const char *path)
{
	char beside[PATH_MAX + 8];
	if (path[0] == '\0')
		return 0;
	int err = make_parents(path);
	if (err < 0)
		return err;
	(void)snprintf(beside, sizeof(beside), "%s.new", path); /* fits */
	(void)unlink(beside);                                   /* normally not there */
	if (symlink(target, beside) < 0 || rename(beside, path) < 0)
		return -errno;
	return 0;
}

static int set_raw(int master)
{
	struct termios t;
	if (tcgetattr(master, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(master, TCSANOW, &t) < 0 ? -errno : 0;
}

/* The hang-up is reported only after the other end was open once. */
static int open_once(const char *device)
{
	int fd = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)close(fd); /* that was its use */
	return 0;
}

static int open_master(void)
{
	return posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

int port_plug(struct port *p)
{
	OP_AUTO_CLOSE int master = p->spare >= 0 ? op_steal_fd(&p->spare) : open_master();
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, p->device, sizeof(p->device)))
		return -errno;
	int err = set_raw(master);
	if (err == 0)
		err = open_once(p->device);
	if (err == 0)
		err = make_link(p->device, p->link);
	if (err == 0)
		err = make_link(p->device, p->by_id);
	if (err == 0)
		p->master = op_steal_fd(&master);
	return err;
}

void port_unplug(struct port *p)
{
	if (p->link[0])
		(void)unlink(p->link); /* somebody may have been quicker */
	if (p->by_id[0])
		(void)unlink(p->by_id);
	if (p->spare < 0)
		p->spare = open_master();
	if (p->master >= 0)
		(void)close(p->master); /* this is the unplugging */
	p->master = -1;
	p->pending = 0;
}

bool port_is_open(const struct port *p)
{
	struct pollfd fd = {p->master, 0, 0};
	return p->master >= 0 && poll(&fd, 1, 0) >= 0 && !(fd.revents & POLLHUP);
}

size_t port_room(const struct port *p)
{
	return PORT_BUFFER - p->pending;
}

void port_flush(struct port *p)
{
	if (p->pending == 0 || p->master < 0)
		return;
	ssize_t n = write(p->master, p->buffer, p->pending);
	if (n <= 0)
		return;
	p->pending -= (size_t)n;
	memmove(p->buffer, p->buffer + n, p->pending);
}

void port_send(struct port *p, const char *bytes, size_t n)
{
	size_t fits = n < port_room(p) ? n : port_room(p);
	memcpy(p->buffer + p->pending, bytes, fits);
	p->pending += fits;
	p->dropped += n - fits;
	port_flush(p);
}

void port_wait(struct port *p)
{
	struct pollfd fd = {p->master, POLLOUT, 0};
	(void)poll(&fd, 1, 100); /* whatever comes of it, flush finds out */
	port_flush(p);
}
