/*
 * health.c - /health: is the appliance well? From the status topics alone (outpost-http(7)).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#include <stdio.h>
#include <string.h>

void web_service_look(struct web *w, const char *name, struct web_service_look *ret)
{
	char topic[OP_TOPIC_NAME_MAX + 16];
	static struct web_look look;
	snprintf(topic, sizeof(topic), "status.%s", name);
	*ret = (struct web_service_look){0};
	struct web_topic *t = web_board_open(w, topic);
	if (!t || !t->reader) {
		op_health_judge(NULL, NULL, NULL, &ret->is);
		return;
	}
	web_board_look(t, &look);
	op_health_judge(look.type, look.record, &look.at, &ret->is);
	ret->known = look.at.any && look.type->record_bytes == sizeof(ret->status);
	if (!ret->known)
		return;
	memcpy(&ret->status, look.record, sizeof(ret->status));
	ret->status.pid = (uint32_t)ret->is.pid;
	ret->status.since_boot_ns = ret->is.since_boot_ns;
}

static void write_service(const char *name, const struct web_service_look *s, struct op_buf *b)
{
	char since[OP_RFC3339_BYTES];
	op_json_key(b, name);
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", op_health_name(s->is.health));
	op_json_kv_str(b, "state", s->is.state);
	op_json_kv_str(b, "reason", s->is.reason);
	if (s->known) {
		op_time_rfc3339(op_wall_ns(s->is.since_boot_ns), since);
		op_json_kv_str(b, "since", since);
		op_json_kv_u64(b, "pid", (uint64_t)s->is.pid);
		op_json_kv_u64(b, "restarts", s->status.restarts);
		op_json_kv_f64(b, "uptime_s", s->status.uptime_s);
	}
	op_json_end(b, '}');
}

int web_health_write(struct web *w, struct op_buf *b)
{
	static struct web_service_look looks[WEB_SERVICES_MAX];
	enum op_health worst = OP_HEALTH_OK;
	char now[OP_RFC3339_BYTES];
	op_time_rfc3339(op_wall_ns(op_now_ns()), now);
	for (size_t i = 0; i < w->n_services; i++) {
		web_service_look(w, w->services[i], &looks[i]);
		if (looks[i].is.health > worst)
			worst = looks[i].is.health;
	}
	op_json_begin(b, '{');
	op_json_kv_str(b, "status", op_health_name(worst));
	op_json_kv_str(b, "appliance", op_config_appliance(op_service_config(w->service)));
	op_json_kv_str(b, "time", now);
	op_json_key(b, "services");
	op_json_begin(b, '{');
	for (size_t i = 0; i < w->n_services; i++)
		write_service(w->services[i], &looks[i], b);
	op_json_end(b, '}');
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
	return worst == OP_HEALTH_FAILED ? 503 : 200;
}
