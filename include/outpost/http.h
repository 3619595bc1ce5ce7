/*
 * http.h - an HTTP/1.1 server on a libuv loop: routes, limits, static files, upgrades.
 *
 * One server is one listening socket. Requests are answered by handlers that run on the loop thread
 * and must not block: at once, or later and at length (op_http_defer). Everything a stranger can
 * make the server hold has a limit: the head of a request (8 KiB, 64 fields), its body, the number
 * of connections, the time each of them may take. When the connections are used up the oldest one
 * that has not completed a request makes room, so that half-open connections never lock out a
 * client who asks for something (or, if so set, further ones wait for those that rest).
 *
 * What it speaks: RFC 9110 and 9112, of transfer codings only chunked (501). Errors are JSON
 * ({"error":{"status":404,"message":".."}}), or a small page for a browser that asks for HTML.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_HTTP_H
#define OUTPOST_HTTP_H

#include <outpost/base.h>
#include <outpost/buf.h>
#include <sys/types.h>
#include <uv.h>

#define OP_HTTP_HEAD_MAX 8192 /* bytes of request line and fields, if not set otherwise */
#define OP_HTTP_FIELDS_MAX 64 /* of a head of that size; a longer one may have as many more */
#define OP_HTTP_PARAMS_MAX 4
#define OP_HTTP_ROUTES_MAX 64

enum op_http_method {
	OP_HTTP_GET = 1 << 0,
	OP_HTTP_HEAD = 1 << 1,
	OP_HTTP_POST = 1 << 2,
	OP_HTTP_PUT = 1 << 3,
	OP_HTTP_PATCH = 1 << 4,
	OP_HTTP_DELETE = 1 << 5,
	OP_HTTP_OPTIONS = 1 << 6,
	OP_HTTP_OTHER = 1 << 7, /* not known; no handler sees it */
};

struct op_http;
struct op_http_conn;

struct op_http_field {
	const char *name, *value; /* the name in lower case */
};

/* Lives for the time of the handler. All text is NUL-terminated. */
struct op_http_request {
	enum op_http_method method;
	int version;       /* minor version of HTTP/1: 0 or 1 */
	const char *path;  /* percent-decoded, begins with "/", without "." and ".." segments */
	const char *query; /* as sent, without "?"; "" if there is none */
	const char *params[OP_HTTP_PARAMS_MAX]; /* of the route's pattern, in order */
	const struct op_http_field *fields;
	size_t n_fields;
	const void *body;
	size_t body_bytes;
	struct op_http *server;
	struct op_http_conn *conn; /* for op_http_answer and its like */
};

typedef void (*op_http_fn)(struct op_http_request *rq, void *arg);
/* Takes over the socket of a valid WebSocket request. rest is what the client has sent after the
 * request. Return 0 (fd is yours) or an HTTP status; then the server answers that error. */
typedef int (*op_http_upgrade_fn)(const struct op_http_request *rq, int fd, const void *rest,
				  size_t n, void *arg);

/* Zero means the default in brackets. Strings are borrowed for the life of the server. */
struct op_http_settings {
	const char *host;            /* name or address; NULL or "": every address */
	uint16_t port;               /* 0: any free one, see op_http_port */
	unsigned max_connections;    /* [1024] upgraded ones are not counted */
	unsigned max_requests;       /* per connection [1000000] */
	size_t max_head;             /* bytes of request line and fields [OP_HTTP_HEAD_MAX] */
	size_t max_body;             /* bytes [65536] */
	unsigned request_timeout_ms; /* first byte to complete request [10000] */
	unsigned idle_timeout_ms;    /* between requests [60000] */
	unsigned write_timeout_ms;   /* without progress of an answer [30000] */
	/* Over max_connections wait in the backlog, in place of making room at once. When somebody
	 * has waited for give_way_ms [3000], who has rested longest makes room, if for an eighth of
	 * that at least; if none has, a request that takes as long to arrive. */
	bool full_waits;
	unsigned give_way_ms;
	bool host_optional; /* HTTP/1.1 without Host is answered too */
};

/* Counts since the server started. */
struct op_http_counters {
	uint64_t accepted, requests, upgraded;
	uint64_t status[6]; /* answers by first digit; [0] unused */
	uint64_t bytes_out;
	/* connections closed, by cause; cut: by op_http_reply_abort */
	uint64_t by_peer, evicted, refused, timed_out, malformed, requests_used_up, failed, cut;
	uint64_t full;                   /* times that further connections had to wait */
	uint64_t open;                   /* now */
	uint64_t deferred, deferred_now; /* answers given later: ever, and not given yet */
};

/* Listens. On failure *ret is untouched: -EADDRINUSE (see op_http_port_owner), -EADDRNOTAVAIL,
 * -EACCES, -EINVAL for a host that does not resolve. Loop thread, as everything here. */
int op_http_create(uv_loop_t *loop, const struct op_http_settings *settings,
		   struct op_http **ret) OP_MUST_CHECK;
/* Closes every connection; memory goes when the loop has closed the handles. NULL is fine. */
void op_http_close(struct op_http *h);
uint16_t op_http_port(const struct op_http *h);
const struct op_http_counters *op_http_counters(const struct op_http *h);

/* Sets the limit of open files to need, or as near as is allowed; returns what is in force. Call it
 * before op_hub_create: libwebsockets makes, and touches, tables as large as the limit. */
unsigned op_http_raise_files(unsigned need);

/* Who listens on this TCP port of this machine: "process 123 (nginx)", or a hint where to look. */
void op_http_port_owner(uint16_t port, struct op_buf *out);

/* ---- routes ---------------------------------------------------------------------------- */

/* Patterns: "/api/topics/{name}"; a {param} is one whole segment. GET answers HEAD too, OPTIONS is
 * answered by itself. pattern is borrowed. -ENOSPC over OP_HTTP_ROUTES_MAX, -EINVAL bad pattern. */
int op_http_route(struct op_http *h, unsigned methods, const char *pattern, op_http_fn fn,
		  void *arg) OP_MUST_CHECK;
int op_http_upgrade(struct op_http *h, const char *path, op_http_upgrade_fn fn,
		    void *arg) OP_MUST_CHECK;
/* Called before the handler, with its arg; false: the guard has answered. What needs no handler
 * (OPTIONS, 404, 405) is not asked for. */
typedef bool (*op_http_guard_fn)(struct op_http_request *rq, void *arg);
/* The body of an error in the words of this route; returns its type. page: the client is a browser
 * that asks for HTML. */
typedef const char *(*op_http_error_fn)(struct op_buf *b, bool page, int status,
					const char *message);
struct op_http_route_options {
	op_http_guard_fn guard; /* in place of the server's token; NULL: as without options */
	op_http_error_fn error; /* of op_http_error here and of 405; NULL: as described above */
};
/* options are copied. */
int op_http_route_with(struct op_http *h, unsigned methods, const char *pattern, op_http_fn fn,
		       void *arg, const struct op_http_route_options *options) OP_MUST_CHECK;
/* Two of those: always a page, and a line of text/plain. */
const char *op_http_error_html(struct op_buf *b, bool page, int status, const char *message);
const char *op_http_error_text(struct op_buf *b, bool page, int status, const char *message);
/* The same for what has no route (404), and for what is no request or too large a one. NULL: as
 * described above. */
void op_http_errors(struct op_http *h, op_http_error_fn no_route, op_http_error_fn malformed);
/* From now on a method that is not known, in capitals, is answered as one that the path does not
 * have, by 404 or 405, in place of 501. */
void op_http_any_method(struct op_http *h);
/* Serves the files below dir for every path without a route; "/" is index.html. A FILE.gz beside
 * FILE is sent to clients that take gzip. Names that hold a hash ("app-3f2a9c1b.js") are cached
 * for ever, others are checked again by ETag. Hidden files are not served. */
int op_http_static(struct op_http *h, const char *dir) OP_MUST_CHECK;
/* The same below a prefix that begins and ends with "/"; the longest prefix counts. At most
 * OP_HTTP_FOLDERS_MAX (-ENOSPC); one with a prefix that is there takes its place. prefix is
 * borrowed. */
#define OP_HTTP_FOLDERS_MAX 8
#define OP_HTTP_OPEN 1u        /* no token is asked for */
#define OP_HTTP_DISPOSITION 2u /* Content-Disposition: inline; filename=NAME */
int op_http_static_at(struct op_http *h, const char *prefix, const char *dir,
		      unsigned flags) OP_MUST_CHECK;
/* Asks for "Authorization: Bearer TOKEN" on every route but those added before this call; a page,
 * which cannot send that with a WebSocket, may set the cookie OP_HTTP_COOKIE to it, percent-encoded
 * and SameSite=Strict. The comparison takes the same time wherever the tokens differ. NULL: no
 * token. */
#define OP_HTTP_COOKIE "outpost-token"
void op_http_require_token(struct op_http *h, const char *token);
/* The comparison by itself. */
bool op_http_same_secret(const char *got, const char *want);

/* ---- answering: exactly one of these per request -------------------------------------- */

/* Body bytes are copied or sent before it returns. type NULL: no Content-Type. */
void op_http_answer(struct op_http_request *rq, int status, const char *type, const void *body,
		    size_t n);
/* Further fields, each ending in CR LF, before the answer; over 512 bytes they are left out. */
void op_http_field_add(struct op_http_request *rq, const char *name, const char *value);
/* Before the answer, or before op_http_defer: the connection ends with it. For what many clients
 * ask again and again, where connections are few. */
void op_http_close_after(struct op_http_request *rq);
/* JSON or a page, see above. */
void op_http_error(struct op_http_request *rq, int status, const char *fmt, ...) OP_PRINTF(3, 4);
/* An empty buffer to build a body in; valid while the handler runs. */
struct op_buf *op_http_body(struct op_http_request *rq);

/* ---- answering later, and at length ---------------------------------------------------- */

/* The most that a reply queues; a write beyond it is refused. */
#define OP_HTTP_QUEUE_MAX (1024 * 1024)
/* At this many bytes wait for `room` before the next write. */
#define OP_HTTP_QUEUE_LOW (64 * 1024)

/* The answer to come to one request. Requests that the client has sent behind it wait, unread but
 * for what had come with it. It is not a slow request: it may take as long as it likes. A client
 * that takes nothing of what is queued for it for write_timeout_ms is closed, and one that ends its
 * side of the connection has left. */
struct op_http_reply;

/* Called from the loop, never from within the functions below. Both may be NULL. */
struct op_http_reply_events {
	/* Less than OP_HTTP_QUEUE_LOW is queued again, after a write that returned more. */
	void (*room)(struct op_http_reply *r, void *arg);
	/* The client is gone, or the server closes; so is r when this returns. */
	void (*gone)(struct op_http_reply *r, void *arg);
};

/* In place of an answer. Fields added so far stay. The reply is the caller's until one of answer,
 * error, end, abort, or until `gone`; events are borrowed as long. The request itself ends with the
 * handler. NULL: no memory, nothing is answered yet. */
struct op_http_reply *op_http_defer(struct op_http_request *rq,
				    const struct op_http_reply_events *events, void *arg);
/* As op_http_field_add, before the head goes out by one of the three that follow. */
void op_http_reply_field(struct op_http_reply *r, const char *name, const char *value);
/* The whole answer, as op_http_answer and op_http_error. */
void op_http_reply_answer(struct op_http_reply *r, int status, const char *type, const void *body,
			  size_t n);
void op_http_reply_error(struct op_http_reply *r, int status, const char *fmt, ...) OP_PRINTF(3, 4);
/* The head of an answer of unknown length: chunks follow, or for HTTP/1.0 bytes until the
 * connection closes. -ENOMEM: nothing went out. */
int op_http_reply_begin(struct op_http_reply *r, int status, const char *type) OP_MUST_CHECK;
/* Copies n bytes to the queue; they go out when the loop runs next, so that many small writes make
 * one chunk. Returns the bytes queued then, 0 for HEAD, which has no body (op_http_reply_is_head
 * saves making it). -ENOBUFS: they would be more than OP_HTTP_QUEUE_MAX, -ENOMEM; then nothing was
 * taken. A connection that failed is told by `gone`. */
ssize_t op_http_reply_write(struct op_http_reply *r, const void *bytes, size_t n) OP_MUST_CHECK;
/* After begin: that was all. What is queued is still sent. */
void op_http_reply_end(struct op_http_reply *r);
/* Cuts the connection (RST), so that the client sees that the answer is not complete. */
void op_http_reply_abort(struct op_http_reply *r);
bool op_http_reply_is_head(const struct op_http_reply *r);

/* Appends the body as a client takes it that sends "Accept-Encoding: gzip". -ENOBUFS, -ENOMEM: out
 * is of no use. Any thread; about 256 KiB while it runs. */
int op_http_gzip(const void *bytes, size_t n, struct op_buf *out) OP_MUST_CHECK;

/* ---- reading a request ----------------------------------------------------------------- */

/* A field by lower-case name, or NULL. */
const char *op_http_field_get(const struct op_http_request *rq, const char *name);
/* How often it was sent. */
unsigned op_http_field_count(const struct op_http_request *rq, const char *name);
/* The client's address, "192.0.2.7" or "2001:db8::1"; of an IPv4 client always the first form. ""
 * if it cannot be told. */
#define OP_HTTP_PEER_BYTES 46
void op_http_peer(const struct op_http_request *rq, char ret[OP_HTTP_PEER_BYTES]);
/* This machine, a private network (RFC 1918, RFC 4193) or the same link. */
bool op_http_peer_is_private(const struct op_http_request *rq);
/* A parameter of the query, percent-decoded into out: 1, or 0 if it is not there. -EEXIST: it is
 * there twice; -EILSEQ: a bad escape, or a NUL byte; -ENOBUFS: longer than out. On 0 and errors out
 * is "". */
int op_http_query(const struct op_http_request *rq, const char *name, char *out,
		  size_t size) OP_MUST_CHECK;
/* True if a comma-separated list holds the token (case-insensitive, q=0 means no). */
bool op_http_list_has(const char *list, const char *token);

/* ---- Prometheus text format 0.0.4 ------------------------------------------------------ */

#define OP_PROM_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* # HELP and # TYPE of a metric; type "gauge" or "counter". Characters a name may not have become
 * "_". */
void op_prom_head(struct op_buf *b, const char *name, const char *type, const char *help);
/* One sample. labels: name, value, name, value, ..., NULL; NULL for none. */
void op_prom_value(struct op_buf *b, const char *name, const char *const *labels, double v);
void op_prom_count(struct op_buf *b, const char *name, const char *const *labels, uint64_t v);

#endif
