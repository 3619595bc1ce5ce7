/*
 * request.c - the head of an HTTP/1.1 request: pure, no I/O, no allocation.
 *
 * Follows RFC 9112 strictly where leniency has led to request smuggling: a line ends in CR LF, no
 * blank before a colon, no folded lines, no second Content-Length, never Content-Length together
 * with Transfer-Encoding, no coding but chunked, exactly one Host in HTTP/1.1. Paths are decoded
 * once and must not contain dot segments afterwards, so that no handler ever sees a way out of its
 * directory.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>
#include <strings.h>

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

const char *http_method_name(unsigned method)
{
	for (unsigned i = 0; i < OP_ARRAY_SIZE(methods); i++)
		if (method & (1u << i))
			return methods[i];
	return "";
}

/* RFC 9110, 5.6.2 */
static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int http_decode(const char *p, size_t n, char *out, size_t size, bool plus_is_space)
{
	size_t o = 0;
	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)p[i];
		if (c == '%') {
			int hi = i + 2 < n ? hex(p[i + 1]) : -1;
			int lo = i + 2 < n ? hex(p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				return -EILSEQ;
			c = hi * 16 + lo;
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (!c)
			return -EILSEQ;
		if (o + 1 >= size)
			return -ENOBUFS;
		out[o++] = (char)c;
	}
	out[o] = '\0';
	return (int)o;
}

static bool has_dot_segment(const char *path)
{
	for (const char *s = path; (s = strchr(s, '/'));) {
		size_t n = strcspn(++s, "/");
		if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return true;
	}
	return false;
}

/* "//health" is "/health": clients that join addresses by hand write it. */
static void merge_slashes(char *path)
{
	char *to = path;
	for (const char *p = path; *p; p++)
		if (p[0] != '/' || p[1] != '/')
			*to++ = *p;
	*to = '\0';
}

/* The next line of the head, without its CR LF; NULL when there is none. */
static char *take_line(char **at)
{
	char *line = *at, *end = strstr(line, "\r\n");
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 2;
	return line;
}

/* Methods are in capitals. */
static int parse_other(const char *word, bool any, struct http_head *ret)
{
	for (unsigned i = 0; i < OP_ARRAY_SIZE(methods); i++)
		if (!strcasecmp(word, methods[i]))
			return -400;
	if (!any)
		return -501;
	for (const char *p = word; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			return -400;
	ret->rq.method = OP_HTTP_OTHER;
	return 0;
}

static int parse_method(const char *word, bool any, struct http_head *ret)
{
	if (!*word)
		return -400;
	for (const char *p = word; *p; p++)
		if (!is_token((unsigned char)*p))
			return -400;
	for (unsigned i = 0; i < OP_ARRAY_SIZE(methods); i++)
		if (!strcmp(word, methods[i])) {
			ret->rq.method = 1u << i;
			return 0;
		}
	return parse_other(word, any, ret);
}

static int parse_version(const char *word, struct http_head *ret)
{
	if (strncmp(word, "HTTP/", 5) || !(word[5] >= '0' && word[5] <= '9') || word[6] != '.' ||
	    !(word[7] >= '0' && word[7] <= '9') || word[8])
		return -400;
	if (word[5] != '1')
		return -505;
	ret->rq.version = word[7] == '0' ? 0 : 1;
	ret->keep = ret->rq.version == 1;
	return 0;
}

/* path has room for as many bytes as the head has, which is more than any path in it. */
static int parse_target(char *target, char *path, size_t room, struct http_head *ret)
{
	/* absolute-form is for proxies, but every server has to accept it (RFC 9112, 3.2.2) */
	if (!strncasecmp(target, "http://", 7)) {
		target = strpbrk(target + 7, "/?");
		if (!target || *target == '?')
			return -400;
	}
	if (!strcmp(target, "*") && ret->rq.method == OP_HTTP_OPTIONS)
		target = (char *)"/";
	if (*target != '/')
		return -400;
	for (const char *p = target; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return -400;
	size_t n = strcspn(target, "?#");
	ret->rq.query = target[n] == '?' ? target + n + 1 : "";
	if (http_decode(target, n, path, room, false) < 0)
		return -400;
	merge_slashes(path);
	ret->rq.path = path;
	return has_dot_segment(path) ? -404 : 0;
}

static int parse_request_line(char *line, bool any_method, char *path, size_t room,
			      struct http_head *ret)
{
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	if (!version)
		return -400;
	*target++ = '\0';
	*version++ = '\0';
	int r = parse_method(line, any_method, ret), v = parse_version(version, ret);
	if (v || r)
		return v ? v : r;
	return parse_target(target, path, room, ret);
}

static int parse_field(char *line, struct op_http_field *f)
{
	char *colon = strchr(line, ':');
	if (!colon || colon == line)
		return -400;
	for (char *p = line; p < colon; p++) {
		if (!is_token((unsigned char)*p))
			return -400;
		if (*p >= 'A' && *p <= 'Z')
			*p |= 32;
	}
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t"), *end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return -400;
	*f = (struct op_http_field){line, value};
	return 0;
}

static int parse_length(const char *value, uint64_t *ret)
{
	uint64_t v = 0;
	if (!*value || strlen(value) > 18)
		return -400;
	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return -400;
		v = v * 10 + (uint64_t)(*value - '0');
	}
	*ret = v;
	return 0;
}

struct framing {
	unsigned hosts, lengths, encodings;
};

static int apply_field(const struct op_http_field *f, struct framing *seen, struct http_head *ret)
{
	if (!strcmp(f->name, "host"))
		seen->hosts++;
	if (!strcmp(f->name, "transfer-encoding")) {
		seen->encodings++;
		ret->chunked = !strcasecmp(f->value, "chunked");
	}
	if (!strcmp(f->name, "expect"))
		ret->expect_continue =
			ret->rq.version == 1 && !strcasecmp(f->value, "100-continue");
	if (!strcmp(f->name, "connection")) {
		ret->keep &= !op_http_list_has(f->value, "close");
	}
	if (!strcmp(f->name, "content-length")) {
		seen->lengths++;
		return parse_length(f->value, &ret->content_length);
	}
	return 0;
}

static int parse_fields(char *at, const struct http_rules *rules, struct op_http_field *fields,
			struct http_head *ret)
{
	struct framing seen = {0};
	for (char *line; (line = take_line(&at)) && *line;) {
		if (ret->rq.n_fields == rules->max_fields)
			return -431;
		struct op_http_field *f = &fields[ret->rq.n_fields];
		int r = parse_field(line, f);
		if (!r)
			r = apply_field(f, &seen, ret);
		if (r)
			return r;
		ret->rq.n_fields++;
	}
	ret->rq.fields = fields;
	if (seen.lengths > 1 || (seen.lengths && seen.encodings) || seen.encodings > 1 ||
	    (seen.encodings && ret->rq.version == 0) || seen.hosts > 1 ||
	    (!seen.hosts && ret->rq.version == 1 && !rules->host_optional))
		return -400;
	return seen.encodings && !ret->chunked ? -501 : 0;
}

/* What is wrong with the begin of a head that has not ended yet, or 0 to wait for more of it. */
static int judge_incomplete(const char *p, size_t n, size_t max)
{
	if (!is_token((unsigned char)p[0]))
		return -400;
	const char *line_end = memmem(p, n, "\r\n", 2);
	if (memchr(p, '\0', n) || (!line_end && memchr(p, '\n', n)))
		return -400;
	if (n < max)
		return 0;
	return line_end ? -431 : -414;
}

int http_head_parse(const char *p, size_t n, const struct http_rules *rules, char *text, char *path,
		    struct op_http_field *fields, struct http_head *ret)
{
	size_t skip = n >= 2 && !memcmp(p, "\r\n", 2) ? 2 : 0; /* RFC 9112, 2.2 */
	if (n <= skip || (n == 1 && *p == '\r'))
		return 0;
	size_t window = n - skip < rules->max_head ? n - skip : rules->max_head;
	const char *end = memmem(p + skip, window, "\r\n\r\n", 4);
	if (!end)
		return judge_incomplete(p + skip, window, rules->max_head);
	size_t len = (size_t)(end + 4 - (p + skip));
	if (memchr(p + skip, '\0', len))
		return -400;
	memcpy(text, p + skip, len);
	text[len] = '\0';
	*ret = (struct http_head){0};
	char *at = text, *line = take_line(&at);
	int r = parse_request_line(line, rules->any_method, path, len, ret);
	/* The framing is judged first: what cannot be framed must end the connection. */
	int f = parse_fields(at, rules, fields, ret);
	if (f || r)
		return f ? f : r;
	return (int)(skip + len);
}

const char *op_http_field_get(const struct op_http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_fields; i++)
		if (!strcmp(rq->fields[i].name, name))
			return rq->fields[i].value;
	return NULL;
}

unsigned op_http_field_count(const struct op_http_request *rq, const char *name)
{
	unsigned n = 0;
	for (size_t i = 0; i < rq->n_fields; i++)
		n += !strcmp(rq->fields[i].name, name);
	return n;
}

/* One value: from p, n bytes of "name=value", of which the name has n_name. */
static int take_value(const char *p, size_t n, size_t n_name, char *out, size_t size)
{
	int r = n > n_name ? http_decode(p + n_name + 1, n - n_name - 1, out, size, true) : 0;
	return r < 0 ? r : 1;
}

int op_http_query(const struct op_http_request *rq, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);
	int r = 0;
	*out = '\0';
	for (const char *p = rq->query; *p && r >= 0;) {
		size_t len = strcspn(p, "&"), own = strcspn(p, "=&");
		if (own == n && !strncmp(p, name, n))
			r = r ? -EEXIST : take_value(p, len, n, out, size);
		p += len + (p[len] == '&');
	}
	if (r < 0)
		*out = '\0';
	return r;
}

/* "gzip;q=0" and its spellings mean that the client refuses it. */
static bool refused(const char *params, size_t n)
{
	const char *q = memmem(params, n, "q=0", 3);
	if (!q)
		return false;
	for (q += 3; q < params + n && *q != ',' && *q != ';'; q++)
		if (*q >= '1' && *q <= '9')
			return false;
	return true;
}

bool op_http_list_has(const char *list, const char *token)
{
	size_t want = strlen(token);
	for (const char *p = list; p && *p;) {
		p += strspn(p, " \t,");
		size_t item = strcspn(p, ","), n = strcspn(p, ",; \t");
		if (n == want && !strncasecmp(p, token, n))
			return !refused(p + n, item - n);
		p += item;
	}
	return false;
}
