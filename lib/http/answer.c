/*
 * answer.c - the head of an answer, errors as JSON or as a page.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
	int status;
	const char *text;
} statuses[] = {
	{200, "OK"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

static const char *status_text(int status)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "Unknown";
}

/* The Date field is made once a second. */
static const char *date(struct op_http *h)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != h->date_s) {
		struct tm tm;
		h->date_s = now.tv_sec;
		gmtime_r(&now.tv_sec, &tm);
		strftime(h->date, sizeof(h->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return h->date;
}

static void write_length(struct op_buf *b, const struct answer_head *a)
{
	if (a->body == BODY_CHUNKED)
		op_buf_puts(b, "Transfer-Encoding: chunked\r\n");
	else if (a->body == BODY_SIZED && a->status != 204 && a->status != 304)
		op_buf_printf(b, "Content-Length: %llu\r\n", (unsigned long long)a->bytes);
}

size_t http_head_write(struct op_http_conn *c, const struct answer_head *a, char *out, size_t size)
{
	struct op_http *h = c->server;
	struct op_buf b;
	op_buf_init_fixed(&b, out, size);
	op_buf_printf(&b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", a->status, status_text(a->status),
		      date(h));
	if (a->type)
		op_buf_printf(&b, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n",
			      a->type);
	write_length(&b, a);
	if (!c->keep)
		op_buf_puts(&b, "Connection: close\r\n");
	op_buf_put(&b, a->extra, a->n_extra);
	op_buf_puts(&b, "\r\n");
	h->count.status[a->status / 100 % 6]++;
	return b.len;
}

/* A body of n bytes, or a part of a file. */
static void answer(struct op_http_request *rq, int status, const char *type, const void *body,
		   size_t n, const struct http_part *part)
{
	struct op_http_conn *c = rq->conn;
	char head[1024];
	uint64_t bytes = part ? (uint64_t)(part->to - part->from) : n;
	size_t n_head = http_head_write(c,
					&(struct answer_head){.status = status,
							      .type = type,
							      .bytes = bytes,
							      .extra = rq->server->extra,
							      .n_extra = rq->server->extra_len},
					head, sizeof(head));
	c->answered = true;
	if (c->head_only && part)
		close(part->fd);
	if (c->head_only)
		http_conn_send(c, head, n_head, NULL, 0, NULL);
	else
		http_conn_send(c, head, n_head, body, n, part);
}

void op_http_answer(struct op_http_request *rq, int status, const char *type, const void *body,
		    size_t n)
{
	answer(rq, status, type, body, n, NULL);
}

void http_answer_file(struct op_http_request *rq, int status, const struct http_part *part,
		      const char *type)
{
	answer(rq, status, type, NULL, 0, part);
}

void http_extra_add(char extra[512], size_t *len, const char *name, const char *value)
{
	size_t room = 512 - *len;
	int n = snprintf(extra + *len, room, "%s: %s\r\n", name, value);
	if (n > 0 && (size_t)n < room)
		*len += (size_t)n;
}

void op_http_close_after(struct op_http_request *rq)
{
	rq->conn->keep = false;
}

void op_http_field_add(struct op_http_request *rq, const char *name, const char *value)
{
	http_extra_add(rq->server->extra, &rq->server->extra_len, name, value);
}

struct op_buf *op_http_body(struct op_http_request *rq)
{
	op_buf_reset(&rq->server->body);
	return &rq->server->body;
}

/* A browser's navigation asks for text/html; everything below /api/ is for programs. */
bool http_wants_page(const struct op_http_request *rq)
{
	const char *accept = op_http_field_get(rq, "accept");
	return accept && op_http_list_has(accept, "text/html") &&
	       !(rq->path && !strncmp(rq->path, "/api/", 5));
}

static void write_page(struct op_buf *b, int status, const char *message)
{
	op_buf_printf(
		b,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\">"
		"<title>%d %s</title><style>body{font:16px system-ui,sans-serif;margin:15vh auto;"
		"max-width:30rem;padding:0 1rem;color-scheme:light dark}</style>"
		"<h1>%d %s</h1><p>",
		status, status_text(status), status, status_text(status));
	for (const char *p = message; *p; p++) {
		if (*p == '<' || *p == '&')
			op_buf_puts(b, *p == '<' ? "&lt;" : "&amp;");
		else
			op_buf_putc(b, *p);
	}
	op_buf_puts(b, "</p><p><a href=\"/\">To the front page</a></p></html>\n");
}

static void write_json(struct op_buf *b, int status, const char *message)
{
	op_json_begin(b, '{');
	op_json_key(b, "error");
	op_json_begin(b, '{');
	op_json_kv_i64(b, "status", status);
	op_json_kv_str(b, "message", message);
	op_json_end(b, '}');
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
}

const char *http_error_write(struct op_buf *b, bool page, int status, const char *message)
{
	if (page)
		write_page(b, status, message);
	else
		write_json(b, status, message);
	return page ? "text/html; charset=utf-8" : "application/json";
}

const char *op_http_error_html(struct op_buf *b, bool page, int status, const char *message)
{
	return http_error_write(b, true, status, message);
}

const char *op_http_error_text(struct op_buf *b, bool page, int status, const char *message)
{
	op_buf_printf(b, "%s\n\n%s\n", status_text(status), message);
	return "text/plain; charset=utf-8";
}

void op_http_error(struct op_http_request *rq, int status, const char *fmt, ...)
{
	char message[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	struct op_buf *b = op_http_body(rq);
	op_http_error_fn write = rq->server->error ? rq->server->error : http_error_write;
	const char *type = write(b, http_wants_page(rq), status, message);
	op_http_field_add(rq, "Cache-Control", "no-store");
	if (!strncmp(type, "text/html", 9))
		op_http_field_add(rq, "Content-Security-Policy", HTTP_ERROR_POLICY);
	op_http_answer(rq, status, type, b->data, b->len);
}

static const struct {
	int status;
	const char *message;
} remedies[] = {
	{400, "the request is not well-formed HTTP/1.1"},
	{404, "there is nothing here"},
	{408, "the request took too long to arrive"},
	{413, "the body is too large"},
	{414, "the address is too long"},
	{431, "the header fields are too large"},
	{501, "this method, or this transfer coding, is not known"},
	{503, "too many connections; try again in a moment"},
	{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"},
};

void http_answer_status(struct op_http_request *rq, int status)
{
	const char *message = status_text(status);
	for (size_t i = 0; i < OP_ARRAY_SIZE(remedies); i++)
		if (remedies[i].status == status)
			message = remedies[i].message;
	if (status == 503)
		op_http_field_add(rq, "Retry-After", "2");
	op_http_error(rq, status, "%s", message);
}
