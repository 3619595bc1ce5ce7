/*
 * health.c - the one judgement over a service, from its status topic (health.h).
 *
 * What a service said last is true only while somebody lives who would say otherwise.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/health.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum op_health health;
	bool ended; /* holds although nobody is left to say so */
} states[] = {
	[OP_STATE_STARTING] = {"starting", OP_HEALTH_DEGRADED, false},
	[OP_STATE_READY] = {"ready", OP_HEALTH_OK, false},
	[OP_STATE_DEGRADED] = {"degraded", OP_HEALTH_DEGRADED, false},
	[OP_STATE_STOPPING] = {"stopping", OP_HEALTH_DEGRADED, false},
	[OP_STATE_STOPPED] = {"stopped", OP_HEALTH_FAILED, true},
	[OP_STATE_RESTARTING] = {"restarting", OP_HEALTH_FAILED, false},
	[OP_STATE_FAILED] = {"failed", OP_HEALTH_FAILED, true},
};

const char *op_state_name(enum op_state state)
{
	return states[state].name;
}

const char *op_health_name(enum op_health health)
{
	static const char *const names[] = {"ok", "degraded", "failed", "unknown"};
	return names[health];
}

static void set(struct op_service_health *h, enum op_health health, const char *state,
		const char *reason)
{
	h->health = health;
	(void)snprintf(h->state, sizeof(h->state), "%s", state);
	(void)snprintf(h->reason, sizeof(h->reason), "%s", reason);
}

/* What the record says; its state, or OP_ARRAY_SIZE(states). */
static size_t read_record(const struct op_topic_type *type, const void *record,
			  struct op_service_health *h)
{
	const struct op_field *state = op_topic_field(type, "state");
	const struct op_field *reason = op_topic_field(type, "reason");
	const struct op_field *since = op_topic_field(type, "since_boot_ns");
	const struct op_field *pid = op_topic_field(type, "pid");
	double number = since ? op_field_f64(since, record) : 0;
	h->since_boot_ns = number > 0 && number < 1e18 ? (uint64_t)number : 0;
	number = pid ? op_field_f64(pid, record) : 0;
	h->pid = number > 0 && number < INT32_MAX ? (int)number : 0;
	if (reason && reason->type == OP_TEXT) {
		const char *text = (const char *)record + reason->offset;
		(void)snprintf(h->reason, sizeof(h->reason), "%.*s",
			       (int)strnlen(text, reason->bytes), text); /* cut if too long */
	}
	if (state && state->type == OP_ENUM)
		op_field_label(state, record, h->state, sizeof(h->state));
	size_t i = 0;
	while (i < OP_ARRAY_SIZE(states) && strcmp(h->state, states[i].name) != 0)
		i++;
	return i;
}

static void judge_dead(const struct op_topic_look *look, struct op_service_health *h)
{
	set(h, OP_HEALTH_FAILED, "dead",
	    h->pid ? "the process is gone and nobody has restarted it yet"
		   : "its supervisor is gone and nobody restarts it");
	h->since_boot_ns = look->boot_ns;
	h->pid = 0;
}

static void judge_silent(const struct op_topic_look *look, struct op_service_health *h)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "no sign of life for %.1f s",
		       (double)look->age_ns / (double)OP_NS_PER_S);
	set(h, OP_HEALTH_FAILED, "silent", text);
	h->since_boot_ns = look->boot_ns;
}

void op_health_judge(const struct op_topic_type *type, const void *record,
		     const struct op_topic_look *look, struct op_service_health *ret)
{
	*ret = (struct op_service_health){0};
	if (!type || (!look->any && !look->writer_pid)) {
		set(ret, OP_HEALTH_FAILED, "absent", "it has not started yet");
		return;
	}
	if (!look->any) {
		set(ret, OP_HEALTH_DEGRADED, op_state_name(OP_STATE_STARTING), "");
		return;
	}
	size_t state = read_record(type, record, ret);
	bool known = state < OP_ARRAY_SIZE(states), ended = known && states[state].ended;
	ret->health = known ? states[state].health : OP_HEALTH_FAILED;
	if (look->state == OP_TOPIC_DEAD && !ended)
		judge_dead(look, ret);
	else if (look->state == OP_TOPIC_STALE && ret->pid)
		judge_silent(look, ret); /* without a process there is nobody who could hang */
	else if (!known)
		set(ret, OP_HEALTH_FAILED, "unknown", "its state is not known to this version");
	if (look->state == OP_TOPIC_DEAD)
		ret->pid = 0;
}
