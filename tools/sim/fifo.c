/*
 * fifo.c - commands to a simulator while it runs: lines that are written to a FIFO.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"

const char *sim_arguments(const char *line, const char *command)
{
	size_t n = strlen(command);
	if (strncmp(line, command, n) || (line[n] && line[n] != ' '))
		return NULL;
	return line + n + strspn(line + n, " ");
}

int sim_fifo_open(struct sim_fifo *f, const char *path)
{
	*f = (struct sim_fifo){.fd = -1, .path = path};
	if (!*path)
		return 0;
	(void)unlink(path); /* one of an earlier run; normally none */
	if (mkfifo(path, 0600) < 0)
		return -errno;
	/* For reading and writing, so that there is no end of file when a writer goes. */
	f->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return f->fd < 0 ? -errno : 0;
}

void sim_fifo_close(struct sim_fifo *f)
{
	if (f->fd < 0)
		return;
	(void)close(f->fd); /* nothing is buffered */
	(void)unlink(f->path);
}

/* Whether a line is complete. */
static bool take_byte(struct sim_fifo *f, char c)
{
	bool end = c == '\n', full = f->len == sizeof(f->line) - 1;
	if (!end && !full)
		f->line[f->len++] = c;
	f->cut |= !end && full;
	f->line[f->len] = '\0';
	return end;
}

void sim_fifo_read(struct sim_fifo *f, const char *program, sim_obey_fn obey, void *sim,
		   uint64_t now_ns)
{
	char bytes[256];
	ssize_t n;
	while ((n = read(f->fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (!take_byte(f, bytes[i]))
				continue;
			if (f->cut || !obey(sim, f->line, now_ns))
				op_log(OP_ERR, "control: no such command: %s; see %s(1)", f->line,
				       program);
			f->len = 0;
			f->cut = false;
		}
}
