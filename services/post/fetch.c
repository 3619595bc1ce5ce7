/*
 * fetch.c - requests under way: libcurl's multi interface on a libuv loop.
 *
 * libcurl says which sockets and which time to wait for; libuv waits; what happened is handed back
 * and finished requests are collected. Names are looked up in libcurl's own threads, so nothing
 * here waits. Loop thread; what can fail is reported to the caller of fetch_begin or in the result.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "fetch.h"

#include <dirent.h>
#include <string.h>

#define IDLE_CONNECTIONS 4

struct fetch_socket {
	uv_poll_t poll;
	struct fetcher *client;
	curl_socket_t fd;
	struct fetch_socket *next;
};

/* ---- requests -------------------------------------------------------------------------- */

static void fetch_unlink(struct fetch *p)
{
	struct fetch **at = &p->client->fetches;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	/* Fails only for a handle that is not in it. */
	(void)curl_multi_remove_handle(p->client->multi, p->easy);
}

static void fetch_release(struct fetch *p)
{
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->fields);
	p->easy = NULL;
	p->fields = NULL;
}

static void fetch_free(struct fetch *p)
{
	fetch_release(p);
	free(p);
}

static void fetch_finish(struct fetch *p, CURLcode code)
{
	char message[FETCH_MESSAGE_BYTES];
	struct op_post_result result;
	fetch_result(p, code, message, &result);
	fetch_unlink(p);
	fetch_release(p); /* before fn, which may close the client and with it libcurl */
	p->fn(p->arg, &result);
	free(p);
}

static void collect(struct fetcher *c)
{
	CURLMsg *m;
	int left;
	/* fn may close the client, which then stays until its handles are closed. */
	while (!c->closed && (m = curl_multi_info_read(c->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			struct fetch *p;
			CURLcode code = m->data.result;
			(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p); /* is set */
			fetch_finish(p, code);
		}
}

static void drive(struct fetcher *c, curl_socket_t fd, int what)
{
	int running;
	/* Errors concern single requests and come with their messages. */
	(void)curl_multi_socket_action(c->multi, fd, what, &running);
	collect(c);
}

/* ---- silence --------------------------------------------------------------------------- */

static uint64_t silent_at_ns(const struct fetch *p)
{
	return p->heard_ns ? p->heard_ns + p->read_timeout_ms * OP_NS_PER_MS : UINT64_MAX;
}

static struct fetch *find_silent(struct fetcher *c, uint64_t now)
{
	struct fetch *p = c->fetches;
	while (p && silent_at_ns(p) > now)
		p = p->next;
	return p;
}

static void on_watch(uv_timer_t *timer);

static void watch(struct fetcher *c)
{
	uint64_t now = op_now_ns(), first = UINT64_MAX;
	for (const struct fetch *p = c->fetches; p; p = p->next)
		if (silent_at_ns(p) < first)
			first = silent_at_ns(p);
	/* Neither fails for a timer that is not closing. */
	if (first == UINT64_MAX)
		(void)uv_timer_stop(&c->watch);
	else
		(void)uv_timer_start(&c->watch, on_watch,
				     first > now ? (first - now) / OP_NS_PER_MS + 1 : 0, 0);
}

static void on_watch(uv_timer_t *timer)
{
	struct fetcher *c = timer->data;
	struct fetch *p;
	uint64_t now = op_now_ns();
	while (!c->closed && (p = find_silent(c, now))) {
		p->silent = true;
		fetch_finish(p, CURLE_OPERATION_TIMEDOUT);
	}
	if (!c->closed)
		watch(c);
}

void fetch_heard(struct fetch *p)
{
	bool first = p->heard_ns == 0;
	p->heard_ns = op_now_ns();
	if (first) /* later ones only move the end of the wait, which on_watch finds out */
		watch(p->client);
}

/* ---- sockets and the timer ------------------------------------------------------------- */

static void on_socket_closed(uv_handle_t *handle)
{
	struct fetch_socket *s = handle->data;
	struct fetcher *c = s->client;
	free(s);
	if (--c->handles == 0)
		free(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct fetch_socket *s = poll->data;
	int what = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	drive(s->client, s->fd, what);
}

static struct fetch_socket *socket_add(struct fetcher *c, curl_socket_t fd)
{
	struct fetch_socket *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (uv_poll_init_socket(c->loop, &s->poll, fd) < 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->client = c;
	s->fd = fd;
	s->next = c->sockets;
	c->sockets = s;
	c->handles++;
	(void)curl_multi_assign(c->multi, fd, s); /* fails for sockets that libcurl does not know */
	return s;
}

static void socket_drop(struct fetch_socket *s)
{
	struct fetch_socket **at = &s->client->sockets;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct fetcher *c = arg;
	struct fetch_socket *s = known;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			socket_drop(s);
		return 0;
	}
	if (!s)
		s = socket_add(c, fd);
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return s && uv_poll_start(&s->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
	drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
	struct fetcher *c = arg;
	/* libcurl must not be called from here, not even for 0. Neither call fails. */
	if (ms < 0)
		(void)uv_timer_stop(&c->timer);
	else
		(void)uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

/* ---- the client ------------------------------------------------------------------------ */

/* Debian keeps certificates as one file of 200 KiB, and one by one under the hash of their names.
 * The second way reads only the one that is wanted. */
static bool has_hashes(const char *dir)
{
	bool found = false;
	DIR *d = dir ? opendir(dir) : NULL;
	for (struct dirent *e; d && !found && (e = readdir(d));)
		found = strlen(e->d_name) == 10 && strspn(e->d_name, "0123456789abcdef") == 8 &&
			!strcmp(e->d_name + 8, ".0");
	if (d)
		(void)closedir(d); /* was only read */
	return found;
}

static void multi_set(struct fetcher *c)
{
	CURLM *m = c->multi;
	/* Pointers and numbers: cannot fail. */
	(void)curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(m, CURLMOPT_SOCKETDATA, c);
	(void)curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timeout);
	(void)curl_multi_setopt(m, CURLMOPT_TIMERDATA, c);
	(void)curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
}

static int check_library(bool *ret_hashed)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	if (!(v->features & CURL_VERSION_ASYNCHDNS) || !(v->features & CURL_VERSION_SSL))
		return -ENOTSUP;
	*ret_hashed = has_hashes(v->capath);
	return 0;
}

int fetcher_create(uv_loop_t *loop, struct fetcher **ret)
{
	bool hashed = false;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	int r = check_library(&hashed);
	struct fetcher *c = r == 0 ? calloc(1, sizeof(*c)) : NULL;
	CURLM *multi = c ? curl_multi_init() : NULL;
	if (!multi) {
		free(c);
		curl_global_cleanup();
		return r < 0 ? r : -ENOMEM;
	}
	*c = (struct fetcher){.loop = loop, .multi = multi, .hashed = hashed, .handles = 2};
	(void)uv_timer_init(loop, &c->timer); /* cannot fail */
	(void)uv_timer_init(loop, &c->watch); /* the same */
	c->timer.data = c->watch.data = c;
	multi_set(c);
	*ret = c;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct fetcher *c = handle->data;
	if (--c->handles == 0)
		free(c);
}

void fetcher_close(struct fetcher *c)
{
	if (!c)
		return;
	while (c->fetches)
		fetch_cancel(c->fetches);
	c->closed = true;
	(void)curl_multi_cleanup(c->multi); /* nothing is left in it */
	c->multi = NULL;
	while (c->sockets)
		socket_drop(c->sockets);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->watch, on_timer_closed);
	curl_global_cleanup();
}

/* ---- one request ----------------------------------------------------------------------- */

static int fetch_start(struct fetch *p, const struct op_post_request *rq)
{
	p->easy = curl_easy_init();
	if (!p->easy)
		return -ENOMEM;
	int r = fetch_set(p, rq);
	if (r < 0)
		return r;
	p->began_ns = op_now_ns();
	return curl_multi_add_handle(p->client->multi, p->easy) == CURLM_OK ? 0 : -ENOMEM;
}

int fetch_begin(struct fetcher *c, const struct op_post_request *rq, op_post_fn fn, void *arg,
		struct fetch **ret)
{
	struct fetch *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->client = c;
	p->fn = fn;
	p->arg = arg;
	int r = op_url_origin(rq->url, p->origin, sizeof(p->origin));
	if (r == 0)
		r = fetch_start(p, rq);
	if (r < 0) {
		fetch_free(p);
		return r;
	}
	p->next = c->fetches;
	c->fetches = p;
	if (ret)
		*ret = p;
	return 0;
}

void fetch_cancel(struct fetch *p)
{
	fetch_unlink(p);
	fetch_free(p);
}
