/*
 * options.c - the command line of the simulated board.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
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

enum { BUS = 1, CONTROL, CPU, LED, JOYSTICK, AT, SCRIPT, SEED, SPEED };

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
	{"help", no_argument, NULL, SIM_HELP},
	{"version", no_argument, NULL, SIM_VERSION},
	{0},
};

/* Blank lines and those that begin with # are passed over. */
static bool script(struct options *o, const char *file)
{
	char line[SIM_COMMAND_MAX + 32];
	FILE *f = fopen(file, "re");
	bool good = f != NULL;
	while (good && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		good = !line[0] || line[0] == '#' || sim_schedule_add(&o->schedule, line, ' ');
	}
	if (f)
		fclose(f);
	return good;
}

static bool take_number(struct options *o, int option, const char *arg)
{
	double v;
	if (!sim_number(arg, 1, option == SEED ? 1e15 : 1000, &v))
		return false;
	if (option == SEED)
		o->seed = (uint64_t)v;
	else
		o->speed = (unsigned)v;
	return true;
}

static bool take(void *options, int option, const char *arg)
{
	struct options *o = options;
	switch (option) {
	case BUS:
		return sim_path(o->bus, arg);
	case CONTROL:
		return sim_path(o->control, arg);
	case CPU:
		return sim_path(o->cpu, arg);
	case LED:
		return sim_path(o->led, arg);
	case JOYSTICK:
		return sim_path(o->joystick, arg);
	case AT:
		return sim_schedule_add(&o->schedule, arg, ':');
	case SCRIPT:
		return script(o, arg);
	default:
		return take_number(o, option, arg);
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	static const struct sim_cli cli = {"outpost-sim-sense-hat", usage, longs, take};
	*o = (struct options){.seed = 1, .speed = 1};
	int end = sim_cli_parse(&cli, o, argc, argv);
	if (end || o->bus[0])
		return end;
	fputs("outpost-sim-sense-hat: --bus PATH is missing\n", stderr);
	return 1 + 2;
}
