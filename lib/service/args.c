/*
 * args.c - the command line that every service has.
 *
 * Runs before anything else, on the only thread. Messages go to stderr as a person's, since who
 * mistypes an argument is a person.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
	ARG_APPLIANCE = 256,
	ARG_SERVICE,
	ARG_CHECK,
	ARG_SHOW,
	ARG_REFERENCE,
	ARG_VERSION,
};

static const struct option options[] = {
	{"appliance", required_argument, NULL, ARG_APPLIANCE},
	{"service", required_argument, NULL, ARG_SERVICE},
	OP_CONFIG_OPTIONS,
	{"check", no_argument, NULL, ARG_CHECK},
	{"show-config", no_argument, NULL, ARG_SHOW},
	{"reference", no_argument, NULL, ARG_REFERENCE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, ARG_VERSION},
	{0},
};

static void print_settings(const struct op_setting *table, size_t n, const char *prefix);

static void print_below(const struct op_setting *s, const char *path, const char *between)
{
	char prefix[256];
	(void)snprintf(prefix, sizeof(prefix), "%.200s%s", path, between); /* cut if long */
	print_settings(s->sub, s->n_sub, prefix);
}

static void print_settings(const struct op_setting *table, size_t n, const char *prefix)
{
	for (size_t i = 0; i < n; i++) {
		char path[256];
		(void)snprintf(path, sizeof(path), "%s%s", prefix, table[i].key); /* cut if long */
		if (table[i].type == OP_SET_GROUP) {
			print_below(&table[i], path, ".");
			continue;
		}
		printf("  %-26s %s", path, table[i].help ? table[i].help : "");
		if (table[i].unit && *table[i].unit)
			printf(" [%s]", table[i].unit);
		if (table[i].def && !(table[i].flags & OP_SET_SECRET))
			printf(" (default %s)", *table[i].def ? table[i].def : "empty");
		putchar('\n');
		if (table[i].type == OP_SET_LIST)
			print_below(&table[i], path, ".N.");
	}
}

static void print_help(const struct op_service_desc *desc)
{
	printf("%s: %s\n\n"
	       "usage: %s --appliance FILE [options]\n\n"
	       "  --appliance FILE   the appliance's YAML\n"
	       "  --service NAME     which of its services this is (default: the one that names\n"
	       "                     this program)\n"
	       "  --runtime DIR      topics and sockets (default: the appliance's own)\n"
	       "  --state DIR        what must survive a restart\n"
	       "  --env FILE         environment file (default: .env if it is there)\n"
	       "  --sim              use the simulators' settings\n"
	       "  --set PATH=VALUE   override one setting; may be repeated\n"
	       "  --check            check the settings and leave: 0 good, %d not\n"
	       "  --show-config      print the settings in force, secrets masked\n"
	       "  --reference        print the reference of the settings as Markdown\n"
	       "  --help, --version\n\n",
	       desc->program, desc->help, desc->program, OP_EXIT_CONFIG);
	printf("Settings, below services.NAME (--set services.NAME.KEY=VALUE):\n");
	print_settings(desc->settings, desc->n_settings, "");
	print_settings(op_service_common_settings, op_service_common_settings_count, "");
	printf("\nSee outpost-service(7).\n");
}

static int wrong(const struct op_service_desc *desc, const char *what)
{
	if (what)
		fprintf(stderr, "%s: %s\n", desc->program, what);
	fprintf(stderr, "Try '%s --help'.\n", desc->program);
	return OP_EXIT_USAGE + 1;
}

static int take(struct service_args *a, const struct op_service_desc *desc, int c)
{
	int r = op_config_args_take(&a->config, c, optarg);
	if (r != 0)
		return r < 0 ? wrong(desc, "too many --set") : 0;
	switch (c) {
	case ARG_APPLIANCE:
		a->config.src.file = optarg;
		return 0;
	case ARG_SERVICE:
		a->service = optarg;
		return 0;
	case ARG_CHECK:
		a->action = ACTION_CHECK;
		return 0;
	case ARG_SHOW:
		a->action = ACTION_SHOW;
		return 0;
	case ARG_REFERENCE:
		a->action = ACTION_REFERENCE;
		return 0;
	case 'h':
		print_help(desc);
		return 1;
	case ARG_VERSION:
		printf("%s %s\n", desc->program, OUTPOST_VERSION);
		return 1;
	default:
		return wrong(desc, NULL);
	}
}

int service_args_parse(struct service_args *a, const struct op_service_desc *desc, int argc,
		       char **argv)
{
	*a = (struct service_args){0};
	optind = 0; /* start afresh, whoever parsed before */
	for (;;) {
		int c = getopt_long(argc, argv, "h", options, NULL);
		int r = c < 0 ? 0 : take(a, desc, c);
		if (r != 0)
			return r;
		if (c < 0)
			break;
	}
	if (optind < argc)
		return wrong(desc, "takes options only");
	if (!a->config.src.file && a->action != ACTION_REFERENCE)
		return wrong(desc, "--appliance FILE is missing");
	return 0;
}
