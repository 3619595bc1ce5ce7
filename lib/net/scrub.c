/*
 * scrub.c - what strangers write of a URL, without what is secret in it.
 *
 * The secrets of a URL are its path, query, user and password, whole and in parts. They are found
 * as they stand there, percent-encoded or not, as JSON escapes them, and as the Authorization field
 * has them (RFC 7617). Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/post.h"

#define SCRUB_PARTS 64
#define SCRUB_LEAST 6 /* shorter parts are words like "api" */
#define BASIC_MAX 8192

struct scrub {
	const char *at[SCRUB_PARTS]; /* into the URL, or into basic */
	size_t len[SCRUB_PARTS];
	size_t n;
	bool more; /* than there is room for */
	struct op_buf basic;
};

/* ---- one character, however it is written ----------------------------------------------- */

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "%2f"; its length, 0: it is none. */
static size_t percent(const char *at, size_t n, unsigned char *ret)
{
	if (n < 3 || at[0] != '%' || digit(at[1]) < 0 || digit(at[2]) < 0)
		return 0;
	*ret = (unsigned char)(digit(at[1]) << 4 | digit(at[2]));
	return 3;
}

/* A backslash and the character, or \u002f. */
static size_t escape(const char *at, size_t n, unsigned char *ret)
{
	if (n < 2 || at[0] != '\\')
		return 0;
	if (n >= 6 && !strncmp(at + 1, "u00", 3) && digit(at[4]) >= 0 && digit(at[5]) >= 0) {
		*ret = (unsigned char)(digit(at[4]) << 4 | digit(at[5]));
		return 6;
	}
	*ret = (unsigned char)at[1];
	return 2;
}

static size_t in_url(const char *at, size_t n, unsigned char *ret)
{
	size_t len = percent(at, n, ret);
	if (!len)
		*ret = (unsigned char)*at;
	return len ? len : 1;
}

/* The length of what stands for the character at the begin of the text; 0: something else does. */
static size_t stands_for(unsigned char c, const char *text, size_t n)
{
	unsigned char other;
	if (n > 0 && (unsigned char)*text == c)
		return 1;
	size_t len = percent(text, n, &other);
	if (!len)
		len = escape(text, n, &other);
	return len && other == c ? len : 0;
}

/* ---- the parts -------------------------------------------------------------------------- */

static void scrub_add(struct scrub *s, const char *at, size_t len)
{
	s->more |= len >= SCRUB_LEAST && s->n >= SCRUB_PARTS;
	if (len < SCRUB_LEAST || s->n >= SCRUB_PARTS)
		return;
	s->at[s->n] = at;
	s->len[s->n++] = len;
}

/* In base64, without its padding. */
static void add_basic(struct scrub *s, const char *at, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, have = 0;
	for (size_t i = 0; i < n;) {
		unsigned char c;
		i += in_url(at + i, n - i, &c);
		bits = bits << 8 | c;
		for (have += 8; have >= 6; have -= 6)
			op_buf_putc(&s->basic, digits[bits >> (have - 6) & 63]);
	}
	if (have)
		op_buf_putc(&s->basic, digits[bits << (6 - have) & 63]);
	s->more |= s->basic.err != 0;
	if (!s->basic.err)
		scrub_add(s, s->basic.data, s->basic.len);
}

/* All of it, what follows the host, and each part of either. */
static void scrub_parts(const char *url, struct scrub *s)
{
	const char *host = strstr(url, "://");
	const char *begin = host ? host + 3 : url;
	size_t n = strcspn(begin, "/?#");
	const char *at_sign = memrchr(begin, '@', n), *rest = begin + n;
	scrub_add(s, url, *rest && rest[1] ? strlen(url) : 0);
	scrub_add(s, rest, strlen(rest));
	if (at_sign) {
		scrub_add(s, begin, (size_t)(at_sign - begin));
		add_basic(s, begin, (size_t)(at_sign - begin));
	}
	for (const char *c = rest; *c; c += strcspn(c, "/?#&="), c += *c != '\0')
		scrub_add(s, c, strcspn(c, "/?#&="));
	for (const char *c = begin; at_sign && c < at_sign; c += strcspn(c, ":@") + 1)
		scrub_add(s, c, strcspn(c, ":@"));
}

/* ---- the text --------------------------------------------------------------------------- */

static size_t matches(const char *part, size_t len, const char *text, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < len;) {
		unsigned char c;
		i += in_url(part + i, len - i, &c);
		size_t used = stands_for(c, text + at, n - at);
		if (!used)
			return 0;
		at += used;
	}
	return at;
}

/* The length of the longest secret that the text begins with; 0: none. */
static size_t scrub_match(const struct scrub *s, const char *text, size_t n)
{
	size_t longest = 0;
	for (size_t i = 0; i < s->n; i++) {
		size_t len = matches(s->at[i], s->len[i], text, n);
		longest = len > longest ? len : longest;
	}
	return longest;
}

static void scrub_text(const struct scrub *s, const char *text, struct op_buf *out)
{
	size_t left = strlen(text);
	while (left && !out->err) {
		size_t n = scrub_match(s, text, left);
		if (n)
			op_buf_puts(out, "<redacted-path>");
		else
			op_buf_putc(out, (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

void op_url_scrub(const char *url, const char *text, char *out, size_t size)
{
	struct scrub s = {.n = 0};
	struct op_buf buf;
	op_buf_init(&s.basic, BASIC_MAX);
	op_buf_init_fixed(&buf, out, size);
	scrub_parts(url ? url : "", &s);
	if (!s.more)
		scrub_text(&s, text, &buf);
	else if (*text)
		op_buf_puts(&buf, "<redacted>");
	op_buf_finish(&s.basic);
}
