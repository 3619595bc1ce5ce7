/*
 * http_wire.c - tests of what the server does with bytes on the wire: bodies in chunks, old and
 * careless clients, parts of files, connections beyond the limit.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "http_support.h"

#define BODY_MAX 100

static void on_echo(struct op_http_request *rq, void *arg)
{
	struct op_buf *b = op_http_body(rq);
	op_buf_printf(b, "%zu:%.*s|", rq->body_bytes, (int)rq->body_bytes, (const char *)rq->body);
	op_http_answer(rq, 200, "text/plain", b->data, b->len);
}

static void start_with(struct op_http_settings set)
{
	set.host = "127.0.0.1";
	set.max_body = BODY_MAX;
	CHECK_INT(uv_loop_init(&loop), 0);
	CHECK_INT(op_http_create(&loop, &set, &http), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET | OP_HTTP_POST, "/echo", on_echo, NULL), 0);
}

static void start(void)
{
	start_with((struct op_http_settings){0});
}

/* One connection says this, and hears all of the answer. */
static const char *ask(const char *text)
{
	int fd = dial();
	say(fd, text);
	CHECK(hear(fd, NULL));
	close(fd);
	return got;
}

#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: Chunked\r\n\r\n"
#define BYE "GET /echo HTTP/1.0\r\n\r\n"

/* ---- bodies in chunks -------------------------------------------------------------------- */

TEST(chunks_are_joined_and_what_follows_is_the_next_request)
{
	start();
	ask(CHUNKED "3\r\none\r\n4;ext=\"a\"\r\n two\r\n0\r\nTrailer: yes\r\n\r\n" BYE);
	CHECK_HAS(got, "\r\n\r\n7:one two|HTTP/1.1 200 OK");
	CHECK_HAS(got, "\r\n\r\n0:|");
	stop();
}

TEST(chunks_may_come_byte_by_byte)
{
	static const char text[] = CHUNKED "3\r\none\r\n4\r\n two\r\n0\r\n\r\n" BYE;
	start();
	int fd = dial();
	for (const char *p = text; *p; p++) {
		char one[] = {*p, '\0'};
		uint64_t before = op_http_counters(http)->requests;
		say(fd, one);
		uv_run(&loop, UV_RUN_NOWAIT);
		CHECK(op_http_counters(http)->requests <= before + 1);
	}
	CHECK(hear(fd, NULL));
	CHECK_HAS(got, "\r\n\r\n7:one two|HTTP/1.1 200 OK");
	CHECK_HAS(got, "\r\n\r\n0:|");
	close(fd);
	stop();
}

TEST(a_body_of_many_small_chunks_needs_no_more_room_than_it_has)
{
	char text[8 * BODY_MAX + 256] = CHUNKED;
	start();
	for (int i = 0; i < BODY_MAX; i++)
		strcat(text, "1\r\nx\r\n");
	strcat(text, "0\r\n\r\n" BYE);
	ask(text);
	CHECK_HAS(got, "\r\n\r\n100:xxx");
	stop();
}

TEST(wrong_chunks_end_the_connection)
{
	static const struct {
		const char *chunks;
		const char *status;
	} cases[] = {
		{"x\r\n", "HTTP/1.1 400 "},
		{"\r\n", "HTTP/1.1 400 "},
		{"-1\r\n", "HTTP/1.1 400 "},
		{"0x3\r\none\r\n", "HTTP/1.1 400 "},
		{"3\none\r\n", "HTTP/1.1 400 "},
		{"3\r\none0\r\n\r\n", "HTTP/1.1 400 "},
		{"000000003\r\none\r\n", "HTTP/1.1 400 "},
		{"65\r\n", "HTTP/1.1 413 "},
		{"fffffffff\r\n", "HTTP/1.1 400 "},
		{"ffffffff\r\n", "HTTP/1.1 413 "},
	};
	start();
	for (size_t i = 0; i < OP_ARRAY_SIZE(cases); i++) {
		char text[256] = CHUNKED;
		strcat(text, cases[i].chunks);
		ask(text);
		CHECK_HAS(got, cases[i].status);
		CHECK_HAS(got, "Connection: close\r\n");
	}
	CHECK_INT(op_http_counters(http)->requests, 0);
	ask(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 400 ");
	ask(POST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 501 ");
	stop();
}

TEST(a_client_that_waits_is_told_to_go_on)
{
	static const char *const heads[] = {"Content-Length: 3\r\n",
					    "Transfer-Encoding: chunked\r\n"};
	static const char *const bodies[] = {"one", "3\r\none\r\n0\r\n\r\n"};
	start();
	for (int i = 0; i < 2; i++) {
		char text[256];
		int fd = dial();
		snprintf(text, sizeof(text), POST "Expect: 100-Continue\r\n%s\r\n", heads[i]);
		say(fd, text);
		CHECK(hear(fd, "HTTP/1.1 100 Continue\r\n\r\n"));
		say(fd, bodies[i]);
		CHECK(hear(fd, "\r\n\r\n3:one|"));
		CHECK_HAS(got, "HTTP/1.1 200 ");
		close(fd);
	}
	ask("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\none");
	CHECK(!strstr(got, "100 Continue"));
	ask(POST "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n");
	CHECK(!strncmp(got, "HTTP/1.1 413 ", 13));
	stop();
}

/* ---- old and careless clients ------------------------------------------------------------ */

TEST(an_old_client_gets_one_answer_and_the_end)
{
	start();
	ask("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" BYE);
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK_HAS(got, "Connection: close\r\n");
	CHECK(!strstr(got + 1, "HTTP/1.1 "));
	stop();
}

TEST(requests_in_one_go_are_answered_in_their_order)
{
	start();
	ask(POST "Content-Length: 1\r\n\r\na" CHUNKED "1\r\nb\r\n0\r\n\r\n" POST
		 "Content-Length: 1\r\n\r\nc" BYE);
	const char *a = strstr(got, "1:a|"), *b = strstr(got, "1:b|"), *c = strstr(got, "1:c|");
	CHECK(a && b && c && a < b && b < c);
	CHECK_INT(op_http_counters(http)->requests, 4);
	stop();
}

TEST(every_route_tells_its_methods)
{
	start();
	ask("OPTIONS //echo HTTP/1.0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK_HAS(got, "Content-Length: 0\r\n");
	CHECK_HAS(got, "Allow: OPTIONS, GET, HEAD, POST\r\n");
	ask("PUT /echo HTTP/1.0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 405 ");
	CHECK_HAS(got, "Allow: OPTIONS, GET, HEAD, POST\r\n");
	ask("OPTIONS /nothing HTTP/1.0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 404 ");
	ask("get /echo HTTP/1.0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 400 ");
	ask("BREW /echo HTTP/1.0\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 501 ");
	stop();
}

TEST(a_host_may_be_left_out_where_that_is_set)
{
	start();
	ask("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 400 ");
	stop();
	start_with((struct op_http_settings){.host_optional = true});
	ask("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 200 ");
	ask("GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 400 ");
	stop();
}

TEST(a_head_may_be_as_large_as_is_set)
{
	enum { LARGE = 262144 };
	static char text[2 * LARGE];
	start_with((struct op_http_settings){.max_head = LARGE});
	size_t n = (size_t)sprintf(text, "GET /echo HTTP/1.0\r\nA: ");
	memset(text + n, 'x', LARGE - n - 4);
	memcpy(text + LARGE - 4, "\r\n\r\n", 5);
	int fd = dial();
	for (size_t at = 0; at < LARGE;) {
		ssize_t r = send(fd, text + at, LARGE - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		at += r > 0 ? (size_t)r : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	CHECK(hear(fd, NULL));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	close(fd);
	stop();
	start();
	text[20000] = '\0';
	ask(text);
	CHECK_HAS(got, "HTTP/1.1 431 ");
	memcpy(text, "GET /xxxxxxxxxxxxxxxxxxxx", 24);
	memset(text + 18, 'x', 10000);
	ask(text);
	CHECK_HAS(got, "HTTP/1.1 414 ");
	stop();
}

TEST(a_token_is_given_once)
{
	start();
	op_http_require_token(http, "secret");
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/closed", on_echo, NULL), 0);
	ask("GET /closed HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 200 ");
	ask("GET /closed HTTP/1.0\r\nAuthorization: Bearer secret\r\nAuthorization: x\r\n\r\n");
	CHECK_HAS(got, "HTTP/1.1 401 ");
	stop();
}

/* ---- parts of files ---------------------------------------------------------------------- */

static char root[64];

static void serve_file(void)
{
	char path[96];
	start();
	snprintf(root, sizeof(root), "/tmp/http-wire-XXXXXX");
	CHECK(mkdtemp(root) != NULL);
	snprintf(path, sizeof(path), "%s/digits.txt", root);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs("0123456789", f) >= 0 && !fclose(f));
	CHECK_INT(op_http_static(http, root), 0);
}

static void remove_file(void)
{
	char path[96];
	stop();
	snprintf(path, sizeof(path), "%s/digits.txt", root);
	CHECK(!unlink(path) && !rmdir(root));
}

/* The file, asked for with this field. */
static const char *ask_file(const char *method, const char *fields)
{
	char text[512];
	snprintf(text, sizeof(text), "%s /digits.txt HTTP/1.0\r\n%s\r\n", method, fields);
	return ask(text);
}

TEST(a_range_of_a_file_is_sent_alone)
{
	static const struct {
		const char *range, *status, *says, *body;
	} cases[] = {
		{"bytes=2-4", "206 Partial Content", "Content-Range: bytes 2-4/10\r\n",
		 "\r\n\r\n234"},
		{"bytes=8-", "206 Partial Content", "Content-Range: bytes 8-9/10\r\n",
		 "\r\n\r\n89"},
		{"bytes=-3", "206 Partial Content", "Content-Range: bytes 7-9/10\r\n",
		 "\r\n\r\n789"},
		{"bytes=-30", "206 Partial Content", "Content-Length: 10\r\n",
		 "\r\n\r\n0123456789"},
		{"bytes=0-99", "206 Partial Content", "Content-Range: bytes 0-9/10\r\n",
		 "\r\n\r\n0123456789"},
		{"bytes=10-", "416 Range Not Satisfiable", "Content-Range: bytes */10\r\n", ""},
		{"bytes=-0", "416 Range Not Satisfiable", "Content-Range: bytes */10\r\n", ""},
		{"bytes=4-2", "200 OK", "Accept-Ranges: bytes\r\n", "\r\n\r\n0123456789"},
		{"bytes=0-1,4-5", "200 OK", "Content-Length: 10\r\n", "\r\n\r\n0123456789"},
		{"bytes=-", "200 OK", "Content-Length: 10\r\n", "\r\n\r\n0123456789"},
		{"lines=0-1", "200 OK", "Content-Length: 10\r\n", "\r\n\r\n0123456789"},
		{"bytes=9-99999999999999999999", "206 ", "Content-Range: bytes 9-9/10\r\n",
		 "\r\n\r\n9"},
		{"bytes=-99999999999999999999", "206 ", "Content-Length: 10\r\n",
		 "\r\n\r\n0123456789"},
		{"bytes=99999999999999999999-", "416 ", "Content-Range: bytes */10\r\n", ""},
		{"bytes=99999999999999999999-5", "200 OK", "Content-Length: 10\r\n", "0123456789"},
	};
	serve_file();
	for (size_t i = 0; i < OP_ARRAY_SIZE(cases); i++) {
		char field[96];
		snprintf(field, sizeof(field), "Range: %s\r\n", cases[i].range);
		ask_file("GET", field);
		CHECK_HAS(got, cases[i].status);
		CHECK_HAS(got, cases[i].says);
		size_t n = strlen(cases[i].body);
		CHECK(got_len >= n && !strcmp(n ? got + got_len - n : "", cases[i].body));
	}
	ask_file("HEAD", "Range: bytes=2-4\r\n");
	CHECK_HAS(got, "Content-Length: 10\r\n");
	remove_file();
}

/* The value of a field of what was heard. */
static void field_of(const char *name, char *out, size_t size)
{
	const char *at = strstr(got, name);
	CHECK(at != NULL);
	at += strlen(name);
	snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
}

TEST(a_range_of_a_file_that_changed_is_the_whole)
{
	char tag[64], when[64], fields[256];
	serve_file();
	ask_file("GET", "");
	field_of("\r\nETag: ", tag, sizeof(tag));
	field_of("\r\nLast-Modified: ", when, sizeof(when));
	const char *same[] = {tag, when}, *other[] = {"\"other\"", "Thu, 01 Jan 1970 00:00:00 GMT"};
	for (int i = 0; i < 2; i++) {
		snprintf(fields, sizeof(fields), "Range: bytes=1-1\r\nIf-Range: %s\r\n", same[i]);
		CHECK_HAS(ask_file("GET", fields), "HTTP/1.1 206 ");
		snprintf(fields, sizeof(fields), "Range: bytes=1-1\r\nIf-Range: %s\r\n", other[i]);
		CHECK_HAS(ask_file("GET", fields), "HTTP/1.1 200 ");
	}
	snprintf(fields, sizeof(fields), "Range: bytes=1-1\r\nIf-None-Match: %s\r\n", tag);
	CHECK_HAS(ask_file("GET", fields), "HTTP/1.1 304 ");
	remove_file();
}

TEST(a_file_tells_its_methods_and_what_is_none_does_not)
{
	serve_file();
	CHECK_HAS(ask_file("OPTIONS", ""), "Allow: OPTIONS, GET, HEAD\r\n");
	CHECK_HAS(ask_file("DELETE", ""), "HTTP/1.1 405 ");
	CHECK_HAS(ask("DELETE /other.txt HTTP/1.0\r\n\r\n"), "HTTP/1.1 404 ");
	CHECK_HAS(ask("OPTIONS /%2e%2e/etc HTTP/1.0\r\n\r\n"), "HTTP/1.1 404 ");
	remove_file();
}

TEST(a_larger_head_has_room_for_more_fields)
{
	char *text = calloc(1, 65536);
	start_with((struct op_http_settings){.max_head = 2 * OP_HTTP_HEAD_MAX});
	for (int over = 0; over < 2; over++) {
		size_t n = (size_t)sprintf(text, "GET /echo HTTP/1.0\r\n");
		for (int i = 0; i < 2 * OP_HTTP_FIELDS_MAX + over; i++)
			n += (size_t)sprintf(text + n, "X%d: y\r\n", i);
		strcpy(text + n, "\r\n");
		CHECK_HAS(ask(text), over ? "HTTP/1.1 431 " : "HTTP/1.1 200 ");
	}
	free(text);
	stop();
}

TEST(an_unknown_method_is_one_that_the_path_does_not_have)
{
	start();
	CHECK_HAS(ask("BREW /echo HTTP/1.0\r\n\r\n"), "HTTP/1.1 501 ");
	op_http_any_method(http);
	CHECK_HAS(ask("BREW /echo HTTP/1.0\r\n\r\n"), "HTTP/1.1 405 ");
	CHECK_HAS(got, "Allow: OPTIONS, GET, HEAD, POST\r\n");
	CHECK_HAS(ask("BREW /nothing HTTP/1.0\r\n\r\n"), "HTTP/1.1 404 ");
	CHECK_HAS(ask("BREW /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" BYE),
		  "HTTP/1.1 200 "); /* the connection goes on */
	stop();
}

/* ---- beyond the limit -------------------------------------------------------------------- */

TEST(further_connections_wait_for_room_where_that_is_set)
{
	enum { ROOM = 4 };
	int held[ROOM];
	start_with((struct op_http_settings){
		.max_connections = ROOM, .full_waits = true, .give_way_ms = 600000});
	for (int i = 0; i < ROOM; i++) {
		held[i] = dial();
		say(held[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
		CHECK(hear(held[i], "0:|"));
	}
	int waits = dial();
	say(waits, BYE);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	CHECK_INT(op_http_counters(http)->open, ROOM);
	CHECK_INT(op_http_counters(http)->full, 1);
	CHECK_INT(op_http_counters(http)->evicted + op_http_counters(http)->refused, 0);
	say(held[0], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"); /* who is in is served */
	CHECK(hear(held[0], "0:|"));
	close(held[0]);
	CHECK(hear(waits, NULL));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	for (int i = 1; i < ROOM; i++)
		close(held[i]);
	close(waits);
	stop();
}

TEST(half_a_request_locks_nobody_out)
{
	enum { ROOM = 2 };
	int held[ROOM];
	start_with((struct op_http_settings){
		.max_connections = ROOM, .full_waits = true, .give_way_ms = 100});
	for (int i = 0; i < ROOM; i++) {
		held[i] = dial();
		say(held[i], "GET /echo HTTP/1.1\r\nHost:");
	}
	while (op_http_counters(http)->open < ROOM)
		uv_run(&loop, UV_RUN_ONCE);
	int waits = dial();
	say(waits, BYE);
	CHECK(hear(waits, NULL));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK_INT(op_http_counters(http)->evicted, 1);
	for (int i = 0; i < ROOM; i++)
		close(held[i]);
	close(waits);
	stop();
}

TEST(a_request_comes_soon_behind_many_that_rest)
{
	enum { ROOM = 4, MANY = 4 * ROOM };
	int held[MANY];
	start_with((struct op_http_settings){.max_connections = ROOM, .full_waits = true});
	for (int i = 0; i < MANY; i++)
		held[i] = dial();
	while (op_http_counters(http)->full == 0)
		uv_run(&loop, UV_RUN_ONCE);
	uint64_t dialled_ms = uv_now(&loop);
	CHECK_HAS(ask(BYE), "HTTP/1.1 200 OK\r\n");
	CHECK(uv_now(&loop) - dialled_ms < 5000); /* then checks give up */
	CHECK_INT(op_http_counters(http)->evicted, MANY - ROOM + 1);
	for (int i = 0; i < MANY; i++)
		close(held[i]);
	stop();
}

TEST(who_rests_makes_room_for_who_has_waited)
{
	enum { ROOM = 3, GIVE_WAY_MS = 300 };
	int held[ROOM];
	start_with((struct op_http_settings){
		.max_connections = ROOM, .full_waits = true, .give_way_ms = GIVE_WAY_MS});
	for (int i = 0; i < ROOM; i++) {
		held[i] = dial();
		say(held[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
		CHECK(hear(held[i], "0:|"));
	}
	uint64_t full_ms = uv_now(&loop);
	while (uv_now(&loop) < full_ms + 2 * GIVE_WAY_MS) /* nobody waits: nobody has to go */
		uv_run(&loop, UV_RUN_ONCE);
	CHECK_INT(op_http_counters(http)->open, ROOM);
	CHECK_INT(op_http_counters(http)->full, 0);
	say(held[0], "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"); /* busy */
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	uint64_t dialled_ms = uv_now(&loop);
	int waits = dial();
	say(waits, BYE);
	CHECK(hear(waits, NULL));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK(uv_now(&loop) >= dialled_ms + GIVE_WAY_MS);
	CHECK(hear(held[1], NULL)); /* the one that has rested longest */
	CHECK_INT(op_http_counters(http)->evicted, 1);
	CHECK_INT(op_http_counters(http)->full, 1);
	say(held[0], "x");
	CHECK(hear(held[0], "1:x|"));
	say(held[2], BYE);
	CHECK(hear(held[2], NULL));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < ROOM; i++)
		close(held[i]);
	close(waits);
	stop();
}
