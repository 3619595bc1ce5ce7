/*
 * courier_channels.c - channels as the pump knows them, and what changes of them at run time.
 *
 * The courier's thread. A channel that never had an address has no target in the pump, and as long
 * as none had one there is neither an outbox nor an HTTP client.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "courier_internal.h"

bool courier_open(const struct courier *c, unsigned channel)
{
	return c->channel[channel].enabled && *c->channel[channel].url;
}

/* Its target as it is now; a channel that never had an address has none. */
static int set_target(struct courier *c, unsigned channel)
{
	const struct alerts_channel *ch = &c->channel[channel];
	struct op_pump_target t = {
		.queue = alerts_channel_at(c->params.set, channel)->name,
		.url = ch->url,
		.connect_timeout_ms = (unsigned)ch->connect_timeout_ms,
		.read_timeout_ms = (unsigned)ch->read_timeout_ms,
		.max_redirects = (unsigned)ch->redirects,
		.backoff_ms = (unsigned)ch->backoff_ms,
		.backoff_max_ms = (unsigned)ch->backoff_max_ms,
		.exact = !ch->jitter,
		.give_up_4xx = ch->give_up_4xx,
	};
	int r = op_pump_set(c->pump, &t);
	if (r == -ENOENT)
		r = *ch->url ? op_pump_add(c->pump, &t) : 0;
	int paused = op_pump_pause(c->pump, t.queue, !courier_open(c, channel));
	return r < 0 || paused == -ENOENT ? r : paused;
}

int courier_targets(struct courier *c)
{
	int r = 0;
	for (unsigned i = 0; i < c->params.set->channels.n && r == 0; i++)
		r = set_target(c, i);
	return r;
}

/* ---- other channels --------------------------------------------------------------------- */

static void begin_to_send(struct courier *c)
{
	int r = c->client ? 0 : op_post_client_create(&c->loop, &c->client);
	if (r < 0)
		op_log(OP_ERR, "HTTP client: %s; only the log is told", op_strerror(r));
	c->sends = r == 0;
	if (c->sends && !c->outbox)
		courier_open_outbox(c);
}

static void change_channel(struct courier *c, unsigned channel, const struct alerts_channel *to)
{
	if (strcmp(c->channel[channel].url, to->url) != 0)
		c->changed_ns[channel] = op_now_ns();
	c->channel[channel] = *to;
	int r = c->pump ? set_target(c, channel) : 0;
	if (r < 0)
		op_log(OP_ERR, "channel %s stays as it was: %s", to->name, op_strerror(r));
	if (*to->url && !c->sends)
		begin_to_send(c);
}

/* The lowest one that is to be changed; ALERTS_CHANNELS_MAX: none. */
static unsigned next_change(struct courier *c, struct alerts_channel *ret)
{
	unsigned i = 0;
	(void)pthread_mutex_lock(&c->lock);
	while (i < ALERTS_CHANNELS_MAX && !(c->changed >> i & 1))
		i++;
	if (i < ALERTS_CHANNELS_MAX) {
		c->changed &= ~(1u << i);
		*ret = c->wanted[i];
	}
	(void)pthread_mutex_unlock(&c->lock);
	return i;
}

void courier_change(struct courier *c)
{
	struct alerts_channel to;
	for (unsigned i; (i = next_change(c, &to)) < ALERTS_CHANNELS_MAX;)
		change_channel(c, i, &to);
}
