/*
 * net_wire.c - frames between a service and outpost-post: whole, in pieces, cut, damaged.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/internal.h"
#include "test.h"

static const char *const fields[] = {"X-One: 1", "X-Two:", NULL};
static const struct op_post_request request = {
	.url = "https://user:pass@h.example/path?query",
	.method = "PUT",
	.fields = fields,
	.body = "a\0b",
	.body_bytes = 3,
	.connect_timeout_ms = 1,
	.read_timeout_ms = 2,
	.total_timeout_ms = 3,
	.max_redirects = 4,
};

static void give(struct net_intake *in, const char *bytes, size_t n)
{
	while (n > 0) {
		uv_buf_t room = net_intake_room(in);
		size_t take = n < room.len ? n : room.len;
		CHECK(take > 0);
		memcpy(room.base, bytes, take);
		net_intake_add(in, take);
		bytes += take;
		n -= take;
	}
}

static void check_request(const struct net_frame *f)
{
	const char *mem[OP_POST_FIELDS_MAX + 1];
	struct op_post_request rq;
	CHECK_INT(f->kind, NET_ASK);
	CHECK_INT(f->id, 77);
	CHECK_INT(net_get_ask(f, mem, &rq), 0);
	CHECK_STR(rq.url, request.url);
	CHECK_STR(rq.method, request.method);
	CHECK(!rq.content_type && !rq.ca_file);
	CHECK_INT(rq.body_bytes, 3);
	CHECK(!memcmp(rq.body, "a\0b", 3));
	CHECK_INT(rq.connect_timeout_ms, 1);
	CHECK_INT(rq.read_timeout_ms, 2);
	CHECK_INT(rq.total_timeout_ms, 3);
	CHECK_INT(rq.max_redirects, 4);
	CHECK_STR(rq.fields[0], "X-One: 1");
	CHECK_STR(rq.fields[1], "X-Two:");
	CHECK(!rq.fields[2]);
}

TEST(a_request_arrives_in_whatever_pieces)
{
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_ask(&out, 77, &request);
	CHECK_INT(out.err, 0);
	for (size_t piece = 1; piece <= out.len; piece++) {
		struct net_intake in = {.data = NULL};
		struct net_frame f;
		for (size_t at = 0; at < out.len; at += piece) {
			size_t n = out.len - at < piece ? out.len - at : piece;
			CHECK_INT(net_intake_next(&in, &f), 0);
			give(&in, out.data + at, n);
		}
		CHECK_INT(net_intake_next(&in, &f), 1);
		check_request(&f);
		CHECK_INT(net_intake_next(&in, &f), 0);
		net_intake_finish(&in);
	}
}

TEST(several_at_once_are_taken_one_by_one)
{
	OP_AUTO_BUF struct op_buf out;
	struct net_intake in = {.data = NULL};
	struct net_frame f;
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_ask(&out, 77, &request);
	size_t first = out.len;
	op_buf_reset(&out);
	for (unsigned i = 0; i < 1000; i++) {
		op_buf_reset(&out);
		net_put_ask(&out, 77, &request);
		CHECK_INT(out.len, first);
		give(&in, out.data, out.len);
		op_buf_reset(&out);
		net_put_cancel(&out, i);
		give(&in, out.data, out.len);
	}
	for (unsigned i = 0; i < 1000; i++) {
		CHECK_INT(net_intake_next(&in, &f), 1);
		check_request(&f);
		CHECK_INT(net_intake_next(&in, &f), 1);
		CHECK_INT(f.kind, NET_CANCEL);
		CHECK_INT(f.id, i);
	}
	CHECK_INT(net_intake_next(&in, &f), 0);
	net_intake_finish(&in);
}

TEST(an_answer_is_read_as_it_was_given)
{
	OP_AUTO_BUF struct op_buf out;
	struct net_intake in = {.data = NULL};
	struct net_frame f;
	struct op_post_result got;
	const struct op_post_result r = {.error = -ETIMEDOUT,
					 .status = 503,
					 .retry_after_s = 9,
					 .answer = "x\0y",
					 .answer_bytes = 3,
					 .message = "why"};
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_answer(&out, 5, &r);
	give(&in, out.data, out.len);
	CHECK_INT(net_intake_next(&in, &f), 1);
	CHECK_INT(net_get_answer(&f, &got), 0);
	CHECK_INT(got.error, -ETIMEDOUT);
	CHECK_INT(got.status, 503);
	CHECK_INT(got.retry_after_s, 9);
	CHECK_INT(got.answer_bytes, 3);
	CHECK(!memcmp(got.answer, "x\0y", 4));
	CHECK_STR(got.message, "why");
	net_intake_finish(&in);
}

TEST(another_version_is_told)
{
	OP_AUTO_BUF struct op_buf out;
	struct net_intake in = {.data = NULL};
	struct net_frame f;
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_cancel(&out, 5);
	out.data[4]++;
	give(&in, out.data, out.len);
	CHECK_INT(net_intake_next(&in, &f), -OP_ENEWER);
	net_intake_finish(&in);
}

static void set_length(char *frame, uint32_t bytes)
{
	memcpy(frame, &bytes, sizeof(bytes));
}

TEST(lengths_beyond_the_bound_are_refused)
{
	static const uint32_t bad[] = {0, 3, NET_FRAME_MAX, UINT32_MAX};
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_cancel(&out, 5);
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++) {
		struct net_intake in = {.data = NULL};
		struct net_frame f;
		set_length(out.data, bad[i]);
		give(&in, out.data, out.len);
		CHECK_INT(net_intake_next(&in, &f), -EPROTO);
		CHECK(in.cap <= 8192); /* nothing was reserved for it */
		net_intake_finish(&in);
	}
}

/* What is read of a frame that is cut or damaged lies inside it: the sanitizers watch. */
static int read_any(const struct op_buf *frame)
{
	const char *mem[OP_POST_FIELDS_MAX + 1];
	struct op_post_request rq;
	struct op_post_result r;
	struct net_intake in = {.data = NULL};
	struct net_frame f;
	give(&in, frame->data, frame->len);
	int err = net_intake_next(&in, &f);
	if (err == 1 && f.kind == NET_ASK) {
		err = net_get_ask(&f, mem, &rq);
		for (size_t i = 0; err == 0 && rq.fields[i]; i++)
			CHECK(strlen(rq.fields[i]) < frame->len);
	} else if (err == 1) {
		err = net_get_answer(&f, &r);
	}
	net_intake_finish(&in);
	return err;
}

TEST(a_frame_that_is_cut_is_refused)
{
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, NET_FRAME_MAX);
	net_put_ask(&out, 77, &request);
	for (size_t n = out.len - 1; n > NET_HEAD_BYTES + sizeof(uint32_t); n--) {
		out.len = n;
		set_length(out.data, (uint32_t)(n - NET_HEAD_BYTES));
		CHECK_INT(read_any(&out), -EPROTO);
	}
}

TEST(a_frame_that_is_damaged_does_no_harm)
{
	OP_AUTO_BUF struct op_buf out;
	unsigned random = 1, refused = 0;
	op_buf_init(&out, NET_FRAME_MAX);
	for (unsigned round = 0; round < 20000; round++) {
		op_buf_reset(&out);
		net_put_ask(&out, 77, &request);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			random = random * 1103515245 + 12345;
			out.data[5 + (random >> 8) % (out.len - 5)] = (char)(random >> 24);
		}
		refused += read_any(&out) < 0;
	}
	CHECK(refused > 1000);
}
