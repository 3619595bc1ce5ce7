/*
 * request.c - a request as libcurl wants it, and what of its answer is kept.
 *
 * Loop thread; the callbacks run inside libcurl and call nothing of it. Connections are HTTP/1.1:
 * one request at a time per destination gains nothing from more.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fetch.h"

/* ---- what libcurl tells ---------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *p = arg;
	size_t room = OP_POST_ANSWER_MAX - p->answer_bytes, take = n < room ? n : room;
	memcpy(p->answer + p->answer_bytes, data, take);
	p->answer_bytes += take;
	p->got_bytes += n;
	fetch_heard(p);
	p->enough = p->got_bytes > FETCH_READ_MAX;
	return p->enough ? 0 : n;
}

/* The value of a header field if it is the one named. */
static void keep_field(const char *line, size_t n, const char *name, char *ret, size_t size)
{
	size_t len = strlen(name);
	if (n <= len || line[len] != ':' || strncasecmp(line, name, len))
		return;
	line += len + 1;
	n -= len + 1;
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n > 0 && (unsigned char)line[n - 1] <= ' ')
		n--;
	(void)snprintf(ret, size, "%.*s", (int)(n < size ? n : 0), line); /* too long: not one */
}

static size_t on_field(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *p = arg;
	fetch_heard(p);
	if (n > 5 && !strncmp(data, "HTTP/", 5)) /* of a redirect's target: the last one counts */
		p->retry_after[0] = p->date[0] = p->answer_bytes = 0;
	keep_field(data, n, "Retry-After", p->retry_after, sizeof(p->retry_after));
	keep_field(data, n, "Date", p->date, sizeof(p->date));
	return n;
}

static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	fetch_heard(arg);
	return CURL_PREREQFUNC_OK;
}

static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	struct fetch *p = arg;
	if (ulnow != p->sent)
		fetch_heard(p);
	p->sent = ulnow;
	return 0;
}

/* ---- what it is told ------------------------------------------------------------------- */

static int set_text(CURL *easy, CURLoption option, const char *text)
{
	CURLcode r = curl_easy_setopt(easy, option, text);
	return r == CURLE_OK ? 0 : r == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

static void set_number(CURL *easy, CURLoption option, long v)
{
	(void)curl_easy_setopt(easy, option, v); /* fails for unknown options only */
}

static bool is_field(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return false;
	return true;
}

static int add_field(struct fetch *p, const char *text)
{
	if (!is_field(text))
		return -EINVAL;
	struct curl_slist *list = curl_slist_append(p->fields, text);
	if (!list)
		return -ENOMEM;
	p->fields = list;
	return 0;
}

static int add_content_type(struct fetch *p, const char *type)
{
	char line[200];
	if (!type)
		return add_field(p, "Content-Type:"); /* not libcurl's own idea of it */
	if (snprintf(line, sizeof(line), "Content-Type: %s", type) >= (int)sizeof(line))
		return -EINVAL;
	return add_field(p, line);
}

static int set_fields(struct fetch *p, const struct op_post_request *rq)
{
	/* A receiver that never says "100 Continue" costs a second otherwise. */
	int r = add_field(p, "Expect:");
	if (r == 0)
		r = add_content_type(p, rq->content_type);
	for (const char *const *f = rq->fields; r == 0 && f && *f; f++)
		r = add_field(p, *f);
	(void)curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->fields); /* borrowed: cannot fail */
	return r;
}

static int set_body(struct fetch *p, const struct op_post_request *rq)
{
	CURLcode r;
	(void)curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)rq->body_bytes); /* a number: cannot fail */
	r = curl_easy_setopt(p->easy, CURLOPT_COPYPOSTFIELDS, rq->body ? rq->body : "");
	return r == CURLE_OK ? 0 : -ENOMEM;
}

static int set_method(struct fetch *p, const struct op_post_request *rq)
{
	const char *method = rq->method ? rq->method : "POST";
	bool get = !strcmp(method, "GET"), post = !strcmp(method, "POST");
	if (get && !rq->body_bytes) {
		set_number(p->easy, CURLOPT_HTTPGET, 1);
	} else {
		int r = set_body(p, rq);
		if (r < 0)
			return r;
		if (!post && (r = set_text(p->easy, CURLOPT_CUSTOMREQUEST, method)) < 0)
			return r;
	}
	/* A method set by its name would go to the target of a 303 as well. */
	unsigned redirects = post || (get && !rq->body_bytes) ? rq->max_redirects : 0;
	set_number(p->easy, CURLOPT_FOLLOWLOCATION, redirects > 0);
	set_number(p->easy, CURLOPT_MAXREDIRS, (long)redirects);
	return 0;
}

/* libcurl leaves HTTP_PROXY aside, because a CGI program gets it from strangers. We are none. */
static int set_proxy(struct fetch *p)
{
	const char *upper = getenv("HTTP_PROXY"), *lower = getenv("http_proxy");
	if (strncmp(p->origin, "http://", 7) || lower || !upper || getenv("REQUEST_METHOD"))
		return 0;
	return set_text(p->easy, CURLOPT_PROXY, upper);
}

static int set_trust(struct fetch *p, const char *ca_file)
{
	set_number(p->easy, CURLOPT_SSL_VERIFYPEER, 1);
	set_number(p->easy, CURLOPT_SSL_VERIFYHOST, 2);
	set_number(p->easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (ca_file)
		return set_text(p->easy, CURLOPT_CAINFO, ca_file);
	return p->client->hashed ? set_text(p->easy, CURLOPT_CAINFO, NULL) : 0;
}

static int set_target(struct fetch *p, const char *url)
{
	/* Nothing that began encrypted goes on in the clear. */
	bool tls = !strncmp(p->origin, "https:", 6);
	int r = set_text(p->easy, CURLOPT_URL, url);
	if (r == 0)
		r = set_text(p->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (r == 0)
		r = set_text(p->easy, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	return r == 0 ? set_text(p->easy, CURLOPT_USERAGENT, "outpost/" OUTPOST_VERSION) : r;
}

static void set_bounds(struct fetch *p, const struct op_post_request *rq)
{
	p->connect_timeout_ms = rq->connect_timeout_ms ? rq->connect_timeout_ms : 10000;
	p->read_timeout_ms = rq->read_timeout_ms ? rq->read_timeout_ms : 10000;
	p->total_timeout_ms = rq->total_timeout_ms ? rq->total_timeout_ms : OP_POST_TOTAL_MS;
	set_number(p->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_timeout_ms);
	set_number(p->easy, CURLOPT_TIMEOUT_MS, (long)p->total_timeout_ms);
	set_number(p->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_number(p->easy, CURLOPT_BUFFERSIZE, 16 * 1024);
	set_number(p->easy, CURLOPT_UPLOAD_BUFFERSIZE, 16 * 1024);
	set_number(p->easy, CURLOPT_NOSIGNAL, 1);
	/* A name that is still being looked up is left to its thread: waiting for it would hold up
	 * the loop for as long as the name server is silent. */
	set_number(p->easy, CURLOPT_QUICK_EXIT, 1);
}

static void set_callbacks(struct fetch *p)
{
	CURL *e = p->easy;
	/* Pointers: none of these can fail. */
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->detail);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_field);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, p);
	(void)curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_connected);
	(void)curl_easy_setopt(e, CURLOPT_PREREQDATA, p);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(e, CURLOPT_XFERINFODATA, p);
	set_number(e, CURLOPT_NOPROGRESS, 0);
}

int fetch_set(struct fetch *p, const struct op_post_request *rq)
{
	int r = set_target(p, rq->url);
	set_bounds(p, rq);
	set_callbacks(p);
	if (r == 0)
		r = set_trust(p, rq->ca_file);
	if (r == 0)
		r = set_proxy(p);
	if (r == 0)
		r = set_method(p, rq);
	return r == 0 ? set_fields(p, rq) : r;
}
