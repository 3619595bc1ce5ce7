/*
 * monitor.c - what the recorder says about itself: state with reason, log, recorder.stats.
 *
 * Faults are logged once per change by their state, losses at most every ten seconds.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/base/shorten.h"
#include "recorder.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/shorten.h"

#define SLOW_NS (3 * OP_NS_PER_S) /* a disk operation that lasts longer is worth telling */
#define OPENING_NS OP_NS_PER_S    /* an opening that lasts longer as well */
#define HOLD_NS (5 * OP_NS_PER_S) /* what happens in a moment is shown for so long */
#define LOG_NS (10 * OP_NS_PER_S)
#define HINT_NS (10 * OP_NS_PER_S) /* a topic may come later than we */
#define NAMES_MAX 256

enum disk { OPENING, DISK_OK, SLOW, FULL, READ_ONLY, FAILING, IN_USE, NEWER };

/* ---- the disk ---------------------------------------------------------------------------- */

static enum disk disk_of(const struct recorder *r)
{
	if (r->writer && writer_busy_ns(r->writer) > SLOW_NS)
		return SLOW;
	switch (r->report.err) {
	case 0:
		return r->report.open ? DISK_OK : OPENING;
	case -ENOSPC:
	case -EDQUOT:
		return FULL;
	case -EROFS:
		return READ_ONLY;
	case -EBUSY:
		return IN_USE;
	case -OP_ENEWER:
		return NEWER;
	default:
		return FAILING;
	}
}

static void degrade(struct recorder *r, const char *what, const char *remedy)
{
	char lost[48] = "", shown[51];
	if (r->waiting.dropped)
		(void)snprintf(lost, sizeof(lost), "; %llu records lost",
			       (unsigned long long)r->waiting.dropped); /* fits */
	op_shorten(what, sizeof(shown) - 1, shown);
	op_service_set_state(r->service, OP_STATE_DEGRADED, "%s: %s%s", shown, remedy, lost);
}

/* True if it is the disk that keeps us from our work. */
static bool disk_state(struct recorder *r)
{
	char text[80];
	switch (disk_of(r)) {
	case DISK_OK:
		return false;
	case OPENING:
		if (op_now_ns() - r->started_ns < OPENING_NS)
			return true; /* mostly a matter of milliseconds: it goes on starting */
		degrade(r, "the history is being opened",
			"the disk is slow, or there is much to do");
		return true;
	case SLOW:
		degrade(r, "the disk does not answer", "records wait in memory");
		return true;
	case FULL:
		degrade(r, r->path, "the disk is full: make room");
		return true;
	case READ_ONLY:
		degrade(r, r->path, "the file system is read-only: check the disk");
		return true;
	case IN_USE:
		degrade(r, r->path, "another process writes it: stop that one");
		return true;
	case NEWER:
		degrade(r, r->path, "made by a newer version: update, or move it away");
		return true;
	case FAILING:
		break;
	}
	(void)snprintf(text, sizeof(text), "%.60s", r->report.text); /* cut is fine */
	degrade(r, r->path, text);
	return true;
}

/* ---- everything else --------------------------------------------------------------------- */

struct names {
	char *name[NAMES_MAX];
	size_t n;
};

static int on_name(const char *name, void *arg)
{
	struct names *all = arg;
	if (all->n < NAMES_MAX && (all->name[all->n] = strdup(name)))
		all->n++;
	return 0;
}

/* A topic that is not there may come later; one that nearly is was misspelt. */
static void look_for_hint(struct recorder *r)
{
	struct names all = {.n = 0};
	r->hint[0] = '\0';
	if (op_bus_list(op_service_bus_dir(r->service), on_name, &all) < 0)
		all.n = 0; /* the directory is gone while the appliance stops */
	for (size_t i = 0; i < r->n_keeps && !r->hint[0]; i++) {
		const char *topic = r->keeps[i].set->topic;
		const char *near =
			r->keeps[i].sink ? NULL
					 : op_nearest(topic, (const char *const *)all.name, all.n);
		if (near && strcmp(near, topic))
			(void)snprintf(r->hint, sizeof(r->hint),
				       "keep.%zu.topic: no topic %.40s (did you mean \"%.40s\"?)",
				       i, topic, near); /* fits */
	}
	for (size_t i = 0; i < all.n; i++)
		free(all.name[i]);
}

/* The first one; how many there are besides, the log has them. */
static const char *problem(const struct recorder *r, unsigned *ret_more)
{
	const char *first = NULL;
	unsigned n = 0;
	for (size_t i = 0; i < r->n_keeps; i++) {
		if (!first && r->keeps[i].problems)
			first = r->keeps[i].problem;
		n += r->keeps[i].problems;
	}
	*ret_more = n ? n - 1 : 0;
	return first ? first : r->hint[0] ? r->hint : NULL;
}

static bool problem_state(struct recorder *r)
{
	char more[32] = "";
	unsigned n;
	const char *first = problem(r, &n);
	if (first && n)
		(void)snprintf(more, sizeof(more), "; %u more in the log", n); /* fits */
	int room = 126 - (int)strlen(more);
	int len = first ? (int)strcspn(first, ";") : 0;
	if (first)
		op_service_set_state(r->service, OP_STATE_DEGRADED, "%.*s%s",
				     len < room ? len : room, first, more);
	return first;
}

/* The log has all of it; here is room for the name of what was kept, which is the last word. */
static void aside_state(struct recorder *r)
{
	const char *slash = strrchr(r->report.text, '/');
	op_service_set_state(r->service, OP_STATE_DEGRADED,
			     "the history was damaged: kept as %.96s",
			     slash ? slash + 1 : r->report.text);
}

static void set_state(struct recorder *r)
{
	uint64_t now = op_now_ns();
	if (disk_state(r))
		return;
	if (r->report.aside_ns && now - r->report.aside_ns < HOLD_NS)
		aside_state(r);
	else if (problem_state(r))
		return;
	else if (r->missed_ns && now - r->missed_ns < HOLD_NS)
		op_service_set_state(r->service, OP_STATE_DEGRADED,
				     "%llu records came too fast to be read: give it more CPU",
				     (unsigned long long)r->last.missed);
	else
		op_service_set_state(r->service, OP_STATE_READY, NULL);
}

static void log_changes(struct recorder *r)
{
	uint64_t now = op_now_ns();
	if (r->report.counts.set_aside != r->aside_logged)
		op_log(OP_ERR, "%s", r->report.text);
	r->aside_logged = r->report.counts.set_aside;
	if (r->waiting.dropped == r->dropped_logged || now - r->logged_ns < LOG_NS)
		return;
	op_log(OP_WARNING, "%llu records lost while the disk could not take them (%llu in all)",
	       (unsigned long long)(r->waiting.dropped - r->dropped_logged),
	       (unsigned long long)r->waiting.dropped);
	r->dropped_logged = r->waiting.dropped;
	r->logged_ns = now;
}

/* ---- counts ------------------------------------------------------------------------------ */

static void sum_up(struct recorder *r, struct recorder_stats *s)
{
	uint64_t oldest = 0;
	for (size_t i = 0; i < r->n_keeps; i++) {
		struct keep_look l;
		keep_look(&r->keeps[i], &l);
		s->records += l.records;
		s->missed += l.missed;
		if (l.since_ns && (!oldest || l.since_ns < oldest))
			oldest = l.since_ns;
	}
	if (r->waiting.oldest_ns && (!oldest || r->waiting.oldest_ns < oldest))
		oldest = r->waiting.oldest_ns;
	s->oldest_s = oldest ? (double)(op_now_ns() - oldest) / (double)OP_NS_PER_S : 0;
}

static void fill(struct recorder *r, struct recorder_stats *s)
{
	const struct writer_counts *c = &r->report.counts;
	queue_look(&r->queue, &r->waiting);
	*s = (struct recorder_stats){
		.stored = c->records,
		.dropped = r->waiting.dropped,
		.chunks = c->chunks,
		.rows = c->rows,
		.bytes = c->bytes,
		.commits = c->commits,
		.failures = c->failures,
		.deleted = c->deleted_chunks + c->deleted_rows,
		.set_aside = c->set_aside,
		.queue_bytes = r->waiting.bytes,
		.queue_bytes_most = r->waiting.bytes_most,
		.db_bytes = r->report.db_used,
		.db_file_bytes = r->report.db_file,
		.commit_ms = (double)r->report.commit_ns / (double)OP_NS_PER_MS,
		.disk = (uint8_t)disk_of(r),
		.clock = (uint8_t)r->clock.now.quality,
	};
	sum_up(r, s);
	(void)snprintf(s->last_error, sizeof(s->last_error), "%.*s", (int)sizeof(s->last_error) - 1,
		       r->report.text); /* the log has it whole */
}

void monitor_look(struct recorder *r)
{
	uint64_t missed = r->last.missed;
	fill(r, &r->last);
	if (r->last.missed != missed)
		r->missed_ns = op_now_ns();
	uint64_t now = op_now_ns();
	if (now - r->hint_ns > HINT_NS && now - r->started_ns > HINT_NS) {
		look_for_hint(r);
		r->hint_ns = now;
	}
	(void)op_writer_publish(r->stats, now, &r->last); /* the sequence number is of no use */
	log_changes(r);
	set_state(r);
}

void monitor_changed(struct recorder *r)
{
	queue_look(&r->queue, &r->waiting);
	log_changes(r);
	set_state(r);
}

static json_t *keep_json(const struct keep *k)
{
	struct keep_look l;
	keep_look(k, &l);
	return json_pack("{s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "topic", k->set->topic,
			 "open", l.open, "as",
			 !l.open  ? ""
			 : l.rows ? "rows"
				  : "chunks",
			 "records", (json_int_t)l.records, "stored", (json_int_t)l.stored,
			 "dropped", (json_int_t)l.dropped, "missed", (json_int_t)l.missed,
			 "cut_short", (json_int_t)l.cut_short, "problem", k->problem);
}

json_t *monitor_json(struct recorder *r)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 8192);
	fill(r, &r->last);
	op_json_begin(&text, '{');
	op_record_json(&recorder_stats_topic, &r->last, &text);
	op_json_end(&text, '}');
	json_t *all = text.err ? NULL : json_loads(text.data, 0, NULL);
	json_t *keeps = json_array();
	for (size_t i = 0; i < r->n_keeps; i++)
		(void)json_array_append_new(keeps, keep_json(&r->keeps[i])); /* or a short list */
	(void)json_object_set_new(all, "keep", keeps);                       /* or without it */
	(void)json_object_set_new(all, "database", json_string(r->path));
	return all;
}

/* ---- life -------------------------------------------------------------------------------- */

int monitor_open(struct recorder *r)
{
	return op_writer_open(op_service_bus_dir(r->service), NULL, &recorder_stats_topic,
			      &r->stats, NULL);
}

void monitor_close(struct recorder *r)
{
	op_writer_close(OP_STEAL(r->stats));
}
