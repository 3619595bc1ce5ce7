/*
 * board.c - every topic of the bus, held open, with its measured rate.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#include <stdio.h>
#include <string.h>

static void close_topic(struct web_topic *t)
{
	op_reader_close(t->reader);
	t->reader = NULL;
	t->n_marks = 0;
}

static int on_name(const char *name, void *arg)
{
	struct web *w = arg;
	struct web_topic *t = web_board_find(w, name);
	if (!t && w->n_topics < WEB_TOPICS_MAX) {
		t = &w->topics[w->n_topics++];
		*t = (struct web_topic){0};
		snprintf(t->name, sizeof(t->name), "%s", name);
	}
	if (t)
		t->seen = true;
	return 0;
}

/* Listed readers would show the web server's losses, which say nothing: it only looks. */
static void reopen(struct web *w, struct web_topic *t)
{
	if (t->reader && op_reader_retired(t->reader))
		close_topic(t);
	if (!t->reader && op_reader_open(op_service_bus_dir(w->service), t->name, "", &t->reader))
		t->reader = NULL; /* being made just now, or damaged: the next scan tries again */
}

static void mark(struct web_topic *t, uint64_t now)
{
	if (!t->reader)
		return;
	memmove(t->published + 1, t->published, WEB_RATE_WINDOW * sizeof(t->published[0]));
	memmove(t->at_ns + 1, t->at_ns, WEB_RATE_WINDOW * sizeof(t->at_ns[0]));
	t->published[0] = op_reader_published(t->reader);
	t->at_ns[0] = now;
	if (t->n_marks <= WEB_RATE_WINDOW)
		t->n_marks++;
}

void web_board_scan(struct web *w)
{
	uint64_t now = op_now_ns();
	for (size_t i = 0; i < w->n_topics; i++)
		w->topics[i].seen = false;
	if (op_bus_list(op_service_bus_dir(w->service), on_name, w))
		return; /* the directory is gone while the appliance stops */
	size_t kept = 0;
	for (size_t i = 0; i < w->n_topics; i++) {
		if (!w->topics[i].seen) {
			close_topic(&w->topics[i]);
			continue;
		}
		if (kept != i)
			w->topics[kept] = w->topics[i];
		reopen(w, &w->topics[kept]);
		mark(&w->topics[kept++], now);
	}
	w->n_topics = kept;
}

void web_board_close(struct web *w)
{
	for (size_t i = 0; i < w->n_topics; i++)
		close_topic(&w->topics[i]);
	w->n_topics = 0;
}

struct web_topic *web_board_find(struct web *w, const char *name)
{
	for (size_t i = 0; i < w->n_topics; i++)
		if (!strcmp(w->topics[i].name, name))
			return &w->topics[i];
	return NULL;
}

static double rate(const struct web_topic *t)
{
	unsigned last = t->n_marks ? t->n_marks - 1 : 0;
	uint64_t ns = last ? t->at_ns[0] - t->at_ns[last] : 0;
	return ns ? (double)(t->published[0] - t->published[last]) * 1e9 / (double)ns : 0;
}

struct web_topic *web_board_open(struct web *w, const char *name)
{
	struct web_topic *t = web_board_find(w, name);
	struct op_reader *reader;
	if (t && !t->reader)
		reopen(w, t);
	if (t || w->n_topics == WEB_TOPICS_MAX ||
	    op_reader_open(op_service_bus_dir(w->service), name, "", &reader) < 0)
		return t;
	t = &w->topics[w->n_topics++];
	*t = (struct web_topic){.reader = reader};
	snprintf(t->name, sizeof(t->name), "%s", name);
	return t;
}

void web_board_look(struct web_topic *t, struct web_look *ret)
{
	ret->type = op_reader_type(t->reader);
	ret->hz = rate(t);
	op_reader_look(t->reader, &ret->at, ret->record);
}
