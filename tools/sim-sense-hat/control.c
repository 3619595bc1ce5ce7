/*
 * control.c - the air and the faults on command.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* SECONDS from now; none: for as long as it runs; 0: over. */
static bool until(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	double seconds = 1e9;
	if (*text && (sscanf(text, "%lf", &seconds) != 1 || !(seconds >= 0 && seconds <= 1e9)))
		return false;
	*ret_ns = now_ns + (uint64_t)(seconds * (double)OP_NS_PER_S);
	return true;
}

/* ---- the air ------------------------------------------------------------------------------- */

static bool set_temperature(struct sim *s, const char *args)
{
	double a, b;
	int n = sscanf(args, "%lf %lf", &a, &b);
	if (n < 1)
		return false;
	s->room.fixed_temperature = true;
	s->room.air.humidity_chip = a;
	s->room.air.pressure_chip = n == 2 ? b : a;
	return true;
}

static bool set_number(bool *fixed, double *value, const char *args)
{
	double v;
	*fixed = sscanf(args, "%lf", &v) == 1;
	if (*fixed)
		*value = v;
	return *fixed;
}

static bool set_cpu(struct sim *s, const char *args)
{
	s->no_cpu = !strcmp(args, "none");
	bool ok = s->no_cpu || set_number(&s->room.fixed_cpu, &s->room.air.cpu, args);
	files_cpu(s);
	return ok;
}

/* set temperature C [C]|humidity RH|pressure HPA|cpu C|cpu none|room */
static bool set(struct sim *s, const char *args, uint64_t now_ns)
{
	char what[16] = "", value[64] = "";
	struct room *r = &s->room;
	(void)sscanf(args, "%15s %63[^\n]", what, value); /* judged below */
	for (size_t i = 0; i < CHIPS; i++)
		chip_run(&s->chips[i], now_ns);
	if (!strcmp(what, "temperature"))
		return set_temperature(s, value);
	if (!strcmp(what, "humidity"))
		return set_number(&r->fixed_humidity, &r->air.humidity, value);
	if (!strcmp(what, "pressure"))
		return set_number(&r->fixed_pressure, &r->pressure, value);
	if (!strcmp(what, "cpu"))
		return set_cpu(s, value);
	if (strcmp(what, "room"))
		return false;
	r->fixed_temperature = r->fixed_humidity = r->fixed_pressure = r->fixed_cpu = false;
	s->no_cpu = false;
	return true;
}

/* ---- faults of chips ----------------------------------------------------------------------- */

/* FAULT hts221|lps25h|both [SECONDS] */
static bool fault(struct sim *s, const char *args, uint64_t now_ns, size_t member)
{
	char which[16] = "", seconds[32] = "";
	uint64_t end;
	bool any = false;
	(void)sscanf(args, "%15s %31s", which, seconds); /* judged below */
	if (!until(seconds, now_ns, &end))
		return false;
	for (size_t i = 0; i < CHIPS; i++) {
		if (strcmp(which, "both") && strcmp(which, s->chips[i].kind->name))
			continue;
		memcpy((char *)&s->chips[i].faults + member, &end, sizeof(end));
		any = true;
	}
	return any;
}

#define FAULT(command, member)                                                       \
	static bool command(struct sim *s, const char *args, uint64_t now_ns)        \
	{                                                                            \
		return fault(s, args, now_ns, offsetof(struct chip_faults, member)); \
	}
FAULT(nak, gone_ns)
FAULT(freeze, frozen_ns)
FAULT(stick, stuck_ns)
FAULT(zeros, zeros_ns)
FAULT(garbage, garbage_ns)
FAULT(wrong, wrong_ns)
FAULT(blank, blank_ns)
FAULT(halve, half_ns)
FAULT(tear, torn_ns)

/* reset hts221|lps25h|both: as by its supply, a moment long. */
static bool reset(struct sim *s, const char *args, uint64_t now_ns)
{
	bool any = false;
	for (size_t i = 0; i < CHIPS; i++) {
		if (strcmp(args, "both") && strcmp(args, s->chips[i].kind->name))
			continue;
		chip_reset(&s->chips[i]);
		any = true;
	}
	return any;
}

/* ---- faults of the bus --------------------------------------------------------------------- */

/* unplug [SECONDS]: the board is off the connector, and without power. */
static bool unplug(struct sim *s, const char *args, uint64_t now_ns)
{
	return reset(s, "both", now_ns) && until(args, now_ns, &s->unplugged_ns);
}

/* absent [SECONDS]: the adapter is gone. */
static bool absent(struct sim *s, const char *args, uint64_t now_ns)
{
	if (!until(args, now_ns, &s->absent_ns))
		return false;
	bus_close(s);
	return true;
}

static bool hang(struct sim *s, const char *args, uint64_t now_ns)
{
	return until(args, now_ns, &s->hung_ns);
}

static bool key(struct sim *s, const char *args, uint64_t now_ns)
{
	return files_key(s, args);
}

static bool quit(struct sim *s, const char *args, uint64_t now_ns)
{
	return s->quit = true;
}

static const struct {
	const char *name;
	bool (*fn)(struct sim *s, const char *args, uint64_t now_ns);
} commands[] = {{"set", set},         {"unplug", unplug}, {"absent", absent}, {"hang", hang},
		{"nak", nak},         {"freeze", freeze}, {"stick", stick},   {"zeros", zeros},
		{"garbage", garbage}, {"wrong", wrong},   {"blank", blank},   {"halve", halve},
		{"tear", tear},       {"reset", reset},   {"key", key},       {"quit", quit}};

bool control_obey(void *sim, const char *line, uint64_t now_ns)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(commands); i++) {
		const char *args = sim_arguments(line, commands[i].name);
		if (!args)
			continue;
		bool done = commands[i].fn(sim, args, now_ns);
		if (done)
			op_log(OP_INFO, "done: %s", line);
		return done;
	}
	return false;
}
