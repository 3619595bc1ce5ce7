/*
 * outpost.c - the program `outpost`: finds the subcommand and hands over.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools.h"

#include <locale.h>
#include <outpost/config.h>
#include <stdio.h>
#include <string.h>

struct subcommand {
	const char *name;
	const char *help;
	int (*fn)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
	{"run", "start an appliance and keep it running", op_tool_run},
	{"status", "services and topics of a running appliance", op_tool_status},
	{"top", "the same, live", op_tool_top},
	{"health", "ask a web address whether all is well", op_tool_health},
	{"tap", "print the records of topics as they come", op_tool_tap},
	{"export", "print the records that were kept", op_tool_export},
	{"call", "ask a service something", op_tool_call},
	{"outbox", "what waits to reach the outside, and what could not", op_tool_outbox},
	{"config", "check, show and explain settings", op_tool_config},
	{"backup", "keep settings and state in a file", op_tool_backup},
	{"restore", "put a backup back", op_tool_backup},
};

#define N_SUBCOMMANDS OP_ARRAY_SIZE(subcommands)

static void print_help(FILE *to)
{
	fputs("usage: outpost SUBCOMMAND [arguments]\n\n"
	      "Outpost turns a Raspberry Pi into a dependable appliance.\n\n",
	      to);
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		fprintf(to, "  %-8s %s\n", subcommands[i].name, subcommands[i].help);
	fputs("\nTry it:  outpost run sensorhub --sim\n"
	      "More:    outpost SUBCOMMAND --help, and the manual page outpost(1)\n",
	      to);
}

static int unknown(const char *word)
{
	const char *names[N_SUBCOMMANDS];
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		names[i] = subcommands[i].name;
	const char *near = op_nearest(word, names, N_SUBCOMMANDS);
	fprintf(stderr, "outpost: no subcommand \"%s\"", word);
	if (near)
		fprintf(stderr, " (did you mean \"%s\"?)", near);
	fputs("; see outpost --help\n", stderr);
	return 2;
}

/* getopt_long(3) begins its messages with argv[0]: the command as the user knows it. */
static int start(const struct subcommand *s, int argc, char **argv)
{
	char title[32];
	(void)snprintf(title, sizeof(title), "outpost %s", s->name); /* names are short */
	argv[0] = title;
	return s->fn(argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	(void)setlocale(LC_CTYPE, ""); /* without it the C locale stays, which works */
	if (!word) {
		print_help(stderr);
		return 2;
	}
	if (!strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(word, "--version")) {
		printf("outpost %s\n", OUTPOST_VERSION);
		return 0;
	}
	for (size_t i = 0; i < N_SUBCOMMANDS; i++)
		if (!strcmp(word, subcommands[i].name))
			return start(&subcommands[i], argc - 1, argv + 1);
	return unknown(word);
}
