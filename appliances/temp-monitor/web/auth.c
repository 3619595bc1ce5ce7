/*
 * auth.c - who may ask: the bearer token, the rule for /metrics, and in what words they are
 * refused.
 *
 * Each refusal is counted; the log tells the first ones of a minute and the number of the others.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "routes.h"

#define TOKEN_SHORT 16 /* characters: below that it is warned of */
#define LINES_MAX 5    /* in one window */
#define WINDOW_NS (60 * OP_NS_PER_S)

static const char needed[] = "Authorization header with Bearer token required";
static const char invalid[] = "Invalid bearer token";

/* NULL: it is the token. */
static const char *judge(const struct temp_web *t, const struct op_http_request *rq)
{
	const char *given = op_http_field_get(rq, "authorization");
	if (op_http_field_count(rq, "authorization") > 1)
		return invalid;
	if (!given || strncmp(given, "Bearer ", 7))
		return needed;
	if (!given[7] || strchr(given + 7, ' ') || !t->web->set->token[0])
		return invalid;
	return op_http_same_secret(given + 7, t->web->set->token) ? NULL : invalid;
}

static void tell(struct temp_web *t, const struct op_http_request *rq, const char *why)
{
	struct temp_refusals *r = &t->refusals;
	char peer[OP_HTTP_PEER_BYTES];
	uint64_t now = op_now_ns();
	r->total++;
	if (!r->since_ns || now - r->since_ns > WINDOW_NS) {
		if (r->untold)
			op_log(OP_WARNING, "%u more requests were refused (401)", r->untold);
		*r = (struct temp_refusals){.since_ns = now, .total = r->total};
	}
	if (++r->lines > LINES_MAX) {
		r->untold++;
		return;
	}
	op_http_peer(rq, peer);
	op_log(OP_WARNING, "request from %s refused: %s", peer, why);
}

static const char *refuse(struct op_http_request *rq, struct temp_web *t)
{
	const char *why = judge(t, rq);
	if (!why)
		return NULL;
	tell(t, rq, why);
	op_http_field_add(rq, "WWW-Authenticate", "Bearer");
	return why;
}

static bool guard_plain(struct op_http_request *rq, void *arg)
{
	const char *why = refuse(rq, arg);
	if (!why)
		return true;
	struct op_buf *b = temp_json(rq);
	op_json_begin(b, '{');
	op_json_kv_str(b, "error", why);
	op_json_end(b, '}');
	temp_answer(rq, 401, b);
	return false;
}

static bool guard_webhook(struct op_http_request *rq, void *arg)
{
	const char *why = refuse(rq, arg);
	if (why)
		op_http_error(rq, 401, "%s", why);
	return !why;
}

static bool guard_open(struct op_http_request *rq, void *arg)
{
	return true;
}

/* A proxy's client is not the peer. */
static bool is_proxied(const struct op_http_request *rq)
{
	static const char *const fields[] = {"cf-connecting-ip", "cf-ray", "x-forwarded-for",
					     "forwarded"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(fields); i++)
		if (op_http_field_get(rq, fields[i]))
			return true;
	return false;
}

static bool guard_metrics(struct op_http_request *rq, void *arg)
{
	const struct temp_web *t = arg;
	if (t->set->metrics_auth == TEMP_METRICS_OPEN ||
	    (t->set->metrics_auth == TEMP_METRICS_AUTO && op_http_peer_is_private(rq) &&
	     !is_proxied(rq)))
		return true;
	return guard_plain(rq, arg);
}

/* {"message": ".."}; but a path below is as unknown as any other. */
static const char *say_message(struct op_buf *b, bool page, int status, const char *message)
{
	b->spaced = b->ascii = true;
	op_json_begin(b, '{');
	op_json_kv_str(b, "message",
		       status == 405 ? "The method is not allowed for the requested URL."
				     : message);
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
	return "application/json";
}

/* A short one is warned of and works: installations have them. */
static void warn_short(const struct temp_web *t)
{
	char path[96]; /* names are short */
	(void)snprintf(path, sizeof(path), "services.%s.token", op_service_name(t->web->service));
	const char *variable = op_config_variable(op_service_config(t->web->service), path);
	op_log(OP_WARNING, "%s is short: better 64 hexadecimal digits, openssl rand -hex 32",
	       variable ? variable : path);
}

/* The standard routes are open without a token; here it is random then, so that none fits. */
int temp_auth_open(struct temp_web *t)
{
	uint64_t random[2];
	const char *name = op_service_name(t->web->service);
	if (t->web->set->token[0]) {
		if (strlen(t->web->set->token) < TOKEN_SHORT)
			warn_short(t);
		return 0;
	}
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(t->nobody, sizeof(t->nobody), "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
	t->web->token = t->nobody;
	op_log(OP_WARNING, "services.%s.token is not set: nobody may ask for what needs one", name);
	return 0;
}

const struct op_http_route_options temp_open = {.guard = guard_open, .error = op_http_error_html};
const struct op_http_route_options temp_bearer = {.guard = guard_plain,
						  .error = op_http_error_html};
const struct op_http_route_options temp_metrics = {.guard = guard_metrics,
						   .error = op_http_error_html};
const struct op_http_route_options temp_webhook = {.guard = guard_webhook, .error = say_message};
