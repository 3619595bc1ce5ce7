/*
 * internal.h - what the files of lib/net share, and the program on the other side of the socket.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_NET_INTERNAL_H
#define OUTPOST_NET_INTERNAL_H

#include "lib/net/post.h"

/* ---- post.c ------------------------------------------------------------------------------- */

struct op_post_client {
	uv_loop_t *loop;
	struct net_child *child; /* the one that takes requests */
	struct op_post *posts;   /* under way */
	unsigned n_posts;
	uint32_t last_id;
	uv_timer_t timer;
	uint64_t idle_ms; /* the last request ended, see now_ms */
	unsigned handles; /* our own and each child, not closed yet */
	bool closed;
};

/* ---- url.c -------------------------------------------------------------------------------- */

/* A URL that can be asked; host and rest point into it. */
struct net_url {
	bool tls;
	const char *host; /* with the brackets of IPv6 */
	size_t host_len;
	unsigned port;    /* 0: not given */
	const char *rest; /* path, query, fragment: "" or begins with one of "/?#" */
};
/* -EINVAL. Pure; any thread. */
int net_url_parse(const char *url, struct net_url *ret) OP_MUST_CHECK;

/* ---- wire.c: frames ----------------------------------------------------------------------- */

/* Both ends are of one installation and one machine, so numbers are as the machine has them. A
 * version that differs (a service still running over an upgrade) is told, not guessed at. */
#define NET_WIRE_VERSION 1
#define NET_HEAD_BYTES 8
#define NET_FRAME_MAX (OP_POST_BYTES_MAX + 64 * 1024)

enum net_kind { NET_ASK = 1, NET_CANCEL, NET_ANSWER };

struct net_frame {
	enum net_kind kind;
	uint32_t id;         /* of the request */
	const char *payload; /* what follows the id */
	size_t bytes;
};

/* What came and is not a whole frame yet. */
struct net_intake {
	char *data;
	size_t len, cap;
	size_t taken; /* of len, by net_intake_next */
};
/* Room for the next read: of the frame that has begun, or a few KiB. */
uv_buf_t net_intake_room(struct net_intake *in);
void net_intake_add(struct net_intake *in, size_t n);
/* 1: a frame, valid until the next call here; 0: none is whole; -EPROTO: what came is none,
 * -OP_ENEWER: of another version. */
int net_intake_next(struct net_intake *in, struct net_frame *ret) OP_MUST_CHECK;
/* Nothing is under way: keeps no memory. */
void net_intake_finish(struct net_intake *in);

/* Frames are made in a buffer that the caller has initialised and checks (err). */
void net_put_ask(struct op_buf *out, uint32_t id, const struct op_post_request *rq);
void net_put_cancel(struct op_buf *out, uint32_t id);
void net_put_answer(struct op_buf *out, uint32_t id, const struct op_post_result *r);
/* What is read points into the frame. fields has room for OP_POST_FIELDS_MAX + 1. -EPROTO. */
int net_get_ask(const struct net_frame *f, const char **fields,
		struct op_post_request *ret) OP_MUST_CHECK;
int net_get_answer(const struct net_frame *f, struct op_post_result *ret) OP_MUST_CHECK;

/* ---- child.c: the program while it runs --------------------------------------------------- */

struct net_child;
struct net_child_events {
	/* Inside, net_child_end and net_child_kill are allowed. */
	void (*frame)(void *arg, struct net_child *child, const struct net_frame *f);
	/* It has closed its end, or said what is no frame; net_child_end has been done. */
	void (*lost)(void *arg, struct net_child *child);
	/* It is over and reaped. why: "ended by signal 9 (Killed)". */
	void (*ended)(void *arg, struct net_child *child, const char *why);
	void (*closed)(void *arg); /* the last: no handle is left */
};
/* events is borrowed. Errors of posix_spawn(3), -ENOENT, -EMFILE, -ENOMEM. */
int net_child_start(uv_loop_t *loop, const struct net_child_events *events, void *arg,
		    struct net_child **ret) OP_MUST_CHECK;
/* Takes the bytes of frame. */
int net_child_send(struct net_child *child, struct op_buf *frame) OP_MUST_CHECK;
size_t net_child_queued(const struct net_child *child); /* bytes */
/* Closes the socket, at which it ends; killed if it is not gone after two seconds. */
void net_child_end(struct net_child *child);
void net_child_kill(struct net_child *child);

#endif
