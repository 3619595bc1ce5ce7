/*
 * client.c - one WebSocket connection: what it is still to be sent, and when it is given up.
 *
 * Frames are written from the stream's tick, straight into the socket. Only when the socket is full
 * does libwebsockets wait for it to take more; until then the client's position stays, and if
 * the stream's ring passes it, it goes on with the newest frame.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hub_internal.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#define MESSAGES_PER_S 20
#define MESSAGES_BURST 40
#define CALM_CHECKS 20 /* looks without a skip before the rate goes up again */

/* ---- sending --------------------------------------------------------------------------- */

/* The position moves to a frame that is still there. */
static void catch_up(struct hub_sub *sub)
{
	struct hub_stream *s = sub->stream;
	if (sub->pos >= hub_stream_oldest(s) || sub->pos >= s->head)
		return;
	sub->pos = s->head - 1;
	sub->skips++;
	s->hub->count.skips++;
}

/* Where the backlog begins is known once the topic is there. Live frames follow without a gap:
 * the next one begins at the stream's cursor. */
static void place_backlog(struct hub_sub *sub)
{
	struct hub_stream *s = sub->stream;
	uint64_t next = s->head > s->floor ? hub_stream_frame(s, s->head - 1)->first_seq +
						     hub_stream_frame(s, s->head - 1)->count
					   : op_reader_next_seq(s->reader);
	sub->backlog_end = next;
	sub->backlog_at = next > sub->last ? next - sub->last : 0;
	sub->last = 0;
	sub->pos = s->head; /* frames made while this waited for the socket are part of it */
}

/* A frame that begins before seen_end: only its rest is new, and goes as backlog. */
static void send_unseen(struct hub_sub *sub, const struct hub_frame *f)
{
	uint64_t end = f->first_seq + f->count;
	sub->pos++;
	if (end < sub->seen_end)
		return;
	sub->backlog_at = sub->seen_end;
	sub->backlog_end = end;
	sub->seen_end = 0;
}

/* Sends the next thing of this subscription, if there is one. */
static bool send_next(struct hub_sub *sub)
{
	struct hub_stream *s = sub->stream;
	if (!s || !s->reader)
		return false;
	if (sub->announce) {
		sub->announce = false;
		if (sub->last)
			place_backlog(sub);
		return hub_write_schema(sub);
	}
	if (sub->backlog_at < sub->backlog_end)
		return hub_write_backlog(sub);
	catch_up(sub);
	if (sub->pos >= s->head)
		return false;
	struct hub_frame *f = hub_stream_frame(s, sub->pos);
	if (f->first_seq < sub->seen_end) {
		send_unseen(sub, f);
		return true;
	}
	sub->pos++;
	return hub_write_live(sub, f);
}

/* Subscriptions that were ended are told so, and freed. */
static bool send_endings(struct hub_client *c)
{
	for (struct hub_sub *sub = c->subs; sub; sub = sub->next)
		if (!sub->stream) {
			bool sent = hub_write_closed(sub);
			hub_sub_free(sub);
			return sent;
		}
	return false;
}

static bool send_any(struct hub_client *c)
{
	if (c->error[0])
		return hub_write_error(c);
	if (c->has_pong)
		return hub_write_pong(c);
	if (send_endings(c))
		return true;
	bool sent = false;
	for (struct hub_sub *sub = c->subs; sub && !lws_partial_buffered(c->wsi) && !c->dead;
	     sub = sub->next)
		sent |= send_next(sub);
	return sent;
}

static void note_full(struct hub_client *c)
{
	if (!c->busy_since_ns) {
		c->busy_since_ns = op_now_ns();
		c->unsent = -1;
	}
	lws_callback_on_writable(c->wsi);
}

void hub_client_pump(struct hub_client *c)
{
	while (!c->dead && !lws_partial_buffered(c->wsi))
		if (!send_any(c)) {
			c->busy_since_ns = 0;
			return;
		}
	if (!c->dead)
		note_full(c);
}

/* ---- giving up ------------------------------------------------------------------------- */

void hub_client_kill(struct hub_client *c, uint64_t *cause)
{
	if (c->dead)
		return;
	c->dead = true;
	c->cause = cause;
	/* Not at once: the caller may be inside a callback of this very connection. */
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

/* A full socket whose content has not changed has not moved. */
static void check_progress(struct hub_client *c, uint64_t now)
{
	int unsent = 0;
	if (ioctl(lws_get_socket_fd(c->wsi), SIOCOUTQ, &unsent) || unsent != c->unsent) {
		c->unsent = unsent;
		c->busy_since_ns = now;
	} else if (now - c->busy_since_ns > c->hub->set.stall_timeout_ms * OP_NS_PER_MS) {
		hub_client_kill(c, &c->hub->count.stalled);
	}
}

/* Streams of other rates are not at the same record. What lies between is fetched as backlog,
 * unless it is too much; what the new stream is still to bring although it was sent is passed over.
 */
static void carry_on(struct hub_sub *sub)
{
	struct op_reader *r = sub->stream->reader;
	bool amid = sub->backlog_at < sub->backlog_end; /* of a backlog */
	uint64_t from = amid ? sub->backlog_at : sub->next_seq;
	if (!r || !(amid || sub->seq_known))
		return;
	uint64_t cursor = op_reader_next_seq(r);
	bool near = from < cursor && cursor - from < HUB_BACKLOG_MAX;
	sub->backlog_at = near ? from : 0;
	sub->backlog_end = near ? cursor : 0;
	/* A topic that began anew has not had so many records. */
	sub->seen_end = from > cursor && from <= op_reader_published(r) ? from : 0;
}

/* False when it stays as it is: there are no more streams, or no other rate on the grid. */
static bool change_rate(struct hub_sub *sub, double rate_hz)
{
	struct hub_stream *old = sub->stream;
	struct hub_stream *s = hub_stream_get(old->hub, sub->topic, rate_hz, old->format);
	if (!s || s == old)
		return false;
	hub_stream_leave(sub);
	hub_stream_join(s, sub);
	carry_on(sub);
	return true;
}

/* Contract R21: a client that keeps being skipped gets half the rate, in steps, and more again
 * after it has kept up for a while. */
static void check_rate(struct hub_sub *sub)
{
	if (!sub->stream)
		return;
	struct op_hub *hub = sub->client->hub;
	double rate = sub->stream->rate_hz;
	bool lagged = sub->skips != sub->skips_seen;
	sub->skips_seen = sub->skips;
	sub->calm_checks = lagged ? 0 : sub->calm_checks + 1;
	if (lagged && rate > 1) {
		if (change_rate(sub, hub_rate(rate / 2 > 1 ? rate / 2 : 1, rate)))
			hub->count.step_downs++;
	} else if (sub->calm_checks >= CALM_CHECKS && rate < sub->wanted_hz) {
		sub->calm_checks = 0;
		(void)change_rate(sub, hub_rate(rate * 2, sub->wanted_hz)); /* or later */
	}
}

void hub_client_check(struct hub_client *c, uint64_t now_ns)
{
	if (c->dead)
		return;
	if (c->busy_since_ns)
		check_progress(c, now_ns);
	for (struct hub_sub *sub = c->subs; sub; sub = sub->next)
		check_rate(sub);
	hub_client_pump(c);
}

/* ---- subscriptions --------------------------------------------------------------------- */

void hub_sub_end(struct hub_sub *sub, const char *reason)
{
	if (!sub->stream)
		return;
	hub_stream_leave(sub);
	sub->reason = reason;
}

void hub_sub_free(struct hub_sub *sub)
{
	struct hub_client *c = sub->client;
	struct hub_sub **at = &c->subs;
	while (*at != sub)
		at = &(*at)->next;
	*at = sub->next;
	if (sub->stream)
		hub_stream_leave(sub);
	c->n_subs--;
	c->hub->count.subscriptions--;
	free(sub);
}

/* ---- events of libwebsockets ----------------------------------------------------------- */

static void opened(struct hub_client *c, struct lws *wsi)
{
	struct op_hub *hub = lws_context_user(lws_get_context(wsi));
	*c = (struct hub_client){.hub = hub, .wsi = wsi, .next = hub->clients, .next_id = 1};
	if (hub->clients)
		hub->clients->prev = c;
	hub->clients = c;
	hub->count.clients++;
	hub->count.connected++;
}

static void closed(struct hub_client *c)
{
	struct op_hub *hub = c->hub;
	if (!hub)
		return; /* the handshake failed before it was opened */
	c->dead = true;
	while (c->subs)
		hub_sub_free(c->subs);
	free(c->in);
	*(c->prev ? &c->prev->next : &hub->clients) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	hub->count.clients--;
	++*(c->cause ? c->cause : &hub->count.vanished);
	c->hub = NULL;
}

/* A reason the client is told before it is closed; for the return from a callback. */
static int refuse(struct hub_client *c, uint64_t *cause, enum lws_close_status code,
		  const char *text)
{
	c->dead = true;
	c->cause = cause;
	lws_close_reason(c->wsi, code, (unsigned char *)text, strlen(text));
	return -1;
}

/* 20 messages a second, 40 at once. */
static bool too_many(struct hub_client *c)
{
	uint64_t now = op_now_ns(), cost = OP_NS_PER_S / MESSAGES_PER_S;
	uint64_t floor = now - cost * MESSAGES_BURST;
	c->credit_ns = (c->credit_ns > floor ? c->credit_ns : floor) + cost;
	return c->credit_ns > now;
}

/* Messages arrive in pieces; whole ones in one piece, as nearly all are, are not copied. */
static int received(struct hub_client *c, const char *p, size_t n)
{
	struct op_hub *hub = c->hub;
	if (c->dead)
		return 0;
	if (c->in_len + n + lws_remaining_packet_payload(c->wsi) > HUB_MESSAGE_MAX)
		return refuse(c, &hub->count.too_big, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE,
			      "messages are at most 4096 bytes");
	bool last = lws_is_final_fragment(c->wsi) && !lws_remaining_packet_payload(c->wsi);
	if (c->in_len || !last) {
		char *in = realloc(c->in, c->in_len + n + 1);
		if (!in)
			return refuse(c, &hub->count.failed, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION,
				      "");
		memcpy(in + c->in_len, p, n);
		c->in = in;
		c->in_len += n;
		p = in;
		n = c->in_len;
	}
	if (!last)
		return 0;
	if (too_many(c))
		return refuse(c, &hub->count.too_many, LWS_CLOSE_STATUS_POLICY_VIOLATION,
			      "at most 20 messages a second");
	hub->count.messages++;
	hub_message(c, p, n);
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	hub_client_pump(c);
	return 0;
}

int hub_lws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		     size_t len)
{
	struct hub_client *c = user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		opened(c, wsi);
		break;
	case LWS_CALLBACK_RECEIVE:
		return received(c, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (c->dead)
			return -1;
		hub_client_pump(c);
		break;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		c->dead = true;
		c->cause = c->cause ? c->cause : &c->hub->count.left;
		break;
	case LWS_CALLBACK_CLOSED:
		closed(c);
		break;
	default:
		break;
	}
	return 0;
}
