/*
 * docs.c - /docs, /swagger.json and the files of the page, all of them part of this program.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "docs.h"

#include <string.h>

#include "routes.h"

/* Nothing of the page comes from elsewhere. */
#define POLICY                                                                                  \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " \
	"'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".json", "application/json"},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(types); i++)
		if (!strcmp(strrchr(name, '.'), types[i][0])) /* each name has one */
			return types[i][1];
	return "application/octet-stream";
}

static void serve(struct op_http_request *rq, const char *name)
{
	for (size_t i = 0; i < temp_docs_count; i++)
		if (!strcmp(temp_docs[i].name, name)) {
			op_http_field_add(rq, "Cache-Control", "no-cache");
			op_http_field_add(rq, "Content-Security-Policy", POLICY);
			op_http_answer(rq, 200, type_of(name), temp_docs[i].bytes, temp_docs[i].n);
			return;
		}
	op_http_error(rq, 404, "there is no such file");
}

static void on_docs(struct op_http_request *rq, void *arg)
{
	serve(rq, "docs.html");
}

static void on_swagger(struct op_http_request *rq, void *arg)
{
	serve(rq, "swagger.json");
}

static void on_file(struct op_http_request *rq, void *arg)
{
	serve(rq, rq->params[0]);
}

int temp_docs_mount(struct temp_web *t)
{
	const struct {
		const char *path;
		op_http_fn fn;
	} routes[] = {
		{"/docs", on_docs},
		{"/swagger.json", on_swagger},
		{"/swaggerui/{file}", on_file},
	};
	int r = 0;
	for (size_t i = 0; !r && i < OP_ARRAY_SIZE(routes); i++)
		r = op_http_route_with(t->web->http, OP_HTTP_GET, routes[i].path, routes[i].fn, t,
				       &temp_open);
	return r;
}
