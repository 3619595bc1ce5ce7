/*
 * courier_spool.c - past a broken disk: messages that the outbox does not take go out from memory.
 *
 * The courier's thread. One request at a time per channel, in order, with the pauses of the
 * channel. The outbox is tried again every two seconds and then takes over what has not been sent.
 * Messages that were in the outbox before go first, as long as the pump carries them. Where it
 * stands still, with one delivered that the disk does not let it forget, the others behind that one
 * have ten seconds; after that an alert that overtakes is better than one that waits for a disk. A
 * test waits for nobody. Bounded: of too many the oldest is dropped
 * and counted.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "courier_internal.h"

#define YIELD_NS (10 * OP_NS_PER_S)

static void set_spooled(struct courier *c, const struct spool *s)
{
	COURIER_SET(c, channel[s->channel].spooled, =, s->n);
}

/* Takes the head off; its message is the caller's to free. */
static struct spooled *take_head(struct spool *s)
{
	struct spooled *head = s->first;
	s->first = head->next;
	if (!s->first)
		s->last = NULL;
	s->n--;
	s->courier->n_spooled--;
	set_spooled(s->courier, s);
	return head;
}

static void free_spooled(struct spooled *p)
{
	free(p->message.body);
	free(p);
}

/* Never the one that is on its way. */
static void drop_oldest(struct spool *s)
{
	struct spooled *victim = s->flight ? s->first->next : s->first;
	if (!victim)
		return;
	if (victim == s->first) {
		free_spooled(take_head(s));
	} else {
		s->first->next = victim->next;
		if (s->last == victim)
			s->last = s->first;
		s->n--;
		s->courier->n_spooled--;
		free_spooled(victim);
	}
	COURIER_SET(s->courier, channel[s->channel].dropped, +=, 1);
}

static void send_head(struct spool *s);

void spool_add(struct courier *c, struct courier_message *m)
{
	struct spool *s = &c->spool[m->channel];
	struct spooled *p = calloc(1, sizeof(*p));
	if (!p || !c->client) {
		free(p);
		COURIER_SET(c, channel[m->channel].dropped, +=, 1);
		return;
	}
	if (s->n >= COURIER_SPOOL_MAX / ALERTS_CHANNELS_MAX)
		drop_oldest(s);
	p->message = *m;
	m->body = NULL;
	p->since_ns = op_now_ns();
	if (s->last)
		s->last->next = p;
	else
		s->first = p;
	s->last = p;
	s->n++;
	c->n_spooled++;
	set_spooled(c, s);
	send_head(s);
}

static uint64_t pause_ns(const struct alerts_channel *ch, unsigned tried)
{
	uint64_t ms = (uint64_t)ch->backoff_ms << (tried < 20 ? tried : 20);
	return (ms < (uint64_t)ch->backoff_max_ms ? ms : (uint64_t)ch->backoff_max_ms) *
	       OP_NS_PER_MS;
}

static bool never(int status)
{
	return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

static void on_result(void *arg, const struct op_post_result *result)
{
	struct spool *s = arg;
	struct courier *c = s->courier;
	struct spooled *head = s->first;
	const struct alerts_channel *ch = &c->channel[s->channel];
	bool delivered = result->error == 0 && result->status / 100 == 2;
	unsigned most = head->message.attempts ? head->message.attempts : (unsigned)ch->attempts;
	s->flight = NULL;
	head->tried++;
	bool final = delivered || (most && head->tried >= most) ||
		     (ch->give_up_4xx && never(result->status));
	const struct courier_attempt a = {.channel = s->channel,
					  .delivered = delivered,
					  .final = final,
					  .tried = head->tried,
					  .attempts = most};
	courier_tell_attempt(c, &a, head->message.key, result);
	head->due_ns = op_now_ns() + pause_ns(ch, head->tried - 1);
	if (!final)
		return;
	if (delivered)
		COURIER_SET(c, channel[s->channel].from_memory, +=, 1);
	else
		COURIER_SET(c, channel[s->channel].dropped, +=, 1);
	free_spooled(take_head(s));
	send_head(s);
}

/* Something that came before waits in the outbox and will go first. What cannot be read there does
 * not count. */
static bool must_yield(struct spool *s)
{
	struct op_outbox_item item;
	struct courier *c = s->courier;
	const char *queue = alerts_channel_at(c->params.set, s->channel)->name;
	if (!c->outbox || s->first->message.test || op_outbox_next(c->outbox, queue, &item) != 1)
		return false;
	if (!op_pump_stands(c->pump, queue))
		return true;
	courier_count(c);
	return c->view.channel[s->channel].waiting > 1 &&
	       op_now_ns() - s->first->since_ns < YIELD_NS;
}

static void send_head(struct spool *s)
{
	struct courier *c = s->courier;
	if (!s->first || s->flight || !courier_open(c, s->channel) ||
	    op_now_ns() < s->first->due_ns || must_yield(s))
		return;
	const struct alerts_channel *ch = &c->channel[s->channel];
	char field[32 + COURIER_KEY_MAX];
	(void)snprintf(field, sizeof(field), "Idempotency-Key: %s", s->first->message.key);
	struct op_post_request rq = {
		.url = ch->url,
		.content_type = "application/json",
		.fields = (const char *const[]){field, NULL},
		.body = s->first->message.body,
		.body_bytes = strlen(s->first->message.body),
		.connect_timeout_ms = (unsigned)ch->connect_timeout_ms,
		.read_timeout_ms = (unsigned)ch->read_timeout_ms,
		.max_redirects = (unsigned)ch->redirects,
	};
	int r = op_post(c->client, &rq, on_result, s, &s->flight);
	if (r < 0) { /* no memory: a message that cannot even be tried is tried later */
		s->flight = NULL;
		s->first->due_ns = op_now_ns() + pause_ns(ch, 0);
	}
}

static void give_back(struct spool *s)
{
	while (s->first && !s->flight && courier_put(s->courier, &s->first->message) == 0)
		free_spooled(take_head(s));
	if (!s->first)
		courier_count(s->courier);
	if (s->courier->pump)
		op_pump_kick(s->courier->pump);
}

void spool_look(struct courier *c, bool retry)
{
	for (unsigned i = 0; i < ALERTS_CHANNELS_MAX; i++) {
		struct spool *s = &c->spool[i];
		if (retry && s->first)
			give_back(s);
		send_head(s);
	}
}

void spool_close(struct courier *c)
{
	for (unsigned i = 0; i < ALERTS_CHANNELS_MAX; i++) {
		struct spool *s = &c->spool[i];
		if (s->flight)
			op_post_cancel(OP_STEAL(s->flight));
		while (s->first) {
			COURIER_SET(c, channel[i].dropped, +=, 1);
			free_spooled(take_head(s));
		}
	}
}
