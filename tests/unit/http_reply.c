/*
 * http_reply.c - tests of answers given later: whole, in chunks, in their turn.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "http_reply_support.h"

TEST(an_answer_may_come_later)
{
	start();
	int fd = ask_later();
	CHECK_INT(op_http_counters(http)->deferred_now, 1);
	op_http_reply_field(replies[0], "X-Late", "b");
	op_http_reply_answer(replies[0], 200, "text/plain", "here", 4);
	CHECK(hear(fd, "here"));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK_HAS(got, "\r\nContent-Length: 4\r\n");
	CHECK_HAS(got, "\r\nX-Early: a\r\nX-Late: b\r\n");
	CHECK_INT(op_http_counters(http)->deferred_now, 0);
	say(fd, "GET /now/next HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(hear(fd, "next"));
	CHECK_INT(op_http_counters(http)->status[2], 2);
	CHECK_INT(gones, 0);
	close(fd);
	stop();
}

TEST(an_error_may_come_later)
{
	start();
	int fd = ask_later();
	op_http_reply_error(replies[0], 503, "too %s", "much");
	CHECK(hear(fd, "}\n"));
	CHECK_HAS(got, "HTTP/1.1 503 ");
	CHECK_HAS(got, "{\"error\":{\"status\":503,\"message\":\"too much\"}}");
	CHECK_HAS(got, "Cache-Control: no-store\r\n");
	int page = ask("GET /later/a HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n");
	op_http_reply_error(replies[1], 404, "not <here>");
	CHECK(hear(page, "</html>"));
	CHECK_HAS(got, "not &lt;here>");
	close(fd);
	close(page);
	stop();
}

TEST(an_answer_before_the_handler_returns_is_no_different)
{
	start();
	int fd = dial();
	say(fd, "GET /both/a HTTP/1.1\r\nHost: x\r\n\r\nGET /later/b HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /both/c HTTP/1.0\r\n\r\n");
	CHECK(hear(fd, "both"));
	op_http_reply_answer(replies[0], 200, "text/plain", "later", 5);
	CHECK(hear(fd, NULL));
	CHECK_HAS(strstr(got, "later"), "both");
	int cut = dial();
	say(cut,
	    "GET /both/abort HTTP/1.1\r\nHost: x\r\n\r\nGET /now/a HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(hear(cut, NULL));
	CHECK_INT(got_len, 0);
	CHECK_INT(op_http_counters(http)->cut, 1);
	CHECK_INT(gones, 0);
	close(fd);
	close(cut);
	stop();
}

TEST(requests_behind_it_keep_their_turn)
{
	start();
	int fd = dial();
	say(fd, "GET /now/first HTTP/1.1\r\nHost: x\r\n\r\nGET /later/a HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /now/third HTTP/1.1\r\nHost: x\r\n\r\nGET /later/b HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /now/fi");
	CHECK(hear(fd, "first"));
	CHECK_INT(n_replies, 1);
	op_http_reply_answer(replies[0], 200, "text/plain", "second", 6);
	CHECK(hear(fd, "third"));
	CHECK_HAS(got, "second");
	CHECK_INT(n_replies, 2);
	say(fd, "fth HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK_INT(op_http_reply_begin(replies[1], 200, "text/plain"), 0);
	write_all(replies[1], "fourth");
	op_http_reply_end(replies[1]);
	CHECK(hear(fd, "\r\nfifth") || strstr(got, "fifth"));
	CHECK_HAS(got, "6\r\nfourth\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
	CHECK_HAS(strstr(got, "fourth"), "Connection: close\r\n"); /* the fifth of five */
	CHECK(hear(fd, NULL));
	close(fd);
	stop();
}

TEST(a_flood_behind_it_is_not_taken)
{
	static char flood[65536];
	start();
	int fd = ask_later(), small = 32768;
	CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	size_t sent = 0;
	uint64_t deadline = op_now_ns() + OP_NS_PER_S / 2; /* longer than a request may take */
	while (op_now_ns() < deadline) {
		ssize_t r = send(fd, flood, sizeof(flood), MSG_DONTWAIT | MSG_NOSIGNAL);
		CHECK(r > 0 || errno == EAGAIN);
		sent += r > 0 ? (size_t)r : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	CHECK(sent < 16u << 20); /* what the sockets hold, and not a byte more */
	CHECK_INT(gones, 0);
	op_http_reply_answer(replies[0], 200, "text/plain", "here", 4);
	CHECK(hear(fd, "HTTP/1.1 400 "));
	CHECK_HAS(got, "here");
	close(fd);
	stop();
}

TEST(a_long_answer_comes_in_chunks)
{
	char *body;
	size_t bytes;
	start();
	int fd = ask_later();
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/csv"), 0);
	CHECK(hear(fd, "\r\n\r\n")); /* the head does not wait for the body */
	CHECK_HAS(got, "Content-Type: text/csv\r\n");
	write_all(replies[0], "one,");
	write_all(replies[0], "");
	write_all(replies[0], "two,");
	CHECK(hear(fd, "8\r\none,two,\r\n"));
	write_all(replies[0], "three");
	op_http_reply_end(replies[0]);
	CHECK(hear(fd, "5\r\nthree\r\n0\r\n\r\n"));
	say(fd, "GET /later/b HTTP/1.1\r\nHost: x\r\n\r\n");
	while (n_replies < 2)
		uv_run(&loop, UV_RUN_NOWAIT);
	CHECK_INT(op_http_reply_begin(replies[1], 200, "text/csv"), 0);
	op_http_reply_end(replies[1]);
	CHECK(hear(fd, "0\r\n\r\n"));
	CHECK_INT(unchunk(&body, &bytes), 0);
	CHECK_INT(bytes, 0);
	close(fd);
	stop();
}

TEST(to_an_old_client_it_ends_with_the_connection)
{
	start();
	int fd = ask("GET /later/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/csv"), 0);
	write_all(replies[0], "one,");
	CHECK(hear(fd, "one,"));
	CHECK_HAS(got, "Connection: close\r\n");
	CHECK(!strstr(got, "chunked") && !strstr(got, "Content-Length"));
	CHECK_HAS(got, "\r\n\r\none,");
	write_all(replies[0], "two");
	op_http_reply_end(replies[0]);
	CHECK(hear(fd, NULL));
	CHECK_STR(got, "two");
	close(fd);
	stop();
}

TEST(head_has_no_body)
{
	start();
	int fd = ask("HEAD /later/a HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(op_http_reply_is_head(replies[0]));
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/csv"), 0);
	CHECK_INT(op_http_reply_write(replies[0], "body", 4), 0);
	op_http_reply_end(replies[0]);
	say(fd, "HEAD /later/b HTTP/1.1\r\nHost: x\r\n\r\nGET /now/c HTTP/1.0\r\n\r\n");
	while (n_replies < 2)
		uv_run(&loop, UV_RUN_NOWAIT);
	op_http_reply_answer(replies[1], 200, "text/plain", "body", 4);
	CHECK(hear(fd, NULL));
	CHECK_HAS(got, "\r\nTransfer-Encoding: chunked\r\n");
	CHECK_HAS(got, "\r\nContent-Length: 4\r\n");
	CHECK(!strstr(got, "body") && !strstr(got, "0\r\n\r\n"));
	close(fd);
	stop();
}

TEST(many_small_writes_make_few_chunks)
{
	char *body, line[16];
	size_t bytes;
	enum { N = 50000 };
	start();
	int fd = ask_later();
	CHECK_INT(op_http_reply_begin(replies[0], 200, "text/csv"), 0);
	for (int i = 0; i < N; i++) {
		CHECK_INT(snprintf(line, sizeof(line), "%07d\r\n", i), 9);
		write_all(replies[0], line);
		if (i % 5000 == 0)
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	op_http_reply_end(replies[0]);
	CHECK(hear(fd, "\r\n0\r\n\r\n"));
	CHECK(unchunk(&body, &bytes) <= 11);
	CHECK_INT(bytes, N * 9);
	for (int i = 0; i < N; i++)
		CHECK(atoi(body + i * 9) == i);
	close(fd);
	stop();
}
