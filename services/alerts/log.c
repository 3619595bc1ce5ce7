/*
 * log.c - what the log says of alerts and of what became of their messages.
 *
 * Loop thread. The log is told of an end if it was told of the beginning, whether or not a receiver
 * was; a channel has its attempts logged one by one, or only where they begin and end to fail.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "alerts.h"
#include "lib/net/post.h"

#define SENT_MAX 1024 /* all rules of the temperature monitor fit many times */

/* ---- channels --------------------------------------------------------------------------- */

void log_channels(const struct alerts *a)
{
	for (size_t i = 0; i < a->set->channels.n; i++) {
		const struct alerts_channel *ch = &a->live.channel[i];
		char origin[300];
		if (ch->type == ALERTS_LOG)
			continue;
		if (!*ch->url)
			op_log(OP_INFO, "channel %s: off: no address", ch->name);
		else if (!ch->enabled)
			op_log(OP_INFO, "channel %s: off: switched off", ch->name);
		else if (op_url_origin(ch->url, origin, sizeof(origin)) == 0)
			op_log(OP_INFO, "channel %s: on: %s", ch->name, origin);
	}
}

/* ---- alerts ----------------------------------------------------------------------------- */

void log_message(struct alert *al, const struct message *m)
{
	static const enum op_level levels[] = {OP_NOTICE, OP_WARNING, OP_ERR};
	OP_AUTO_BUF struct op_buf line;
	op_buf_init(&line, 4096); /* before any return, at which it is freed */
	if (!m->raised && !al->logged)
		return;
	al->logged = m->raised;
	message_line(m, false, &line);
	op_log(m->raised ? levels[m->rule->severity] : OP_NOTICE, "alert: %s", line.data);
}

/* ---- attempts --------------------------------------------------------------------------- */

static void log_each(const struct alerts_channel *ch, const struct courier_attempt *at)
{
	char of[32] = "";
	if (at->attempts)
		(void)snprintf(of, sizeof(of), "/%u", at->attempts); /* fits */
	if (at->delivered)
		op_log(OP_INFO, "channel %s: %s is delivered: %s (attempt %u%s)", ch->name, at->key,
		       at->message, at->tried, of);
	else if (at->status)
		op_log(OP_WARNING, "channel %s: %s: %s (attempt %u%s)", ch->name, at->message,
		       at->answer, at->tried, of);
	else
		op_log(OP_ERR, "channel %s: %s (attempt %u%s)", ch->name, at->message, at->tried,
		       of);
	if (at->final && !at->delivered)
		op_log(OP_ERR, "channel %s: Webhook failed after %u attempts: %s", ch->name,
		       at->tried, at->key);
}

static void log_change(const struct alerts_channel *ch, const struct courier_attempt *at, bool was,
		       bool failing)
{
	if (failing && !was)
		op_log(OP_WARNING, "channel %s: %s", ch->name, at->message);
	else if (!failing && was)
		op_log(OP_NOTICE, "channel %s: messages are taken again", ch->name);
	if (at->final && !at->delivered)
		op_log(OP_WARNING, "channel %s: message %s is given up: %s", ch->name, at->key,
		       at->message);
}

void log_attempt(const struct alerts_channel *ch, const struct courier_attempt *at, bool was,
		 bool failing)
{
	if (ch->log_attempts)
		log_each(ch, at);
	else
		log_change(ch, at, was, failing);
}

/* ---- records of which somebody was told -------------------------------------------------- */

static bool is_open(const struct alerts *a, uint64_t ns)
{
	for (size_t i = 0; i < a->n_alerts; i++)
		if ((a->alert[i].raise.open && a->alert[i].raise.ns == ns) ||
		    (a->alert[i].clear.open && a->alert[i].clear.ns == ns))
			return true;
	return false;
}

static void add_sent(struct sent *s, uint64_t ns, const char *rule, const char *what,
		     struct op_buf *out)
{
	if (s->ns != ns || !s->delivered || s->logged)
		return;
	s->logged = true;
	op_buf_printf(out, "%s'%s%s'", out->len ? ", " : "", rule, what);
}

void log_sent(struct alerts *a, uint64_t ns)
{
	OP_AUTO_BUF struct op_buf list;
	op_buf_init(&list, SENT_MAX);
	for (size_t i = 0; i < a->n_alerts; i++) {
		struct alert *al = &a->alert[i];
		add_sent(&al->raise, ns, al->set->name, "", &list);
		add_sent(&al->clear, ns, al->set->name, "_resolved", &list);
	}
	if (list.len)
		op_log(OP_INFO, "Webhook alerts sent: [%s]%s", list.data,
		       list.err ? " and more" : "");
}

void log_sent_if_whole(struct alerts *a, uint64_t ns)
{
	if (!is_open(a, ns))
		log_sent(a, ns);
}
