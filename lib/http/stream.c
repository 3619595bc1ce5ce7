/*
 * stream.c - one topic at one rate in one format: reads it on each tick and encodes the frame once
 * for everybody who watches.
 *
 * A topic may not exist yet, may be replaced by one with another schema, and may vanish; the
 * stream looks for it four times a second and announces what it finds. Ticks are absolute
 * deadlines of the boot clock, so that rounding to the loop's milliseconds does not add up.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hub_internal.h"

#include <string.h>

#define FRAMES_PER_TICK 8
#define RING_SECONDS 2.0
#define REOPEN_NS (250 * OP_NS_PER_MS)

static void on_tick(uv_timer_t *timer);

double hub_rate(double wanted_hz, double max_hz)
{
	/* A fixed grid, so that clients share streams whatever they ask for. */
	static const double grid[] = {60, 50, 40, 30, 25, 24, 20,  15, 12,
				      10, 8,  5,  4,  2,  1,  0.5, 0.2};
	for (size_t i = 0; i < OP_ARRAY_SIZE(grid); i++)
		if (grid[i] <= wanted_hz && grid[i] <= max_hz)
			return grid[i];
	return 0.1;
}

static void announce(struct hub_stream *s)
{
	for (struct hub_sub *sub = s->subs; sub; sub = sub->next_peer) {
		sub->announce = true;
		sub->pos = s->head;
		sub->backlog_at = sub->backlog_end = sub->seen_end = 0;
		hub_client_pump(sub->client);
	}
}

static void open_topic(struct hub_stream *s, uint64_t now)
{
	s->next_open_ns = now + REOPEN_NS;
	if (op_reader_open(s->hub->set.bus_dir, s->topic, s->hub->set.who, &s->reader)) {
		s->reader = NULL; /* not there yet, or not whole: look again */
		s->waited = true;
		return;
	}
	if (s->waited)
		op_reader_rewind(s->reader, UINT64_MAX);
	s->floor = s->head;
	announce(s);
}

static void close_topic(struct hub_stream *s)
{
	op_reader_close(s->reader);
	op_reader_close(s->back);
	s->reader = s->back = NULL;
	s->waited = true;
	s->floor = s->head;
}

static bool grow(struct hub_frame *f, size_t bytes)
{
	if (f->cap >= HUB_HEADROOM + bytes)
		return true;
	size_t cap = (HUB_HEADROOM + bytes + 511) & ~(size_t)511;
	uint8_t *mem = realloc(f->mem, cap);
	if (!mem)
		return false;
	f->mem = mem;
	f->cap = cap;
	return true;
}

/* The records as `"records":[...]}}`. */
static void write_records(const struct op_topic_type *type, const uint8_t *slots, size_t n,
			  size_t stride, uint64_t first_seq, struct op_buf *b)
{
	char time[OP_RFC3339_BYTES];
	op_buf_puts(b, "\"records\":[");
	for (size_t i = 0; i < n; i++) {
		const uint8_t *slot = slots + i * stride;
		uint64_t boot_ns;
		memcpy(&boot_ns, slot, sizeof(boot_ns));
		op_time_rfc3339(op_wall_ns(boot_ns), time);
		if (i)
			op_buf_putc(b, ',');
		b->need_comma = false;
		op_json_begin(b, '{');
		op_json_kv_u64(b, "seq", first_seq + i);
		op_json_kv_u64(b, "boot_ns", boot_ns);
		op_json_kv_str(b, "time", time);
		op_record_json(type, slot + OP_SLOT_RECORD, b);
		op_json_end(b, '}');
	}
	op_buf_puts(b, "]}}");
}

/* Upper bound of one record in JSON: names, numbers of at most 25 bytes, text escaped sixfold. */
static size_t json_bound(const struct op_topic_type *type)
{
	size_t n = 160;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		n += strlen(f->name) + 4 + (f->type == OP_TEXT ? 6 * f->bytes : 32);
		n += f->labels ? strlen(f->labels) : 0;
	}
	return n;
}

static size_t slots_at_once(const struct hub_stream *s, size_t bytes)
{
	size_t n = HUB_CHUNK / op_reader_stride(s->reader);
	if (s->format == HUB_JSON && n > bytes / json_bound(op_reader_type(s->reader)))
		n = bytes / json_bound(op_reader_type(s->reader));
	return n ? n : 1;
}

/* Encodes n slots of the hub's buffer into the frame. False when memory is short. */
static bool encode(struct hub_stream *s, struct hub_frame *f, size_t n)
{
	size_t stride = op_reader_stride(s->reader);
	const struct op_topic_type *type = op_reader_type(s->reader);
	if (s->format == HUB_BINARY) {
		f->bytes = n * stride;
		if (!grow(f, f->bytes))
			return false;
		memcpy(f->mem + HUB_HEADROOM, s->hub->slots, f->bytes);
		return true;
	}
	struct op_buf b;
	op_buf_init_fixed(&b, (char *)s->hub->text, HUB_HEADROOM + HUB_TEXT_MAX);
	write_records(type, s->hub->slots, n, stride, f->first_seq, &b);
	f->bytes = b.len;
	if (b.err || !grow(f, b.len))
		return false;
	memcpy(f->mem + HUB_HEADROOM, b.data, b.len);
	return true;
}

/* One frame of what is new. 1 made and there may be more, 0 made or nothing new, or an error. */
static int make_frame(struct hub_stream *s)
{
	struct hub_frame *f = &s->ring[s->head % s->n_ring];
	size_t max = slots_at_once(s, HUB_TEXT_MAX);
	ssize_t n = op_reader_read(s->reader, s->hub->slots, max, &f->first_seq);
	if (n <= 0)
		return (int)n;
	f->count = (uint32_t)n;
	f->boot_ns = op_now_ns();
	f->wall_ns = op_wall_ns(f->boot_ns);
	if (!encode(s, f, (size_t)n))
		return -ENOMEM;
	s->head++;
	return (size_t)n == max;
}

static void pump_all(struct hub_stream *s)
{
	for (struct hub_sub *sub = s->subs, *next; sub; sub = next) {
		next = sub->next_peer;
		hub_client_pump(sub->client);
	}
}

/* True when the topic has left its place or another file has taken it. */
static void read_topic(struct hub_stream *s)
{
	for (int i = 0, more = 1; i < FRAMES_PER_TICK && more > 0; i++) {
		uint64_t head = s->head;
		more = make_frame(s);
		if (s->head != head)
			pump_all(s);
		if (more == -OP_ESCHEMA) {
			close_topic(s);
			s->next_open_ns = 0;
		}
	}
}

static void schedule(struct hub_stream *s, uint64_t now)
{
	uint64_t period = (uint64_t)(1e9 / s->rate_hz);
	s->deadline_ns += period;
	if (s->deadline_ns + period < now || s->deadline_ns > now + period)
		s->deadline_ns = now + period; /* after a stall; the clock itself never steps */
	uint64_t ms =
		s->deadline_ns > now ? (s->deadline_ns - now + OP_NS_PER_MS - 1) / OP_NS_PER_MS : 0;
	uv_update_time(s->hub->loop);                    /* ticks of many clients take their time */
	(void)uv_timer_start(&s->timer, on_tick, ms, 0); /* fails only while closing */
}

static void on_tick(uv_timer_t *timer)
{
	struct hub_stream *s = (struct hub_stream *)timer;
	uint64_t now = op_now_ns();
	if (!s->reader && now >= s->next_open_ns)
		open_topic(s, now);
	if (s->reader)
		read_topic(s);
	if (!s->reader && s->next_open_ns == 0)
		open_topic(s, now);
	if (!uv_is_closing((uv_handle_t *)timer))
		schedule(s, op_now_ns());
}

struct hub_frame *hub_stream_frame(struct hub_stream *s, uint64_t pos)
{
	return &s->ring[pos % s->n_ring];
}

uint64_t hub_stream_oldest(const struct hub_stream *s)
{
	/* One slot less than the ring has: the next frame is written into it. */
	uint64_t kept = s->head > s->n_ring - 1 ? s->head - (s->n_ring - 1) : 0;
	return kept > s->floor ? kept : s->floor;
}

/* ---- backlog --------------------------------------------------------------------------- */

static struct op_reader *backlog_reader(struct hub_stream *s)
{
	if (!s->back && op_reader_open(s->hub->set.bus_dir, s->topic, s->hub->set.who, &s->back))
		s->back = NULL;
	if (s->back && op_reader_schema_hash(s->back) != op_reader_schema_hash(s->reader)) {
		op_reader_close(s->back);
		s->back = NULL; /* replaced just now: the tick will notice */
	}
	return s->back;
}

/* Reads slots from sequence number from (or the oldest after it) below end. */
static size_t read_back(struct hub_stream *s, uint64_t *from, uint64_t end, size_t max)
{
	struct op_reader *r = backlog_reader(s);
	uint64_t first, stride = r ? op_reader_stride(r) : 1;
	if (!r || *from >= end || op_reader_published(r) < end)
		return 0;
	op_reader_rewind(r, op_reader_published(r) - *from);
	/* Records published between the two calls put the cursor past `from` at most by as many:
	 * go back a little further and drop what comes before. */
	if (op_reader_next_seq(r) > *from)
		op_reader_rewind(r, op_reader_published(r) - *from + 64);
	ssize_t n = op_reader_read(r, s->hub->slots, max, &first);
	if (n <= 0)
		return 0;
	size_t skip = first < *from ? *from - first : 0;
	if (skip >= (size_t)n || first >= end)
		return 0;
	size_t left = (size_t)n - skip;
	memmove(s->hub->slots, s->hub->slots + skip * stride, left * stride);
	*from = first + skip;
	return left < end - *from ? left : end - *from;
}

size_t hub_stream_backlog(struct hub_stream *s, uint64_t *from, uint64_t end, uint8_t *mem,
			  size_t size, uint32_t *ret_count)
{
	if (!s->reader)
		return 0;
	size_t stride = op_reader_stride(s->reader),
	       n = read_back(s, from, end, slots_at_once(s, size));
	*ret_count = (uint32_t)n;
	if (!n)
		return 0;
	if (s->format == HUB_BINARY) {
		memcpy(mem, s->hub->slots, n * stride);
		return n * stride;
	}
	struct op_buf b;
	op_buf_init_fixed(&b, (char *)mem, size);
	write_records(op_reader_type(s->reader), s->hub->slots, n, stride, *from, &b);
	return b.err ? 0 : b.len;
}

/* ---- life ------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
	struct hub_stream *s = (struct hub_stream *)handle;
	struct op_hub *hub = s->hub;
	for (uint64_t i = 0; i < s->n_ring; i++)
		free(s->ring[i].mem);
	free(s->ring);
	free(s);
	hub_handle_closed(hub);
}

static struct hub_stream *create(struct op_hub *hub, const char *topic, double rate_hz,
				 enum hub_format format)
{
	struct hub_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->n_ring = (uint64_t)(RING_SECONDS * rate_hz) + FRAMES_PER_TICK + 1;
	s->ring = calloc(s->n_ring, sizeof(*s->ring));
	if (!s->ring || strlen(topic) > OP_TOPIC_NAME_MAX) {
		free(s->ring);
		free(s);
		return NULL;
	}
	memcpy(s->topic, topic, strlen(topic) + 1);
	s->hub = hub;
	s->format = format;
	s->rate_hz = rate_hz;
	s->next = hub->streams;
	hub->streams = s;
	hub->count.streams++;
	hub->n_handles++;
	(void)uv_timer_init(hub->loop, &s->timer); /* always 0 */
	uint64_t now = op_now_ns();
	open_topic(s, now);
	s->deadline_ns = now;
	schedule(s, now);
	return s;
}

struct hub_stream *hub_stream_get(struct op_hub *hub, const char *topic, double rate_hz,
				  enum hub_format format)
{
	for (struct hub_stream *s = hub->streams; s; s = s->next)
		if (s->format == format && s->rate_hz == rate_hz && !strcmp(s->topic, topic))
			return s;
	if (hub->count.streams >= HUB_STREAMS_MAX)
		return NULL;
	return create(hub, topic, rate_hz, format);
}

void hub_stream_join(struct hub_stream *s, struct hub_sub *sub)
{
	sub->stream = s;
	sub->pos = s->head;
	sub->announce = s->reader != NULL;
	sub->prev_peer = NULL;
	sub->next_peer = s->subs;
	if (s->subs)
		s->subs->prev_peer = sub;
	s->subs = sub;
}

void hub_stream_leave(struct hub_sub *sub)
{
	struct hub_stream *s = sub->stream;
	*(sub->prev_peer ? &sub->prev_peer->next_peer : &s->subs) = sub->next_peer;
	if (sub->next_peer)
		sub->next_peer->prev_peer = sub->prev_peer;
	sub->stream = NULL;
	if (s->subs)
		return;
	struct hub_stream **at = &s->hub->streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->hub->count.streams--;
	close_topic(s);
	(void)uv_timer_stop(&s->timer);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
