/*
 * health.c - is the appliance well? From the status topics alone (outpost-http(7)).
 *
 * A service is well when its status topic says so, is fresh, and has a live writer. While a service
 * is dead the supervisor writes its status topic and says why.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#include <stdio.h>
#include <string.h>

const char *const web_verdict_names[] = {"ok", "degraded", "failed"};

static const char *const state_names[] = {"starting", "ready",      "degraded", "stopping",
					  "stopped",  "restarting", "failed"};
static const enum web_verdict verdicts[] = {
	[OP_STATE_STARTING] = WEB_DEGRADED, [OP_STATE_READY] = WEB_OK,
	[OP_STATE_DEGRADED] = WEB_DEGRADED, [OP_STATE_STOPPING] = WEB_DEGRADED,
	[OP_STATE_STOPPED] = WEB_FAILED,    [OP_STATE_RESTARTING] = WEB_FAILED,
	[OP_STATE_FAILED] = WEB_FAILED,
};

static void set(struct web_service_look *s, enum web_verdict verdict, const char *state,
		const char *reason)
{
	s->verdict = verdict;
	snprintf(s->state, sizeof(s->state), "%s", state);
	snprintf(s->reason, sizeof(s->reason), "%s", reason);
}

static void judge(struct web_service_look *s, const struct web_look *look)
{
	char text[96];
	unsigned state = s->status.state;
	if (state >= OP_ARRAY_SIZE(verdicts)) {
		set(s, WEB_FAILED, "unknown", "its status has a state that is not known");
		return;
	}
	set(s, verdicts[state], state_names[state], s->status.reason);
	bool ended = state == OP_STATE_STOPPED || state == OP_STATE_FAILED;
	if (!look->pid && !ended)
		set(s, WEB_FAILED, "dead", "the process is gone and nobody has restarted it yet");
	else if (look->pid && !strcmp(look->state, "stale")) {
		snprintf(text, sizeof(text), "no sign of life for %.1f s",
			 (double)look->age_ns / 1e9);
		set(s, WEB_FAILED, "silent", text);
	}
}

void web_service_look(struct web *w, const char *name, struct web_service_look *ret)
{
	char topic[OP_TOPIC_NAME_MAX + 16];
	static struct web_look look;
	look.any = false;
	snprintf(topic, sizeof(topic), "status.%s", name);
	*ret = (struct web_service_look){0};
	struct web_topic *t = web_board_find(w, topic);
	if (t && t->reader)
		web_board_look(t, &look);
	if (!t || !t->reader || !look.any || look.type->record_bytes != sizeof(ret->status)) {
		set(ret, WEB_FAILED, "absent", "it has not started yet");
		return;
	}
	memcpy(&ret->status, look.record, sizeof(ret->status));
	ret->status.reason[sizeof(ret->status.reason) - 1] = '\0';
	ret->known = true;
	judge(ret, &look);
}

static void write_service(const char *name, const struct web_service_look *s, struct op_buf *b)
{
	char since[OP_RFC3339_BYTES];
	op_json_key(b, name);
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", web_verdict_names[s->verdict]);
	op_json_kv_str(b, "state", s->state);
	op_json_kv_str(b, "reason", s->reason);
	if (s->known) {
		op_time_rfc3339(op_wall_ns(s->status.since_boot_ns), since);
		op_json_kv_str(b, "since", since);
		op_json_kv_u64(b, "pid", s->status.pid);
		op_json_kv_u64(b, "restarts", s->status.restarts);
		op_json_kv_f64(b, "uptime_s", s->status.uptime_s);
	}
	op_json_end(b, '}');
}

int web_health_write(struct web *w, struct op_buf *b)
{
	static struct web_service_look looks[WEB_SERVICES_MAX];
	enum web_verdict worst = WEB_OK;
	char now[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(op_now_ns()), now);
	for (size_t i = 0; i < w->n_services; i++) {
		web_service_look(w, w->services[i], &looks[i]);
		if (looks[i].verdict > worst)
			worst = looks[i].verdict;
	}
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", web_verdict_names[worst]);
	op_json_kv_str(b, "appliance", op_config_appliance(op_service_config(w->service)));
	op_json_kv_str(b, "time", now);
	op_json_key(b, "services");
	op_json_begin(b, '{');
	for (size_t i = 0; i < w->n_services; i++)
		write_service(w->services[i], &looks[i], b);
	op_json_end(b, '}');
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
	return worst == WEB_FAILED ? 503 : 200;
}
