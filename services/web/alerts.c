/*
 * alerts.c - /api/alerts: calls of the alerts service, for the page (outpost-http(7)).
 *
 * Loop thread. A request becomes a call and is answered when the service does. Only the calls named
 * here can be made, and those that do something ask for a body of type application/json, which a
 * page of another origin cannot send unasked.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "alerts.h"

#include <string.h>

#include "call.h"

static void ask(struct op_http_request *rq, struct web *w, const char *method, const json_t *args)
{
	if (w->alerts)
		web_call_relay(rq, w, w->alerts, method, args);
	else
		op_http_error(rq, 404, "this appliance has no alerts");
}

/* ---- routes ----------------------------------------------------------------------------- */

static void on_list(struct op_http_request *rq, void *arg)
{
	ask(rq, arg, "list", NULL);
}

static bool is_json(const struct op_http_request *rq)
{
	const char *type = op_http_field_get(rq, "content-type");
	return type && !strncmp(type, "application/json", 16) &&
	       (!type[16] || strchr("; ", type[16]));
}

static void on_act(struct op_http_request *rq, void *arg)
{
	static const char *const acts[] = {"test", "mute", "unmute"};
	size_t i = 0;
	while (i < OP_ARRAY_SIZE(acts) && strcmp(rq->params[0], acts[i]) != 0)
		i++;
	if (i == OP_ARRAY_SIZE(acts)) {
		op_http_error(rq, 404, "there is no such act: test, mute or unmute");
		return;
	}
	if (!is_json(rq)) {
		op_http_error(rq, 415, "expected a body of type application/json");
		return;
	}
	json_t *args =
		rq->body_bytes ? json_loadb(rq->body, rq->body_bytes, 0, NULL) : json_object();
	if (json_is_object(args))
		ask(rq, arg, acts[i], args);
	else
		op_http_error(rq, 400, "the body is no JSON object");
	json_decref(args);
}

int web_alerts_mount(struct web *w)
{
	w->alerts = web_find_service(w, "outpost-alerts");
	int r = web_route(w, OP_HTTP_GET, "/api/alerts", on_list);
	return r ? r : web_route(w, OP_HTTP_POST, "/api/alerts/{act}", on_act);
}
