/*
 * run_args.c - the command line of `outpost run`.
 *
 * Before the loop. Messages go to stderr as a person's. Follows outpost-run(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: outpost run APPLIANCE|FILE.yaml [options]\n\n"
	"Starts the services of an appliance, keeps them running, and merges their logs on\n"
	"standard error. Prints \"ready: URL\" on standard output when every service is ready.\n\n"
	"  --sim              use the simulators instead of the real devices\n"
	"  --runtime DIR      topics and sockets\n"
	"  --state DIR        what must survive a restart\n"
	"  --env FILE         environment file (default: .env if it is there)\n"
	"  --set PATH=VALUE   override one setting; may be repeated\n"
	"  --log-file FILE    write the log to a file too, with full time stamps\n"
	"  --log-size BYTES   rotate it at this size, K and M are understood (default 1M)\n"
	"  --log-keep N       rotated files that are kept (default 5)\n"
	"  --help\n\n"
	"Stops cleanly on SIGTERM or Ctrl-C; the second one kills. See outpost-run(1).\n";

enum { ARG_FILE = 256, ARG_SIZE, ARG_KEEP };

static const struct option options[] = {
	OP_CONFIG_OPTIONS,
	{"log-file", required_argument, NULL, ARG_FILE},
	{"log-size", required_argument, NULL, ARG_SIZE},
	{"log-keep", required_argument, NULL, ARG_KEEP},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int wrong(const char *what)
{
	if (what)
		fprintf(stderr, "outpost run: %s\n", what);
	fputs("Try 'outpost run --help'.\n", stderr);
	return OP_EXIT_USAGE;
}

static bool take_size(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
	end += shift > 0;
	if (errno || *end || text[0] == '-' || v == 0 || v > (1ULL << 40))
		return false;
	*ret = v << shift;
	return true;
}

static bool take_log_option(struct run_file *f, int c)
{
	uint64_t v;
	switch (c) {
	case ARG_FILE:
		f->path = optarg;
		return true;
	case ARG_SIZE:
		return take_size(optarg, &f->max_bytes) && f->max_bytes >= 4096;
	case ARG_KEEP:
		v = strcmp(optarg, "0") ? 1000 : 0;
		if (v && (!take_size(optarg, &v) || v > 99))
			return false;
		f->keep = (unsigned)v;
		return true;
	default:
		return false;
	}
}

/* 0, or an exit status plus one. */
static int take_option(struct run *run, int c)
{
	int r = op_config_args_take(&run->args, c, optarg);
	if (r != 0)
		return r < 0 ? wrong("too many --set") + 1 : 0;
	switch (c) {
	case 'h':
		fputs(help, stdout);
		return 1;
	case '?':
		return wrong(NULL) + 1;
	default:
		return take_log_option(&run->log.file, c)
			       ? 0
			       : wrong("--log-size wants at least 4096, --log-keep 0 to 99") + 1;
	}
}

int run_args_parse(struct run *run, int argc, char **argv)
{
	optind = 0; /* the caller parsed before us */
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		int r = take_option(run, c);
		if (r != 0)
			return r;
	}
	if (optind + 1 != argc)
		return wrong(optind == argc ? "which appliance?" : "one appliance at a time") + 1;
	run->appliance = argv[optind];
	return 0;
}
