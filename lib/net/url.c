/*
 * url.c - which URLs can be asked, and what may be shown of them.
 *
 * A parser of its own that refuses what another one might read otherwise, so that what is shown is
 * what will be asked: whatever it accepts libcurl understands in the same way (a test compares).
 * After RFC 3986, but the host is a name of letters, digits, "-", "_" and ".", an IPv4 address as
 * inet_pton(3) has it, or an IPv6 address in brackets. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/net/internal.h"

#define NAME_MAX_BYTES 253 /* RFC 1035 */
#define LABEL_MAX_BYTES 63

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_';
}

/* Copies what inet_pton shall see. */
static bool is_address(int family, const char *at, size_t n)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char address[sizeof(struct in6_addr)];
	if (n >= sizeof(text))
		return false;
	memcpy(text, at, n);
	text[n] = '\0';
	return inet_pton(family, text, address) == 1;
}

/* Some take "127.1", "0x7f.1" and "2130706433" for an address: a name does not end in a number. */
static bool is_number(const char *label, size_t n)
{
	bool hex = n >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
	size_t i = hex ? 2 : 0;
	while (i < n &&
	       (hex ? strchr("0123456789abcdefABCDEF", label[i]) != NULL : is_digit(label[i])))
		i++;
	return i == n;
}

/* Labels with "." between them, and perhaps one at the end. */
static bool is_name(const char *at, size_t n)
{
	size_t begin = 0, last = 0, last_len = 0;
	if (n == 0 || n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && is_name_char(at[i]))
			continue;
		size_t len = i - begin;
		if (i < n && at[i] != '.')
			return false;
		if (len == 0)
			return i == n && i > 0 && last_len > 0 && !is_number(at + last, last_len);
		if (len > LABEL_MAX_BYTES)
			return false;
		last = begin;
		last_len = len;
		begin = i + 1;
	}
	return !is_number(at + last, last_len);
}

static bool is_host(const char *at, size_t n)
{
	if (n > 2 && at[0] == '[' && at[n - 1] == ']')
		return is_address(AF_INET6, at + 1, n - 2);
	return is_address(AF_INET, at, n) || is_name(at, n);
}

/* ":" and digits; none of them is no port (RFC 3986, 3.2.3). */
static bool read_port(const char *at, size_t n, unsigned *ret)
{
	unsigned port = 0;
	if (n > 6)
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!is_digit(at[i]))
			return false;
		port = port * 10 + (unsigned)(at[i] - '0');
	}
	*ret = port;
	return port <= 65535 && (n <= 1 || port > 0);
}

/* "user:password@host:port" */
static bool read_authority(const char *at, size_t n, struct net_url *u)
{
	const char *sign = memchr(at, '@', n), *end = at + n;
	for (const char *c = at; c < end; c++)
		if ((unsigned char)*c >= 0x80 || *c == '\\')
			return false;
	for (const char *c = at; sign && c < sign; c++)
		if (*c == '[' || *c == ']')
			return false;
	u->host = sign ? sign + 1 : at;
	size_t left = (size_t)(end - u->host);
	const char *bracket = left > 0 && *u->host == '[' ? memchr(u->host, ']', left) : NULL;
	const char *from = bracket ? bracket : u->host;
	const char *colon = memchr(from, ':', (size_t)(end - from));
	u->host_len = (size_t)((colon ? colon : end) - u->host);
	return is_host(u->host, u->host_len) &&
	       (!colon || read_port(colon, (size_t)(end - colon), &u->port));
}

/* What no URL holds as it is (RFC 3986, 2): blanks and control characters. */
static bool is_clean(const char *url)
{
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return true;
}

int net_url_parse(const char *url, struct net_url *ret)
{
	struct net_url u = {.tls = url && !strncasecmp(url, "https://", 8)};
	if (!url || (!u.tls && strncasecmp(url, "http://", 7) != 0) || !is_clean(url))
		return -EINVAL;
	const char *at = url + (u.tls ? 8 : 7);
	size_t n = strcspn(at, "/?#");
	if (!read_authority(at, n, &u))
		return -EINVAL;
	u.rest = at + n;
	*ret = u;
	return 0;
}

static int put_origin(const struct net_url *u, char *out, size_t size)
{
	struct op_buf buf;
	op_buf_init_fixed(&buf, out, size);
	op_buf_puts(&buf, u->tls ? "https://" : "http://");
	op_buf_put(&buf, u->host, u->host_len);
	if (u->port)
		op_buf_printf(&buf, ":%u", u->port);
	return buf.err ? -EINVAL : 0; /* no name of a host is that long */
}

bool op_url_ok(const char *url)
{
	struct net_url u;
	return net_url_parse(url, &u) == 0;
}

void op_url_masked(const char *url, char *out, size_t size)
{
	char origin[OP_URL_ORIGIN_BYTES];
	struct net_url u;
	if (net_url_parse(url, &u) < 0 || put_origin(&u, origin, sizeof(origin)) < 0)
		(void)snprintf(out, size, "<invalid-url>"); /* cut where size says */
	else
		(void)snprintf(out, size, "%s/%s", origin,
			       *u.rest && strcmp(u.rest, "/") != 0 ? "<redacted-path>" : "");
}

int op_url_origin(const char *url, char *out, size_t size)
{
	struct net_url u;
	int r = net_url_parse(url, &u);
	if (r == 0)
		r = put_origin(&u, out, size);
	if (r < 0 && size > 0)
		*out = '\0';
	return r;
}
