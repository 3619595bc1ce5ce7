/*
 * schedule.c - commands to a simulator at their time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"

bool sim_schedule_add(struct sim_schedule *s, const char *text, char between)
{
	char *end;
	double at = strtod(text, &end);
	if (end == text || *end != between || !(at >= 0) || s->n == SIM_SCHEDULE_MAX ||
	    strlen(end + 1) >= SIM_COMMAND_MAX)
		return false;
	s->at[s->n].at_s = at;
	strcpy(s->at[s->n++].command, end + 1);
	return true;
}

void sim_schedule_run(const struct sim_schedule *s, size_t *given, uint64_t start_ns,
		      uint64_t now_ns, sim_obey_fn obey, void *sim)
{
	for (; *given < s->n; ++*given) {
		if ((double)(now_ns - start_ns) < s->at[*given].at_s * (double)OP_NS_PER_S)
			return;
		if (!obey(sim, s->at[*given].command, now_ns))
			op_log(OP_ERR, "--at: no such command: %s", s->at[*given].command);
	}
}
