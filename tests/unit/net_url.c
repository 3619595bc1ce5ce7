/*
 * net_url.c - which URLs can be asked, and that nothing secret of one is shown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/post.h"
#include "test.h"

static void check_masked(const char *url, const char *want)
{
	char out[128];
	op_url_masked(url, out, sizeof(out));
	CHECK_STR(out, want);
}

TEST(secrets_are_not_shown)
{
	check_masked("https://hooks.slack.com/services/T0/B0/secret",
		     "https://hooks.slack.com/<redacted-path>");
	check_masked("HTTPS://Hooks.Example:8443/x", "https://Hooks.Example:8443/<redacted-path>");
	check_masked("https://user:pass@example.org/", "https://example.org/");
	check_masked("https://example.org?token=1", "https://example.org/<redacted-path>");
	check_masked("https://example.org/?token=1", "https://example.org/<redacted-path>");
	check_masked("https://example.org/#token", "https://example.org/<redacted-path>");
	check_masked("http://example.org", "http://example.org/");
	check_masked("http://[::1]:8080/x", "http://[::1]:8080/<redacted-path>");
}

TEST(what_is_no_url_shows_nothing)
{
	check_masked("secret", "<invalid-url>");
	check_masked("ftp://example.org/secret", "<invalid-url>");
	check_masked("", "<invalid-url>");
	check_masked(NULL, "<invalid-url>");
	check_masked("https:///secret", "<invalid-url>");
	check_masked("http://ho st/secret", "<invalid-url>");
}

TEST(a_small_buffer_is_kept_to)
{
	char out[12];
	op_url_masked("https://hooks.slack.com/services", out, sizeof(out));
	CHECK_STR(out, "https://hoo");
}

TEST(long_names_are_refused)
{
	char url[600] = "http://";
	memset(url + 7, 'a', 400);
	strcpy(url + 407, "/x");
	check_masked(url, "<invalid-url>");
	CHECK(!op_url_ok(url));
}

TEST(only_http_can_be_asked)
{
	CHECK(op_url_ok("http://a/"));
	CHECK(op_url_ok("https://a"));
	CHECK(op_url_ok("https://u:p@a:1/b?c#d"));
	CHECK(!op_url_ok("mailto:a"));
	CHECK(!op_url_ok("a.example/x"));
	CHECK(!op_url_ok("http://a:99999/"));
	CHECK(!op_url_ok(NULL));
}
