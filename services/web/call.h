/*
 * call.h - a call to another service of the appliance, answered on the loop (outpost-call(7)).
 *
 * Nothing waits but who asked. At most WEB_CALLS_MAX are under way. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_WEB_CALL_H
#define OUTPOST_WEB_CALL_H

#include <jansson.h>

#include "web.h"

#define WEB_CALLS_MAX 8

struct web_call;

/* The end of a call, once, never from within web_call. status is that of HTTP: 200 with what the
 * method returned (borrowed, may be null); 400, 404, 429, 500 or 502 with its error; 502 when the
 * service ended or said nothing sensible, 503 when it does not run or asks to try again, 504 when
 * it is late. */
typedef void (*web_call_fn)(void *arg, int status, json_t *result, const char *error);

/* Asks service for method with args (borrowed; NULL: none). -EAGAIN: too many are under way;
 * -ENOBUFS: args over 64 KiB; else from the system. Then fn is not called. */
int web_call(struct web *w, const char *service, const char *method, const json_t *args,
	     unsigned timeout_ms, web_call_fn fn, void *arg, struct web_call **ret) OP_MUST_CHECK;
/* fn is not called any more. For a call that has not ended. */
void web_call_cancel(struct web_call *c);
/* Puts a call for a client: what it returns is the answer, as JSON that nobody may keep; else an
 * error that names it. */
void web_call_relay(struct op_http_request *rq, struct web *w, const char *service,
		    const char *method, const json_t *args);
/* All of them, when the service stops; after op_http_close. */
void web_calls_stop(struct web *w);

#endif
