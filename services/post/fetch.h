/*
 * fetch.h - requests by libcurl's multi interface on a libuv loop: what lib/net/post.h promises, in
 * the program that does it. Loop thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_POST_FETCH_H
#define OUTPOST_POST_FETCH_H

#include <curl/curl.h>

#include "lib/net/post.h"

/* Of an answer; what comes after it is not waited for. */
#define FETCH_READ_MAX (64 * 1024)

struct fetcher;
struct fetch; /* under way */
/* -ENOTSUP: a libcurl without TLS, or one that would look up names on the loop. */
int fetcher_create(uv_loop_t *loop, struct fetcher **ret) OP_MUST_CHECK;
/* Requests under way end without their fn. Memory goes when the handles are closed. */
void fetcher_close(struct fetcher *c);
/* As op_post: fn is called once, never before this returns. -EINVAL, -ENOMEM. */
int fetch_begin(struct fetcher *c, const struct op_post_request *rq, op_post_fn fn, void *arg,
		struct fetch **ret) OP_MUST_CHECK;
void fetch_cancel(struct fetch *p); /* fn is not called */

/* ---- between fetch.c, request.c and result.c --------------------------------------------- */

struct fetch_socket;

struct fetcher {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer; /* libcurl's next time-out */
	uv_timer_t watch; /* the next request that may have been silent for too long */
	struct fetch_socket *sockets;
	struct fetch *fetches; /* under way */
	unsigned handles;      /* not closed yet */
	bool hashed;           /* certificates are found by name, not all read at once */
	bool closed;
};

struct fetch {
	struct fetcher *client;
	struct fetch *next;
	CURL *easy;
	struct curl_slist *fields;
	op_post_fn fn;
	void *arg;
	char origin[OP_URL_ORIGIN_BYTES]; /* "https://host:port" */
	unsigned connect_timeout_ms, read_timeout_ms, total_timeout_ms;
	uint64_t began_ns;
	uint64_t heard_ns; /* last byte in or out; 0: not connected yet */
	curl_off_t sent;
	bool silent; /* ended by the read time-out */
	bool enough; /* ended because more of the answer is of no use */
	uint64_t got_bytes;
	char answer[OP_POST_ANSWER_MAX + 1];
	size_t answer_bytes;
	char retry_after[64], date[64]; /* header fields as they came */
	char detail[CURL_ERROR_SIZE];
};

/* request.c: the easy handle of a request. -EINVAL, -ENOMEM. */
int fetch_set(struct fetch *p, const struct op_post_request *rq) OP_MUST_CHECK;
/* result.c: what became of it; message has room for FETCH_MESSAGE_BYTES. */
#define FETCH_MESSAGE_BYTES (OP_URL_ORIGIN_BYTES + CURL_ERROR_SIZE + 32)
void fetch_result(struct fetch *p, CURLcode code, char *message, struct op_post_result *ret);
/* fetch.c: the connection stands, or something came or went. */
void fetch_heard(struct fetch *p);

#endif
