/*
 * held.c - the environment file as it was when `outpost run` read it, for services that start
 * later.
 *
 * The supervisor keeps the text in memory that has no name (memfd_create(2)) and can no more be
 * changed, and hands it on as a descriptor: secrets in it are in nobody's environment and in no
 * other file. The variable OUTPOST_ENV_HELD is "PROCESS DESCRIPTOR", so that what a service starts
 * in turn does not take another descriptor for it. Before there are threads.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define VARIABLE "OUTPOST_ENV_HELD"

int held_make(const char *text, size_t len, mode_t mode)
{
	OP_AUTO_CLOSE int fd = memfd_create("outpost-env", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = op_write_all(fd, text, len);
	if (r < 0)
		return r;
	if (fchmod(fd, mode & 0777) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return op_steal_fd(&fd);
}

int op_config_hand_on(const struct op_config *c)
{
	char text[32];
	if (c->held_fd <= STDERR_FILENO)
		return unsetenv(VARIABLE) < 0 ? -errno : 0;
	(void)snprintf(text, sizeof(text), "%d %d", (int)getpid(), c->held_fd); /* fits */
	if (setenv(VARIABLE, text, 1) < 0 || fcntl(c->held_fd, F_SETFD, 0) < 0)
		return -errno;
	return 0;
}

static int held_fd(void)
{
	const char *text = getenv(VARIABLE);
	int pid, fd;
	return text && sscanf(text, "%d %d", &pid, &fd) == 2 && pid == (int)getpid() ? fd : -1;
}

int held_read(char **ret_text, size_t *ret_len, mode_t *ret_mode)
{
	struct stat st;
	int fd = held_fd();
	if (fd < 0)
		return -ENOENT;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fstat(fd, &st) < 0)
		return -errno;
	OP_AUTO_FREE char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	/* From its beginning: all services share one position. In memory it is never cut short. */
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	*ret_text = OP_STEAL(text);
	*ret_len = (size_t)st.st_size;
	*ret_mode = st.st_mode;
	return 0;
}
