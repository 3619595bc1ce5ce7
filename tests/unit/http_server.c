/*
 * http_server.c - tests of the server and the hub in one process: routes, limits, a clean end.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/hub.h>
#include <outpost/topic.h>

#include "bus_topics.h"
#include "http_support.h"

static void on_item(struct op_http_request *rq, void *arg)
{
	struct op_buf *b = op_http_body(rq);
	op_buf_printf(b, "%s|%s|%.*s", rq->params[0], rq->query, (int)rq->body_bytes,
		      (const char *)rq->body);
	op_http_field_add(rq, "X-Extra", "yes");
	op_http_answer(rq, 200, "text/plain", b->data, b->len);
}

static void on_large(struct op_http_request *rq, void *arg)
{
	static char body[600000];
	memset(body, 'x', sizeof(body));
	op_http_answer(rq, 200, "text/plain", body, sizeof(body));
}

static void on_nothing(struct op_http_request *rq, void *arg)
{
}

static void start(unsigned max_connections)
{
	struct op_http_settings set = {.host = "127.0.0.1",
				       .max_connections = max_connections,
				       .max_requests = 3,
				       .max_body = 100};
	CHECK_INT(uv_loop_init(&loop), 0);
	CHECK(op_http_raise_files(256) >= 128);
	CHECK_INT(op_http_create(&loop, &set, &http), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET | OP_HTTP_PUT, "/item/{id}", on_item, NULL), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/large", on_large, NULL), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/nothing", on_nothing, NULL), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "no-slash", on_item, NULL), -EINVAL);
}

TEST(routes_get_their_parameters)
{
	start(8);
	int fd = dial();
	say(fd, "PUT /item/a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	CHECK(hear(fd, "a b|q=1|body"));
	CHECK_HAS(got, "HTTP/1.1 200 OK\r\n");
	CHECK_HAS(got, "\r\nX-Extra: yes\r\n");
	say(fd, "HEAD /item/z HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(hear(fd, "\r\n\r\n"));
	CHECK_HAS(got, "Content-Length: 3\r\n");
	CHECK(!strstr(got, "z|"));
	say(fd,
	    "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"); /* the third and last of this connection */
	CHECK(hear(fd, NULL));
	CHECK_HAS(got, "HTTP/1.1 500 ");
	CHECK_HAS(got, "Connection: close\r\n");
	CHECK_INT(op_http_counters(http)->requests_used_up, 1);
	close(fd);
	stop();
}

TEST(a_body_over_the_limit_is_refused_before_it_is_read)
{
	start(8);
	int fd = dial();
	say(fd, "PUT /item/a HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
	CHECK(hear(fd, NULL));
	CHECK_HAS(got, "HTTP/1.1 413 ");
	close(fd);
	stop();
}

TEST(a_large_answer_waits_for_a_slow_reader)
{
	start(8);
	int fd = dial(), small = 32768;
	CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	say(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /item/2 HTTP/1.0\r\n\r\n");
	for (int i = 0; i < 50; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	int other = dial(); /* nobody else waits */
	say(other, "GET /item/1 HTTP/1.0\r\n\r\n");
	CHECK(hear(other, NULL));
	CHECK_HAS(got, "1||");
	CHECK(hear(fd, NULL));
	CHECK(got_len > 600000);
	CHECK_HAS(got + 600000, "2||");
	close(fd);
	close(other);
	stop();
}

TEST(the_oldest_that_asked_nothing_makes_room)
{
	int held[8];
	start(4);
	int good = dial();
	say(good, "GET /item/1 HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(hear(good, "1||"));
	for (size_t i = 0; i < OP_ARRAY_SIZE(held); i++) {
		held[i] = dial();
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	CHECK(hear(held[0], NULL)); /* closed without a word */
	CHECK_INT(got_len, 0);
	CHECK_INT(op_http_counters(http)->evicted, 5);
	CHECK_INT(op_http_counters(http)->open, 4);
	say(good, "GET /item/2 HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(hear(good, "2||"));
	for (size_t i = 0; i < OP_ARRAY_SIZE(held); i++)
		close(held[i]);
	close(good);
	stop();
}

TEST(the_owner_of_a_port_is_found)
{
	start(4);
	char mem[256], want[64];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_http_port_owner(op_http_port(http), &b);
	snprintf(want, sizeof(want), "process %d (", getpid());
	CHECK_HAS(mem, want);
	struct op_http *second = NULL;
	struct op_http_settings set = {.host = "127.0.0.1", .port = op_http_port(http)};
	CHECK_INT(op_http_create(&loop, &set, &second), -EADDRINUSE);
	CHECK(!second);
	stop();
}

static const char upgrade[] =
	"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

static void subscribe(int fd, const char *json)
{
	char frame[256] = {(char)0x81, (char)(0x80 | strlen(json))};
	memcpy(frame + 6, json, strlen(json));
	CHECK_INT(send(fd, frame, 6 + strlen(json), MSG_NOSIGNAL), 6 + strlen(json));
}

TEST(the_hub_shows_a_topic_and_ends_with_clients_there)
{
	struct op_hub *hub;
	struct op_writer *w;
	struct op_hub_settings set = {
		.bus_dir = op_test_dir(), .max_clients = 1, .origins = "same"};
	start(8);
	CHECK_INT(op_writer_open(op_test_dir(), "a", &tick_topic, &w, NULL), 0);
	CHECK_INT(op_hub_create(&loop, &set, &hub), 0);
	CHECK_INT(op_hub_mount(hub, http, "/ws"), 0);
	int alien = dial();
	say(alien, upgrade);
	say(alien, "Origin: http://evil.example\r\n\r\n");
	CHECK(hear(alien, NULL));
	CHECK_HAS(got, "HTTP/1.1 403 ");
	int fd = dial();
	say(fd, upgrade);
	say(fd, "Origin: http://x\r\n\r\n");
	CHECK(hear(fd, "\r\n\r\n"));
	CHECK_HAS(got, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455, 1.3 */
	subscribe(fd, "{\"subscribe\":[{\"topic\":\"a\",\"rate\":60,\"format\":\"json\"}]}");
	CHECK(hear(fd, "\"schema\""));
	struct tick t = {.number = 4711};
	op_writer_publish(w, op_now_ns(), &t);
	CHECK(hear(fd, "\"number\":4711"));
	CHECK(memmem(got, got_len, "\"seq\":[0,0],\"missed\":0", 22));
	int refused = dial();
	say(refused, upgrade);
	say(refused, "\r\n");
	CHECK(hear(refused, NULL));
	CHECK_HAS(got, "HTTP/1.1 503 ");
	CHECK_INT(op_hub_counters(hub)->clients, 1);
	CHECK_INT(op_hub_counters(hub)->refused, 2);
	op_hub_close(hub);
	stop();
	op_writer_close(w);
	close(fd);
	close(alien);
	close(refused);
}
