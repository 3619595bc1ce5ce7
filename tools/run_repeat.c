/*
 * run_repeat.c - a warning or error that repeats itself is written once in a while, with how often
 * it came, so that a fault that lasts for days does not push everything else out of the log. A
 * notice of the same service between two of them says that the state changed (an alert is cleared,
 * readings come again): what follows is no repetition and is written.
 *
 * Loop thread. A few lines are remembered, the longest unheard is forgotten first; nothing is
 * dropped without its count being told, when its time is over or when it is forgotten.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *who, enum op_level level, const char *text, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)level;
	for (; *who; who++)
		h = (h ^ (unsigned char)*who) * 0x100000001b3u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
	return h ? h : 1;
}

static const char *clock_of(uint64_t boot_ns, char ret[16])
{
	time_t t = (time_t)(op_wall_ns(boot_ns) / (int64_t)OP_NS_PER_S);
	struct tm tm = {0};
	(void)localtime_r(&t, &tm);               /* a year that does not fit shows midnight */
	(void)strftime(ret, 16, "%H:%M:%S", &tm); /* fits */
	return ret;
}

static void forget(struct run_log *log, struct run_repeated *e)
{
	char text[sizeof(e->text) + 96], from[16], to[16];
	if (e->held > 0) {
		int n = snprintf(text, sizeof(text), "%s (%u more times, %s to %s)", e->text,
				 e->held, clock_of(e->held_ns, from), clock_of(e->heard_ns, to));
		run_log_put(log, e->who, e->level, text, (size_t)n);
	}
	*e = (struct run_repeated){.hash = 0};
}

static void forget_all_of(struct run_log *log, const char *who)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(log->repeated); i++)
		if (log->repeated[i].hash != 0 &&
		    !strncmp(log->repeated[i].who, who, sizeof(log->repeated[i].who) - 1))
			forget(log, &log->repeated[i]);
}

static struct run_repeated *find(struct run_log *log, uint64_t wanted)
{
	struct run_repeated *oldest = &log->repeated[0];
	for (size_t i = 0; i < OP_ARRAY_SIZE(log->repeated); i++) {
		struct run_repeated *e = &log->repeated[i];
		if (e->hash == wanted)
			return e;
		if (e->heard_ns < oldest->heard_ns)
			oldest = e;
	}
	forget(log, oldest);
	return oldest;
}

bool run_repeat_held(struct run_log *log, const char *who, enum op_level level, const char *text,
		     size_t n)
{
	if (level == OP_NOTICE)
		forget_all_of(log, who);
	if (log->repeat_s == 0 || level > OP_WARNING)
		return false;
	uint64_t h = hash(who, level, text, n), now = op_now_ns();
	struct run_repeated *e = find(log, h);
	e->heard_ns = now;
	if (e->hash == h) {
		e->held_ns = e->held++ ? e->held_ns : now;
		return true;
	}
	e->hash = h;
	e->since_ns = now;
	e->level = level;
	(void)snprintf(e->who, sizeof(e->who), "%s", who);              /* cut is fine */
	(void)snprintf(e->text, sizeof(e->text), "%.*s", (int)n, text); /* as well */
	return false;
}

void run_repeat_tick(struct run_log *log, bool all)
{
	uint64_t now = op_now_ns();
	for (size_t i = 0; i < OP_ARRAY_SIZE(log->repeated); i++) {
		struct run_repeated *e = &log->repeated[i];
		bool over = now - e->since_ns >= (uint64_t)log->repeat_s * OP_NS_PER_S;
		if (e->hash != 0 && (over || all))
			forget(log, e);
	}
}
