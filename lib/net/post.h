/*
 * post.h - HTTP(S) requests to others, made by a program that comes and goes.
 *
 * outpost-post, see outpost-post(8), is started when there is a request, makes it, and ends when
 * there was none for OP_POST_LINGER_MS: so nobody else has the libraries of TLS in memory, and a
 * fault in them ends no service. What it does is told here, as if it were done in the process.
 *
 * Certificates are verified (TLS 1.2 or newer); the proxy variables of the environment are honoured
 * (http_proxy, https_proxy, all_proxy, no_proxy, in capitals too); redirects are followed as asked,
 * but from https never to http, and nowhere to another scheme. Names are looked up beside the
 * requests. The answer is kept up to OP_POST_ANSWER_MAX bytes, and not read past 64 KiB. Loop
 * thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_POST_H
#define OUTPOST_NET_POST_H

#include <outpost/buf.h>
#include <uv.h>

#define OP_POST_PROGRAM "outpost-post"
#define OP_POST_ANSWER_MAX 4096
#define OP_POST_FIELDS_MAX 64
#define OP_POST_BYTES_MAX (4 * 1024 * 1024)  /* of a request: URL, fields and body */
#define OP_POST_MAX 256                      /* under way */
#define OP_POST_QUEUED_MAX (8 * 1024 * 1024) /* bytes the program has not read yet */
#define OP_POST_TOTAL_MS 60000               /* default of total_timeout_ms */
/* The program outlives its last request by this: connections are kept for a burst of messages. */
#define OP_POST_LINGER_MS 10000
/* Beyond a request's own time-out, until the program is taken for hung and killed. */
#define OP_POST_HUNG_MS 15000

struct op_post_client;
/* Starts nothing yet. -ENOMEM. */
int op_post_client_create(uv_loop_t *loop, struct op_post_client **ret) OP_MUST_CHECK;
/* Requests under way end without their fn, the program is asked to end and, if it does not, killed
 * after two seconds. Memory goes when the handles are closed, which is when the program has ended.
 */
void op_post_client_close(struct op_post_client *c);
/* Whether the program is there. -ENOENT and others: problem, bounded, says so in words, and the
 * remedy. Any thread. */
int op_post_installed(struct op_buf *problem) OP_MUST_CHECK;

/* Zero means the default in brackets. Strings and body are copied. */
struct op_post_request {
	const char *url;    /* http:// or https:// */
	const char *method; /* [POST]; only POST and GET follow redirects */
	const char *content_type;
	/* "Name: value", NULL-terminated. They go to targets of redirects too, but Authorization
	 * and Cookie only to the same host. */
	const char *const *fields;
	const void *body;
	size_t body_bytes;
	unsigned connect_timeout_ms; /* name, connection and TLS together [10000] */
	/* Connected, but no line of the answer's head and no byte of a body for so long [10000]. */
	unsigned read_timeout_ms;
	unsigned total_timeout_ms; /* [OP_POST_TOTAL_MS] */
	unsigned max_redirects;    /* [0] 301, 302, 303 become GET */
	const char *ca_file;       /* certificates to trust beside the system's, PEM */
};
struct op_post_result {
	/* 0: there is an answer; -ETIMEDOUT, -EHOSTUNREACH (no such name), -ECONNREFUSED and others
	 * of connect(2), -EKEYREJECTED (certificate), -ECONNRESET, -ELOOP (redirects), -EPROTO.
	 * -EPIPE: the program ended under it (-ETIMEDOUT: it hung and was killed); -ENOENT,
	 * -EACCES and others of posix_spawn(3): it cannot be started; message names it. Either way
	 * the next request starts it anew. */
	int error;
	int status;             /* of HTTP */
	unsigned retry_after_s; /* Retry-After, seconds or date; at most a day; 0: none */
	const char *answer;     /* its begin, NUL-terminated */
	size_t answer_bytes;
	const char *message; /* one line for people, without the URL's path or query */
	uint64_t took_ns;    /* since op_post, the start of the program included */
};
typedef void (*op_post_fn)(void *arg, const struct op_post_result *result);
struct op_post; /* under way */
/* fn is called once, never before this returns. -EINVAL: not such a URL, or a field or content type
 * with control characters; -E2BIG: more than OP_POST_FIELDS_MAX fields; -EMSGSIZE: more than
 * OP_POST_BYTES_MAX; -EBUSY: OP_POST_MAX are under way; -ENOBUFS: OP_POST_QUEUED_MAX. ret may be
 * NULL. */
int op_post(struct op_post_client *c, const struct op_post_request *rq, op_post_fn fn, void *arg,
	    struct op_post **ret) OP_MUST_CHECK;
void op_post_cancel(struct op_post *p); /* fn is not called */

#define OP_URL_ORIGIN_BYTES 300
/* Whether url is one that can be asked: http or https, and a host that can be read in one way only.
 * Refused: blanks, control characters, in front of the path also backslashes, a second "@" and what
 * is not ASCII ("xn--..." is), numbers that are almost an IPv4 address, zones of IPv6. */
bool op_url_ok(const char *url);
/* "https://hooks.slack.com/<redacted-path>": all that may be shown of a URL with a secret in it. */
void op_url_masked(const char *url, char *out, size_t size);
/* "https://hooks.slack.com:8443": never userinfo, path or query. -EINVAL: not such a URL, or no
 * room; "" then. */
int op_url_origin(const char *url, char *out, size_t size) OP_MUST_CHECK;
/* Copies text, which a stranger wrote, without what is secret in url: the whole of it, its path,
 * query, user and password, and each of their parts of six characters or more become
 * "<redacted-path>", however they are escaped, in base64 too. Of a URL with more parts than can be
 * looked for the text is "<redacted>". Control characters become blanks. Cut where size says. */
void op_url_scrub(const char *url, const char *text, char *out, size_t size);

#endif
