/*
 * run_memory.c - what all processes of the appliance hold together, against the bound that the
 * appliance sets itself.
 *
 * Loop thread, every ten seconds. The proportional set size of the kernel (proc(5), smaps_rollup)
 * counts memory that processes share once, as the control group of a unit or container does; where
 * it cannot be read a process counts with its resident memory.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define EVERY_S 10

static uint64_t field_kib(pid_t pid, const char *file, const char *field)
{
	char path[64], text[4096];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file); /* fits */
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	const char *at = strstr(text, field);
	return at ? strtoull(at + strlen(field), NULL, 10) : 0;
}

static uint64_t process_kib(pid_t pid)
{
	uint64_t kib = field_kib(pid, "smaps_rollup", "\nPss:");
	return kib ? kib : field_kib(pid, "status", "\nVmRSS:");
}

static uint64_t all_kib(const struct run *run, const struct unit **ret_most)
{
	uint64_t sum = process_kib(getpid()), most = 0;
	*ret_most = NULL;
	for (size_t i = 0; i < run->n_units; i++) {
		uint64_t kib = run->units[i].pid > 0 ? process_kib(run->units[i].pid) : 0;
		sum += kib;
		if (kib <= most)
			continue;
		most = kib;
		*ret_most = &run->units[i];
	}
	return sum;
}

/* Told once; again only after it had fallen a tenth below. */
void run_memory_tick(struct run *run)
{
	uint64_t limit = (uint64_t)op_config_own(run->config)->memory.warn_mib * 1024;
	const struct unit *most;
	if (limit == 0 || run->memory_s++ % EVERY_S != 0)
		return;
	uint64_t kib = all_kib(run, &most);
	if (kib < limit - limit / 10)
		run->memory_told = false;
	if (kib <= limit || run->memory_told)
		return;
	run->memory_told = true;
	run_say(run, OP_WARNING,
		"memory: %llu MiB are held, more than the %llu of memory.warn_mib; most by %s",
		(unsigned long long)(kib / 1024), (unsigned long long)(limit / 1024),
		most ? most->name : "outpost");
}
