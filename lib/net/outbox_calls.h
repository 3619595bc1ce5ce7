/*
 * outbox_calls.h - what every service that owns an outbox lets people ask of it.
 *
 * `outpost outbox retry` and `drop` make these calls, see outpost-outbox(1). A service puts two
 * lines into its table of calls and hands over:
 *
 *     {"outbox_retry", OP_OUTBOX_RETRY_HELP, call_outbox_retry,
 *      OP_OUTBOX_RETRY_ARGS},
 *     {"outbox_drop", OP_OUTBOX_DROP_HELP, call_outbox_drop, OP_OUTBOX_DROP_ARGS},
 *
 *     static int call_outbox_retry(struct op_service *s, json_t *args, json_t **ret_result,
 *                                  struct op_buf *error)
 *     {
 *             struct my *m = op_service_self(s);
 *             return op_outbox_call_retry(m->outbox, m->pump, args, ret_result, error);
 *     }
 *
 * Its database is STATE/outbox-SERVICE.db. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_OUTBOX_CALLS_H
#define OUTPOST_NET_OUTBOX_CALLS_H

#include <jansson.h>

#include "lib/net/pump.h"

#define OP_OUTBOX_RETRY_HELP \
	"try again: id=N, or dead=true for all; queue=NAME to choose; a waiting one becomes due"
#define OP_OUTBOX_RETRY_ARGS "queue id dead"
#define OP_OUTBOX_DROP_HELP \
	"delete an item: id=N, or all that are dead with dead=true; queue=NAME to choose"
#define OP_OUTBOX_DROP_ARGS "queue id dead"

/* args: {"queue": name, "id": number} or {"queue": name, "dead": true}; queue may be left out, and
 * either id or dead must be there: nothing changes everything by omission. The result is {"items":
 * number}. As an op_call_fn: 0, or a negative error with its text in error. */
int op_outbox_call_retry(struct op_outbox *o, struct op_pump *pump, const json_t *args,
			 json_t **ret_result, struct op_buf *error) OP_MUST_CHECK;
int op_outbox_call_drop(struct op_outbox *o, struct op_pump *pump, const json_t *args,
			json_t **ret_result, struct op_buf *error) OP_MUST_CHECK;

#endif
