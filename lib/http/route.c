/*
 * route.c - from a path to its handler: patterns, methods, the token, WebSocket requests.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int add_route(struct op_http *h, const struct route *r)
{
	if (r->pattern[0] != '/')
		return -EINVAL;
	unsigned params = 0;
	for (const char *p = r->pattern; (p = strchr(p, '{')); p++)
		if (++params > OP_HTTP_PARAMS_MAX || p[-1] != '/' || !strchr(p, '}'))
			return -EINVAL;
	if (h->n_routes == OP_HTTP_ROUTES_MAX)
		return -ENOSPC;
	h->routes[h->n_routes] = *r;
	h->routes[h->n_routes++].open = !h->token[0];
	return 0;
}

int op_http_route_with(struct op_http *h, unsigned methods, const char *pattern, op_http_fn fn,
		       void *arg, const struct op_http_route_options *options)
{
	if (methods & OP_HTTP_GET)
		methods |= OP_HTTP_HEAD;
	return add_route(h, &(struct route){.pattern = pattern,
					    .fn = fn,
					    .arg = arg,
					    .methods = methods,
					    .guard = options->guard,
					    .error = options->error});
}

int op_http_route(struct op_http *h, unsigned methods, const char *pattern, op_http_fn fn,
		  void *arg)
{
	return op_http_route_with(h, methods, pattern, fn, arg, &(struct op_http_route_options){0});
}

void op_http_errors(struct op_http *h, op_http_error_fn no_route, op_http_error_fn malformed)
{
	h->no_route = no_route;
	h->malformed = malformed;
}

void op_http_any_method(struct op_http *h)
{
	h->rules.any_method = true;
}

int op_http_upgrade(struct op_http *h, const char *path, op_http_upgrade_fn fn, void *arg)
{
	return add_route(
		h, &(struct route){
			   .pattern = path, .upgrade = fn, .arg = arg, .methods = OP_HTTP_GET});
}

void op_http_require_token(struct op_http *h, const char *token)
{
	snprintf(h->token, sizeof(h->token), "%s", token ? token : "");
}

/* Cuts the parameters out of path, which is left as it was when the pattern does not match. */
bool http_pattern_match(const char *pattern, char *path, const char *params[OP_HTTP_PARAMS_MAX])
{
	char *ends[OP_HTTP_PARAMS_MAX];
	size_t n = 0;
	while (*pattern && *path) {
		if (*pattern == '{') {
			size_t len = strcspn(path, "/");
			if (!len)
				return false;
			params[n] = path;
			path += len;
			ends[n++] = path;
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	if (*pattern || *path)
		return false;
	for (size_t i = 0; i < n; i++)
		*ends[i] = '\0';
	return true;
}

/* Every byte is compared whatever came before: the time tells nothing but the token's length. */
bool op_http_same_secret(const char *got, const char *want)
{
	size_t n = strlen(want);
	volatile unsigned char diff = strlen(got) != n;
	for (size_t i = 0, g = 0; i < n; i++) {
		diff |= (unsigned char)(got[g] ^ want[i]);
		g += got[g] != '\0';
	}
	return !diff;
}

/* The value of OP_HTTP_COOKIE, percent-decoded; false if there is none, or none that can be. */
static bool cookie(const struct op_http_request *rq, char *out, size_t size)
{
	static const char name[] = OP_HTTP_COOKIE "=";
	const char *at = op_http_field_get(rq, "cookie");
	for (; at; at = strchr(at, ';')) {
		at += strspn(at, "; ");
		if (!strncmp(at, name, sizeof(name) - 1))
			return http_decode(at + sizeof(name) - 1,
					   strcspn(at, "; ") - sizeof(name) + 1, out, size,
					   false) >= 0;
	}
	return false;
}

static bool permitted(const struct op_http *h, const struct op_http_request *rq)
{
	char value[sizeof(h->token)];
	if (!h->token[0])
		return true;
	const char *given = op_http_field_get(rq, "authorization");
	if (!given)
		return cookie(rq, value, sizeof(value)) && op_http_same_secret(value, h->token);
	return op_http_field_count(rq, "authorization") == 1 && !strncasecmp(given, "bearer ", 7) &&
	       op_http_same_secret(given + 7, h->token);
}

/* True: go on. */
static bool ask_token(struct op_http_request *rq)
{
	if (permitted(rq->server, rq))
		return true;
	op_http_field_add(rq, "WWW-Authenticate", "Bearer");
	op_http_error(rq, 401, "send the access token as Authorization: Bearer");
	return false;
}

/* RFC 6455, 4.2.1. 0, or the HTTP status of what is wrong. */
static int judge_upgrade(const struct op_http_request *rq)
{
	const char *upgrade = op_http_field_get(rq, "upgrade"),
		   *connection = op_http_field_get(rq, "connection"),
		   *version = op_http_field_get(rq, "sec-websocket-version"),
		   *key = op_http_field_get(rq, "sec-websocket-key");
	if (!upgrade || !op_http_list_has(upgrade, "websocket") || !connection ||
	    !op_http_list_has(connection, "upgrade") || !version || strcmp(version, "13"))
		return 426;
	size_t n = key ? strspn(key,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
		       : 0;
	if (n != 22 || strcmp(key + n, "==") || rq->version != 1 || rq->body_bytes)
		return 400;
	return 0;
}

static void upgrade(struct op_http_request *rq, const struct route *r, const void *rest, size_t n)
{
	int status = judge_upgrade(rq);
	if (status == 426) {
		op_http_field_add(rq, "Upgrade", "websocket");
		op_http_field_add(rq, "Sec-WebSocket-Version", "13");
		op_http_error(rq, 426,
			      "this address speaks WebSocket version 13, see outpost-ws(7)");
		return;
	}
	if (!status) {
		struct op_http_conn *c = rq->conn;
		int fd = c->fd;
		/* The loop must have forgotten the socket before the taker watches it. */
		uv_poll_stop(&c->poll);
		c->events = 0;
		status = r->upgrade(rq, fd, rest, n, r->arg);
		if (!status) {
			http_conn_give_away(c);
			return;
		}
		c->keep = false;
	}
	if (status == 503) {
		op_http_field_add(rq, "Retry-After", "5");
		op_http_error(rq, 503, "all places for live clients are taken; try again later");
	} else if (status == 403) {
		op_http_error(rq, 403, "pages of this origin may not connect");
	} else {
		http_answer_status(rq, status);
	}
}

static void answer_options(struct op_http_request *rq, unsigned allowed)
{
	char text[96] = "OPTIONS";
	for (unsigned m = 1; m < OP_HTTP_OPTIONS; m <<= 1)
		if (allowed & m) {
			strcat(text, ", "); /* all names together are shorter than text */
			strcat(text, http_method_name(m));
		}
	op_http_field_add(rq, "Allow", text);
	if (rq->method == OP_HTTP_OPTIONS)
		op_http_answer(rq, 200, NULL, NULL, 0);
	else
		op_http_error(rq, 405, "%s is not possible here, only %s",
			      rq->method == OP_HTTP_OTHER ? "that" : http_method_name(rq->method),
			      text);
}

/* The route of this path and method; for another method only *ret_allowed. */
static const struct route *find(struct op_http *h, struct op_http_request *rq,
				unsigned *ret_allowed)
{
	const struct route *found = NULL;
	for (size_t i = 0; i < h->n_routes && !found; i++) {
		const char *params[OP_HTTP_PARAMS_MAX] = {0};
		if (!http_pattern_match(h->routes[i].pattern, h->path, params))
			continue;
		if (!*ret_allowed)
			h->error = h->routes[i].error;
		*ret_allowed |= h->routes[i].methods;
		if (h->routes[i].methods & rq->method)
			found = &h->routes[i];
		memcpy(rq->params, params, sizeof(params));
	}
	if (found)
		h->error = found->error;
	return found;
}

/* What is not there is told to everybody; what is, to those who may have it. */
static void serve_rest(struct op_http_request *rq)
{
	const struct http_folder *folder = http_folder_find(rq->server, rq->path);
	bool asks = rq->method & (OP_HTTP_GET | OP_HTTP_HEAD);
	bool open = folder && ((folder->flags & OP_HTTP_OPEN) || !rq->server->token[0]);
	if (folder && asks && open)
		http_file_serve(rq, folder);
	else if (!folder || !http_file_is(rq, folder))
		http_answer_status(rq, 404);
	else if (!asks)
		answer_options(rq, OP_HTTP_GET | OP_HTTP_HEAD);
	else if (ask_token(rq))
		http_file_serve(rq, folder);
}

static bool may_go_on(struct op_http_request *rq, const struct route *r)
{
	if (r->guard)
		return r->guard(rq, r->arg);
	return r->open || ask_token(rq);
}

void http_dispatch(struct op_http *h, struct http_head *head, const void *rest, size_t n_rest)
{
	struct op_http_request *rq = &head->rq;
	unsigned allowed = 0;
	h->error = h->no_route;
	const struct route *r = find(h, rq, &allowed);
	if (r && !may_go_on(rq, r))
		; /* it is answered */
	else if (r && r->upgrade)
		upgrade(rq, r, rest, n_rest);
	else if (r)
		r->fn(rq, r->arg);
	else if (allowed)
		answer_options(rq, allowed);
	else
		serve_rest(rq);
	if (!rq->conn->answered && !rq->conn->gone)
		op_http_error(rq, 500, "this request was not answered");
}
