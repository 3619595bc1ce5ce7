/*
 * control.c - faults on command.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sim.h"

#include <string.h>

static uint64_t after(uint64_t now_ns, double seconds)
{
	return now_ns + (uint64_t)(seconds * (double)OP_NS_PER_S);
}

/* unplug SECONDS [LINK]: gone, then back as another pty, under another link if one is given. */
static bool unplug(struct sim *s, const char *args, uint64_t now_ns)
{
	char link[PATH_MAX] = "";
	double seconds;
	if (sscanf(args, "%lf %4095s", &seconds, link) < 1)
		return false;
	port_unplug(&s->port);
	if (link[0])
		memcpy(s->port.link, link, sizeof(link));
	s->open = false;
	s->next_ns = 0;
	s->away_until_ns = after(now_ns, seconds);
	return true;
}

static bool until(uint64_t *member, const char *args, uint64_t now_ns)
{
	double seconds;
	if (sscanf(args, "%lf", &seconds) != 1 || seconds < 0)
		return false;
	*member = after(now_ns, seconds);
	return true;
}

static bool silence(struct sim *s, const char *args, uint64_t now_ns)
{
	return until(&s->silent_until_ns, args, now_ns);
}

static bool garbage(struct sim *s, const char *args, uint64_t now_ns)
{
	return until(&s->garbage_until_ns, args, now_ns);
}

static bool split(struct sim *s, const char *args, uint64_t now_ns)
{
	return until(&s->split_until_ns, args, now_ns);
}

/* burst [SECONDS]: nothing for that long, then what is owed at once. */
static bool burst(struct sim *s, const char *args, uint64_t now_ns)
{
	return until(&s->stalled_until_ns, *args ? args : "0.6", now_ns);
}

/* line BYTES: one line of that many digits. */
static bool line(struct sim *s, const char *args, uint64_t now_ns)
{
	char block[1024];
	size_t n;
	if (sscanf(args, "%zu", &n) != 1)
		return false;
	memset(block, '1', sizeof(block));
	for (size_t sent = 0; sent < n && port_is_open(&s->port);) {
		size_t part = n - sent < sizeof(block) ? n - sent : sizeof(block);
		if (port_room(&s->port) >= part) {
			port_send(&s->port, block, part);
			sent += part;
		} else {
			port_wait(&s->port);
		}
	}
	port_send(&s->port, "\r\n", 2);
	return true;
}

static bool hit(struct sim *s, const char *args, uint64_t now_ns)
{
	double peak, ms;
	if (sscanf(args, "%lf %lf", &peak, &ms) != 2 || ms <= 0)
		return false;
	board_hit(&s->board, peak, ms);
	return true;
}

/* hits on|off: the ones the board makes by itself. */
static bool hits(struct sim *s, const char *args, uint64_t now_ns)
{
	s->board.automatic = !strcmp(args, "on");
	s->board.next_hit = s->board.automatic ? s->board.made + 1 : UINT64_MAX;
	return s->board.automatic || !strcmp(args, "off");
}

/* skip SAMPLES: measured and counted, but not sent. */
static bool skip(struct sim *s, const char *args, uint64_t now_ns)
{
	unsigned long long n;
	if (sscanf(args, "%llu", &n) != 1)
		return false;
	s->skip = n;
	return true;
}

/* level COUNTS: another level at rest. */
static bool level(struct sim *s, const char *args, uint64_t now_ns)
{
	return sscanf(args, "%d", &s->board.baseline) == 1;
}

/* reset: as the button on the board. */
static bool reset(struct sim *s, const char *args, uint64_t now_ns)
{
	s->booting = true;
	s->next_ns = after(now_ns, 2);
	return true;
}

static bool quit(struct sim *s, const char *args, uint64_t now_ns)
{
	s->quit = true;
	return true;
}

static const struct {
	const char *name;
	bool (*fn)(struct sim *s, const char *args, uint64_t now_ns);
} commands[] = {{"unplug", unplug}, {"silence", silence}, {"garbage", garbage}, {"split", split},
		{"burst", burst},   {"line", line},       {"hit", hit},         {"hits", hits},
		{"skip", skip},     {"level", level},     {"reset", reset},     {"quit", quit}};

bool control_obey(void *sim, const char *text, uint64_t now_ns)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(commands); i++) {
		const char *args = sim_arguments(text, commands[i].name);
		if (args)
			return commands[i].fn(sim, args, now_ns);
	}
	return false;
}
