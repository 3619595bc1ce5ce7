/*
 * system.c - what the machine and the processes of the appliance use (system.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int system_ticks_parse(const char *line, struct system_ticks *ret)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	if (strncmp(line, "cpu ", 4) ||
	    sscanf(line + 4,
		   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 8)
		return -EINVAL;
	ret->busy = user + nice + system + irq + softirq + steal;
	ret->all = ret->busy + idle + iowait;
	return 0;
}

int system_ticks_read(struct system_ticks *ret)
{
	char line[512];
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, line, sizeof(line) - 1);
	int err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	line[n] = '\0';
	return system_ticks_parse(line, ret);
}

double system_percent(const struct system_ticks *from, const struct system_ticks *to)
{
	if (to->all <= from->all || to->busy < from->busy)
		return 0;
	double share = (double)(to->busy - from->busy) / (double)(to->all - from->all);
	return fmin(100, round(share * 1000) / 10);
}

int system_files(int pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return -errno;
	int n = -2; /* . and .. */
	while (readdir(dir))
		n++;
	if (pid == getpid())
		n--; /* the directory's own */
	closedir(dir);
	return n;
}
