/*
 * http_routes.c - tests of who may ask for what, and in whose words a route says no: guards, the
 * server's token, errors, folders, the client's address.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "http_support.h"

static unsigned guarded; /* times the guard was asked */

static void on_peer(struct op_http_request *rq, void *arg)
{
	char peer[OP_HTTP_PEER_BYTES];
	struct op_buf *b = op_http_body(rq);
	op_http_peer(rq, peer);
	op_buf_printf(b, "%s %d %u", peer, op_http_peer_is_private(rq),
		      op_http_field_count(rq, "x-twice"));
	op_http_answer(rq, 200, "text/plain", b->data, b->len);
}

static void on_wrong(struct op_http_request *rq, void *arg)
{
	op_http_error(rq, 400, "wrong");
}

static void on_later(struct op_http_request *rq, void *arg)
{
	op_http_reply_error(op_http_defer(rq, NULL, NULL), 400, "later");
}

static bool guard(struct op_http_request *rq, void *arg)
{
	guarded++;
	if (op_http_field_get(rq, "x-let-me"))
		return true;
	op_http_error(rq, 401, "say please");
	return false;
}

static const char *in_words(struct op_buf *b, bool page, int status, const char *message)
{
	op_buf_printf(b, "{words %d: %s}", status, message);
	return "text/words";
}

static const char *in_html(struct op_buf *b, bool page, int status, const char *message)
{
	op_buf_printf(b, "<p>%d", status);
	return "text/html";
}

static const char *in_text(struct op_buf *b, bool page, int status, const char *message)
{
	op_buf_printf(b, "plain %d", status);
	return "text/plain";
}

static void on_last(struct op_http_request *rq, void *arg)
{
	op_http_close_after(rq);
	if (arg)
		op_http_reply_answer(op_http_defer(rq, NULL, NULL), 200, NULL, "later", 5);
	else
		op_http_answer(rq, 200, NULL, "now", 3);
}

static const struct op_http_route_options own = {.guard = guard, .error = in_words};

static void start_at(const char *host)
{
	struct op_http_settings set = {.host = host};
	guarded = 0;
	CHECK_INT(uv_loop_init(&loop), 0);
	CHECK_INT(op_http_create(&loop, &set, &http), 0);
	op_http_require_token(http, "secret");
	CHECK_INT(op_http_route_with(http, OP_HTTP_GET, "/own", on_peer, NULL, &own), 0);
	CHECK_INT(op_http_route_with(http, OP_HTTP_GET, "/own/wrong", on_wrong, NULL, &own), 0);
	CHECK_INT(op_http_route_with(http, OP_HTTP_PUT, "/own/wrong", on_later, NULL, &own), 0);
	CHECK_INT(op_http_route(http, OP_HTTP_GET, "/usual", on_peer, NULL), 0);
}

static const char *ask(const char *text)
{
	int fd = dial();
	say(fd, text);
	CHECK(hear(fd, NULL));
	close(fd);
	return got;
}

#define LET "X-Let-Me: in\r\n\r\n"
#define END " HTTP/1.0\r\n\r\n"

TEST(a_guard_stands_in_for_the_servers_token)
{
	start_at("127.0.0.1");
	CHECK_HAS(ask("GET /own" END), "HTTP/1.1 401 ");
	CHECK_HAS(got, "\r\n\r\n{words 401: say please}");
	CHECK_HAS(ask("GET /own HTTP/1.0\r\n" LET), "HTTP/1.1 200 ");
	CHECK_HAS(ask("GET /own HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n"), "1.1 401 ");
	CHECK_HAS(ask("GET /usual" END), "HTTP/1.1 401 ");
	CHECK_HAS(got, "{\"error\":{\"status\":401,");
	CHECK_HAS(ask("GET /usual HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n"), "1.1 200 ");
	CHECK_INT(guarded, 3);
	stop();
}

TEST(methods_and_what_is_not_there_are_told_to_everybody)
{
	start_at("127.0.0.1");
	CHECK_HAS(ask("OPTIONS /own/wrong" END), "HTTP/1.1 200 ");
	CHECK_HAS(got, "Allow: OPTIONS, GET, HEAD, PUT\r\n");
	CHECK_HAS(ask("DELETE /own" END), "HTTP/1.1 405 ");
	CHECK_HAS(got, "{words 405: ");
	CHECK_HAS(ask("DELETE /usual" END), "HTTP/1.1 405 ");
	CHECK_HAS(got, "{\"error\":{\"status\":405,");
	CHECK_HAS(ask("GET /nothing" END), "HTTP/1.1 404 ");
	CHECK_HAS(ask("POST /nothing" END), "HTTP/1.1 404 ");
	CHECK_INT(guarded, 0);
	stop();
}

TEST(each_error_is_in_the_words_of_its_route)
{
	start_at("127.0.0.1");
	op_http_errors(http, in_html, in_text);
	CHECK_HAS(ask("GET /own/wrong HTTP/1.0\r\n" LET), "\r\n\r\n{words 400: wrong}");
	CHECK_HAS(ask("PUT /own/wrong HTTP/1.0\r\n" LET), "\r\n\r\n{words 400: later}");
	CHECK_HAS(ask("GET /nothing" END), "\r\n\r\n<p>404");
	CHECK_HAS(got, "Content-Security-Policy: default-src 'none'; ");
	CHECK_HAS(ask("GET /a/../own" END), "\r\n\r\n<p>404");
	CHECK_HAS(ask("get /own" END), "\r\n\r\nplain 400");
	CHECK_HAS(got, "Content-Type: text/plain\r\n");
	CHECK_HAS(ask("GET /usual" END), "{\"error\":{\"status\":401,");
	CHECK_HAS(ask("PUT /own HTTP/1.0\r\nContent-Length: 70000\r\n\r\n"), "1.1 413 ");
	CHECK_HAS(got, "\r\n\r\nplain 413");
	stop();
}

TEST(the_address_of_a_client_is_told)
{
	start_at("127.0.0.1");
	CHECK_HAS(ask("GET /own HTTP/1.0\r\nX-Twice: 1\r\nx-twice: 2\r\n" LET),
		  "\r\n\r\n127.0.0.1 1 2");
	stop();
}

TEST(a_v4_client_of_a_v6_socket_is_told_as_v4)
{
	start_at(NULL);
	CHECK_HAS(ask("GET /own HTTP/1.0\r\n" LET), "\r\n\r\n127.0.0.1 1 0");
	stop();
}

/* ---- folders ----------------------------------------------------------------------------- */

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void remove_dir(const char *dir, const char *const *names, size_t n)
{
	char path[64];
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		CHECK_INT(unlink(path), 0);
	}
	CHECK_INT(rmdir(dir), 0);
}

TEST(the_folder_with_the_longest_prefix_has_the_file)
{
	static const char *const files[] = {"a.ico", "a b.txt"};
	char root[] = "/tmp/outpost-http-XXXXXX", more[] = "/tmp/outpost-http-XXXXXX";
	CHECK(mkdtemp(root) && mkdtemp(more));
	put_file(root, "a.ico", "root");
	put_file(more, "a.ico", "more");
	put_file(more, "a b.txt", "blank");
	start_at("127.0.0.1");
	CHECK_INT(op_http_static(http, root), 0);
	CHECK_INT(op_http_static_at(http, "/more/", more, OP_HTTP_OPEN | OP_HTTP_DISPOSITION), 0);
	CHECK_HAS(ask("GET /more/a.ico" END), "\r\n\r\nmore");
	CHECK_HAS(got, "Content-Type: image/vnd.microsoft.icon\r\n");
	CHECK_HAS(got, "Content-Disposition: inline; filename=a.ico\r\n");
	CHECK_HAS(ask("GET /more/a%20b.txt" END), "\r\n\r\nblank");
	CHECK(!strstr(got, "Content-Disposition"));
	CHECK_HAS(ask("GET /more" END), "HTTP/1.1 404 ");
	CHECK_HAS(ask("GET /more/%2e%2e/a.ico" END), "HTTP/1.1 404 ");
	CHECK_HAS(ask("GET /a.ico" END), "HTTP/1.1 401 "); /* this one has the server's token */
	CHECK_HAS(ask("GET /b.ico" END), "HTTP/1.1 404 ");
	CHECK_HAS(ask("GET /a.ico HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n"),
		  "\r\n\r\nroot");
	stop();
	remove_dir(root, files, 1);
	remove_dir(more, files, 2);
}

TEST(a_folder_is_refused_that_has_no_place)
{
	static const char *const prefixes[] = {"/1/", "/2/", "/3/", "/4/",
					       "/5/", "/6/", "/7/", "/8/"};
	start_at("127.0.0.1");
	CHECK_INT(op_http_static_at(http, "/more", "/tmp", 0), -EINVAL);
	CHECK_INT(op_http_static_at(http, "/more/", "/nowhere", 0), -ENOENT);
	for (size_t i = 0; i < OP_ARRAY_SIZE(prefixes); i++)
		CHECK_INT(op_http_static_at(http, prefixes[i], "/tmp", 0), 0);
	CHECK_INT(op_http_static_at(http, "/8/", "/tmp", 0), 0);
	CHECK_INT(op_http_static_at(http, "/9/", "/tmp", 0), -ENOSPC);
	stop();
}

TEST(a_connection_ends_with_the_answer_that_says_so)
{
	start_at("127.0.0.1");
	CHECK_INT(op_http_route_with(http, OP_HTTP_GET, "/now", on_last, NULL, &own), 0);
	CHECK_INT(op_http_route_with(http, OP_HTTP_GET, "/later", on_last, &loop, &own), 0);
	CHECK_HAS(ask("GET /now HTTP/1.1\r\nHost: a\r\n" LET), "Connection: close\r\n");
	CHECK_HAS(got, "\r\n\r\nnow"); /* and ask() heard the end of it */
	CHECK_HAS(ask("GET /later HTTP/1.1\r\nHost: a\r\n" LET), "Connection: close\r\n");
	CHECK_HAS(got, "\r\n\r\nlater");
	stop();
}
