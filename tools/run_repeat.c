/*
 * run_repeat.c - a warning or error that repeats itself is written once in a while, with how often
 * it came, so that a fault that lasts for days does not push everything else out of the log.
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

static void forget(struct run_log *log, struct run_repeated *e)
{
	char text[sizeof(e->text) + 64];
	if (e->held > 0) {
		int n = snprintf(text, sizeof(text), "%s (%u more times)", e->text, e->held);
		run_log_put(log, e->who, e->level, text, (size_t)n);
	}
	*e = (struct run_repeated){.hash = 0};
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
	if (log->repeat_s == 0 || level > OP_WARNING)
		return false;
	uint64_t h = hash(who, level, text, n), now = op_now_ns();
	struct run_repeated *e = find(log, h);
	e->heard_ns = now;
	if (e->hash == h) {
		e->held++;
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
