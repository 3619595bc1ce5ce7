/*
 * wire.c - frames between a service and outpost-post: written, gathered, read.
 *
 *     u32 bytes that follow the head, u8 version, u8 kind, u16 0 | u32 id, what the kind says
 *
 * A text is its length, its bytes and a NUL; no text at all is the length UINT32_MAX. Whoever reads
 * believes nothing: every length is held against what is left. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "lib/net/internal.h"

#define NO_TEXT UINT32_MAX
#define ROOM_BYTES 4096  /* for a read while no frame has begun */
#define KEPT_BYTES 65536 /* between frames; what a long one took beyond that is given back */

/* ---- writing --------------------------------------------------------------------------- */

static void put_u32(struct op_buf *out, uint32_t v)
{
	op_buf_put(out, &v, sizeof(v));
}

static void put_bytes(struct op_buf *out, const void *bytes, size_t n)
{
	if (n >= NO_TEXT)
		out->err = -EMSGSIZE;
	put_u32(out, bytes ? (uint32_t)n : NO_TEXT);
	if (!bytes)
		return;
	op_buf_put(out, bytes, n);
	op_buf_putc(out, '\0');
}

static void put_text(struct op_buf *out, const char *text)
{
	put_bytes(out, text, text ? strlen(text) : 0);
}

static void begin(struct op_buf *out, enum net_kind kind, uint32_t id)
{
	const char rest[4] = {NET_WIRE_VERSION, (char)kind};
	put_u32(out, 0); /* see finish */
	op_buf_put(out, rest, sizeof(rest));
	put_u32(out, id);
}

static void finish(struct op_buf *out)
{
	uint32_t bytes = (uint32_t)(out->len - NET_HEAD_BYTES);
	if (!out->err)
		memcpy(out->data, &bytes, sizeof(bytes));
}

static uint32_t count_fields(const char *const *fields)
{
	uint32_t n = 0;
	while (fields && fields[n])
		n++;
	return n;
}

void net_put_ask(struct op_buf *out, uint32_t id, const struct op_post_request *rq)
{
	uint32_t n = count_fields(rq->fields);
	begin(out, NET_ASK, id);
	put_text(out, rq->url);
	put_text(out, rq->method);
	put_text(out, rq->content_type);
	put_text(out, rq->ca_file);
	put_bytes(out, rq->body, rq->body_bytes);
	put_u32(out, rq->connect_timeout_ms);
	put_u32(out, rq->read_timeout_ms);
	put_u32(out, rq->total_timeout_ms);
	put_u32(out, rq->max_redirects);
	put_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		put_text(out, rq->fields[i]);
	finish(out);
}

void net_put_cancel(struct op_buf *out, uint32_t id)
{
	begin(out, NET_CANCEL, id);
	finish(out);
}

void net_put_answer(struct op_buf *out, uint32_t id, const struct op_post_result *r)
{
	begin(out, NET_ANSWER, id);
	put_u32(out, (uint32_t)r->error);
	put_u32(out, (uint32_t)r->status);
	put_u32(out, r->retry_after_s);
	put_bytes(out, r->answer, r->answer_bytes);
	put_text(out, r->message);
	finish(out);
}

/* ---- gathering ------------------------------------------------------------------------- */

/* The size of the frame that begins with these bytes, head included. */
static int whole_size(const char *at, size_t *ret)
{
	uint32_t bytes;
	memcpy(&bytes, at, sizeof(bytes));
	if (at[4] != NET_WIRE_VERSION)
		return -OP_ENEWER;
	if (bytes < sizeof(uint32_t) || bytes > NET_FRAME_MAX - NET_HEAD_BYTES)
		return -EPROTO;
	*ret = NET_HEAD_BYTES + bytes;
	return 0;
}

static size_t wanted(const struct net_intake *in)
{
	size_t whole = 0;
	if (in->len < NET_HEAD_BYTES || whole_size(in->data, &whole) < 0 || whole <= in->len)
		return in->len + ROOM_BYTES;
	return whole;
}

static bool resize(struct net_intake *in, size_t cap)
{
	char *data = realloc(in->data, cap);
	if (!data)
		return false;
	in->data = data;
	in->cap = cap;
	return true;
}

uv_buf_t net_intake_room(struct net_intake *in)
{
	if (in->taken) {
		in->len -= in->taken;
		memmove(in->data, in->data + in->taken, in->len);
		in->taken = 0;
	}
	if (in->len == 0 && in->cap > KEPT_BYTES)
		net_intake_finish(in);
	size_t cap = wanted(in);
	if (cap > in->cap && !resize(in, cap))
		return uv_buf_init(NULL, 0); /* libuv says UV_ENOBUFS */
	return uv_buf_init(in->data + in->len, (unsigned)(in->cap - in->len));
}

void net_intake_add(struct net_intake *in, size_t n)
{
	in->len += n;
}

static bool is_kind(int kind)
{
	return kind == NET_ASK || kind == NET_CANCEL || kind == NET_ANSWER;
}

int net_intake_next(struct net_intake *in, struct net_frame *ret)
{
	size_t left = in->len - in->taken, whole = 0;
	const char *at = in->data + in->taken;
	if (left < NET_HEAD_BYTES)
		return 0;
	int r = whole_size(at, &whole);
	if (r < 0)
		return r;
	if (left < whole)
		return 0;
	if (!is_kind(at[5]))
		return -EPROTO;
	ret->kind = (enum net_kind)at[5];
	memcpy(&ret->id, at + NET_HEAD_BYTES, sizeof(ret->id));
	ret->payload = at + NET_HEAD_BYTES + sizeof(ret->id);
	ret->bytes = whole - NET_HEAD_BYTES - sizeof(ret->id);
	in->taken += whole;
	return 1;
}

void net_intake_finish(struct net_intake *in)
{
	free(in->data);
	*in = (struct net_intake){.data = NULL};
}

/* ---- reading --------------------------------------------------------------------------- */

struct cursor {
	const char *at;
	size_t left;
	bool bad;
};

static uint32_t get_u32(struct cursor *c)
{
	uint32_t v = 0;
	if (c->bad || c->left < sizeof(v)) {
		c->bad = true;
		return 0;
	}
	memcpy(&v, c->at, sizeof(v));
	c->at += sizeof(v);
	c->left -= sizeof(v);
	return v;
}

static const char *get_bytes(struct cursor *c, size_t *ret_n)
{
	uint32_t n = get_u32(c);
	const char *text = c->at;
	*ret_n = 0;
	if (c->bad || n == NO_TEXT)
		return NULL;
	if (c->left <= n || text[n] != '\0') {
		c->bad = true;
		return NULL;
	}
	c->at += n + 1;
	c->left -= n + 1;
	*ret_n = n;
	return text;
}

/* Without a NUL inside. */
static const char *get_text(struct cursor *c)
{
	size_t n;
	const char *text = get_bytes(c, &n);
	if (text && strlen(text) != n)
		c->bad = true;
	return text;
}

static int end(const struct cursor *c)
{
	return c->bad || c->left > 0 ? -EPROTO : 0;
}

int net_get_ask(const struct net_frame *f, const char **fields, struct op_post_request *ret)
{
	struct cursor c = {.at = f->payload, .left = f->bytes};
	struct op_post_request rq = {.url = get_text(&c)};
	rq.method = get_text(&c);
	rq.content_type = get_text(&c);
	rq.ca_file = get_text(&c);
	rq.body = get_bytes(&c, &rq.body_bytes);
	rq.connect_timeout_ms = get_u32(&c);
	rq.read_timeout_ms = get_u32(&c);
	rq.total_timeout_ms = get_u32(&c);
	rq.max_redirects = get_u32(&c);
	uint32_t n = get_u32(&c);
	if (n > OP_POST_FIELDS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n; i++)
		if (!(fields[i] = get_text(&c)))
			return -EPROTO;
	fields[n] = NULL;
	rq.fields = fields;
	if (end(&c) < 0 || !rq.url)
		return -EPROTO;
	*ret = rq;
	return 0;
}

int net_get_answer(const struct net_frame *f, struct op_post_result *ret)
{
	struct cursor c = {.at = f->payload, .left = f->bytes};
	struct op_post_result r = {.error = (int)get_u32(&c)};
	r.status = (int)get_u32(&c);
	r.retry_after_s = get_u32(&c);
	r.answer = get_bytes(&c, &r.answer_bytes);
	r.message = get_text(&c);
	if (end(&c) < 0 || !r.answer || !r.message || r.answer_bytes > OP_POST_ANSWER_MAX)
		return -EPROTO;
	*ret = r;
	return 0;
}
