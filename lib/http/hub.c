/*
 * hub.c - the hub itself: libwebsockets on the loop, admission, the check of slow clients.
 *
 * The HTTP server has read and judged the request before a socket comes here; libwebsockets is
 * given a request of our own making with the client's key, so that its parser never sees a
 * stranger's header fields.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hub_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CLOSE_ROUNDS 4

static const struct lws_protocols protocols[] = {
	{.name = "outpost",
	 .callback = hub_lws_callback,
	 .per_session_data_size = sizeof(struct hub_client),
	 .rx_buffer_size = HUB_MESSAGE_MAX},
	{0},
};

/* A peer that is silent for so long is asked, and given up if it does not answer. */
static const lws_retry_bo_t validity = {.secs_since_valid_ping = 25, .secs_since_valid_hangup = 60};

/* ---- admission ------------------------------------------------------------------------- */

static bool host_of(const char *origin, const char *host)
{
	const char *p = strstr(origin, "://");
	return p && host && !strcasecmp(p + 3, host);
}

static bool origin_allowed(const struct op_hub *hub, const struct op_http_request *rq)
{
	const char *origin = op_http_field_get(rq, "origin"), *list = hub->set.origins;
	if (!origin || !strcmp(list, "*"))
		return true; /* only browsers send it */
	if (host_of(origin, op_http_field_get(rq, "host")))
		return true;
	return strcmp(list, "same") != 0 && op_http_list_has(list, origin);
}

static int admit(const struct op_http_request *rq, int fd, const void *rest, size_t n, void *arg)
{
	struct op_hub *hub = arg;
	char request[512 + HUB_MESSAGE_MAX];
	if (!origin_allowed(hub, rq) || hub->count.clients >= hub->set.max_clients ||
	    hub->closing) {
		hub->count.refused++;
		return origin_allowed(hub, rq) ? 503 : 403;
	}
	const char *protocol = op_http_field_get(rq, "sec-websocket-protocol");
	int len = snprintf(request, 512,
			   "GET %.100s HTTP/1.1\r\nHost: outpost\r\nUpgrade: websocket\r\n"
			   "Connection: Upgrade\r\nSec-WebSocket-Key: %.32s\r\n"
			   "Sec-WebSocket-Version: 13\r\n%s\r\n",
			   "/ws", op_http_field_get(rq, "sec-websocket-key"),
			   protocol && op_http_list_has(protocol, "outpost")
				   ? "Sec-WebSocket-Protocol: outpost\r\n"
				   : "");
	if (n > HUB_MESSAGE_MAX)
		return 413;
	memcpy(request + len, rest, n);
	/* Whatever comes of it, the socket belongs to libwebsockets now. */
	(void)lws_adopt_socket_vhost_readbuf(hub->vhost, fd, request, (size_t)len + n);
	return 0;
}

int op_hub_mount(struct op_hub *hub, struct op_http *h, const char *path)
{
	return op_http_upgrade(h, path, admit, hub);
}

/* ---- life ------------------------------------------------------------------------------ */

static void on_check(uv_timer_t *timer)
{
	struct op_hub *hub = timer->data;
	uint64_t now = op_now_ns();
	for (struct hub_client *c = hub->clients, *next; c; c = next) {
		next = c->next;
		hub_client_check(c, now);
	}
}

static void destroy(struct op_hub *hub)
{
	free(hub->slots);
	free(hub->text);
	free(hub);
}

void hub_handle_closed(struct op_hub *hub)
{
	if (--hub->n_handles == 0)
		destroy(hub);
}

static bool start_lws(struct op_hub *hub)
{
	void *loops[1] = {hub->loop};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.user = hub,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.max_http_header_pool = 64, /* taken only within the handshake */
		.max_http_header_data = 1024,
		.pt_serv_buf_size = HUB_MESSAGE_MAX,
		.retry_and_idle_policy = &validity,
		.timeout_secs = 10,
	};
	lws_set_log_level(0, NULL); /* libraries are silent */
	hub->context = lws_create_context(&info);
	if (hub->context)
		hub->vhost = lws_create_vhost(hub->context, &info);
	return hub->vhost != NULL;
}

static void set_defaults(struct op_hub_settings *s)
{
	s->origins = s->origins && *s->origins ? s->origins : "*";
	s->max_clients = s->max_clients ? s->max_clients : 100;
	s->max_rate_hz = s->max_rate_hz > 0 ? s->max_rate_hz : 60;
	s->stall_timeout_ms = s->stall_timeout_ms ? s->stall_timeout_ms : 30000;
	s->check_ms = s->check_ms ? s->check_ms : 1000;
}

int op_hub_create(uv_loop_t *loop, const struct op_hub_settings *settings, struct op_hub **ret)
{
	struct op_hub *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return -ENOMEM;
	hub->loop = loop;
	hub->set = *settings;
	set_defaults(&hub->set);
	hub->slots = malloc(HUB_CHUNK + OP_TOPIC_RECORD_MAX + OP_SLOT_RECORD);
	hub->text = malloc(HUB_HEADROOM + HUB_TEXT_MAX);
	if (!hub->slots || !hub->text || !start_lws(hub)) {
		int err = hub->slots && hub->text ? -ENOSYS : -ENOMEM;
		if (hub->context)
			lws_context_destroy(hub->context);
		destroy(hub);
		return err;
	}
	(void)uv_timer_init(loop, &hub->sweep); /* always 0 */
	hub->sweep.data = hub;
	hub->n_handles = 1;
	(void)uv_timer_start(&hub->sweep, on_check, hub->set.check_ms,
			     hub->set.check_ms); /* the callback is not NULL */
	*ret = hub;
	return 0;
}

/* On a foreign loop the context is destroyed in two steps: the second, which frees it, may come
 * only when the loop has run the close callbacks of the first, and of what those closed in turn.
 * Each round of our own handle is behind one of theirs. */
static void on_closed(uv_handle_t *handle)
{
	struct op_hub *hub = handle->data;
	if (++hub->close_rounds < CLOSE_ROUNDS) {
		(void)uv_timer_init(hub->loop, &hub->sweep); /* always 0 */
		uv_close((uv_handle_t *)&hub->sweep, on_closed);
		return;
	}
	lws_context_destroy(hub->context);
	hub_handle_closed(hub);
}

void op_hub_close(struct op_hub *hub)
{
	if (!hub || hub->closing)
		return;
	hub->closing = true;
	uv_close((uv_handle_t *)&hub->sweep, on_closed);
	lws_context_destroy(hub->context);
}

const struct op_hub_counters *op_hub_counters(const struct op_hub *hub)
{
	return &hub->count;
}
