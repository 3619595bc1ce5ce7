/*
 * backup_exec.c - `outpost backup` and `outpost restore` hand over to the program outpost-backup.
 *
 * Before any thread. Returns only if the program is not there.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "programs.h"
#include "tools.h"

int op_tool_backup(int argc, char **argv)
{
	char path[PATH_MAX];
	const char *program = "outpost-backup",
		   *verb = strrchr(argv[0], ' '); /* "outpost backup" */
	const char **words = calloc((size_t)argc + 2, sizeof(*words));
	int r = words ? op_program_find(program, path, sizeof(path)) : -ENOMEM;
	if (r == 0) {
		words[0] = program;
		words[1] = verb ? verb + 1 : argv[0];
		for (int i = 1; i < argc; i++)
			words[i + 1] = argv[i];
		(void)execv(path, (char **)words); /* returns only to say why not */
		r = -errno;
	}
	free(words);
	fprintf(stderr, "%s: %s: %s; install it\n", argv[0], program, op_strerror(r));
	return 1;
}
