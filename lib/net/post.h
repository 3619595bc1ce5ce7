/*
 * post.h - HTTP(S) requests to others, on the loop, by libcurl's multi interface.
 *
 * Certificates are verified, proxy variables honoured, redirects followed as asked. The answer is
 * kept up to OP_POST_ANSWER_MAX bytes. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_POST_H
#define OUTPOST_NET_POST_H

#include <outpost/base.h>
#include <uv.h>

#define OP_POST_ANSWER_MAX 4096

struct op_post_client;
int op_post_client_create(uv_loop_t *loop, struct op_post_client **ret) OP_MUST_CHECK;
/* Requests under way end without their fn. Memory goes when the handles are closed. */
void op_post_client_close(struct op_post_client *c);

/* Zero means the default in brackets. Strings and body are copied. */
struct op_post_request {
	const char *url;    /* http:// or https:// */
	const char *method; /* [POST] */
	const char *content_type;
	const char *const *fields; /* "Name: value", NULL-terminated */
	const void *body;
	size_t body_bytes;
	unsigned connect_timeout_ms; /* [10000] */
	unsigned read_timeout_ms;    /* without a byte [10000] */
	unsigned total_timeout_ms;   /* [60000] */
	unsigned max_redirects;      /* [0] 301, 302, 303 become GET */
	const char *ca_file;         /* further certificates */
};
struct op_post_result {
	int error;  /* 0: there is an answer; -ETIMEDOUT, -ECONNREFUSED, -ENOTCONN, -EHOSTUNREACH,
		       -EPROTO ... */
	int status; /* of HTTP */
	unsigned retry_after_s; /* Retry-After in seconds or as a date; 0: none */
	const char *answer;     /* its begin, NUL-terminated */
	size_t answer_bytes;
	const char *message; /* one line for people, without the URL's path or query */
	uint64_t took_ns;
};
typedef void (*op_post_fn)(void *arg, const struct op_post_result *result);
struct op_post; /* under way */
/* fn is called once, never before this returns. -EINVAL: not such a URL. */
int op_post(struct op_post_client *c, const struct op_post_request *rq, op_post_fn fn, void *arg,
	    struct op_post **ret) OP_MUST_CHECK;
void op_post_cancel(struct op_post *p); /* fn is not called */

/* "https://hooks.slack.com/<redacted-path>": all that may be shown of a URL with a secret in it. */
void op_url_masked(const char *url, char *out, size_t size);

#endif
