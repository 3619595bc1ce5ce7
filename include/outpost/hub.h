/*
 * hub.h - the WebSocket hub: shows topics to many clients at once.
 *
 * Protocol: outpost-ws(7). Clients with the same topic, rate and format share one stream: each of
 * its ticks encodes one frame, which is written to all of them. A stream keeps the frames of about
 * two seconds; a client that has fallen further behind goes on with the newest, and its next frame
 * says exactly how many records it missed. Nothing is queued per client but the rest of one frame.
 *
 * libwebsockets does the handshake and the frames (RFC 6455) on sockets the HTTP server hands over.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_HUB_H
#define OUTPOST_HUB_H

#include <outpost/http.h>

struct op_hub;

/* Zero means the default in brackets. Strings are borrowed for the life of the hub. */
struct op_hub_settings {
	const char *bus_dir;
	const char *who;           /* name of its readers on the bus [the program's name] */
	const char *origins;       /* [*] "*", "same", or "https://a.example, https://b.example" */
	unsigned max_clients;      /* [100] */
	double max_rate_hz;        /* frames per second of one subscription [60] */
	unsigned stall_timeout_ms; /* a client that takes nothing for so long is closed [30000] */
	/* [1000] Clients are looked at so often: one that was skipped since gets half its rate, one
	 * that was not for 20 looks gets twice of it, up to what it asked for. */
	unsigned check_ms;
};

/* Counts since the hub started, and what there is now. */
struct op_hub_counters {
	uint64_t clients, streams, subscriptions; /* now */
	uint64_t connected, refused;
	uint64_t frames, records, bytes; /* written to clients */
	uint64_t missed;                 /* records clients lost because they were slow */
	uint64_t skips;                  /* times a client was moved to the newest frame */
	uint64_t step_downs; /* times a client was given fewer frames because it lagged */
	uint64_t messages, bad_messages;
	/* clients closed, by cause */
	uint64_t left, vanished, stalled, too_big, too_many, failed;
};

/* -ENOMEM, or -ENOSYS when libwebsockets cannot use libuv (its event library plug-in is missing).
 */
int op_hub_create(uv_loop_t *loop, const struct op_hub_settings *settings,
		  struct op_hub **ret) OP_MUST_CHECK;
/* Answers WebSocket requests of this path. */
int op_hub_mount(struct op_hub *hub, struct op_http *h, const char *path) OP_MUST_CHECK;
/* Closes all clients. Call it before op_http_close; memory goes when the handles are closed. */
void op_hub_close(struct op_hub *hub);
const struct op_hub_counters *op_hub_counters(const struct op_hub *hub);

#endif
