/*
 * ask.h - a request that is answered when another service has been asked, perhaps more than once.
 *
 * Loop thread. Belongs to the loop from temp_ask to its answer; a client that leaves ends it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_ASK_H
#define OUTPOST_TEMP_MONITOR_ASK_H

#include "routes.h"
#include "services/web/call.h"

struct temp_ask;

/* As web_call_fn; answers (temp_ask_answer) or asks on (temp_ask_next). */
typedef void (*temp_ask_fn)(struct temp_ask *a, int status, json_t *result, const char *error);

struct temp_ask {
	struct temp_web *t;
	struct op_http_reply *reply;
	struct web_call *call; /* NULL: none is under way */
	const char *service;
	temp_ask_fn done;
	json_t *data; /* the asker's */
	/* of temp_ask_in_turn: */
	bool in_turn;
	const char *method;
	unsigned timeout_ms;
	struct temp_ask *behind;
};

/* Defers rq and asks; done is always called, from the loop or, if nothing could be asked (status
 * 503), at once. Takes data (may be NULL). args is borrowed. */
void temp_ask(struct op_http_request *rq, struct temp_web *t, const char *service,
	      const char *method, const json_t *args, unsigned timeout_ms, temp_ask_fn done,
	      json_t *data);
/* The same without arguments, one at a time: asks when all before it have been answered. method is
 * static. */
void temp_ask_in_turn(struct op_http_request *rq, struct temp_web *t, const char *service,
		      const char *method, unsigned timeout_ms, temp_ask_fn done, json_t *data);
/* In done. */
void temp_ask_next(struct temp_ask *a, const char *method, const json_t *args, unsigned timeout_ms,
		   temp_ask_fn done);
/* In done, last: JSON of b, which gets its end of line; 500 if b has failed. Frees a. */
void temp_ask_answer(struct temp_ask *a, int status, struct op_buf *b);

#endif
