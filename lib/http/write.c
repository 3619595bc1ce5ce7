/*
 * write.c - what the hub says to one client: frames, schemas, errors (outpost-ws(7)).
 *
 * The shared part of a frame stays where the stream put it; what differs between clients is
 * written into the room before it, then libwebsockets sends both by one call. What the socket does
 * not take libwebsockets keeps: that is the rest of one frame, never more, because nothing is
 * written while it is there.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hub_internal.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

static bool send_message(struct hub_client *c, uint8_t *at, size_t n, bool text)
{
	int r = lws_write(c->wsi, at, n, text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
	if (r < 0) {
		hub_client_kill(c, &c->hub->count.vanished);
		return false;
	}
	c->hub->count.bytes += n;
	return true;
}

static void put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

struct part {
	uint8_t *at; /* shared part, HUB_HEADROOM before it are free */
	size_t bytes;
	uint64_t first_seq, boot_ns;
	int64_t wall_ns;
	uint32_t count;
	bool backlog;
};

static bool send_binary(struct hub_sub *sub, const struct part *p)
{
	uint8_t *h = p->at - HUB_HEADER;
	h[0] = 1;
	h[1] = p->backlog ? 2 : 1;
	put16(h + 2, sub->id);
	put32(h + 4, p->count);
	put64(h + 8, p->first_seq);
	put64(h + 16, sub->missed);
	put64(h + 24, p->boot_ns);
	put64(h + 32, (uint64_t)p->wall_ns);
	put32(h + 40, (uint32_t)op_reader_stride(sub->stream->reader));
	put32(h + 44, 0);
	return send_message(sub->client, h, HUB_HEADER + p->bytes, false);
}

static bool send_json(struct hub_sub *sub, const struct part *p)
{
	char head[HUB_HEADROOM - LWS_PRE];
	int n = snprintf(
		head, sizeof(head),
		"{\"frame\":{\"id\":%u,\"topic\":\"%s\",\"kind\":\"%s\",\"seq\":[%llu,%llu],"
		"\"missed\":%llu,\"boot_ns\":%llu,\"wall_ns\":%lld,",
		sub->id, sub->topic, p->backlog ? "backlog" : "live",
		(unsigned long long)p->first_seq, (unsigned long long)(p->first_seq + p->count - 1),
		(unsigned long long)sub->missed, (unsigned long long)p->boot_ns,
		(long long)p->wall_ns);
	uint8_t *h = p->at - n;
	memcpy(h, head, (size_t)n);
	return send_message(sub->client, h, (size_t)n + p->bytes, true);
}

/* A jump of the sequence is a loss, whoever caused it: the stream, which was overtaken by the
 * writer, or this client, which was too slow. A step back means that the topic began anew. */
static bool send_part(struct hub_sub *sub, const struct part *p)
{
	struct op_hub *hub = sub->client->hub;
	if (sub->seq_known && p->first_seq > sub->next_seq) {
		sub->missed += p->first_seq - sub->next_seq;
		hub->count.missed += p->first_seq - sub->next_seq;
	}
	sub->seq_known = true;
	sub->next_seq = p->first_seq + p->count;
	hub->count.frames++;
	hub->count.records += p->count;
	return sub->stream->format == HUB_JSON ? send_json(sub, p) : send_binary(sub, p);
}

bool hub_write_live(struct hub_sub *sub, struct hub_frame *f)
{
	return send_part(sub, &(struct part){.at = f->mem + HUB_HEADROOM,
					     .bytes = f->bytes,
					     .first_seq = f->first_seq,
					     .boot_ns = f->boot_ns,
					     .wall_ns = f->wall_ns,
					     .count = f->count});
}

bool hub_write_backlog(struct hub_sub *sub)
{
	struct part p = {.at = sub->client->hub->text + HUB_HEADROOM,
			 .boot_ns = op_now_ns(),
			 .backlog = true};
	p.wall_ns = op_wall_ns(p.boot_ns);
	p.first_seq = sub->backlog_at;
	p.bytes = hub_stream_backlog(sub->stream, &p.first_seq, sub->backlog_end, p.at,
				     HUB_TEXT_MAX, &p.count);
	if (!p.bytes) {
		sub->backlog_at =
			sub->backlog_end; /* overwritten meanwhile; the gap will be counted */
		return true;
	}
	sub->backlog_at = p.first_seq + p.count;
	return send_part(sub, &p);
}

/* ---- text ------------------------------------------------------------------------------ */

static void begin(struct op_hub *hub, struct op_buf *b, const char *what)
{
	op_buf_init_fixed(b, (char *)hub->text + HUB_HEADROOM, HUB_TEXT_MAX);
	op_json_begin(b, '{');
	op_json_key(b, what);
}

static bool finish(struct hub_client *c, struct op_buf *b)
{
	op_json_end(b, '}');
	return b->err ? true : send_message(c, (uint8_t *)b->data, b->len, true);
}

bool hub_write_schema(struct hub_sub *sub)
{
	struct hub_stream *s = sub->stream;
	struct op_buf b;
	begin(s->hub, &b, "schema");
	op_json_begin(&b, '{');
	op_json_kv_u64(&b, "id", sub->id);
	op_json_kv_str(&b, "topic", s->topic);
	op_json_kv_f64(&b, "rate", s->rate_hz);
	op_json_kv_str(&b, "format", s->format == HUB_JSON ? "json" : "binary");
	op_json_kv_u64(&b, "stride", op_reader_stride(s->reader));
	op_json_kv_u64(&b, "record_offset", OP_SLOT_RECORD);
	op_json_kv_u64(&b, "missed", sub->missed);
	op_json_key(&b, "type");
	op_json_raw(&b, op_reader_schema(s->reader));
	op_json_end(&b, '}');
	return finish(sub->client, &b);
}

bool hub_write_closed(struct hub_sub *sub)
{
	struct op_buf b;
	begin(sub->client->hub, &b, "closed");
	op_json_begin(&b, '{');
	op_json_kv_u64(&b, "id", sub->id);
	op_json_kv_str(&b, "topic", sub->topic);
	op_json_kv_str(&b, "reason", sub->reason);
	op_json_end(&b, '}');
	return finish(sub->client, &b);
}

bool hub_write_error(struct hub_client *c)
{
	struct op_buf b;
	begin(c->hub, &b, "error");
	op_json_begin(&b, '{');
	op_json_kv_str(&b, "message", c->error);
	if (c->error_topic[0])
		op_json_kv_str(&b, "topic", c->error_topic);
	op_json_end(&b, '}');
	c->error[0] = c->error_topic[0] = '\0';
	return finish(c, &b);
}

bool hub_write_pong(struct hub_client *c)
{
	struct op_buf b;
	uint64_t now = op_now_ns();
	begin(c->hub, &b, "pong");
	op_json_i64(&b, c->pong);
	op_json_kv_u64(&b, "boot_ns", now);
	op_json_kv_i64(&b, "wall_ns", op_wall_ns(now));
	c->has_pong = false;
	return finish(c, &b);
}
