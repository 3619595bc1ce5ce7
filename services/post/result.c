/*
 * result.c - what became of a request, in numbers and in one line for people.
 *
 * libcurl's own texts are passed on only where they cannot hold a part of the URL. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "fetch.h"

#define RETRY_AFTER_MAX_S (24 * 3600u) /* whoever says more does not mean it */

/* Seconds or a date (RFC 9110, 10.2.3). A date is measured against the answer's own: this machine's
 * clock may be years off. */
static unsigned retry_after_s(const struct fetch *p)
{
	char *end;
	long long s = strtoll(p->retry_after, &end, 10);
	if (end == p->retry_after || *end) {
		time_t until = curl_getdate(p->retry_after, NULL);
		time_t now = *p->date ? curl_getdate(p->date, NULL) : time(NULL);
		if (until < 0 || now < 0)
			return 0;
		s = (long long)until - (long long)now;
	}
	if (s <= 0)
		return 0;
	return s < RETRY_AFTER_MAX_S ? (unsigned)s : RETRY_AFTER_MAX_S;
}

static int connect_error(CURL *easy)
{
	long err = 0;
	(void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &err); /* stays 0 */
	return err > 0 ? -(int)err : -ENOTCONN;
}

static int error_of(CURL *easy, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return connect_error(easy);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EKEYREJECTED;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return -ECONNRESET;
	case CURLE_TOO_MANY_REDIRECTS:
		return -ELOOP;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

static void say_timeout(const struct fetch *p, char *out, size_t size)
{
	curl_off_t connected_us = 0;
	(void)curl_easy_getinfo(p->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us); /* stays 0 */
	if (p->silent)
		(void)snprintf(out, size, "silent for %.3g s", p->read_timeout_ms / 1000.0);
	else if (!connected_us && op_now_ns() - p->began_ns < p->total_timeout_ms * OP_NS_PER_MS)
		(void)snprintf(out, size, "no connection within %.3g s",
			       p->connect_timeout_ms / 1000.0);
	else
		(void)snprintf(out, size, "no end within %.3g s", p->total_timeout_ms / 1000.0);
}

/* What of libcurl's text may be shown: that of certificates and names, which tell only of the host.
 */
static const char *detail_of(const struct fetch *p, CURLcode code)
{
	bool tells = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
		     code == CURLE_SSL_CACERT_BADFILE || code == CURLE_COULDNT_RESOLVE_HOST ||
		     code == CURLE_COULDNT_RESOLVE_PROXY;
	bool rubbish = code == CURLE_WEIRD_SERVER_REPLY ||
		       (code == CURLE_UNSUPPORTED_PROTOCOL && strstr(p->detail, "HTTP/0.9"));
	if (rubbish) /* and not "Unsupported protocol", as if the address were wrong */
		return "the answer is not HTTP";
	return tells && *p->detail ? p->detail : curl_easy_strerror(code);
}

static void say(const struct fetch *p, CURLcode code, const struct op_post_result *r, char *out)
{
	char what[CURL_ERROR_SIZE + 16];
	if (r->error == 0)
		(void)snprintf(what, sizeof(what), "HTTP %d", r->status);
	else if (r->error == -ETIMEDOUT && code == CURLE_OPERATION_TIMEDOUT)
		say_timeout(p, what, sizeof(what));
	else if (code == CURLE_COULDNT_CONNECT)
		(void)snprintf(what, sizeof(what), "no connection: %s", op_strerror(r->error));
	else
		(void)snprintf(what, sizeof(what), "%s", detail_of(p, code));
	(void)snprintf(out, FETCH_MESSAGE_BYTES, "%s: %s", p->origin, what);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

void fetch_result(struct fetch *p, CURLcode code, char *message, struct op_post_result *ret)
{
	long status = 0;
	(void)curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 */
	if (code == CURLE_WRITE_ERROR && p->enough)
		code = CURLE_OK;
	p->answer[p->answer_bytes] = 0;
	*ret = (struct op_post_result){
		.error = error_of(p->easy, code),
		.status = (int)status,
		.answer = p->answer,
		.answer_bytes = p->answer_bytes,
		.took_ns = op_now_ns() - p->began_ns,
		.message = message,
	};
	if (ret->error == 0)
		ret->retry_after_s = retry_after_s(p);
	say(p, code, ret, message);
}
