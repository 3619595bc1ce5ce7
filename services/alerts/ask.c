/*
 * ask.c - what became of the messages of a rule.
 *
 * Loop thread. A confirmed rule counts as told when the first of its channels has taken its raise;
 * when all of them gave it up, or time is up, it does not, and the next value tells it again. What
 * changes meanwhile waits for that: who does not know of a raise is not told of its end. An end
 * that nobody took is told again with the next record, until somebody takes it or it is raised
 * anew. Of every rule the records are counted that somebody was told of.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "alerts.h"

#define MARGIN_S 90 /* an attempt that was under way when time was up */

/* Several messages of one record are one. */
static void count_cycle(struct alerts *a, uint64_t ns)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(a->cycle); i++)
		if (a->cycle[i] == ns)
			return;
	a->cycle[a->cycles_told++ % OP_ARRAY_SIZE(a->cycle)] = ns;
}

/* The outcome is known. */
static void finish(struct alert *al)
{
	struct sent *s = &al->raise;
	uint64_t now = op_now_ns();
	s->open = 0;
	if (!al->rule.params.confirmed)
		return;
	rule_told(&al->rule, now, s->delivered);
	if (s->delivered && !al->rule.params.off) {
		al->told = true;
		memcpy(al->told_id, s->id, sizeof(al->told_id));
	}
	if (rule_is_raised(&al->rule) || !al->told)
		keep_rule_now(al); /* and one that nobody took waits for the next value */
	else
		tell_now(al, al->event_ns ? al->event_ns : now); /* 0: seen before a restart */
}

/* Who knows of the raise goes on to believe in it: the end is told again with the next record. */
static void finish_end(struct alert *al)
{
	if (!al->rule.params.confirmed || al->clear.delivered || rule_is_raised(&al->rule) ||
	    al->raise.open)
		return;
	al->told = true;
	keep_rule_now(al);
}

static bool is_end_due(const struct alert *al)
{
	return al->rule.params.confirmed && al->told && !rule_is_raised(&al->rule) &&
	       !al->raise.open && !al->clear.open && al->watch->seen_ns > al->clear.seen_ns;
}

static uint64_t patience_s(const struct alerts *a, unsigned open)
{
	uint64_t most = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		uint64_t s = open >> i & 1 ? live_patience_s(&a->live, i, 0) : 0;
		most = s > most ? s : most;
	}
	return most + MARGIN_S;
}

void ask_begin(struct alert *al, struct sent *s, const char *id, const struct courier_job *job,
	       uint64_t boot_ns)
{
	if (s->delivered)
		log_sent(al->alerts, s->ns); /* others of its record may still be on their way */
	*s = (struct sent){.ns = boot_ns, .seen_ns = al->watch->seen_ns};
	(void)snprintf(s->id, sizeof(s->id), "%s", id); /* of that size */
	for (size_t i = 0; i < job->n; i++) {
		memcpy(s->key, job->messages[i].key, sizeof(s->key)); /* they share it */
		s->open |= 1u << job->messages[i].channel;
	}
	s->until_ns = op_now_ns() + patience_s(al->alerts, s->open) * OP_NS_PER_S;
}

void ask_resume(struct alert *al)
{
	struct alerts *a = al->alerts;
	struct sent *s = &al->raise;
	for (size_t i = 0; i < a->set->channels.n; i++)
		if (a->live.channel[i].type != ALERTS_LOG && tell_takes(a, i, al->set->channels))
			s->open |= 1u << i;
	s->until_ns = op_now_ns() + patience_s(a, s->open) * OP_NS_PER_S;
	al->rule.asked = s->open != 0;
}

static void hear(struct alert *al, struct sent *s, const struct courier_attempt *at)
{
	unsigned bit = 1u << at->channel;
	if (!(s->open & bit) || strcmp(s->key, at->key) != 0)
		return;
	uint64_t ns = s->ns; /* what follows may be sent at once */
	s->open &= ~bit;
	s->delivered |= at->delivered;
	if (at->delivered)
		count_cycle(al->alerts, ns);
	s->logged |= !al->alerts->live.channel[at->channel].log_attempts;
	if (s == &al->raise && (!s->open || at->delivered))
		finish(al);
	else if (s == &al->clear && !s->open)
		finish_end(al);
	log_sent_if_whole(al->alerts, ns);
}

void ask_attempt(struct alerts *a, const struct courier_attempt *attempt)
{
	if (!attempt->final)
		return;
	for (size_t i = 0; i < a->n_alerts; i++) {
		hear(&a->alert[i], &a->alert[i].raise, attempt);
		hear(&a->alert[i], &a->alert[i].clear, attempt);
	}
}

void ask_look(struct alerts *a, uint64_t now_ns)
{
	for (size_t i = 0; i < a->n_alerts; i++) {
		struct alert *al = &a->alert[i];
		if (al->raise.open && now_ns >= al->raise.until_ns) {
			finish(al);
			log_sent_if_whole(a, al->raise.ns);
		}
		if (al->clear.open && now_ns >= al->clear.until_ns) {
			al->clear.open = 0;
			log_sent_if_whole(a, al->clear.ns);
			finish_end(al);
		}
		if (is_end_due(al))
			tell_end_again(al);
	}
}
