/*
 * http_request.c - tests of lib/http/request.c, of patterns and of addresses: what is taken, what
 * is refused.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>

#include "lib/http/internal.h"
#include "test.h"

static char text[OP_HTTP_HEAD_MAX + 1], path[OP_HTTP_HEAD_MAX + 1];
static struct op_http_field fields[OP_HTTP_FIELDS_MAX];
static struct http_head head;
static struct http_rules rules = {.max_head = OP_HTTP_HEAD_MAX, .max_fields = OP_HTTP_FIELDS_MAX};

static int parse_n(const char *p, size_t n)
{
	/* A copy of exactly n bytes, so that a sanitizer sees a step too far. */
	char *exact = malloc(n ? n : 1);
	memcpy(exact, p, n);
	int r = http_head_parse(exact, n, &rules, text, path, fields, &head);
	free(exact);
	return r;
}

static int parse(const char *p)
{
	return parse_n(p, strlen(p));
}

TEST(a_request_is_taken_apart)
{
	const char *p = "GET /api/a%20b?x=1&y=%41+c HTTP/1.1\r\nHost: box:5000\r\nAccept:  */* "
			"\r\n\r\nrest";
	CHECK_INT(parse(p), strlen(p) - 4);
	CHECK_INT(head.rq.method, OP_HTTP_GET);
	CHECK_STR(head.rq.path, "/api/a b");
	CHECK_STR(head.rq.query, "x=1&y=%41+c");
	CHECK_INT(head.rq.n_fields, 2);
	CHECK_STR(op_http_field_get(&head.rq, "accept"), "*/*");
	CHECK(!op_http_field_get(&head.rq, "cookie"));
	char out[16];
	CHECK_INT(op_http_query(&head.rq, "y", out, sizeof(out)), 1);
	CHECK_STR(out, "A c");
	CHECK_INT(op_http_query(&head.rq, "z", out, sizeof(out)), 0);
	CHECK_INT(op_http_query(&head.rq, "y", out, 3), -ENOBUFS);
	CHECK(head.keep);
}

TEST(a_parameter_that_cannot_be_read_is_told_from_one_that_is_not_there)
{
	char out[16];
	CHECK(parse("GET /?a=%00&b=1&b=1&c=%4&d&e=%zz&d1=7 HTTP/1.1\r\nHost: x\r\n\r\n") > 0);
	CHECK_INT(op_http_query(&head.rq, "a", out, sizeof(out)), -EILSEQ);
	CHECK_INT(op_http_query(&head.rq, "b", out, sizeof(out)), -EEXIST);
	CHECK_STR(out, "");
	CHECK_INT(op_http_query(&head.rq, "c", out, sizeof(out)), -EILSEQ);
	CHECK_INT(op_http_query(&head.rq, "d", out, sizeof(out)), 1);
	CHECK_STR(out, "");
	CHECK_INT(op_http_query(&head.rq, "e", out, sizeof(out)), -EILSEQ);
	CHECK_INT(op_http_query(&head.rq, "d1", out, sizeof(out)), 1);
	CHECK_STR(out, "7");
}

TEST(every_prefix_of_a_request_waits_for_more)
{
	const char *p = "\r\nPUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n";
	for (size_t n = 0; n < strlen(p); n++)
		CHECK_INT(parse_n(p, n), 0);
	CHECK_INT(parse(p), strlen(p));
	CHECK_INT(head.content_length, 12);
}

static const struct {
	const char *request;
	int status;
} refused[] = {
	{"\x16\x03\x01\x02", 400}, /* TLS */
	{"GET / HTTP/1.1\n\n", 400},
	{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /\r\n\r\n", 400},
	{"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
	{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
	{"GET / HTTX/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400}, /* blank before the colon */
	{"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
	{"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
	{"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	 "Transfer-Encoding: chunked\r\n\r\n",
	 400},
	{"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /a%2f..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 404},
	{"GET /. HTTP/1.1\r\nHost: a\r\n\r\n", 404},
};

TEST(malformed_requests_are_refused)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(refused); i++)
		if (parse(refused[i].request) != -refused[i].status)
			op_test_fail(__FILE__, __LINE__, "got %d, want %d for:\n%s",
				     parse(refused[i].request), -refused[i].status,
				     refused[i].request);
	CHECK_INT(parse_n("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 31), -400);
}

TEST(other_methods_are_taken_where_that_is_set)
{
	rules.any_method = true;
	CHECK(parse("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
	CHECK_INT(head.rq.method, OP_HTTP_OTHER);
	CHECK_STR(head.rq.path, "/pot");
	CHECK_INT(parse("brew / HTTP/1.1\r\nHost: a\r\n\r\n"), -400);
	CHECK_INT(parse("Get / HTTP/1.1\r\nHost: a\r\n\r\n"), -400);
	rules.any_method = false;
}

TEST(what_is_too_large_is_refused)
{
	static char big[OP_HTTP_HEAD_MAX * 2];
	size_t n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(big + n, 'a', OP_HTTP_HEAD_MAX);
	CHECK_INT(parse_n(big, n + OP_HTTP_HEAD_MAX), -431);
	memset(big, 'a', OP_HTTP_HEAD_MAX);
	memcpy(big, "GET /", 5);
	CHECK_INT(parse_n(big, OP_HTTP_HEAD_MAX), -414);
	n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < OP_HTTP_FIELDS_MAX; i++)
		n += (size_t)sprintf(big + n, "X%d: y\r\n", i);
	n += (size_t)sprintf(big + n, "\r\n");
	CHECK_INT(parse_n(big, n), -431);
}

TEST(connections_are_kept_as_the_version_and_the_client_say)
{
	CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n") > 0 &&
	      !head.keep);
	CHECK(parse("GET / HTTP/1.0\r\n\r\n") > 0 && !head.keep);
	CHECK(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") > 0 && !head.keep);
	CHECK(parse("GET http://box/p?q HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
	CHECK_STR(head.rq.path, "/p");
	CHECK(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
}

TEST(lists_know_quality_zero)
{
	CHECK(op_http_list_has("br, gzip;q=0.5", "gzip"));
	CHECK(op_http_list_has("GZIP", "gzip"));
	CHECK(!op_http_list_has("gzip;q=0", "gzip"));
	CHECK(!op_http_list_has("gzip; q=0.000", "gzip"));
	CHECK(op_http_list_has("gzip; q=0.001", "gzip"));
	CHECK(!op_http_list_has("gzipped, x-gzip", "gzip"));
	CHECK(!op_http_list_has("", "gzip"));
}

TEST(patterns_match_whole_segments)
{
	const char *params[OP_HTTP_PARAMS_MAX] = {0};
	char p[] = "/api/topics/pbt.sample/last";
	CHECK(!http_pattern_match("/api/topics/{name}", p, params));
	CHECK(http_pattern_match("/api/topics/{name}/{what}", p, params));
	CHECK_STR(params[0], "pbt.sample");
	CHECK_STR(params[1], "last");
	char q[] = "/api/topics/";
	CHECK(!http_pattern_match("/api/topics/{name}", q, params));
	char r[] = "/health";
	CHECK(http_pattern_match("/health", r, params));
	CHECK(!http_pattern_match("/health/", r, params));
	CHECK(!http_pattern_match("/heal", r, params));
}

static bool is_private(const char *address)
{
	struct sockaddr_storage a = {0};
	struct sockaddr_in *four = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a;
	a.ss_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	CHECK_INT(inet_pton(a.ss_family, address,
			    a.ss_family == AF_INET ? (void *)&four->sin_addr
						   : (void *)&six->sin6_addr),
		  1);
	return http_address_is_private(&a);
}

TEST(private_networks_are_known)
{
	static const char *const yes[] = {"127.0.0.1",      "127.255.0.9",     "10.0.0.1",
					  "10.255.255.255", "172.16.0.1",      "172.31.255.1",
					  "192.168.1.1",    "169.254.3.4",     "::1",
					  "fe80::1",        "febf::1",         "fd12:3456::1",
					  "fc00::1",        "::ffff:10.1.2.3", "::ffff:127.0.0.1"};
	static const char *const no[] = {
		"8.8.8.8",        "11.0.0.1",    "9.255.255.255", "172.15.0.1", "172.32.0.1",
		"192.169.0.1",    "192.167.0.1", "169.253.0.1",   "100.64.0.1", "128.0.0.1",
		"0.0.0.0",        "2001:db8::1", "fec0::1",       "fe00::1",    "::",
		"::ffff:8.8.8.8", "::8.8.8.8"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(yes); i++)
		if (!is_private(yes[i]))
			op_test_fail(__FILE__, __LINE__, "%s", yes[i]);
	for (size_t i = 0; i < OP_ARRAY_SIZE(no); i++)
		if (is_private(no[i]))
			op_test_fail(__FILE__, __LINE__, "%s", no[i]);
	struct sockaddr_storage local = {.ss_family = AF_UNIX};
	CHECK(!http_address_is_private(&local));
}

TEST(prometheus_text_is_escaped)
{
	char mem[512];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_prom_head(&b, "a.b-c", "gauge", "one\\two\nthree");
	op_prom_value(&b, "a.b-c", (const char *[]){"x", "q\"\\\n", "y", "z", NULL}, 0.5);
	op_prom_count(&b, "n", NULL, UINT64_MAX);
	CHECK_STR(b.data, "# HELP a_b_c one\\\\two\\nthree\n# TYPE a_b_c gauge\n"
			  "a_b_c{x=\"q\\\"\\\\\\n\",y=\"z\"} 0.5\nn 18446744073709551615\n");
}
