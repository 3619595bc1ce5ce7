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

static void check_origin(const char *url, int want, const char *shown)
{
	char out[300];
	CHECK_INT(op_url_origin(url, out, sizeof(out)), want);
	CHECK_STR(out, shown);
}

TEST(the_origin_is_scheme_host_and_port)
{
	check_origin("https://hooks.slack.com/services/T0/B0/x", 0, "https://hooks.slack.com");
	check_origin("HTTPS://Hooks.Slack.com:8443/x?y#z", 0, "https://Hooks.Slack.com:8443");
	check_origin("http://user:secret@example.org/", 0, "http://example.org");
	check_origin("http://[::1]:80", 0, "http://[::1]:80");
	check_origin("example.org/secret", -EINVAL, "");
	check_origin("ftp://example.org/secret", -EINVAL, "");
	check_origin(NULL, -EINVAL, "");
	char small[8];
	CHECK_INT(op_url_origin("https://hooks.slack.com", small, sizeof(small)), -EINVAL);
	CHECK_STR(small, "");
}

static void check_scrubbed(const char *text, const char *want)
{
	char out[200];
	op_url_scrub("https://peter:password@h.example/services/T0SECRET/B0SECRET?token=canary99",
		     text, out, sizeof(out));
	CHECK_STR(out, want);
}

TEST(what_a_receiver_writes_of_the_url_is_not_passed_on)
{
	check_scrubbed("no such hook", "no such hook");
	check_scrubbed("POST /services/T0SECRET/B0SECRET?token=canary99 failed",
		       "POST <redacted-path> failed");
	check_scrubbed("\"\\/services\\/T0SECRET\\/B0SECRET\"",
		       "\"\\/<redacted-path>\\/<redacted-path>\\/<redacted-path>\"");
	check_scrubbed("https://peter:password@h.example/services/T0SECRET/"
		       "B0SECRET?token=canary99",
		       "<redacted-path>");
	check_scrubbed("user peter:password, B0SECRET, canary99",
		       "user <redacted-path>, <redacted-path>, <redacted-path>");
	check_scrubbed("the password is wrong\r\n\033[1m", "the <redacted-path> is wrong   [1m");
	check_scrubbed("", "");
}
