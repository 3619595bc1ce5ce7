/*
 * cli.c - the command line of a simulator.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

bool sim_path(char out[PATH_MAX], const char *text)
{
	return snprintf(out, PATH_MAX, "%s", text) < PATH_MAX && text[0];
}

bool sim_number(const char *text, double lowest, double highest, double *ret)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= lowest && v <= highest))
		return false;
	*ret = v;
	return true;
}

int sim_cli_parse(const struct sim_cli *cli, void *options, int argc, char **argv)
{
	int option, index = 0;
	while ((option = getopt_long(argc, argv, "", cli->longs, &index)) != -1) {
		if (option == SIM_HELP || option == SIM_VERSION) {
			printf(option == SIM_HELP ? "%s\n" : "%s " OUTPOST_VERSION "\n",
			       option == SIM_HELP ? cli->usage : cli->program);
			return 1 + 0;
		}
		if (option == '?' || !cli->take(options, option, optarg)) {
			if (option != '?')
				fprintf(stderr, "%s: --%s: bad value \"%s\"\n", cli->program,
					cli->longs[index].name, optarg);
			fprintf(stderr, "see %s --help\n", cli->program);
			return 1 + 2;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "%s: unexpected argument \"%s\"\n", cli->program, argv[optind]);
	return 1 + 2;
}
