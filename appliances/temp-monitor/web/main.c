/*
 * main.c - outpost-temp-monitor: the web service of the temperature monitor.
 *
 * The standard web service (services/web) and, before its routes, those that clients of this kind
 * of monitor know: outpost-temp-monitor(8). Loop thread only.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dashboard.h"
#include "routes.h"

static int mount(struct web *w, const void *settings, void **ret_self)
{
	struct temp_web *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*ret_self = t;
	t->web = w;
	t->set = settings;
	t->started_ns = op_now_ns();
	op_http_errors(w->http, op_http_error_html, op_http_error_text);
	op_http_any_method(w->http);
	int r = temp_auth_open(t);
	if (!r)
		r = temp_reading_open(t);
	if (!r)
		r = temp_plain_mount(t);
	if (!r)
		r = temp_metrics_mount(t);
	if (!r)
		r = temp_webhook_mount(t);
	if (!r)
		r = temp_docs_mount(t);
	return r ? r : dashboard_mount(t);
}

static void stop(void *self)
{
	struct temp_web *t = self;
	if (!t)
		return;
	dashboard_close(t);
	temp_reading_close(t);
	free(t);
}

int main(int argc, char **argv)
{
	static struct web_extra extra = {
		.program = "outpost-temp-monitor",
		.help = "serves the temperature monitor's dashboard, API and the standard page",
		.settings = temp_settings_table,
		.settings_bytes = sizeof(struct temp_settings),
		.page = "/app/",
		.mount = mount,
		.stop = stop,
	};
	extra.n_settings = temp_settings_count;
	return web_main(argc, argv, &extra);
}
