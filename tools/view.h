/*
 * view.h - what the bus directory of an appliance says about its services and topics, at one
 * moment.
 *
 * One view serves `outpost status` and `outpost top`. It reads topics without being listed as a
 * reader and asks nobody; health.h judges. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_VIEW_H
#define OUTPOST_TOOLS_VIEW_H

#include <limits.h>
#include <outpost/health.h>

#define OP_VIEW_TOPICS_MAX 256
#define OP_VIEW_HISTORY 32 /* measured rates kept per topic, one per refresh */

struct op_view_topic {
	char name[OP_TOPIC_NAME_MAX + 1];
	struct op_reader *reader; /* owned by the view; its type is the topic's declaration */
	struct op_topic_look at;  /* when the view was taken */
	double nominal_hz;        /* 0: events */
	double measured_hz;       /* from stamps in the ring, see rate() in view.c */
	char writer[16];          /* the writer's process name, "" if unknown */
	struct op_reader_info readers[OP_TOPIC_READERS_MAX];
	size_t n_readers;
	uint64_t missed; /* by all readers there are now */
	float history[OP_VIEW_HISTORY];
	unsigned n_history; /* refreshes so far; the newest rate is at (n_history - 1) % HISTORY */
	uint64_t inode;     /* of the file the reader has open */
	bool seen;
};

struct op_view_service {
	char name[OP_TOPIC_NAME_MAX + 1];  /* without "status." */
	const struct op_view_topic *topic; /* NULL: it is expected, but there is none */
	struct op_service_health is;       /* its texts are harmless on a terminal */
	char sched[96];
	double uptime_s;
	double cpu_percent;
	uint64_t rss_kib;
	int64_t pss_kib; /* -1: not permitted */
	uint64_t restarts, threads, records, missed, errors;
};

struct op_view {
	char runtime[PATH_MAX];
	char appliance[64];                               /* the runtime directory's name */
	uint64_t now_ns;                                  /* boot clock when taken */
	struct op_view_topic *topics[OP_VIEW_TOPICS_MAX]; /* by name */
	size_t n_topics;
	size_t denied; /* topics that this user may not read */
	struct op_view_service services[OP_VIEW_TOPICS_MAX]; /* by name */
	size_t n_services;
	/* Of the services: failed if one has failed or there is none, else unknown if one may not
	 * be read, else the worst. */
	enum op_health health;
};

/* Copies runtime. NULL: no memory. Take a view before looking at it. */
struct op_view *op_view_create(const char *runtime);
void op_view_destroy(struct op_view *v);

/* Looks again. 0, or -ENOENT if there is no bus directory (the view is then empty), -EACCES if this
 * user may read none of its topics, or another negative errno from reading it. Topics that cannot
 * be opened are left out; a service whose status topic this user may not read is unknown. */
int op_view_take(struct op_view *v) OP_MUST_CHECK;

/* A text field or label by name; "" if the record has none. size counts the NUL; text is made
 * harmless for a terminal. */
void op_view_text(const struct op_topic_type *type, const void *record, const char *field,
		  char *out, size_t size);

#endif
