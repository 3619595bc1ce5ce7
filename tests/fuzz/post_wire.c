/*
 * post_wire.c - fuzz target of the socket between a service and outpost-post: what either side may
 * say. Everything read lies within what came; nothing is reserved beyond the bound.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>

#include "lib/net/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frame(const struct net_frame *f)
{
	const char *fields[OP_POST_FIELDS_MAX + 1];
	struct op_post_request rq;
	struct op_post_result r;
	size_t sum = 0;
	if (net_get_ask(f, fields, &rq) == 0) {
		sum = strlen(rq.url) + rq.body_bytes;
		for (size_t i = 0; rq.fields[i]; i++)
			sum += strlen(rq.fields[i]);
		assert(sum <= f->bytes);
	}
	if (net_get_answer(f, &r) == 0) {
		assert(r.answer_bytes <= OP_POST_ANSWER_MAX && r.answer[r.answer_bytes] == '\0');
		assert(strlen(r.message) < f->bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_intake in = {.data = NULL};
	struct net_frame f;
	int r = 0;
	while (r >= 0 && size > 0) {
		uv_buf_t room = net_intake_room(&in);
		size_t n = 1 + data[0] % 64; /* in pieces, as a socket has them */
		assert(room.base && room.len > 0 && in.cap <= NET_FRAME_MAX + 65536);
		n = n < size ? n : size;
		n = n < room.len ? n : room.len;
		memcpy(room.base, data, n);
		net_intake_add(&in, n);
		data += n;
		size -= n;
		while ((r = net_intake_next(&in, &f)) == 1)
			read_frame(&f);
	}
	net_intake_finish(&in);
	return 0;
}
