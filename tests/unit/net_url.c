/*
 * net_url.c - which URLs can be asked, and that nothing secret of one is shown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>

#include "lib/net/internal.h"
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
	check_scrubbed("Basic cGV0ZXI6cGFzc3dvcmQ=", "Basic <redacted-path>=");
	check_scrubbed("https://peter:password@h.example/services/T0SECRET/"
		       "B0SECRET?token=canary99",
		       "<redacted-path>");
	check_scrubbed("user peter:password, B0SECRET, canary99",
		       "user <redacted-path>, <redacted-path>, <redacted-path>");
	check_scrubbed("the password is wrong\r\n\033[1m", "the <redacted-path> is wrong   [1m");
	check_scrubbed("", "");
}

static void check_escaped(const char *text, const char *want)
{
	char out[200];
	op_url_scrub("https://me%40here:pa%2fss%2Bword@h.example/a%20secret", text, out,
		     sizeof(out));
	CHECK_STR(out, want);
}

TEST(however_it_is_escaped)
{
	check_escaped("pa/ss+word, pa%2Fss%2bword", "<redacted-path>, <redacted-path>");
	check_escaped("pa\\/ss+word, pa\\u002Fss\\u002bword", "<redacted-path>, <redacted-path>");
	check_escaped("me@here:pa/ss+word", "<redacted-path>");
	check_escaped("Basic bWVAaGVyZTpwYS9zcyt3b3Jk", "Basic <redacted-path>");
	check_escaped("a secret a%20secret", "<redacted-path> <redacted-path>");
	check_escaped("pa%2", "pa%2");
	check_escaped("pa\\", "pa\\");
	check_escaped("pa\\u002", "pa\\u002");
}

TEST(of_too_many_parts_nothing_is_shown)
{
	char url[1000] = "http://h.example", out[200];
	for (int i = 0; i < 70; i++)
		(void)snprintf(url + strlen(url), 16, "/secret%d", i);
	op_url_scrub(url, "secret69", out, sizeof(out));
	CHECK_STR(out, "<redacted>");
	op_url_scrub(url, "", out, sizeof(out));
	CHECK_STR(out, "");
}

/* ---- beside libcurl's parser ------------------------------------------------------------- */

TEST(what_could_be_read_in_two_ways_is_refused)
{
	static const char *const refused[] = {
		"http://a\\@b/",
		"http://a\\b/",
		"http://a@b@c/",
		"http:\\\\a/",
		"http:/a/",
		"http:///a/",
		"http:a/",
		"http://",
		"https://?x",
		"https://#x",
		"http://@/",
		"http://u@/",
		"http://:80/",
		"http://u:p@:80/",
		"http://a:b/",
		"http://a:80:80/",
		"http://a:+80/",
		"http://a:-1/",
		"http://a:0/",
		"http://a:65536/",
		"http://a:4294967376/",
		"http://a: 80/",
		"http://a:8a/",
		" http://a/",
		"http://a/ ",
		"http://a/\tb",
		"http://a/\nb",
		"http://a\r/",
		"http://a/\x7f",
		"http://127.1/",
		"http://0x7f.1/",
		"http://2130706433/",
		"http://0x7f000001/",
		"http://017700000001/",
		"http://127.0.0.01/",
		"http://1.2.3.256/",
		"http://1.2.3.4.5/",
		"http://1.2.3.4./",
		"http://a.1/",
		"http://a.0x/",
		"http://[::1/",
		"http://::1/",
		"http://[::1]x/",
		"http://[]/",
		"http://[1.2.3.4]/",
		"http://[fe80::1%25eth0]/",
		"http://[fe80::1%eth0]/",
		"http://[v1.a]/",
		"http://[::1]]/",
		"http://[[::1]]/",
		"http://a..b/",
		"http://.a/",
		"http://./",
		"http://a.b../",
		"http://a%2eb/",
		"http://%61/",
		"http://a,b/",
		"http://a;b/",
		"http://a*/",
		"http://a!b/",
		"http://a'b/",
		"http://a\"b/",
		"http://a<b>/",
		"http://a|b/",
		"http://a{b}/",
		"http://a^b/",
		"http://m\xc3\xbcnchen.example/",
		"http://a\xef\xbc\x8f/",
		"http://\xe2\x80\xae/",
		"http://u[@a/",
		"http://u\xc3\xbc@a/",
		"httpx://a/",
		"file:///etc/passwd",
		"gopher://a/",
		"javascript:1",
		"//a/",
		"a/",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(refused); i++)
		if (op_url_ok(refused[i]))
			op_test_fail(__FILE__, __LINE__, "accepted: %s", refused[i]);
}

TEST(what_is_plain_is_accepted)
{
	static const char *const accepted[] = {
		"http://a/",
		"http://a-b.c_d.e/",
		"http://localhost",
		"http://localhost.:1/",
		"http://127.0.0.1/",
		"http://[::1]/",
		"http://[2001:db8::1]:65535/x",
		"http://[::ffff:1.2.3.4]/",
		"http://a:/",
		"http://a:080/",
		"HTTPS://A/",
		"http://u:p:q@a/",
		"http://u%40v@a/",
		"http://@a/",
		"http://:@a/",
		"http://1a/",
		"http://1.2.3.4a/",
		"http://0x7g/",
		"http://a/@b",
		"http://a?@b",
		"http://a#@b",
		"http://a/\\b",
		"http://a/[b]",
		"http://a/b\xc3\xbc",
		"http://xn--mnchen-3ya.example/",
		"https://hooks.slack.com/services/T0123ABCD/B0123ABCD/abcdefghijklmnopqrstuvwx",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(accepted); i++)
		if (!op_url_ok(accepted[i]))
			op_test_fail(__FILE__, __LINE__, "refused: %s", accepted[i]);
}

static uint64_t state = 0x9e3779b97f4a7c15;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static void add(char *url, const char *const *from, unsigned n)
{
	strncat(url, from[pick(n)], 400 - strlen(url));
}

/* A URL of parts that somebody might read in two ways, and perhaps a byte that is changed. */
static void make(char *url)
{
	static const char *const schemes[] = {"http://",   "https://", "HTTP://", "hTTps://",
					      "http:/",    "http:///", "ftp://",  "",
					      "http:\\\\", "https:"};
	static const char *const users[] = {"",    "",       "",     "u@",   "u:p@", "@",
					    ":@",  "u:p:q@", "u@v@", "u\\@", "u/@",  "u?@",
					    "u#@", "%40@",   "[u]@", "u;v@"};
	static const char *const hosts[] = {
		"a",
		"a.b",
		"hooks.slack.com",
		"localhost.",
		"A-b_c",
		"127.0.0.1",
		"127.1",
		"1.2.3",
		"0x7f.1",
		"0177.0.0.1",
		"2130706433",
		"1.2.3.4.",
		"256.1.1.1",
		"1.2.3.4a",
		"a.1",
		"[::1]",
		"[::ffff:1.2.3.4]",
		"[2001:DB8:0:0::1]",
		"[fe80::1%25eth0]",
		"[::1",
		"::1",
		"[]",
		"[1.2.3.4]",
		"[::1]a",
		"",
		".",
		"a..b",
		"a%2eb",
		"%61",
		"a,b",
		"a;b",
		"a b",
		"m\xc3\xbcnchen",
		"a\xef\xbc\x8f",
		"a\\b",
		"a\tb",
		"a|b",
		"a'b",
		"a*b",
		"xn--a",
		"1e5",
		"0x",
		"09",
		"a=b",
		"a&b",
		"a$b",
		"a(b)",
		"a+b",
		"a~b",
		"a!b",
		"a\"b",
		"a<b",
	};
	static const char *const ports[] = {"",    "",       "",       ":",      ":80",
					    ":0",  ":00080", ":65535", ":65536", ":99999999999",
					    ":-1", ":+1",    ":8a",    ":80:80", ":%38"};
	static const char *const rests[] = {"",       "/",     "/x",     "?x",     "#x",
					    "/x?y#z", "/@b",   "?@b",    "#@b",    "\\x",
					    "/\\x",   "/../x", "//b",    "/x y",   "/\x01",
					    "/\xff",  "/:80",  "/[::1]", "?a:b@c", ";x"};
	url[0] = '\0';
	add(url, schemes, pick(4) ? 4 : OP_ARRAY_SIZE(schemes));
	add(url, users, OP_ARRAY_SIZE(users));
	add(url, hosts, OP_ARRAY_SIZE(hosts));
	add(url, ports, OP_ARRAY_SIZE(ports));
	add(url, rests, OP_ARRAY_SIZE(rests));
	size_t n = strlen(url);
	if (n > 0 && pick(3) == 0)
		url[pick((unsigned)n)] = (char)(1 + pick(255));
}

static char *part(CURLU *u, CURLUPart what)
{
	char *text = NULL;
	return curl_url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool same_host(const char *theirs, const struct net_url *ours)
{
	char host[400] = "";
	unsigned char a[16], b[16];
	memcpy(host, ours->host, ours->host_len);
	if (*host != '[')
		return !strcmp(theirs, host);
	char *end = strchr(host, ']'), other[100];
	(void)snprintf(other, sizeof(other), "%.*s", (int)strcspn(theirs + 1, "]"), theirs + 1);
	*end = '\0';
	return inet_pton(AF_INET6, host + 1, a) == 1 && inet_pton(AF_INET6, other, b) == 1 &&
	       !memcmp(a, b, sizeof(a));
}

/* Whatever we accept libcurl accepts, and goes to the same place. */
static void compare(const char *url, unsigned *ret_both, unsigned *ret_they)
{
	struct net_url ours;
	CURLU *u = curl_url();
	bool they = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
	*ret_they += they;
	if (net_url_parse(url, &ours) < 0) {
		curl_url_cleanup(u);
		return;
	}
	(*ret_both)++;
	char *scheme = they ? part(u, CURLUPART_SCHEME) : NULL;
	char *host = they ? part(u, CURLUPART_HOST) : NULL, *zone = part(u, CURLUPART_ZONEID);
	char *port = they ? part(u, CURLUPART_PORT) : NULL;
	bool same = scheme && host && !zone && !strcmp(scheme, ours.tls ? "https" : "http") &&
		    same_host(host, &ours) && (port ? (unsigned)atoi(port) : 0) == ours.port;
	if (!same)
		op_test_fail(__FILE__, __LINE__, "%s: %.*s:%u here, %s:%s for libcurl", url,
			     (int)ours.host_len, ours.host, ours.port, host ? host : "refused",
			     port ? port : "");
	curl_free(scheme);
	curl_free(host);
	curl_free(zone);
	curl_free(port);
	curl_url_cleanup(u);
}

TEST(what_is_shown_is_what_libcurl_asks)
{
	unsigned both = 0, they = 0;
	char url[512];
	for (unsigned i = 0; i < 100000; i++) {
		make(url);
		compare(url, &both, &they);
	}
	CHECK(both > 5000 && they > both && they < 90000); /* it is a test of both */
}
