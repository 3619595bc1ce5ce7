/*
 * internal.h - what the files of the HTTP server share. Loop thread only.
 *
 * A connection is on exactly one list, and each list has one time-out, so that its head is always
 * the next to run out and the oldest to give way:
 *
 *     fresh --request--> idle --bytes--> reading --request--> idle
 *       any --answer does not fit the socket--> sending --> idle
 *   reading --answer comes later--> deferred <--bytes queued--> sending --end--> idle
 *       any --error--> linger (answered, its input is thrown away) --> closed
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_HTTP_INTERNAL_H
#define OUTPOST_HTTP_INTERNAL_H

#include <outpost/http.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum conn_list { L_FRESH, L_READING, L_IDLE, L_DEFERRED, L_SENDING, L_LINGER, L_COUNT };

struct op_http_conn {
	uv_poll_t poll; /* first: the handle's close callback frees the whole */
	struct op_http *server;
	struct op_http_conn *prev, *next;
	uint64_t since_ms; /* joined its list; for L_SENDING the last progress */
	char *in;          /* the beginning of a request */
	size_t in_body;    /* of its body: bytes that have come in chunks */
	char *out;         /* the rest of an answer */
	size_t in_len, out_len, out_pos;
	off_t file_pos, file_end;
	int fd, file_fd;
	int unacked;                 /* bytes in the socket when it was found full */
	struct op_http_reply *reply; /* the answer to come */
	unsigned requests;
	uint8_t list;
	uint8_t events;
	bool keep;      /* the connection lives on after this answer */
	bool answered;  /* this request */
	bool head_only; /* HEAD: no body */
	bool expecting; /* "100 Continue" was sent for the request being read */
	bool gone;
};

/* An answer that comes later. What is written gathers behind CHUNK_ROOM bytes of queue, until all
 * before it is sent; then it becomes one chunk, and the memory changes hands to conn->out. */
#define CHUNK_ROOM 10 /* eight hexadecimal digits, CR LF */
struct op_http_reply {
	struct op_http_conn *conn;
	const struct op_http_reply_events *events;
	void *arg;
	struct op_buf queue;
	char extra[512];
	size_t extra_len;
	int version;
	bool page; /* errors are for a browser */
	op_http_error_fn error;
	bool begun, chunked;
	bool full; /* a write returned OP_HTTP_QUEUE_LOW or more: `room` is owed */
};

/* Bytes of a file, from ... to; none if fd is -1. */
struct http_part {
	int fd;
	off_t from, to;
};

/* What an answer's head says. */
struct answer_head {
	int status;
	const char *type;
	uint64_t bytes;
	enum { BODY_SIZED, BODY_CHUNKED, BODY_UNTIL_CLOSE } body;
	const char *extra;
	size_t n_extra;
};

struct route {
	const char *pattern;
	op_http_fn fn;
	op_http_upgrade_fn upgrade;
	void *arg;
	unsigned methods;
	bool open; /* needs no token */
	op_http_guard_fn guard;
	op_http_error_fn error;
};

/* A folder of files. */
struct http_folder {
	const char *prefix;
	size_t n_prefix;
	int fd;
	unsigned flags;
};

/* What a head may be. */
struct http_rules {
	size_t max_head, max_fields;
	bool host_optional, any_method;
};

struct op_http {
	uv_loop_t *loop;
	uv_poll_t listener;
	uv_timer_t sweep;
	int listen_fd, spare_fd;
	uint16_t port;
	struct op_http_settings set;
	struct op_http_counters count;
	struct {
		struct op_http_conn *first, *last;
	} lists[L_COUNT];
	unsigned n_conns;   /* on a list */
	unsigned n_handles; /* that the loop has still to close */
	bool closing;
	bool full;                /* further connections wait in the backlog */
	uint64_t waited_since_ms; /* the first of them; 0: nobody waits */
	struct http_rules rules;
	struct route routes[OP_HTTP_ROUTES_MAX];
	size_t n_routes;
	struct http_folder folders[OP_HTTP_FOLDERS_MAX];
	size_t n_folders;
	op_http_error_fn no_route, malformed;
	char token[256];
	/* scratch for the request in hand */
	op_http_error_fn error; /* NULL: the usual one */
	char *rx;
	size_t rx_cap;
	char *head, *path; /* max_head + 1 bytes each */
	char extra[512];
	size_t extra_len;
	struct op_http_field *fields; /* rules.max_fields */
	struct op_buf body;
	char date[40];
	time_t date_s;
};

/* A request head, parsed in place. */
struct http_head {
	struct op_http_request rq;
	uint64_t content_length;
	bool keep, expect_continue, chunked;
};

/* request.c: bytes of a complete head at p, 0 if it is not complete yet, or a negated HTTP status.
 * Copies the head to text (rules->max_head + 1 bytes) and the decoded path to path (as many);
 * fields has room for rules->max_fields. */
int http_head_parse(const char *p, size_t n, const struct http_rules *rules, char *text, char *path,
		    struct op_http_field *fields, struct http_head *ret);
const char *http_method_name(unsigned method);
/* Decodes %XX of n bytes into out (size bytes with NUL). The length; -EILSEQ for a bad escape or a
 * NUL, -ENOBUFS if it does not fit. */
int http_decode(const char *p, size_t n, char *out, size_t size, bool plus_is_space) OP_MUST_CHECK;

/* chunked.c: joins the chunks of a body at p. Of n bytes there the first *body are joined already;
 * both are brought up to date. 1: that is all of it, and what follows the request lies behind it;
 * 0: there is more to come; or a negated HTTP status. */
int http_chunks_take(char *p, size_t *n, size_t *body, size_t max);

/* route.c */
void http_dispatch(struct op_http *h, struct http_head *head, const void *rest, size_t n_rest);
bool http_pattern_match(const char *pattern, char *path, const char *params[OP_HTTP_PARAMS_MAX]);

/* answer.c */
/* An error's page has a style and nothing else. */
#define HTTP_ERROR_POLICY \
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
/* Bytes from ... to of fd, which it closes. */
void http_answer_file(struct op_http_request *rq, int status, const struct http_part *part,
		      const char *type);
void http_answer_status(struct op_http_request *rq, int status);
/* Counts the answer and writes its head, at most `size` bytes. */
size_t http_head_write(struct op_http_conn *c, const struct answer_head *a, char *out, size_t size);
void http_extra_add(char extra[512], size_t *len, const char *name, const char *value);
bool http_wants_page(const struct op_http_request *rq);
/* The body of an error; returns its type. */
const char *http_error_write(struct op_buf *b, bool page, int status, const char *message);

/* reply.c */
/* What is queued becomes conn->out. False: nothing is. */
bool http_reply_push(struct op_http_reply *r);
size_t http_reply_queued(const struct op_http_reply *r);
void http_reply_sent(struct op_http_reply *r);   /* some went out */
void http_reply_closed(struct op_http_reply *r); /* with its connection */

/* file.c */
/* The folder that a path without a route lies in, or NULL. */
const struct http_folder *http_folder_find(const struct op_http *h, const char *path);
void http_folders_close(struct op_http *h);
void http_file_serve(struct op_http_request *rq, const struct http_folder *folder);
bool http_file_is(struct op_http_request *rq, const struct http_folder *folder);

/* conn.c */
void http_conn_accept(struct op_http *h, int fd);
void http_conn_close(struct op_http_conn *c, uint64_t *cause);
void http_conn_give_away(struct op_http_conn *c);
/* There is something to send, or an answer is complete: the loop goes on with the connection. */
void http_conn_wake(struct op_http_conn *c);
void http_conn_cut(struct op_http_conn *c, uint64_t *cause); /* close with RST */
void http_conn_timeout(struct op_http_conn *c);

/* send.c */
/* Sends head and body now, keeps what the socket does not take; a part of a file, or NULL, follows.
 */
void http_conn_send(struct op_http_conn *c, const void *head, size_t n_head, const void *body,
		    size_t n_body, const struct http_part *part);
/* Puts bytes behind those that are to be sent. False: no memory. */
bool http_conn_queue(struct op_http_conn *c, const struct iovec parts[2]);
/* 1 all sent, 0 the socket is full, negative: the connection is of no use any more. */
int http_conn_flush(struct op_http_conn *c);
/* An answer is still on its way, or still to come. */
bool http_conn_pending(const struct op_http_conn *c);
int http_conn_unacked(const struct op_http_conn *c); /* bytes that the peer has not acknowledged */

/* peer.c: of this machine or of a network that is not the public one. */
bool http_address_is_private(const struct sockaddr_storage *a);

/* server.c */
void http_handle_closed(struct op_http *h);
void http_conn_left(struct op_http *h); /* there is room for another one */

#endif
