/*
 * routes.h - the addresses of the temperature monitor, and how all of them answer.
 *
 * Loop thread. Bodies are as clients of this kind of monitor know them: outpost-temp-monitor(8).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_ROUTES_H
#define OUTPOST_TEMP_MONITOR_ROUTES_H

#include "web.h"

/* auth.c: without a token in the settings nobody may ask for what needs one. */
int temp_auth_open(struct temp_web *t) OP_MUST_CHECK;
/* For op_http_route_with; the route's arg is the struct temp_web. */
extern const struct op_http_route_options temp_open;    /* everybody */
extern const struct op_http_route_options temp_bearer;  /* the token */
extern const struct op_http_route_options temp_metrics; /* as the setting metrics_auth says */
extern const struct op_http_route_options temp_webhook; /* the token; errors as {"message": ..} */

/* An empty buffer for JSON; plain routes write it compact, webhook routes with blanks. */
struct op_buf *temp_json(struct op_http_request *rq);
/* Ends the line and answers; 500 with an error_id if the buffer has failed. */
void temp_answer(struct op_http_request *rq, int status, struct op_buf *b);
/* What the log and the client both are told of a fault: "1795223389701_3fa9". */
#define TEMP_ERROR_ID_BYTES 32
void temp_error_id(char ret[TEMP_ERROR_ID_BYTES]);

/* Before any reading came they are integers 0; humidity is one at its bound as well. */
void temp_write_celsius(const struct temp_web *t, struct op_buf *b);
void temp_write_humidity(const struct temp_web *t, struct op_buf *b);
/* One decimal that is always written, rounded as Python does. NaN: null. */
void temp_write_tenths(struct op_buf *b, double v);
/* Member "timestamp". */
void temp_write_time(const struct temp_web *t, struct op_buf *b);

/* raw.c: handler; arg is the struct temp_web. */
void temp_raw_get(struct op_http_request *rq, void *arg);

int temp_plain_mount(struct temp_web *t) OP_MUST_CHECK;
int temp_metrics_mount(struct temp_web *t) OP_MUST_CHECK;
int temp_webhook_mount(struct temp_web *t) OP_MUST_CHECK;
int temp_docs_mount(struct temp_web *t) OP_MUST_CHECK;

#endif
