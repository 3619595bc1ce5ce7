/*
 * writer_open.c - opening the history, going on where it stopped, and mending it.
 *
 * Writer thread. Tiers are caught up once, before anything is committed: later ones are in the
 * memory of the loop, and would be counted twice.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "writer_internal.h"

#include <stdio.h>
#include <string.h>

#define CLOSE_AFTER 3 /* failures in a row */

static void told_aside(struct writer *w, const struct op_buf *note)
{
	if (!note->len)
		return;
	(void)snprintf(w->now.text, sizeof(w->now.text), "%.*s", (int)strcspn(note->data, "\n"),
		       note->data); /* cut is fine */
	w->now.aside_ns = op_now_ns();
	w->now.counts.set_aside++;
}

static int open_db(struct writer *w)
{
	OP_AUTO_BUF struct op_buf note;
	const struct op_db_settings settings = {.path = w->set.path};
	op_buf_init(&note, 1024);
	writer_begin_work(w);
	int rc = op_db_open(&settings, &op_history_schema, &w->db, &note);
	writer_end_work(w);
	told_aside(w, &note);
	w->clocks_due = true;
	return rc;
}

/* What the loop needs to know before it reads the bus. */
static int learn(struct writer *w)
{
	struct resume found[RECORDER_KEEP_MAX];
	size_t n = 0;
	int rc = resume_read(w->db, w->set.boot_id, found, OP_ARRAY_SIZE(found), &n);
	if (rc == 0)
		rc = op_history_newest_wall(w->db, &w->now.newest_wall_ns);
	if (rc == 0)
		rc = op_history_last_clock(w->db, w->set.boot_id, &w->now.clock);
	if (rc < 0)
		return rc;
	w->now.clock_known = rc == 1;
	if (w->now.clock_known)
		writer_keep_clocks(w, &w->now.clock, 1);
	(void)pthread_mutex_lock(&w->lock);
	memcpy(w->resume, found, n * sizeof(found[0]));
	w->n_resume = n;
	(void)pthread_mutex_unlock(&w->lock);
	w->now.newest_known = true;
	w->resumed = true;
	return 0;
}

bool writer_resume(struct writer *w, const char *topic, struct resume *ret)
{
	bool found = false;
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_resume && !found; i++) {
		found = !strcmp(w->resume[i].topic, topic);
		if (found)
			*ret = w->resume[i];
	}
	(void)pthread_mutex_unlock(&w->lock);
	return found;
}

int writer_forget(struct writer *w)
{
	op_history_destroy(OP_STEAL(w->history));
	w->epoch++;
	return op_history_create(w->db, w->set.boot_id, &w->history);
}

static int catch_up(struct writer *w)
{
	int rc;
	do {
		writer_begin_work(w);
		rc = op_history_catch_up(w->history);
		writer_end_work(w);
	} while (rc > 0);
	return rc;
}

int writer_ensure_open(struct writer *w)
{
	int rc = w->db ? 0 : open_db(w);
	if (rc == 0 && !w->history)
		rc = writer_forget(w);
	if (rc == 0 && !w->resumed) {
		writer_begin_work(w);
		rc = learn(w);
		writer_end_work(w);
		if (rc == 0) {
			w->now.tried = true;
			writer_tell(w); /* the loop can begin while tiers are made */
		}
	}
	if (rc == 0 && !w->caught_up) {
		rc = catch_up(w);
		w->caught_up = rc == 0;
	}
	w->now.tried = true;
	w->now.open = rc == 0;
	return rc;
}

void writer_close(struct writer *w)
{
	writer_begin_work(w);
	op_history_destroy(OP_STEAL(w->history));
	op_db_close(OP_STEAL(w->db));
	writer_end_work(w);
}

static void renew(struct writer *w)
{
	OP_AUTO_BUF struct op_buf note;
	op_buf_init(&note, 1024);
	op_history_destroy(OP_STEAL(w->history));
	writer_begin_work(w);
	int rc = op_db_renew(w->db, &note);
	writer_end_work(w);
	told_aside(w, &note);
	w->clocks_due = true;
	if (rc < 0) {
		writer_close(w);
		return;
	}
	w->caught_up = true; /* a new one has nothing to catch up with */
	w->now.err = 0;
	w->failures = 0;
	w->retry_ns = 0;
}

void writer_mend(struct writer *w, int err)
{
	w->now.open = false;
	if (w->db && err == -OP_EDAMAGED)
		renew(w);
	else if (w->db && w->failures % CLOSE_AFTER == 0)
		writer_close(w);
}
