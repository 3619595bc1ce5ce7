/*
 * options.c - the command line of the simulated board.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

static const char usage[] =
	"Usage: outpost-sim-sense-hat --bus PATH [OPTION]...\n"
	"Plays a Sense HAT on an I2C bus that is a socket.\n\n"
	"  --bus PATH        socket of the bus; what a service opens as i2c:PATH\n"
	"  --control PATH    FIFO that takes commands while it runs\n"
	"  --cpu FILE        temperature of the processor in 1/1000 degC\n"
	"  --led FILE        framebuffer of the light matrix, 128 bytes\n"
	"  --joystick PATH   FIFO of the joystick's events\n"
	"  --at SECONDS:COMMAND  a command of the FIFO at that time; may be repeated\n"
	"  --script FILE     such commands, a line \"SECONDS COMMAND\" each\n"
	"  --seed N          of the noise (1)\n"
	"  --speed N         conversions are so many times as fast (1)\n"
	"  --help, --version\n";

enum { BUS = 1, CONTROL, CPU, LED, JOYSTICK, AT, SCRIPT, SEED, SPEED, HELP, VERSION };

static const struct option longs[] = {
	{"bus", required_argument, NULL, BUS},
	{"control", required_argument, NULL, CONTROL},
	{"cpu", required_argument, NULL, CPU},
	{"led", required_argument, NULL, LED},
	{"joystick", required_argument, NULL, JOYSTICK},
	{"at", required_argument, NULL, AT},
	{"script", required_argument, NULL, SCRIPT},
	{"seed", required_argument, NULL, SEED},
	{"speed", required_argument, NULL, SPEED},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{0},
};

static bool path(char out[PATH_MAX], const char *text)
{
	return snprintf(out, PATH_MAX, "%s", text) < PATH_MAX && text[0];
}

static bool number(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);
	if (end == text || *end || *text == '-' || v < lowest || v > highest)
		return false;
	*ret = v;
	return true;
}

/* "SECONDS:COMMAND" or "SECONDS COMMAND". */
static bool schedule(struct options *o, const char *text, char between)
{
	char *end;
	double at = strtod(text, &end);
	if (end == text || *end != between || !(at >= 0) || o->n_schedule == SCHEDULE_MAX ||
	    strlen(end + 1) >= COMMAND_MAX)
		return false;
	o->schedule[o->n_schedule].at_s = at;
	strcpy(o->schedule[o->n_schedule++].command, end + 1);
	return true;
}

/* Blank lines and those that begin with # are passed over. */
static bool script(struct options *o, const char *file)
{
	char line[COMMAND_MAX + 32];
	FILE *f = fopen(file, "re");
	bool good = f != NULL;
	while (good && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		good = !line[0] || line[0] == '#' || schedule(o, line, ' ');
	}
	if (f)
		fclose(f);
	return good;
}

static bool take_number(struct options *o, int option, const char *arg)
{
	uint64_t speed;
	if (option == SEED)
		return number(arg, 1, UINT64_MAX, &o->seed);
	if (!number(arg, 1, 1000, &speed))
		return false;
	o->speed = (unsigned)speed;
	return true;
}

static bool take(struct options *o, int option, const char *arg)
{
	switch (option) {
	case BUS:
		return path(o->bus, arg);
	case CONTROL:
		return path(o->control, arg);
	case CPU:
		return path(o->cpu, arg);
	case LED:
		return path(o->led, arg);
	case JOYSTICK:
		return path(o->joystick, arg);
	case AT:
		return schedule(o, arg, ':');
	case SCRIPT:
		return script(o, arg);
	default:
		return take_number(o, option, arg);
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int option, index = 0;
	*o = (struct options){.seed = 1, .speed = 1};
	while ((option = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (option == HELP || option == VERSION) {
			puts(option == HELP ? usage : "outpost-sim-sense-hat " OUTPOST_VERSION);
			return 1 + 0;
		}
		if (option == '?' || !take(o, option, optarg)) {
			if (option != '?')
				fprintf(stderr, "outpost-sim-sense-hat: --%s: bad value \"%s\"\n",
					longs[index].name, optarg);
			fputs("see outpost-sim-sense-hat --help\n", stderr);
			return 1 + 2;
		}
	}
	if (optind < argc || !o->bus[0]) {
		fprintf(stderr, "outpost-sim-sense-hat: %s\n",
			o->bus[0] ? "unexpected argument" : "--bus PATH is missing");
		return 1 + 2;
	}
	return 0;
}
