/*
 * url.c - fuzz target of addresses: whatever we accept libcurl accepts, with the same scheme, host
 * and port; and what is shown of it holds nothing of what comes behind the host.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const char *theirs, const char *host)
{
	unsigned char a[16], b[16];
	char other[100];
	size_t n = strlen(host);
	if (*host != '[') {
		assert(!strcmp(theirs, host));
		return;
	}
	char text[100];
	(void)snprintf(text, sizeof(text), "%.*s", (int)n - 2, host + 1);
	(void)snprintf(other, sizeof(other), "%.*s", (int)strlen(theirs) - 2, theirs + 1);
	assert(inet_pton(AF_INET6, text, a) == 1 && inet_pton(AF_INET6, other, b) == 1);
	assert(!memcmp(a, b, sizeof(a)));
}

static void compare(const char *url, const struct net_url *ours)
{
	char host[300] = "";
	char *theirs = NULL, *scheme = NULL, *port = NULL, *zone = NULL;
	CURLU *u = curl_url();
	assert(curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK);
	assert(curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
	assert(curl_url_get(u, CURLUPART_HOST, &theirs, 0) == CURLUE_OK);
	assert(curl_url_get(u, CURLUPART_ZONEID, &zone, 0) != CURLUE_OK);
	assert(!strcmp(scheme, ours->tls ? "https" : "http"));
	assert(ours->host_len < sizeof(host));
	memcpy(host, ours->host, ours->host_len);
	check_host(theirs, host);
	if (curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK)
		assert((unsigned)atoi(port) == ours->port);
	else
		assert(ours->port == 0);
	curl_free(scheme);
	curl_free(theirs);
	curl_free(port);
	curl_url_cleanup(u);
}

static void check_shown(const char *url, const struct net_url *ours)
{
	static const char hidden[] = "<redacted-path>";
	char shown[400], origin[OP_URL_ORIGIN_BYTES];
	op_url_masked(url, shown, sizeof(shown));
	assert(op_url_origin(url, origin, sizeof(origin)) == 0);
	size_t n = strlen(origin);
	assert(!strncmp(shown, origin, n) && shown[n] == '/');
	assert(!strcmp(shown + n + 1, strlen(ours->rest) > 1 || (*ours->rest && *ours->rest != '/')
					      ? hidden
					      : ""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char url[2048];
	struct net_url ours;
	if (size >= sizeof(url))
		return 0;
	memcpy(url, data, size);
	url[size] = '\0';
	if (net_url_parse(url, &ours) < 0) {
		assert(!op_url_ok(url));
		return 0;
	}
	compare(url, &ours);
	check_shown(url, &ours);
	return 0;
}
