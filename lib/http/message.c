/*
 * message.c - what a client may say: subscribe, unsubscribe, ping (outpost-ws(7)).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hub_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DEFAULT_RATE_HZ 10
#define SNDBUF_MIN (16 * 1024)
#define SNDBUF_MAX (512 * 1024)

static OP_PRINTF(3, 4) void client_error(struct hub_client *c, const char *topic, const char *fmt,
					 ...)
{
	c->hub->count.bad_messages++;
	if (c->error[0])
		return; /* the first of a message is told */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	snprintf(c->error_topic, sizeof(c->error_topic), "%s", topic ? topic : "");
}

/* As the bus names its topics: a-z 0-9 . _ -, first a letter. */
static bool is_topic(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	return name[0] >= 'a' && name[0] <= 'z' && !name[n] && n <= OP_TOPIC_NAME_MAX;
}

/* The kernel's send buffer is the queue of this client: about two seconds of what it has asked
 * for (contract B13), instead of the megabytes the kernel would let it grow to. */
static void size_socket(struct hub_client *c)
{
	double bytes = 0;
	for (struct hub_sub *sub = c->subs; sub; sub = sub->next) {
		struct op_reader *r = sub->stream ? sub->stream->reader : NULL;
		double hz = r ? op_reader_type(r)->rate_mhz / 1000.0 : 0;
		double stride = r ? (double)op_reader_stride(r) : 0;
		bytes += 2 * hz * stride * (r && sub->stream->format == HUB_JSON ? 6 : 1);
	}
	int size = bytes < SNDBUF_MIN ? SNDBUF_MIN : bytes > SNDBUF_MAX ? SNDBUF_MAX : (int)bytes;
	/* On failure the kernel's own limit holds. */
	(void)setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static struct hub_sub *find_sub(struct hub_client *c, const char *topic)
{
	struct hub_sub *sub = c->subs;
	while (sub && (!sub->stream || strcmp(sub->topic, topic)))
		sub = sub->next;
	return sub;
}

struct wish {
	const char *topic;
	double rate_hz;
	uint32_t last;
	enum hub_format format;
};

static void add_sub(struct hub_client *c, const struct wish *w)
{
	struct hub_sub *old = find_sub(c, w->topic), *sub = NULL;
	if (!old && c->n_subs >= HUB_SUBS_MAX) {
		client_error(c, w->topic, "at most %d subscriptions", HUB_SUBS_MAX);
		return;
	}
	double rate = hub_rate(w->rate_hz, c->hub->set.max_rate_hz);
	struct hub_stream *s = hub_stream_get(c->hub, w->topic, rate, w->format);
	if (s)
		sub = calloc(1, sizeof(*sub));
	if (!sub) {
		client_error(c, w->topic, "no more streams; use a rate that others use");
		return;
	}
	sub->client = c;
	sub->id = c->next_id++;
	sub->last = w->last;
	sub->wanted_hz = (float)rate;
	memcpy(sub->topic, s->topic, sizeof(sub->topic));
	hub_stream_join(s, sub);
	sub->next = c->subs;
	c->subs = sub;
	c->n_subs++;
	c->hub->count.subscriptions++;
	if (old)
		hub_sub_free(old);
}

static bool read_wish(struct hub_client *c, json_t *item, struct wish *w)
{
	const char *format = "binary";
	json_int_t last = 0;
	json_error_t error;
	*w = (struct wish){.rate_hz = DEFAULT_RATE_HZ};
	if (json_is_string(item)) {
		w->topic = json_string_value(item);
	} else if (json_unpack_ex(item, &error, 0, "{s:s, s?F, s?I, s?s}", "topic", &w->topic,
				  "rate", &w->rate_hz, "last", &last, "format", &format)) {
		client_error(c, NULL, "subscribe: %s", error.text);
		return false;
	}
	if (!is_topic(w->topic))
		client_error(c, NULL, "subscribe: not the name of a topic");
	else if (!(w->rate_hz >= 0.1 && w->rate_hz <= 60))
		client_error(c, w->topic, "rate: expected 0.1 to 60 frames per second");
	else if (last < 0 || last > HUB_BACKLOG_MAX)
		client_error(c, w->topic, "last: expected 0 to %d records", HUB_BACKLOG_MAX);
	else if (strcmp(format, "binary") && strcmp(format, "json"))
		client_error(c, w->topic, "format: expected binary or json");
	else {
		w->last = (uint32_t)last;
		w->format = format[0] == 'j' ? HUB_JSON : HUB_BINARY;
		return true;
	}
	return false;
}

static void subscribe(struct hub_client *c, json_t *list)
{
	size_t i;
	json_t *item;
	if (!json_is_array(list)) {
		client_error(c, NULL, "subscribe: expected an array");
		return;
	}
	json_array_foreach(list, i, item)
	{
		struct wish w;
		if (read_wish(c, item, &w))
			add_sub(c, &w);
	}
	size_socket(c);
}

static void unsubscribe(struct hub_client *c, json_t *list)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *topic = json_string_value(item);
		struct hub_sub *sub = topic ? find_sub(c, topic) : NULL;
		if (sub)
			hub_sub_end(sub, "unsubscribed");
		else
			client_error(c, topic && is_topic(topic) ? topic : NULL,
				     "unsubscribe: there is no such subscription");
	}
}

void hub_message(struct hub_client *c, const char *text, size_t n)
{
	json_error_t error;
	json_t *m = lws_frame_is_binary(c->wsi) ? NULL : json_loadb(text, n, 0, &error);
	if (!json_is_object(m)) {
		client_error(c, NULL, "expected a JSON object in a text message");
		json_decref(m);
		return;
	}
	json_t *ping = json_object_get(m, "ping"), *sub = json_object_get(m, "subscribe"),
	       *unsub = json_object_get(m, "unsubscribe");
	if (!json_is_integer(ping) && !sub && !unsub)
		client_error(c, NULL, "expected subscribe, unsubscribe or ping");
	if (unsub)
		unsubscribe(c, unsub);
	if (sub)
		subscribe(c, sub);
	if (json_is_integer(ping)) {
		c->pong = json_integer_value(ping);
		c->has_pong = true;
	}
	json_decref(m);
}
