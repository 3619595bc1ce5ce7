/*
 * options.c - the command line of outpost-sim-pbt.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sim.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
	"Usage: outpost-sim-pbt [OPTION]...\n"
	"Plays the board of the pressure sensor on a pseudo-terminal.\n\n"
	"  --link PATH       symbolic link to the terminal; what a service opens\n"
	"  --by-id PATH      another one, named as udev does below /dev/serial/by-id\n"
	"  --control PATH    FIFO that takes commands while it runs\n"
	"  --at SECONDS:COMMAND  a command of the FIFO at that time; may be repeated\n"
	"  --truth FILE      write each hit as a JSON line\n"
	"  --play FILE       send this recording instead of a made-up signal\n"
	"  --rate HZ         samples a second (800)\n"
	"  --baseline N      level at rest (40; a real board re-centres to 512)\n"
	"  --seed N          of the made-up signal (1)\n"
	"  --samples N       be silent after so many\n"
	"  --batch N         send so many samples together (1)\n"
	"  --board           as an Uno: opening resets it, then 2 s of silence and a banner\n"
	"  --no-hits         none but those asked for\n"
	"  --split           cut the lines anywhere\n"
	"  --fast            no pace: as fast as it is taken\n"
	"  --help, --version\n";

enum {
	LINK = 1,
	BY_ID,
	CONTROL,
	AT,
	TRUTH,
	PLAY,
	RATE,
	BASELINE,
	SEED,
	SAMPLES,
	BATCH,
	BOARD,
	NO_HITS,
	SPLIT,
	FAST,
	HELP,
	VERSION
};

static const struct option longs[] = {
	{"link", required_argument, NULL, LINK},
	{"by-id", required_argument, NULL, BY_ID},
	{"control", required_argument, NULL, CONTROL},
	{"at", required_argument, NULL, AT},
	{"truth", required_argument, NULL, TRUTH},
	{"play", required_argument, NULL, PLAY},
	{"rate", required_argument, NULL, RATE},
	{"baseline", required_argument, NULL, BASELINE},
	{"seed", required_argument, NULL, SEED},
	{"samples", required_argument, NULL, SAMPLES},
	{"batch", required_argument, NULL, BATCH},
	{"board", no_argument, NULL, BOARD},
	{"no-hits", no_argument, NULL, NO_HITS},
	{"split", no_argument, NULL, SPLIT},
	{"fast", no_argument, NULL, FAST},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{0},
};

static bool path(char out[PATH_MAX], const char *text)
{
	return snprintf(out, PATH_MAX, "%s", text) < PATH_MAX && text[0];
}

static bool number(const char *text, double lowest, double highest, double *ret)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= lowest && v <= highest))
		return false;
	*ret = v;
	return true;
}

static bool schedule(struct options *o, const char *text)
{
	char *end;
	double at = strtod(text, &end);
	if (*end != ':' || at < 0 || o->n_schedule == SCHEDULE_MAX)
		return false;
	o->schedule[o->n_schedule].at_s = at;
	o->schedule[o->n_schedule++].command = end + 1;
	return true;
}

static bool take_number(struct options *o, int option, const char *arg)
{
	double v = 0;
	switch (option) {
	case RATE:
		return number(arg, 1, 1e6, &o->rate_hz);
	case BASELINE:
		if (!number(arg, 0, 1023, &v))
			return false;
		o->baseline = (int)v;
		return true;
	case SEED:
		if (!number(arg, 1, 1e15, &v))
			return false;
		o->seed = (uint64_t)v;
		return true;
	case SAMPLES:
		if (!number(arg, 1, 1e15, &v))
			return false;
		o->samples = (uint64_t)v;
		return true;
	default:
		if (!number(arg, 1, 1000, &v))
			return false;
		o->batch = (unsigned)v;
		return true;
	}
}

static bool take(struct options *o, int option, const char *arg)
{
	switch (option) {
	case LINK:
		return path(o->link, arg);
	case BY_ID:
		return path(o->by_id, arg);
	case CONTROL:
		return path(o->control, arg);
	case AT:
		return schedule(o, arg);
	case TRUTH:
		o->truth = arg;
		return true;
	case PLAY:
		o->play = arg;
		return true;
	case BOARD:
		return o->uno = true;
	case NO_HITS:
		return o->quiet = true;
	case SPLIT:
		return o->split = true;
	case FAST:
		return o->fast = true;
	default:
		return take_number(o, option, arg);
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int option, index = 0;
	*o = (struct options){.rate_hz = 800, .baseline = 40, .seed = 1, .batch = 1};
	while ((option = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (option == HELP || option == VERSION) {
			puts(option == HELP ? usage : "outpost-sim-pbt " OUTPOST_VERSION);
			return 1 + 0;
		}
		if (option == '?' || !take(o, option, optarg)) {
			if (option != '?')
				fprintf(stderr, "outpost-sim-pbt: --%s: bad value \"%s\"\n",
					longs[index].name, optarg);
			fputs("see outpost-sim-pbt --help\n", stderr);
			return 1 + 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "outpost-sim-pbt: unexpected argument \"%s\"\n", argv[optind]);
		return 1 + 2;
	}
	return 0;
}
