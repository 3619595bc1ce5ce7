/*
 * internal.h - what the files of a request share: the client and what is under way.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_INTERNAL_H
#define OUTPOST_NET_INTERNAL_H

#include <curl/curl.h>

#include "lib/net/post.h"

#define NET_ORIGIN_BYTES 300
/* Of an answer; what comes after it is not waited for. */
#define NET_READ_MAX (64 * 1024)

struct net_socket;

struct op_post_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer; /* libcurl's next time-out */
	uv_timer_t watch; /* the next request that may have been silent for too long */
	struct net_socket *sockets;
	struct op_post *posts; /* under way */
	unsigned handles;      /* not closed yet */
	bool hashed;           /* certificates are found by name, not all read at once */
	bool closed;
};

struct op_post {
	struct op_post_client *client;
	struct op_post *next;
	CURL *easy;
	struct curl_slist *fields;
	op_post_fn fn;
	void *arg;
	char origin[NET_ORIGIN_BYTES]; /* "https://host:port" */
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
int net_request_set(struct op_post *p, const struct op_post_request *rq) OP_MUST_CHECK;
/* result.c: what became of it; message has room for NET_MESSAGE_BYTES. */
#define NET_MESSAGE_BYTES (NET_ORIGIN_BYTES + CURL_ERROR_SIZE + 32)
void net_result_make(struct op_post *p, CURLcode code, char *message, struct op_post_result *ret);
/* url.c: scheme, host and port. -EINVAL: not a URL that can be asked. */
int net_url_origin(const char *url, char *ret, size_t size) OP_MUST_CHECK;
/* post.c: the connection stands, or something came or went. */
void net_post_heard(struct op_post *p);

#endif
