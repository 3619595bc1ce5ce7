/*
 * serial.c - searching, opening and asking serial ports.
 *
 * termios2 and BOTHER are used for every rate: one way for 115200 and for 123456 (the kernel maps
 * the standard ones itself). <termios.h> cannot be included beside them, hence the ioctls.
 *
 * A pty gets no TIOCEXCL: its mark outlives a process that was killed as long as the master is
 * open, and would lock out the next one. A real port forgets it with its last close.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dev/serial.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/major.h>
#include <linux/serial.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);
	if (n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

static int refuse(struct op_buf *error, const char *text, const char *value)
{
	if (error)
		op_buf_printf(error, "%s, not \"%s\"", text, value);
	return -EINVAL;
}

static int take_param(struct op_serial_params *p, const char *key, const char *value,
		      struct op_buf *error)
{
	char *end;
	if (!strcmp(key, "id"))
		return copy(p->id, sizeof(p->id), value) ? 0 : -EINVAL;
	if (strcmp(key, "baud"))
		return refuse(error, "a serial device has the parameters baud and id", key);
	unsigned long baud = strtoul(value, &end, 10);
	if (*value < '1' || *value > '9' || *end || baud < 50 || baud > 4000000)
		return refuse(error, "baud is a number from 50 to 4000000", value);
	p->baud = (unsigned)baud;
	return 0;
}

int op_serial_params(const struct op_device_uri *uri, const char *by_id_dir,
		     struct op_serial_params *ret, struct op_buf *error)
{
	struct op_serial_params p = {.baud = 115200};
	if (strcmp(uri->scheme, "serial"))
		return refuse(error, "expected a device serial:PATH", uri->scheme);
	if (uri->path[0] == '\0' || !copy(p.path, sizeof(p.path), uri->path))
		return refuse(error, "expected serial:PATH?baud=115200", uri->path);
	if (!copy(p.by_id_dir, sizeof(p.by_id_dir), by_id_dir))
		return refuse(error, "by_id_dir is too long", by_id_dir);
	for (size_t i = 0; i < uri->n_params; i++) {
		int err = take_param(&p, uri->params[i].key, uri->params[i].value, error);
		if (err < 0)
			return err;
	}
	*ret = p;
	return 0;
}

/* ---- search ---------------------------------------------------------------------------- */

#define CANDIDATES_MAX 32

struct candidates {
	char device[CANDIDATES_MAX][PATH_MAX]; /* links resolved */
	size_t n;
};

static void add_candidate(struct candidates *c, const char *path)
{
	char device[PATH_MAX];
	if (c->n >= CANDIDATES_MAX || !realpath(path, device))
		return;
	for (size_t i = 0; i < c->n; i++) {
		if (!strcmp(c->device[i], device))
			return;
	}
	(void)copy(c->device[c->n++], PATH_MAX, device); /* both are PATH_MAX */
}

static void add_link(struct candidates *c, const char *dir, const char *name)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		add_candidate(c, path);
}

/* by-id links whose name contains id, in byte order. */
static void add_identified(struct candidates *c, const struct op_serial_params *params)
{
	struct dirent **entries;
	int n = scandir(params->by_id_dir, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.' && strstr(entries[i]->d_name, params->id))
			add_link(c, params->by_id_dir, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void add_globbed(struct candidates *c, const char *pattern)
{
	glob_t found = {0};
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_candidate(c, found.gl_pathv[i]);
	}
	globfree(&found);
}

/* The one that was tried last and is not it goes to the end. */
static void postpone(struct candidates *c, const char *device)
{
	for (size_t i = 0; i + 1 < c->n; i++) {
		if (strcmp(c->device[i], device))
			continue;
		memmove(c->device[i], c->device[i + 1], (c->n - i - 1) * PATH_MAX);
		(void)copy(c->device[c->n - 1], PATH_MAX, device);
		return;
	}
}

static void search(struct op_serial *s, const struct op_serial_params *params, struct candidates *c)
{
	c->n = 0;
	if (s->identity[0] && !s->avoid)
		add_link(c, params->by_id_dir, s->identity);
	if (params->id[0])
		add_identified(c, params);
	else
		add_globbed(c, params->path);
	if (s->avoid)
		postpone(c, s->device);
	s->avoid = false;
}

/* The name of the by-id link that leads to device, or "". */
static void identify(const char *by_id_dir, const char *device, char ret[NAME_MAX + 1])
{
	char path[PATH_MAX], target[PATH_MAX];
	ret[0] = '\0';
	DIR *d = opendir(by_id_dir);
	struct dirent *e;
	while (d && ret[0] == '\0' && (e = readdir(d))) {
		if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", by_id_dir,
						    e->d_name) >= (int)sizeof(path))
			continue;
		if (realpath(path, target) && !strcmp(target, device))
			(void)copy(ret, NAME_MAX + 1, e->d_name);
	}
	if (d)
		closedir(d);
}

/* ---- opening --------------------------------------------------------------------------- */

static bool is_pty(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return false;
	unsigned maj = major(st.st_rdev);
	return maj >= UNIX98_PTY_SLAVE_MAJOR &&
	       maj < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

static int set_raw(int fd, unsigned baud)
{
	struct termios2 t;
	if (ioctl(fd, TCGETS2, &t) < 0)
		return -errno;
	t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON |
				 IXOFF | INPCK);
	t.c_oflag &= ~(tcflag_t)OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | CSTOPB | CRTSCTS | CBAUD | CIBAUD);
	t.c_cflag |= CS8 | CREAD | CLOCAL | BOTHER;
	t.c_ispeed = t.c_ospeed = baud;
	t.c_cc[VMIN] = 1; /* an empty port is EAGAIN; 0 bytes mean that it is gone */
	t.c_cc[VTIME] = 0;
	return ioctl(fd, TCSETS2, &t) < 0 ? -errno : 0;
}

/* Bytes reach us at once and not when a USB adapter's 16 ms are over. Not every driver has it. */
static void set_low_latency(int fd)
{
	struct serial_struct ss;
	if (ioctl(fd, TIOCGSERIAL, &ss) < 0)
		return;
	ss.flags |= ASYNC_LOW_LATENCY;
	(void)ioctl(fd, TIOCSSERIAL, &ss); /* refused: latency is what it is */
}

static int open_device(const char *device, unsigned baud, int *ret_fd)
{
	OP_AUTO_CLOSE int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!is_pty(fd) && ioctl(fd, TIOCEXCL) < 0)
		return -errno;
	int err = set_raw(fd, baud);
	if (err < 0)
		return err;
	set_low_latency(fd);
	if (ioctl(fd, TCFLSH, TCIFLUSH) < 0) /* what was sent to somebody else */
		return -errno;
	*ret_fd = op_steal_fd(&fd);
	return 0;
}

void op_serial_init(struct op_serial *s)
{
	*s = (struct op_serial){.fd = -1};
}

int op_serial_open(struct op_serial *s, const struct op_serial_params *params)
{
	OP_AUTO_FREE struct candidates *c = malloc(sizeof(*c));
	int err = -ENODEV;
	if (!c)
		return -ENOMEM;
	search(s, params, c);
	for (size_t i = 0; i < c->n; i++) {
		int fd = -1, e = open_device(c->device[i], params->baud, &fd);
		if (e == 0) {
			s->fd = fd;
			(void)copy(s->device, sizeof(s->device), c->device[i]); /* both PATH_MAX */
			identify(params->by_id_dir, s->device, s->identity);
			return 0;
		}
		if (err == -ENODEV)
			err = e;
	}
	return err;
}

void op_serial_close(struct op_serial *s)
{
	if (s->fd < 0)
		return;
	(void)ioctl(s->fd, TIOCNXCL); /* it may be gone */
	(void)close(s->fd);           /* nothing can be done about it */
	s->fd = -1;
}

void op_serial_avoid(struct op_serial *s)
{
	s->avoid = true;
}

int op_serial_counters(int fd, struct op_serial_counters *ret)
{
	struct serial_icounter_struct c;
	if (ioctl(fd, TIOCGICOUNT, &c) < 0)
		return -errno;
	ret->overrun = (uint64_t)(unsigned)c.overrun + (unsigned)c.buf_overrun;
	ret->framing = (uint64_t)(unsigned)c.frame + (unsigned)c.parity + (unsigned)c.brk;
	return 0;
}
