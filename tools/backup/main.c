/*
 * main.c - the program outpost-backup, which `outpost backup` and `outpost restore` hand over to.
 *
 * A program of its own, so that nobody else carries the library for archives. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "backup.h"

#include <string.h>

const char *backup_verb = "backup";

/* What getopt(3) calls us in its messages. */
static char names[][16] = {"outpost backup", "outpost restore"};

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (!strcmp(word, "restore")) {
		backup_verb = "restore";
		argv[1] = names[1];
		return restore_main(argc - 1, argv + 1);
	}
	if (!strcmp(word, "backup")) {
		argv[1] = names[0];
		return backup_main(argc - 1, argv + 1);
	}
	bool asked = !strcmp(word, "--help");
	fputs("usage: outpost backup FILE [APPLIANCE] [options]\n"
	      "       outpost restore FILE [options]\n"
	      "See outpost-backup(1).\n",
	      asked ? stdout : stderr);
	return asked ? 0 : 2;
}
