/*
 * hub_internal.h - what the files of the WebSocket hub share. Loop thread only.
 *
 *     hub --< stream (topic, rate, format) --< sub >-- client (a WebSocket connection)
 *
 * A stream produces numbered frames into a ring; a subscription is a position in that ring and the
 * sequence number it expects next, which is all that is needed to count what it missed.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_HUB_INTERNAL_H
#define OUTPOST_HUB_INTERNAL_H

#include <jansson.h>
#include <libwebsockets.h>
#include <outpost/hub.h>
#include <outpost/topic.h>

#define HUB_MESSAGE_MAX 4096 /* bytes of a client's message */
#define HUB_SUBS_MAX 32      /* subscriptions of one client */
#define HUB_STREAMS_MAX 256
#define HUB_BACKLOG_MAX 16384 /* records */
#define HUB_CHUNK 32768       /* bytes of slots read at once, the most of one binary frame */
#define HUB_HEADER 48         /* of a binary frame */
/* Room before the shared part of a frame for what differs between clients, and for the frame
 * header of RFC 6455, which libwebsockets writes in front. */
#define HUB_HEADROOM (LWS_PRE + 304)

enum hub_format { HUB_BINARY, HUB_JSON };

struct hub_frame {
	uint8_t *mem; /* HUB_HEADROOM, then the shared part */
	size_t cap, bytes;
	uint64_t first_seq, boot_ns;
	int64_t wall_ns;
	uint32_t count;
};

struct hub_stream {
	uv_timer_t timer; /* first: its close callback frees the whole */
	struct op_hub *hub;
	struct hub_stream *next;
	struct hub_sub *subs;
	struct op_reader *reader, *back; /* back: opened when a backlog is first wanted */
	char topic[OP_TOPIC_NAME_MAX + 1];
	enum hub_format format;
	double rate_hz;
	uint64_t deadline_ns, next_open_ns;
	bool waited; /* for its topic: then nothing of it is skipped */
	struct hub_frame *ring;
	uint64_t n_ring, head, floor; /* frames floor ... head - 1 of the last n_ring are good */
};

struct hub_sub {
	struct hub_client *client;
	struct hub_stream *stream;
	struct hub_sub *next;                  /* of the client */
	struct hub_sub *prev_peer, *next_peer; /* of the stream */
	uint64_t pos;                          /* next frame of the stream's ring */
	uint64_t next_seq, missed;
	uint64_t backlog_at, backlog_end; /* records still to be sent as backlog */
	uint64_t seen_end;                /* after a change of rate: sent already; 0: nothing */
	uint64_t skips, skips_seen;       /* moved to the newest frame: in all, at the last check */
	unsigned calm_checks;             /* in a row without a skip */
	uint32_t last;                    /* backlog asked for, until it is placed */
	float wanted_hz;
	uint16_t id;
	bool announce, seq_known;
	const char *reason; /* why it ends; then stream is NULL */
	char topic[OP_TOPIC_NAME_MAX + 1];
};

/* Memory that libwebsockets allocates with each connection, zeroed. */
struct hub_client {
	struct op_hub *hub;
	struct lws *wsi;
	struct hub_client *prev, *next;
	struct hub_sub *subs;
	char *in; /* a message that comes in fragments */
	size_t in_len;
	uint64_t *cause;        /* counter of why it was closed */
	uint64_t busy_since_ns; /* the socket is full since, or last took a byte; 0: it is not full
				 */
	uint64_t credit_ns;     /* of the rate limit for messages */
	int unsent;             /* bytes in the socket when last looked at */
	unsigned n_subs;
	uint16_t next_id;
	bool dead, has_pong;
	int64_t pong;
	char error[160], error_topic[OP_TOPIC_NAME_MAX + 1];
};

struct op_hub {
	uv_loop_t *loop;
	uv_timer_t sweep;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct op_hub_settings set;
	struct op_hub_counters count;
	struct hub_client *clients;
	struct hub_stream *streams;
	unsigned n_handles, close_rounds;
	bool closing;
	uint8_t *slots; /* HUB_CHUNK: records as read */
	uint8_t *text;  /* HUB_HEADROOM + HUB_TEXT_MAX: messages, backlog frames */
};
/* A JSON backlog chunk, a schema with every field documented. */
#define HUB_TEXT_MAX (256 * 1024)

/* hub.c */
void hub_handle_closed(struct op_hub *hub);

/* stream.c */
struct hub_stream *hub_stream_get(struct op_hub *hub, const char *topic, double rate_hz,
				  enum hub_format format);
void hub_stream_join(struct hub_stream *s, struct hub_sub *sub);
void hub_stream_leave(struct hub_sub *sub);       /* the stream ends with its last subscription */
double hub_rate(double wanted_hz, double max_hz); /* what is offered, not above */
struct hub_frame *hub_stream_frame(struct hub_stream *s, uint64_t pos);
uint64_t hub_stream_oldest(const struct hub_stream *s);
/* Records from sequence number *from on, below end, as the shared part of a frame at mem. Returns
 * its bytes, 0 when there are none; *from becomes the first record's. */
size_t hub_stream_backlog(struct hub_stream *s, uint64_t *from, uint64_t end, uint8_t *mem,
			  size_t size, uint32_t *ret_count);

/* client.c */
int hub_lws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		     size_t len);
void hub_client_pump(struct hub_client *c);
void hub_client_kill(struct hub_client *c, uint64_t *cause);
void hub_client_check(struct hub_client *c, uint64_t now_ns);
void hub_sub_end(struct hub_sub *sub, const char *reason);
void hub_sub_free(struct hub_sub *sub);

/* write.c: the frames themselves; false when the connection failed */
bool hub_write_live(struct hub_sub *sub, struct hub_frame *f);
bool hub_write_backlog(struct hub_sub *sub);
bool hub_write_schema(struct hub_sub *sub);
bool hub_write_closed(struct hub_sub *sub);
bool hub_write_error(struct hub_client *c);
bool hub_write_pong(struct hub_client *c);

/* message.c */
void hub_message(struct hub_client *c, const char *text, size_t n);

#endif
