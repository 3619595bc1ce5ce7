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
