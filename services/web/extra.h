/*
 * extra.h - an appliance's own web program: the standard service of outpost-web(8) and more routes.
 *
 * The program of an appliance without routes of its own is outpost-web. One that has some is a
 * main() of `return web_main(argc, argv, &extra);`, linked with the library of this folder: the
 * same settings, port, page, /ws and /api, behind the routes that extra.mount adds. Its handlers
 * run on the loop thread and read topics by op_subscribe; other services they ask by web_call
 * (call.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_WEB_EXTRA_H
#define OUTPOST_WEB_EXTRA_H

#include <outpost/http.h>
#include <outpost/service.h>

#include "web.h"

struct web_extra {
	const char *program, *help;        /* as in struct op_service_desc */
	const struct op_setting *settings; /* beside the standard ones */
	size_t n_settings;
	size_t settings_bytes; /* of a struct that begins with struct web_settings */
	/* Where the standard page is, as a prefix of op_http_static_at; the standard routes are
	 * there as well, beside it. NULL: "/". */
	const char *page;
	/* What the table cannot say of its settings; NULL: nothing. */
	void (*check)(const struct op_config *c, const char *service, const void *settings,
		      struct op_buf *errors);
	/* Before the standard routes, so that these win; the server's token is not asked for on
	 * them. A negative error ends the start. *ret_self, also after an error, is for stop. */
	int (*mount)(struct web *w, const void *settings, void **ret_self);
	/* Closes its handles. Before the server closes; self may be NULL. */
	void (*stop)(void *self);
};

/* extra NULL: outpost-web. Borrowed for ever. */
int web_main(int argc, char **argv, const struct web_extra *extra);

/* The standard handlers, for routes that answer the same under conditions of their own; arg is the
 * struct web. */
void web_health_get(struct op_http_request *rq, void *arg);
void web_metrics_get(struct op_http_request *rq, void *arg);

#endif
