/*
 * url.c - which URLs can be asked, and what may be shown of them.
 *
 * Split by libcurl's own parser, so that what is shown is what will be asked. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/internal.h"

static void put_part(CURLU *u, CURLUPart part, const char *before, struct op_buf *out)
{
	char *text = NULL;
	if (curl_url_get(u, part, &text, 0) == CURLUE_OK && *text) {
		op_buf_puts(out, before);
		for (const char *c = text; *c; c++)
			op_buf_putc(out, *c > ' ' && *c < 0x7f ? *c : '?');
	}
	curl_free(text);
}

static bool is_http(CURLU *u)
{
	char *scheme = NULL;
	bool yes = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		   (!strcmp(scheme, "http") || !strcmp(scheme, "https"));
	curl_free(scheme);
	return yes;
}

static bool has_more(CURLU *u)
{
	char *path = NULL, *query = NULL, *fragment = NULL;
	bool more = (curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/")) ||
		    curl_url_get(u, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
		    curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK;
	curl_free(path);
	curl_free(query);
	curl_free(fragment);
	return more;
}

/* The parsed URL, or NULL if it cannot be asked. libcurl forgives a slash too many or too few, and
 * takes a part of the path for the host then. */
static CURLU *parse(const char *url)
{
	const char *rest = strchr(url, ':');
	bool slashes = rest && !strncmp(rest, "://", 3) && rest[3] != '/';
	CURLU *u = slashes ? curl_url() : NULL;
	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && is_http(u))
		return u;
	curl_url_cleanup(u);
	return NULL;
}

static int put_origin(CURLU *u, char *ret, size_t size)
{
	struct op_buf out;
	op_buf_init_fixed(&out, ret, size);
	put_part(u, CURLUPART_SCHEME, "", &out);
	put_part(u, CURLUPART_HOST, "://", &out);
	put_part(u, CURLUPART_PORT, ":", &out);
	return out.err ? -EINVAL : 0; /* no name of a host is that long */
}

int net_url_origin(const char *url, char *ret, size_t size)
{
	CURLU *u = url ? parse(url) : NULL;
	int r = u ? put_origin(u, ret, size) : -EINVAL;
	curl_url_cleanup(u);
	return r;
}

bool op_url_ok(const char *url)
{
	char origin[NET_ORIGIN_BYTES];
	return net_url_origin(url, origin, sizeof(origin)) == 0;
}

void op_url_masked(const char *url, char *out, size_t size)
{
	char origin[NET_ORIGIN_BYTES];
	CURLU *u = url ? parse(url) : NULL;
	if (u && put_origin(u, origin, sizeof(origin)) == 0)
		(void)snprintf(out, size, "%s/%s", origin,
			       has_more(u) ? "<redacted-path>" : ""); /* cut where size says */
	else
		(void)snprintf(out, size, "<invalid-url>"); /* the same */
	curl_url_cleanup(u);
}

int op_url_origin(const char *url, char *out, size_t size)
{
	int r = net_url_origin(url, out, size);
	if (r < 0 && size > 0)
		*out = '\0';
	return r;
}

/* ---- what strangers write of a URL ------------------------------------------------------ */

#define SCRUB_PARTS 32
#define SCRUB_LEAST 6 /* shorter parts are words like "api" */

struct scrub {
	const char *at[SCRUB_PARTS]; /* into the URL */
	size_t len[SCRUB_PARTS];
	size_t n;
};

static void scrub_add(struct scrub *s, const char *at, size_t len)
{
	if (len < SCRUB_LEAST || s->n >= SCRUB_PARTS)
		return;
	s->at[s->n] = at;
	s->len[s->n++] = len;
}

/* The longest first: all of it, what follows the host, and each part of either. */
static void scrub_parts(const char *url, struct scrub *s)
{
	const char *host = strstr(url, "://");
	const char *begin = host ? host + 3 : url;
	size_t n = strcspn(begin, "/?#");
	const char *at_sign = memchr(begin, '@', n), *rest = begin + n;
	scrub_add(s, url, *rest && rest[1] ? strlen(url) : 0);
	scrub_add(s, rest, strlen(rest));
	if (at_sign)
		scrub_add(s, begin, (size_t)(at_sign - begin));
	for (const char *c = rest; *c; c += strcspn(c, "/?#&="), c += *c != '\0')
		scrub_add(s, c, strcspn(c, "/?#&="));
	for (const char *c = begin; at_sign && c < at_sign; c += strcspn(c, ":@") + 1)
		scrub_add(s, c, strcspn(c, ":@"));
}

/* The length of the secret that text begins with; 0: none. */
static size_t scrub_match(const struct scrub *s, const char *text)
{
	size_t longest = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->len[i] > longest && !strncmp(text, s->at[i], s->len[i]))
			longest = s->len[i];
	return longest;
}

void op_url_scrub(const char *url, const char *text, char *out, size_t size)
{
	struct scrub s = {.n = 0};
	struct op_buf buf;
	op_buf_init_fixed(&buf, out, size);
	scrub_parts(url ? url : "", &s);
	while (*text && !buf.err) {
		size_t n = scrub_match(&s, text);
		if (n)
			op_buf_puts(&buf, "<redacted-path>");
		else
			op_buf_putc(&buf,
				    (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
		text += n ? n : 1;
	}
}
