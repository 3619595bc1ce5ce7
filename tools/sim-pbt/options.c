/*
 * options.c - the command line of outpost-sim-pbt.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sim.h"

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
	FAST
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
	{"help", no_argument, NULL, SIM_HELP},
	{"version", no_argument, NULL, SIM_VERSION},
	{0},
};

static bool take_number(struct options *o, int option, const char *arg)
{
	double v = 0;
	switch (option) {
	case RATE:
		return sim_number(arg, 1, 1e6, &o->rate_hz);
	case BASELINE:
		if (!sim_number(arg, 0, 1023, &v))
			return false;
		o->baseline = (int)v;
		return true;
	case SEED:
		if (!sim_number(arg, 1, 1e15, &v))
			return false;
		o->seed = (uint64_t)v;
		return true;
	case SAMPLES:
		if (!sim_number(arg, 1, 1e15, &v))
			return false;
		o->samples = (uint64_t)v;
		return true;
	default:
		if (!sim_number(arg, 1, 1000, &v))
			return false;
		o->batch = (unsigned)v;
		return true;
	}
}

static bool take(void *options, int option, const char *arg)
{
	struct options *o = options;
	switch (option) {
	case LINK:
		return sim_path(o->link, arg);
	case BY_ID:
		return sim_path(o->by_id, arg);
	case CONTROL:
		return sim_path(o->control, arg);
	case AT:
		return sim_schedule_add(&o->schedule, arg, ':');
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
	static const struct sim_cli cli = {"outpost-sim-pbt", usage, longs, take};
	*o = (struct options){.rate_hz = 800, .baseline = 40, .seed = 1, .batch = 1};
	return sim_cli_parse(&cli, o, argc, argv);
}
