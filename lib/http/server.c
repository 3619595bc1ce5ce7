/*
 * server.c - the listening socket, the limits of all connections together, and the time-outs.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ACCEPTS_PER_EVENT 64 /* then those who are in already get their turn */
#define SWEEP_MS 250
#define LINGER_MS 2000

unsigned op_http_raise_files(unsigned need)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r))
		return 0;
	rlim_t have = r.rlim_cur;
	r.rlim_cur = need < r.rlim_max ? need : r.rlim_max;
	return (unsigned)(setrlimit(RLIMIT_NOFILE, &r) ? have : r.rlim_cur);
}

static void destroy(struct op_http *h)
{
	if (h->spare_fd >= 0)
		close(h->spare_fd);
	http_folders_close(h);
	op_buf_finish(&h->body);
	free(h->rx);
	free(h->head);
	free(h->path);
	free(h->fields);
	free(h);
}

void http_handle_closed(struct op_http *h)
{
	if (--h->n_handles == 0)
		destroy(h);
}

/* The oldest connection that is not in the middle of an answer; those that never asked first. */
static bool make_room(struct op_http *h)
{
	static const enum conn_list order[] = {L_FRESH, L_READING, L_LINGER, L_IDLE};
	for (size_t i = 0; i < OP_ARRAY_SIZE(order); i++)
		if (h->lists[order[i]].first) {
			http_conn_close(h->lists[order[i]].first, &h->count.evicted);
			return true;
		}
	return false;
}

/* No room: a short answer without reading, as good as it gets without a connection. */
static void refuse(struct op_http *h, int fd)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
		"Content-Type: application/json\r\nContent-Length: 68\r\n"
		"Connection: close\r\n\r\n"
		"{\"error\":{\"status\":503,\"message\":\"too many connections; try again\"}}";
	(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* best effort */
	close(fd);
	h->count.refused++;
}

/* Out of descriptors: give up the spare one to turn the next in line away, else the loop would be
 * woken for it for ever. */
static void shed(struct op_http *h)
{
	if (make_room(h))
		return;
	close(h->spare_fd);
	int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		refuse(h, fd);
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void stop_accepting(struct op_http *h)
{
	uv_poll_stop(&h->listener);
	h->full = true;
	if (h->waited_since_ms)
		return; /* the same ones as before */
	h->waited_since_ms = uv_now(h->loop);
	h->count.full++;
}

static bool somebody_waits(const struct op_http *h)
{
	struct pollfd p = {.fd = h->listen_fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

/* The connection that has asked for nothing longest, if it is time that it makes room; then one
 * that is slow to say what it asks for. A queue of those that rest goes faster than the first of
 * it had to wait: who wants something may stand behind many of them. */
static struct op_http_conn *due_to_give_way(const struct op_http *h)
{
	uint64_t now = uv_now(h->loop), patience = h->set.give_way_ms;
	struct op_http_conn *fresh = h->lists[L_FRESH].first, *idle = h->lists[L_IDLE].first;
	struct op_http_conn *rests = idle, *reads = h->lists[L_READING].first;
	if (fresh && (!idle || fresh->since_ms < idle->since_ms))
		rests = fresh;
	if (!h->waited_since_ms || now - h->waited_since_ms < patience)
		return NULL;
	if (rests && now - rests->since_ms >= patience / 8)
		return rests;
	return reads && now - reads->since_ms >= patience ? reads : NULL;
}

/* Room for one that waits; false: it waits on. sure: there is one. */
static bool admit(struct op_http *h, bool sure)
{
	if (h->n_conns < h->set.max_connections)
		return true;
	struct op_http_conn *c = sure ? due_to_give_way(h) : NULL;
	if (c)
		http_conn_close(c, &h->count.evicted);
	else if (sure)
		stop_accepting(h);
	return c != NULL;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct op_http *h = poll->data;
	for (int i = 0; i < ACCEPTS_PER_EVENT && status >= 0; i++) {
		if (h->set.full_waits && !admit(h, i == 0))
			return;
		int fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			shed(h);
			continue;
		}
		if (fd < 0)
			return;
		h->count.accepted++;
		if (h->n_conns >= h->set.max_connections && !make_room(h))
			refuse(h, fd);
		else
			http_conn_accept(h, fd);
	}
}

void http_conn_left(struct op_http *h)
{
	if (!h->full || h->closing)
		return;
	h->full = false;
	/* It fails only for a handle that is closing. */
	(void)uv_poll_start(&h->listener, UV_READABLE, on_connection);
}

static void on_sweep(uv_timer_t *timer)
{
	struct op_http *h = timer->data;
	const uint64_t limits[L_COUNT] = {
		[L_DEFERRED] = UINT64_MAX, /* that is up to who answers */
		[L_FRESH] = h->set.request_timeout_ms,
		[L_READING] = h->set.request_timeout_ms,
		[L_IDLE] = h->set.idle_timeout_ms,
		[L_SENDING] = h->set.write_timeout_ms,
		[L_LINGER] = LINGER_MS,
	};
	uint64_t now = uv_now(h->loop);
	if (h->full && due_to_give_way(h))
		http_conn_left(h);
	else if (!h->full && h->waited_since_ms && !somebody_waits(h))
		h->waited_since_ms = 0;
	for (int i = 0; i < L_COUNT; i++)
		while (h->lists[i].first && now - h->lists[i].first->since_ms >= limits[i])
			http_conn_timeout(h->lists[i].first);
}

/* ---- start and end --------------------------------------------------------------------- */

static int try_listen(const struct addrinfo *a)
{
	int one = 1, zero = 0;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Without it a restart within a minute finds its own old connections in the way. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 4096))
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

static int listen_on(const char *host, uint16_t port)
{
	char service[8];
	struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	snprintf(service, sizeof(service), "%u", port);
	if (!host || !*host || !strcmp(host, "*"))
		host = "::"; /* takes IPv4 too */
	int fd = -EINVAL;
	if (!getaddrinfo(host, service, &hints, &list)) {
		fd = try_listen(list);
		freeaddrinfo(list);
	}
	/* A kernel without IPv6. */
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && !strcmp(host, "::"))
		return listen_on("0.0.0.0", port);
	return fd;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &n))
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

static void set_defaults(struct op_http_settings *s)
{
	s->max_connections = s->max_connections ? s->max_connections : 1024;
	s->max_requests = s->max_requests ? s->max_requests : 1000000;
	s->max_head = s->max_head ? s->max_head : OP_HTTP_HEAD_MAX;
	s->max_body = s->max_body ? s->max_body : 65536;
	s->request_timeout_ms = s->request_timeout_ms ? s->request_timeout_ms : 10000;
	s->idle_timeout_ms = s->idle_timeout_ms ? s->idle_timeout_ms : 60000;
	s->give_way_ms = s->give_way_ms ? s->give_way_ms : 3000;
	s->write_timeout_ms = s->write_timeout_ms ? s->write_timeout_ms : 30000;
}

static size_t fields_for(size_t max_head)
{
	size_t n = OP_HTTP_FIELDS_MAX * (max_head / OP_HTTP_HEAD_MAX);
	return n > OP_HTTP_FIELDS_MAX ? n : OP_HTTP_FIELDS_MAX;
}

static struct op_http *allocate(const struct op_http_settings *settings)
{
	struct op_http *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->set = *settings;
	set_defaults(&h->set);
	h->listen_fd = -1;
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	h->rules = (struct http_rules){.max_head = h->set.max_head,
				       .max_fields = fields_for(h->set.max_head),
				       .host_optional = h->set.host_optional};
	h->rx_cap = h->set.max_head + h->set.max_body + 4096;
	h->rx = malloc(h->rx_cap);
	h->head = malloc(h->set.max_head + 1);
	h->path = malloc(h->set.max_head + 1);
	h->fields = calloc(h->rules.max_fields, sizeof(*h->fields));
	op_buf_init(&h->body, 8 * 1024 * 1024);
	if (h->rx && h->head && h->path && h->fields && h->spare_fd >= 0)
		return h;
	destroy(h);
	return NULL;
}

int op_http_create(uv_loop_t *loop, const struct op_http_settings *settings, struct op_http **ret)
{
	int fd = listen_on(settings->host, settings->port);
	if (fd < 0)
		return fd;
	struct op_http *h = allocate(settings);
	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	h->loop = loop;
	h->listen_fd = fd;
	h->port = bound_port(fd);
	int r = uv_poll_init(loop, &h->listener, fd);
	if (r) {
		close(fd);
		destroy(h);
		return r;
	}
	(void)uv_timer_init(loop, &h->sweep); /* always 0 */
	h->listener.data = h->sweep.data = h;
	h->n_handles = 2;
	(void)uv_timer_start(&h->sweep, on_sweep, SWEEP_MS,
			     SWEEP_MS); /* the callback is not NULL */
	r = uv_poll_start(&h->listener, UV_READABLE, on_connection);
	if (r) {
		op_http_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	http_handle_closed(handle->data);
}

void op_http_close(struct op_http *h)
{
	if (!h || h->closing)
		return;
	h->closing = true;
	uint64_t none = 0;
	for (int i = 0; i < L_COUNT; i++)
		while (h->lists[i].first)
			http_conn_close(h->lists[i].first, &none);
	uv_close((uv_handle_t *)&h->listener, on_closed);
	uv_close((uv_handle_t *)&h->sweep, on_closed);
	close(h->listen_fd);
}

uint16_t op_http_port(const struct op_http *h)
{
	return h->port;
}

const struct op_http_counters *op_http_counters(const struct op_http *h)
{
	return &h->count;
}
