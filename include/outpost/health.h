/*
 * health.h - is a service well? One judgement for /health, /status, `outpost status` and `top`.
 *
 * It rests on the service's status topic alone: what its newest record says, how old that is, and
 * whether a live process holds the topic. While a service is dead, its supervisor holds the topic
 * and speaks in its name, with process id 0. Nobody needs to be asked.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_HEALTH_H
#define OUTPOST_HEALTH_H

#include <outpost/topic.h>

/* ok: ready; degraded: degraded, starting or stopping; failed: everything else. unknown is for who
 * may not read the status topic; op_health_judge, which has read it, never says so. */
enum op_health { OP_HEALTH_OK, OP_HEALTH_DEGRADED, OP_HEALTH_FAILED, OP_HEALTH_UNKNOWN };
const char *op_health_name(enum op_health health);

struct op_service_health {
	enum op_health health;
	/* As published, but what can be seen from outside goes before it:
	 *   absent   it has not started yet: no topic, or nobody holds it and it says nothing
	 *   dead     nobody holds the topic, and it did not say that it stopped or failed
	 *   silent   its process holds the topic, but the record is older than the topic allows
	 *   unknown  a state that this version does not know */
	char state[32];
	char reason[256];       /* as published, or what was seen; outside text */
	uint64_t since_boot_ns; /* of the state; for dead and silent the last sign of life; 0
				   unknown */
	int pid;                /* of its process; 0 if it has none */
};

/* type, record and look are those of the status topic; fields are found by name, so that services
 * of another version are understood. type NULL: there is no such topic. record counts only if
 * look->any. */
void op_health_judge(const struct op_topic_type *type, const void *record,
		     const struct op_topic_look *look, struct op_service_health *ret);

#endif
