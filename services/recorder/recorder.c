/*
 * recorder.c - outpost-recorder: keeps what topics said in a database.
 *
 * The loop thread reads the bus, applies the policies and gathers records; the writer thread
 * (writer.c) owns the database. Between them stands the queue: nothing here ever waits for the
 * disk. See outpost-recorder(8).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "recorder.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TICK_MS 500
#define GRACE_MS 2000 /* a disk that has not answered by then is not waited for any longer */

/* ---- clock ------------------------------------------------------------------------------- */

/* A program cannot run before it was built: as good as anything a new database knows. */
static int64_t built_ns(void)
{
	struct stat st;
	return stat("/proc/self/exe", &st) ? 0 : (int64_t)st.st_mtim.tv_sec * (int64_t)OP_NS_PER_S;
}

/* What the database knows of this boot and of the past, once it is open. */
static void resume_clock(struct recorder *r)
{
	if (r->clock_resumed || !r->report.tried || !r->report.newest_known)
		return;
	r->clock_resumed = true;
	if (r->report.newest_wall_ns > r->clock.floor_wall_ns)
		r->clock.floor_wall_ns = r->report.newest_wall_ns;
	if (r->report.clock_known)
		op_clock_resume(&r->clock, &r->report.clock);
}

/* A correction is worth a commit of its own where there is something to correct; all else comes
 * with the next records. */
static void see_clock(struct recorder *r)
{
	struct op_clock_sight sight;
	op_clock_look(&sight);
	enum op_clock_change change = op_clock_see(&r->clock, &sight);
	bool any = r->report.counts.records > 0 || r->report.clock_known;
	bool due = change == OP_CLOCK_CORRECTED && any;
	if (change != OP_CLOCK_SAME)
		queue_put_clock(&r->queue, &r->clock.now, due);
	if (due)
		(void)queue_ask(&r->queue); /* nobody waits for the ticket */
	writer_set_wall(r->writer, r->clock.now.quality != OP_CLOCK_UNKNOWN,
			r->clock.now.offset_ns);
}

/* ---- work -------------------------------------------------------------------------------- */

/* Topics are read from where the last recorder of this boot stopped; if nobody knows that, from
 * when this one started. */
static void begin(struct recorder *r)
{
	uint64_t since = r->report.newest_known ? 0 : r->started_ns;
	r->begun = true;
	op_clock_init(&r->clock, built_ns());
	resume_clock(r);
	see_clock(r);
	for (size_t i = 0; i < r->n_keeps; i++) {
		struct resume seen;
		bool known = writer_resume(r->writer, r->keeps[i].set->topic, &seen);
		int err = keep_open(&r->keeps[i], known ? &seen : NULL, since);
		if (err == 0)
			continue;
		op_log(OP_ERR, "%s cannot be read: %s", r->keeps[i].set->topic, op_strerror(err));
		op_service_quit(r->service, OP_EXIT_FAULT);
	}
	monitor_changed(r);
}

static void cut(struct recorder *r, bool now)
{
	bool any = false;
	uint64_t now_ns = op_now_ns();
	for (size_t i = 0; i < r->n_keeps; i++)
		any |= keep_cut_due(&r->keeps[i], now_ns, now);
	if (any)
		(void)queue_ask(&r->queue); /* nobody waits for the ticket */
}

static void on_tick(uv_timer_t *timer)
{
	struct recorder *r = timer->data;
	(void)op_service_beat(r->service, timer, on_tick, TICK_MS); /* an open handle */
	if (!r->begun)
		return;
	cut(r, false);
	if (r->ticks++ % 2)
		return;
	see_clock(r);
	monitor_look(r);
}

static void on_grace(uv_timer_t *timer)
{
	struct recorder *r = timer->data;
	if (!r->begun)
		begin(r);
}

static void close_all(struct recorder *r);
static void answer_flushes(struct recorder *r, bool end);

static void on_changed(uv_async_t *async)
{
	struct recorder *r = async->data;
	writer_report(r->writer, &r->report);
	answer_flushes(r, false);
	if (r->stopping && writer_ended(r->writer)) {
		close_all(r);
		return;
	}
	if (!r->begun && !r->stopping && r->report.tried)
		begin(r);
	resume_clock(r);
	if (r->begun && !r->stopping)
		monitor_changed(r);
}

/* From the writer. */
static void changed(void *arg)
{
	struct recorder *r = arg;
	(void)uv_async_send(&r->changed); /* cannot fail on an open handle */
}

/* ---- calls ------------------------------------------------------------------------------- */

static int call_stats(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	*ret_result = monitor_json(op_service_self(s));
	return *ret_result ? 0 : -ENOMEM;
}

/* Answers whoever waits for what is on disk by now, or cannot be. */
static void answer_flushes(struct recorder *r, bool end)
{
	struct queue_look l;
	size_t kept = 0;
	queue_look(&r->queue, &l);
	for (size_t i = 0; i < r->n_flushes; i++) {
		struct flush *f = &r->flushes[i];
		if (l.answered >= f->ticket)
			op_call_finish(f->later, 0, NULL, NULL);
		else if (end || r->report.counts.failures != f->failures)
			op_call_finish(f->later, r->report.err ? r->report.err : -EIO, NULL,
				       r->report.text);
		else
			r->flushes[kept++] = *f;
	}
	r->n_flushes = kept;
}

static int call_flush(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct recorder *r = op_service_self(s);
	if (!r->begun || r->n_flushes == OP_ARRAY_SIZE(r->flushes)) {
		op_buf_puts(error, r->begun ? "too many wait for the disk already: try again"
					    : "the database is being opened: try again");
		return -EAGAIN;
	}
	struct op_call_later *later = op_call_defer(s);
	if (!later)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_keeps; i++)
		keep_read(&r->keeps[i]);
	cut(r, true);
	writer_report(r->writer, &r->report); /* a failure before this is none of its own */
	r->flushes[r->n_flushes++] =
		(struct flush){later, queue_ask(&r->queue), r->report.counts.failures};
	return 0;
}

static const struct op_call calls[] = {
	{"stats", "what is kept, topic by topic, and how the disk does", call_stats},
	{"flush", "commit what was said so far; answers when it is on disk", call_flush},
};

/* ---- start ------------------------------------------------------------------------------- */

static int read_boot_id(char *ret, size_t size)
{
	OP_AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (n <= 0)
		return -ENODATA;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static int place(struct recorder *r)
{
	int n = r->set->database[0] ? snprintf(r->path, sizeof(r->path), "%s", r->set->database)
				    : snprintf(r->path, sizeof(r->path), "%s/history.db",
					       op_service_state_dir(r->service));
	return n < (int)sizeof(r->path) ? 0 : -ENAMETOOLONG;
}

static void fill_keeps(struct recorder *r)
{
	const struct keep_settings *all = r->set->keep.v;
	r->n_keeps = r->set->keep.n;
	for (size_t i = 0; i < r->n_keeps; i++)
		r->keeps[i] = (struct keep){
			.service = r->service, .set = &all[i], .index = i, .queue = &r->queue};
}

static int make_handles(struct recorder *r)
{
	uv_loop_t *loop = op_service_loop(r->service);
	int err = uv_async_init(loop, &r->changed, on_changed);
	if (err < 0)
		return err;
	(void)uv_timer_init(loop, &r->tick); /* these cannot fail */
	(void)uv_timer_init(loop, &r->grace);
	r->changed.data = r->tick.data = r->grace.data = r;
	r->handles = 3;
	return 0;
}

static int start_writer(struct recorder *r)
{
	const struct writer_settings settings = {
		.path = r->path,
		.boot_id = r->boot_id,
		.set = r->set,
		.queue = &r->queue,
		.changed = changed,
		.arg = r,
	};
	int err = writer_start(&settings, &r->writer);
	if (err == 0)
		err = op_service_beat(r->service, &r->tick, on_tick, TICK_MS);
	return err < 0 ? err : uv_timer_start(&r->grace, on_grace, GRACE_MS, 0);
}

static int start(struct op_service *s, const void *settings, void **ret_self)
{
	struct recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*ret_self = r;
	r->service = s;
	r->set = settings;
	r->started_ns = op_now_ns();
	(void)mallopt(M_ARENA_MAX, 1); /* two threads, few allocations: one arena is smaller */
	fill_keeps(r);
	int err = place(r);
	if (err == 0)
		err = read_boot_id(r->boot_id, sizeof(r->boot_id));
	if (err == 0)
		err = queue_init(&r->queue, (size_t)r->set->queue_mb * 1000000);
	r->queue_made = err == 0;
	if (err == 0)
		err = monitor_open(r);
	if (err == 0)
		err = make_handles(r);
	return err < 0 ? err : start_writer(r);
}

/* ---- stop -------------------------------------------------------------------------------- */

static void finish(struct recorder *r)
{
	if (r->queue_made)
		queue_finish(&r->queue);
	free(r);
}

static void on_closed(uv_handle_t *handle)
{
	struct recorder *r = handle->data;
	if (--r->handles == 0)
		finish(r);
}

/* The writer has ended, or never began. */
static void close_all(struct recorder *r)
{
	if (r->writer) {
		queue_look(&r->queue, &r->waiting);
		if (r->waiting.bytes > 0)
			op_log(OP_ERR, "stopped with %zu bytes that could not be stored: %s",
			       r->waiting.bytes, r->report.text);
	}
	writer_join(OP_STEAL(r->writer));
	monitor_close(r);
	if (r->handles == 0) {
		finish(r);
		return;
	}
	uv_close((uv_handle_t *)&r->changed, on_closed);
	uv_close((uv_handle_t *)&r->tick, on_closed);
	uv_close((uv_handle_t *)&r->grace, on_closed);
}

static void stop(struct op_service *s, void *self)
{
	struct recorder *r = self;
	if (!r)
		return;
	r->stopping = true;
	answer_flushes(r, true);
	for (size_t i = 0; i < r->n_keeps; i++)
		keep_close(&r->keeps[i]);
	if (!r->writer) {
		close_all(r);
		return;
	}
	(void)uv_timer_stop(&r->tick); /* always 0 */
	(void)uv_timer_stop(&r->grace);
	queue_quit(&r->queue); /* on_changed goes on when the writer is done */
}

static bool alive(struct op_service *s, void *self)
{
	const struct recorder *r = self;
	return writer_alive(r->writer);
}

static void status(struct op_service *s, void *self)
{
	const struct recorder *r = self;
	if (r)
		op_service_count(s, r->last.records, r->last.missed + r->last.dropped,
				 r->last.failures);
}

int main(int argc, char **argv)
{
	struct op_service_desc desc = {
		.program = "outpost-recorder",
		.help = "keeps what topics said in a database",
		OP_SERVICE_CALLS(calls),
		OP_SERVICE_SETTINGS(recorder_settings),
		.start = start,
		.stop = stop,
		.alive = alive,
		.status = status,
	};
	return op_service_main(argc, argv, &desc);
}
