/*
 * writer.c - the thread that owns the database: commits what the queue holds, tries again, mends.
 *
 * Runs until queue_quit; then it commits what there is, once, and ends. What opens and mends is in
 * writer_open.c. See writer.h.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "writer_internal.h"

#include <outpost/service.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "watch.h"

#define BATCH_BYTES (1024 * 1024) /* of a transaction, about */
#define PAUSE_FIRST_NS (250 * OP_NS_PER_MS)
#define PAUSE_MOST_NS (4 * OP_NS_PER_S)
#define TIDY_NS (60 * OP_NS_PER_S)       /* between two looks at the bounds, while there is work */
#define TIDY_IDLE_NS (600 * OP_NS_PER_S) /* and when there is none */
#define STACK_BYTES (512 * 1024)         /* SQLite asks for more than the usual 64 KiB */
#define BEAT_NS (2 * TIDY_NS)

/* Stops while the machine sleeps, as the waits of threads do. */
static uint64_t awake_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there */
	return (uint64_t)t.tv_sec * OP_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Relaxed, all three: times that the loop compares with now, nothing hangs on them. */
void writer_begin_work(struct writer *w)
{
	atomic_store_explicit(&w->busy_since, awake_ns(), memory_order_relaxed);
}

void writer_end_work(struct writer *w)
{
	atomic_store_explicit(&w->busy_since, 0, memory_order_relaxed);
	atomic_store_explicit(&w->beat, awake_ns(), memory_order_relaxed);
}

uint64_t writer_busy_ns(const struct writer *w)
{
	uint64_t since = atomic_load_explicit(&w->busy_since, memory_order_relaxed);
	return since ? awake_ns() - since : 0;
}

bool writer_alive(const struct writer *w)
{
	uint64_t busy = writer_busy_ns(w);
	uint64_t beat = atomic_load_explicit(&w->beat, memory_order_relaxed);
	pid_t tid = atomic_load_explicit(&w->tid, memory_order_relaxed);
	return busy ? watch_moves(tid, busy) : writer_ended(w) || awake_ns() - beat < BEAT_NS;
}

/* ---- the report -------------------------------------------------------------------------- */

void writer_tell(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->shown = w->now;
	(void)pthread_mutex_unlock(&w->lock);
	w->set.changed(w->set.arg);
}

void writer_report(struct writer *w, struct writer_report *ret)
{
	(void)pthread_mutex_lock(&w->lock);
	*ret = w->shown;
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_failed(struct writer *w, int err)
{
	uint64_t pause = PAUSE_FIRST_NS << (w->failures < 5 ? w->failures : 5);
	w->failures++;
	w->now.counts.failures++;
	w->now.err = err;
	const char *said = w->db && op_db_handle(w->db) ? op_db_message(w->db) : "";
	(void)snprintf(w->now.text, sizeof(w->now.text), "%s", said[0] ? said : op_strerror(err));
	w->retry_ns = op_now_ns() + (pause < PAUSE_MOST_NS ? pause : PAUSE_MOST_NS);
}

/* ---- one transaction --------------------------------------------------------------------- */

static int store_rows(struct writer *w, const struct item *i)
{
	const struct op_topic_type *type = i->stream->type;
	int rc = 0;
	for (uint32_t k = 0; k < i->chunk.n && rc == 0; k++) {
		const struct item_row *row = (const void *)(i->payload + k * ITEM_ROW_BYTES(type));
		rc = op_history_put_row(w->history, i->stream->topic, type, row->seq, row->boot_ns,
					row->record);
	}
	return rc;
}

static int store(struct writer *w, const struct item *i)
{
	struct stream *s = i->stream;
	if (s->epoch != w->epoch) {
		int rc = op_history_topic(w->history, s->name, s->type, s->kind, s->fields,
					  &s->topic);
		if (rc < 0)
			return rc;
		s->epoch = w->epoch;
	}
	return i->rows ? store_rows(w, i)
		       : op_history_put_chunk(w->history, s->topic, i->level, &i->chunk);
}

/* Not the disk's fault but the item's: it would fail again for ever. */
static bool is_hopeless(int rc)
{
	return rc == -EINVAL || rc == -E2BIG || rc == -ERANGE || rc == -ENODATA || rc == -EBADMSG;
}

static void keep_clock(struct writer *w, const struct op_clock_segment *segment)
{
	size_t i = 0;
	while (i < w->n_clocks && w->clocks[i].from_ns != segment->from_ns)
		i++;
	if (i == QUEUE_CLOCKS_MAX) { /* the oldest is of the least use */
		memmove(w->clocks, w->clocks + 1, (QUEUE_CLOCKS_MAX - 1) * sizeof(w->clocks[0]));
		i = --w->n_clocks;
	}
	w->clocks[i] = *segment;
	if (i == w->n_clocks)
		w->n_clocks++;
}

void writer_keep_clocks(struct writer *w, const struct op_clock_segment *clocks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		keep_clock(w, &clocks[i]);
}

static int store_all(struct writer *w, struct item *items, const struct op_clock_segment *clocks,
		     size_t n_clocks, struct item **ret_bad)
{
	int rc = 0;
	for (size_t i = 0; w->clocks_due && i < w->n_clocks && rc == 0; i++)
		rc = op_history_put_clock(w->history, &w->clocks[i]);
	for (size_t i = 0; i < n_clocks && rc == 0; i++)
		rc = op_history_put_clock(w->history, &clocks[i]);
	for (struct item *i = items; i && i->taken && rc == 0; i = i->next) {
		rc = store(w, i);
		if (rc < 0 && is_hopeless(rc))
			*ret_bad = i;
	}
	return rc;
}

static void count(struct writer *w, const struct item *items)
{
	for (const struct item *i = items; i && i->taken; i = i->next) {
		w->now.counts.chunks += !i->rows;
		w->now.counts.rows += i->rows ? i->chunk.n : 0;
		w->now.counts.bytes +=
			i->rows ? i->chunk.n * (uint64_t)i->stream->type->record_bytes
				: i->chunk.bytes;
		w->now.counts.records += i->records;
		/* Relaxed: a count that others only show. */
		(void)atomic_fetch_add_explicit(&i->stream->stored, i->records,
						memory_order_relaxed);
	}
	w->now.counts.commits++;
}

static int transact(struct writer *w, struct item *items, const struct op_clock_segment *clocks,
		    size_t n_clocks, struct item **ret_bad)
{
	uint64_t begun = op_now_ns();
	writer_begin_work(w);
	int rc = op_db_begin(w->db);
	if (rc == 0) {
		rc = store_all(w, items, clocks, n_clocks, ret_bad);
		if (rc < 0)
			op_db_rollback(w->db);
		else
			rc = op_db_commit(w->db);
	}
	writer_end_work(w);
	w->now.commit_ns = op_now_ns() - begun;
	return rc;
}

/* 1: there was something, and it is on disk; 0: nothing is left; else it is still in the queue. */
static int commit_batch(struct writer *w)
{
	struct op_clock_segment clocks[QUEUE_CLOCKS_MAX];
	struct item *bad = NULL;
	size_t n_clocks;
	struct item *items = queue_take(w->set.queue, BATCH_BYTES, clocks, &n_clocks);
	if (!items && !n_clocks)
		return 0;
	int rc = transact(w, items, clocks, n_clocks, &bad);
	if (rc == 0) {
		count(w, items);
		writer_keep_clocks(w, clocks, n_clocks);
		w->clocks_due = false;
		queue_done(w->set.queue);
		return 1;
	}
	if (bad) {
		w->now.counts.failures++;
		(void)snprintf(w->now.text, sizeof(w->now.text), "%s cannot be stored: %s",
			       bad->stream->name, op_strerror(rc));
		queue_reject(w->set.queue, bad);
	}
	queue_return(w->set.queue);
	int again = writer_forget(w); /* what the transaction had made is gone with it */
	return again < 0 ? again : bad ? 1 : rc;
}

static int commit(struct writer *w)
{
	uint64_t ticket = queue_asked(w->set.queue);
	int rc;
	do
		rc = commit_batch(w);
	while (rc > 0);
	if (rc == 0)
		queue_answer(w->set.queue, ticket);
	return rc;
}

/* ---- bounds ------------------------------------------------------------------------------ */

static int64_t wall_now(struct writer *w)
{
	/* Relaxed: one number, nothing else hangs on it. */
	int64_t offset = atomic_load_explicit(&w->wall_offset, memory_order_relaxed);
	return offset == INT64_MIN ? 0 : (int64_t)op_now_ns() + offset;
}

void writer_set_wall(struct writer *w, bool known, int64_t offset_ns)
{
	atomic_store_explicit(&w->wall_offset, known ? offset_ns : INT64_MIN, memory_order_relaxed);
}

/* In short steps, and none while a commit is asked for. */
static int tidy(struct writer *w)
{
	struct op_retention_result r = {.more = true};
	int rc = 0;
	while (rc == 0 && r.more && !queue_waits(w->set.queue)) {
		writer_begin_work(w);
		rc = op_retention_step(w->history, &w->bounds, wall_now(w), &r);
		writer_end_work(w);
		if (rc < 0)
			break;
		w->now.counts.deleted_chunks += r.chunks;
		w->now.counts.deleted_rows += r.rows;
		w->now.counts.deleted_bytes += r.bytes;
	}
	w->tidied_ns = rc == 0 && r.more ? 0 : op_now_ns();
	w->tidied_commits = w->now.counts.commits;
	return rc < 0 ? rc : 0;
}

static bool is_untidy(const struct writer *w)
{
	uint64_t since = op_now_ns() - w->tidied_ns;
	bool work = w->now.counts.commits != w->tidied_commits;
	return since >= (work ? TIDY_NS : TIDY_IDLE_NS);
}

/* ---- the thread -------------------------------------------------------------------------- */

static void look_at_size(struct writer *w)
{
	uint64_t used, file;
	if (op_db_size(w->db, &used, &file) < 0)
		return; /* the next commit tells what is wrong */
	w->now.db_used = used;
	w->now.db_file = file;
}

static void work(struct writer *w, bool asked)
{
	int rc = writer_ensure_open(w);
	if (rc == 0) /* also when there is nothing to commit */
		rc = op_db_look(w->db);
	if (rc == 0 && asked)
		rc = commit(w);
	if (rc == 0 && is_untidy(w))
		rc = tidy(w);
	if (rc == 0) {
		w->failures = 0;
		w->now.err = 0;
		look_at_size(w);
	} else {
		writer_failed(w, rc);
		writer_mend(w, rc);
	}
	writer_tell(w);
}

static void *run(void *arg)
{
	struct writer *w = arg;
	bool quit = false, asked = false;
	atomic_store_explicit(&w->tid, (int)syscall(SYS_gettid), memory_order_relaxed);
	w->tidied_ns = op_now_ns();
	while (!quit) {
		work(w, asked);
		uint64_t until = w->failures ? w->retry_ns : op_now_ns() + TIDY_NS;
		asked = queue_wait(w->set.queue, w->retry_ns, until, &quit);
		writer_end_work(w); /* a sign of life */
	}
	work(w, true);
	writer_close(w);
	/* Pairs with the acquire in writer_ended: who sees it sees the last report. */
	atomic_store_explicit(&w->ended, true, memory_order_release);
	w->set.changed(w->set.arg);
	return NULL;
}

bool writer_ended(const struct writer *w)
{
	return atomic_load_explicit(&w->ended, memory_order_acquire);
}

int writer_start(const struct writer_settings *settings, struct writer **ret)
{
	struct writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->set = *settings;
	w->bounds = recorder_retention(settings->set);
	(void)pthread_mutex_init(&w->lock, NULL); /* default attributes never fail */
	atomic_init(&w->wall_offset, INT64_MIN);
	atomic_init(&w->beat, awake_ns());
	*ret = w;
	int rc = op_thread_create(&w->thread, "recorder-disk", STACK_BYTES, run, w);
	if (rc < 0) {
		*ret = NULL;
		(void)pthread_mutex_destroy(&w->lock);
		free(w);
	}
	return rc;
}

void writer_join(struct writer *w)
{
	if (!w)
		return;
	(void)pthread_join(w->thread, NULL); /* cannot fail: nobody else joins it */
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
