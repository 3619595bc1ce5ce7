/*
 * jobs.c - questions about the past are worked on beside the loop, a bounded number of them.
 *
 * The threads are libuv's, two of them, and are there from the first question on; databases are
 * opened when they are asked for, kept for the next question, and closed after ten seconds without
 * one. A step works on its job alone; only its open database and those that are kept are shared
 * with the loop, under the lock. After each step a job goes to the end of the line, so that a long
 * export does not keep a chart waiting.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "history.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOTE_MAX 512
#define IDLE_MS 10000
#define NICE 10 /* live data goes first where cores are few */

static void pump(struct web *w);

/* ---- open databases ---------------------------------------------------------------------- */

/* False too if the recorder has set the old file aside and begun another. */
static bool same_file(const char *path, const struct web_query *k)
{
	struct stat st;
	return !stat(path, &st) && st.st_dev == k->device && st.st_ino == k->inode;
}

static struct web_query take_kept(struct web_jobs *jobs)
{
	struct web_query found = {0};
	uv_mutex_lock(&jobs->lock);
	if (jobs->n_kept)
		found = jobs->kept[--jobs->n_kept];
	uv_mutex_unlock(&jobs->lock);
	return found;
}

static int open_query(const char *path, struct web_query *k)
{
	struct stat st;
	if (k->q && same_file(path, k))
		return 0;
	op_query_close(k->q);
	*k = (struct web_query){0};
	if (stat(path, &st))
		return -errno;
	k->device = st.st_dev;
	k->inode = st.st_ino;
	return op_query_open(path, &k->q);
}

int web_job_query(struct web_job *j, struct op_query **ret)
{
	struct web_jobs *jobs = j->w->jobs;
	if (!j->query.q) {
		struct web_query k = take_kept(jobs);
		int r = open_query(j->w->history_path, &k);
		j->no_database = r == -ENOENT;
		if (r < 0)
			return r;
		uv_mutex_lock(&jobs->lock);
		j->query = k;
		uv_mutex_unlock(&jobs->lock);
	}
	*ret = j->query.q;
	return atomic_load(&j->cancelled) ? -ECANCELED : 0;
}

/* After the last step: the database is kept for the next job, unless it is in doubt. */
static void give_back(struct web_job *j)
{
	struct web_jobs *jobs = j->w->jobs;
	bool sound = j->result >= 0 || j->result == -ENOENT || j->result == -EINVAL;
	uv_mutex_lock(&jobs->lock);
	sound &= !atomic_load(&j->cancelled); /* it may have been told so, and remember */
	struct web_query k = j->query;
	j->query = (struct web_query){0};
	if (k.q && sound && !jobs->stopping && jobs->n_kept < WEB_QUERIES_KEPT) {
		jobs->kept[jobs->n_kept++] = k;
		k.q = NULL;
	}
	uv_mutex_unlock(&jobs->lock);
	op_query_close(k.q);
}

static void close_kept(struct web_jobs *jobs)
{
	struct web_query k;
	while ((k = take_kept(jobs)).q)
		op_query_close(k.q);
}

static void on_closing(uv_work_t *work)
{
	close_kept(work->data);
	(void)malloc_trim(0); /* the pages go back; whether there were any does not matter */
}

static void after_closing(uv_work_t *work, int status)
{
	struct web_jobs *jobs = work->data;
	jobs->closing_now = false;
}

static void on_idle(uv_timer_t *timer)
{
	struct web *w = timer->data;
	struct web_jobs *jobs = w->jobs;
	uint64_t rested = uv_now(timer->loop) - jobs->used_ms;
	if (jobs->n_working || jobs->n_exports || rested < IDLE_MS || jobs->closing_now)
		return;
	jobs->closing_now = !uv_queue_work(timer->loop, &jobs->closing, on_closing, after_closing);
	(void)uv_timer_stop(timer); /* always 0; the next job starts it again */
}

/* ---- work threads ------------------------------------------------------------------------ */

static void yield_to_live_data(void)
{
	static _Thread_local bool done;
	if (!done)
		(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE); /* a courtesy */
	done = true;
}

static void on_work(uv_work_t *work)
{
	struct web_job *j = work->data;
	uint64_t began = op_now_ns();
	yield_to_live_data();
	if (!atomic_load(&j->cancelled)) {
		j->result = j->kind->step(j);
	} else {
		if (j->kind->let_go)
			j->kind->let_go(j);
		j->result = -ECANCELED;
	}
	if (j->result <= 0)
		give_back(j);
	j->work_ns = op_now_ns() - began;
}

/* ---- the line ---------------------------------------------------------------------------- */

static void enqueue(struct web_job *j)
{
	struct web_jobs *jobs = j->w->jobs;
	j->state = WEB_JOB_WAITING;
	j->next = NULL;
	*(jobs->last ? &jobs->last->next : &jobs->first) = j;
	jobs->last = j;
	jobs->n_waiting += !j->begun;
}

static struct web_job *dequeue(struct web_jobs *jobs, struct web_job *j)
{
	struct web_job *before = NULL;
	for (struct web_job *at = jobs->first; at != j; at = at->next)
		before = at;
	*(before ? &before->next : &jobs->first) = j->next;
	if (jobs->last == j)
		jobs->last = before;
	jobs->n_waiting -= !j->begun;
	return j;
}

static void park(struct web_job *j)
{
	struct web_jobs *jobs = j->w->jobs;
	j->state = WEB_JOB_PARKED;
	j->parked_ms = uv_now(op_service_loop(j->w->service));
	j->next = jobs->parked;
	jobs->parked = j;
}

static void unpark(struct web_job *j)
{
	struct web_job **at = &j->w->jobs->parked;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	enqueue(j);
}

static void give_up_place(struct web_job *j)
{
	j->w->jobs->n_exports -= j->placed;
	j->placed = false;
}

static void job_free(struct web_job *j)
{
	struct web_jobs *jobs = j->w->jobs;
	give_up_place(j);
	j->w->asked.ended[j->end]++;
	j->w->asked.damaged += j->damaged;
	jobs->used_ms = uv_now(op_service_loop(j->w->service));
	op_buf_finish(&j->body);
	op_buf_finish(&j->note);
	free(j);
}

static void after_work(uv_work_t *work, int status)
{
	struct web_job *j = work->data;
	struct web *w = j->w;
	w->jobs->n_working--;
	w->asked.work_ns += j->work_ns;
	if (j->result >= 0)
		w->jobs->told = 0;
	enum web_job_next next = WEB_JOB_DONE;
	if (j->reply)
		next = j->kind->after(j);
	else if (j->result > 0)
		next = WEB_JOB_MORE; /* to let go */
	if (next == WEB_JOB_MORE) {
		enqueue(j);
	} else if (next == WEB_JOB_PARK) {
		park(j);
	} else {
		job_free(j);
	}
	pump(w);
}

static void start(struct web_job *j)
{
	struct web *w = j->w;
	j->state = WEB_JOB_WORKING;
	j->begun = true;
	j->work.data = j;
	w->jobs->n_working++;
	/* It fails only without a callback. */
	(void)uv_queue_work(op_service_loop(w->service), &j->work, on_work, after_work);
}

static void pump(struct web *w)
{
	struct web_jobs *jobs = w->jobs;
	while (jobs->first && jobs->n_working < WEB_JOBS_WORKING)
		start(dequeue(jobs, jobs->first));
	w->asked.working = jobs->n_working;
	w->asked.waiting = jobs->n_waiting;
	w->asked.open_exports = jobs->n_exports;
}

/* ---- clients ----------------------------------------------------------------------------- */

static void on_room(struct op_http_reply *r, void *arg)
{
	struct web_job *j = arg;
	unpark(j);
	pump(j->w);
}

static void cancel(struct web_job *j)
{
	atomic_store(&j->cancelled, true);
	uv_mutex_lock(&j->w->jobs->lock);
	if (j->query.q)
		op_query_cancel(j->query.q);
	uv_mutex_unlock(&j->w->jobs->lock);
}

static void on_gone(struct op_http_reply *r, void *arg)
{
	struct web_job *j = arg;
	struct web *w = j->w;
	j->reply = NULL;
	j->end = WEB_LEFT;
	cancel(j);
	if (j->state == WEB_JOB_PARKED)
		unpark(j);
	if (!j->begun)
		job_free(dequeue(w->jobs, j));
	pump(w);
}

static const struct op_http_reply_events events = {.room = on_room, .gone = on_gone};

static bool refuse(struct op_http_request *rq, struct web *w, const char *why)
{
	w->asked.refused++;
	op_http_field_add(rq, "Retry-After", "2");
	op_http_error(rq, 503, "%s; try again in a moment", why);
	return false;
}

/* The client of an export that has been parked the longest took less than a queue in all that time:
 * it makes room, so that those who take a byte now and then lock nobody out. */
static bool make_room(struct web *w)
{
	struct web_job *oldest = NULL;
	uint64_t now = uv_now(op_service_loop(w->service));
	for (struct web_job *j = w->jobs->parked; j; j = j->next)
		oldest = !oldest || j->parked_ms < oldest->parked_ms ? j : oldest;
	if (!oldest || now - oldest->parked_ms < 2000 * (uint64_t)w->set->stall_timeout_s)
		return false;
	oldest->end = WEB_SLOW;
	op_http_reply_abort(oldest->reply);
	oldest->reply = NULL;
	atomic_store(&oldest->cancelled, true);
	give_up_place(oldest);
	unpark(oldest);
	return true;
}

static bool has_place(struct op_http_request *rq, struct web *w, const struct web_job_kind *kind)
{
	if (kind->stays && w->jobs->n_exports >= WEB_EXPORTS_MAX && !make_room(w))
		return refuse(rq, w, "too many exports are under way");
	if (w->jobs->n_waiting >= WEB_JOBS_WAITING)
		return refuse(rq, w, "too many questions are waiting");
	return true;
}

static struct web_job *create(struct op_http_request *rq, struct web *w,
			      const struct web_job_kind *kind, const struct web_ask *ask)
{
	struct web_job *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->w = w;
	j->kind = kind;
	j->ask = *ask;
	op_buf_init(&j->body, WEB_BODY_MAX);
	op_buf_init(&j->note, NOTE_MAX);
	j->reply = op_http_defer(rq, &events, j);
	if (j->reply)
		return j;
	free(j);
	return NULL;
}

void web_job_ask(struct op_http_request *rq, struct web *w, const struct web_job_kind *kind,
		 const char *const *names, uint64_t *count)
{
	struct web_ask ask;
	if (!web_ask_read(rq, names, &ask))
		return;
	++*count;
	if (!has_place(rq, w, kind))
		return;
	struct web_job *j = create(rq, w, kind, &ask);
	if (!j) {
		(void)refuse(rq, w, "there is no memory for the question");
		return;
	}
	j->placed = kind->stays;
	w->jobs->n_exports += j->placed;
	(void)uv_timer_start(&w->jobs->idle, on_idle, IDLE_MS, IDLE_MS); /* fails without fn only */
	enqueue(j);
	pump(w);
}

/* ---- life -------------------------------------------------------------------------------- */

int web_jobs_start(struct web *w)
{
	static struct web_jobs self; /* one per process; threads may look at it to the end */
	struct web_jobs *jobs = &self;
	char threads[8];
	snprintf(threads, sizeof(threads), "%d", WEB_JOBS_WORKING);
	/* Read by libuv when the first work comes. Two arenas: one for the loop, one for them. */
	if (setenv("UV_THREADPOOL_SIZE", threads, 0))
		return -errno;
	(void)mallopt(M_ARENA_MAX, 2); /* it only saves memory */
	int r = uv_mutex_init(&jobs->lock);
	if (!r)
		r = uv_timer_init(op_service_loop(w->service), &jobs->idle);
	if (r)
		return r;
	jobs->idle.data = w;
	jobs->closing.data = jobs;
	w->jobs = jobs;
	return 0;
}

void web_jobs_stop(struct web *w)
{
	struct web_jobs *jobs = w->jobs;
	if (!jobs)
		return;
	uv_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	uv_mutex_unlock(&jobs->lock);
	uv_close((uv_handle_t *)&jobs->idle, NULL);
	close_kept(jobs);
}
