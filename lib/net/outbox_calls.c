/*
 * outbox_calls.c - retrying and dropping by a call.
 *
 * Loop thread. Arguments come from outside: what is wrong with them is told to who asked.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/outbox_calls.h"

struct chosen {
	const char *queue;
	int64_t id;
};

static int choose(const json_t *args, struct chosen *ret, struct op_buf *error)
{
	const json_t *queue = json_object_get(args, "queue"), *id = json_object_get(args, "id");
	const json_t *dead = json_object_get(args, "dead");
	if (queue && !json_is_string(queue)) {
		op_buf_puts(error, "queue: expected the name of a queue");
		return -EINVAL;
	}
	if (id && (!json_is_integer(id) || json_integer_value(id) <= 0)) {
		op_buf_puts(error, "id: expected the number of an item, see outpost outbox list");
		return -EINVAL;
	}
	if (dead && !json_is_boolean(dead)) {
		op_buf_puts(error, "dead: expected true or false");
		return -EINVAL;
	}
	if (!id == !json_is_true(dead)) { /* everything only by saying so */
		op_buf_puts(error, "say which: id=N, or dead=true for all");
		return -EINVAL;
	}
	ret->queue = json_string_value(queue);
	ret->id = json_integer_value(id);
	return 0;
}

static int call(struct op_outbox *o, struct op_pump *pump, const json_t *args, json_t **ret_result,
		struct op_buf *error,
		int (*fn)(struct op_outbox *, const char *, int64_t, uint64_t *))
{
	struct chosen c;
	uint64_t n = 0;
	int r = choose(args, &c, error);
	if (r < 0)
		return r;
	r = fn(o, c.queue, c.id, &n);
	if (r == -ENOENT)
		op_buf_printf(error, "no item %lld%s%s", (long long)c.id,
			      c.queue ? " in queue " : "", c.queue ? c.queue : "");
	if (r < 0)
		return r;
	op_pump_kick(pump);
	*ret_result = json_pack("{s:I}", "items", (json_int_t)n);
	return 0;
}

int op_outbox_call_retry(struct op_outbox *o, struct op_pump *pump, const json_t *args,
			 json_t **ret_result, struct op_buf *error)
{
	return call(o, pump, args, ret_result, error, op_outbox_retry);
}

int op_outbox_call_drop(struct op_outbox *o, struct op_pump *pump, const json_t *args,
			json_t **ret_result, struct op_buf *error)
{
	return call(o, pump, args, ret_result, error, op_outbox_drop);
}
