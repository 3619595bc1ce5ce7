/*
 * web.h - what the files of outpost-web share: settings, the board of topics, the answers.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_WEB_H
#define OUTPOST_WEB_H

#include <outpost/health.h>
#include <outpost/hub.h>
#include <outpost/service.h>

#define WEB_TOPICS_MAX 256
#define WEB_SERVICES_MAX 64
#define WEB_ROUTES_MAX 16 /* of the standard ones */
#define WEB_RATE_WINDOW 5 /* seconds the measured rate is taken over */

struct web_settings {
	struct op_listen listen;
	int64_t max_clients, max_connections, request_timeout_s, idle_timeout_s, stall_timeout_s,
		max_head;
	double max_rate_hz;
	bool full_waits, host_optional;
	char root[512], origins[512], token[256], history[512];
};
extern const struct op_setting web_settings_table[];
extern const size_t web_settings_count;

/* One topic of the bus, held open. */
struct web_topic {
	char name[OP_TOPIC_NAME_MAX + 1];
	struct op_reader *reader;
	uint64_t published[WEB_RATE_WINDOW + 1], at_ns[WEB_RATE_WINDOW + 1]; /* newest first */
	unsigned n_marks;
	bool seen;
};

/* What one topic looks like now. */
struct web_look {
	const struct op_topic_type *type;
	struct op_topic_look at;
	double hz;
	_Alignas(8) unsigned char record[OP_TOPIC_RECORD_MAX]; /* if at.any */
};

/* An answer that is made at most each 100 ms, however often it is asked for. */
struct web_cached {
	struct op_buf text;
	uint64_t made_ns;
	int status;
};

/* How a question about the past ended; wrong: the answer was 400 or 404; slow: an export that made
 * room for another one. */
enum web_job_end { WEB_ANSWERED, WEB_WRONG, WEB_FAILED, WEB_LEFT, WEB_SLOW, WEB_ENDS };

/* Questions since the service started (metrics.c). */
struct web_history_counters {
	uint64_t lists, points, exports; /* asked */
	uint64_t ended[WEB_ENDS], refused;
	uint64_t records;                        /* exported */
	uint64_t damaged;                        /* chunks passed over */
	uint64_t work_ns;                        /* time of the threads */
	uint64_t working, waiting, open_exports; /* now */
};

struct web_call;
struct web_jobs;
struct web_extra;

struct web {
	struct op_service *service;
	const struct web_extra *extra; /* NULL: outpost-web */
	void *extra_self;
	const char *token; /* of the standard routes; NULL: that of the settings */
	const struct web_settings *set;
	struct op_http *http;
	struct op_hub *hub;
	char below[WEB_ROUTES_MAX][64]; /* patterns of the standard routes at the page */
	size_t n_below;
	uv_timer_t timer;
	bool timing;
	struct web_topic topics[WEB_TOPICS_MAX];
	size_t n_topics;
	char services[WEB_SERVICES_MAX][OP_TOPIC_NAME_MAX + 1];
	size_t n_services;
	const char *alerts;   /* the service that raises alerts; NULL: there is none */
	const char *recorder; /* the service that keeps history; NULL: there is none */
	char history_path[1024];
	uint64_t flushed_ns; /* boot time the recorder was last asked to write what it has */
	struct web_jobs *jobs;
	struct web_call *calls; /* under way */
	unsigned n_calls;
	struct web_history_counters asked;
	struct web_cached health, metrics, status, list;
};

/* web.c: the service that runs this program, wherever it lies, or NULL. */
const char *web_find_service(const struct web *w, const char *program);
/* web.c: the first of places (up to NULL) that holds file, as a path in mem. They are told from the
 * program's folder: as installed, or as they lie in the build directory. NULL: none does. */
const char *web_find_folder(const char *const *places, const char *file, char *mem, size_t size);

/* web.c: a standard route; also below the page's folder, where that is not "/", for the page asks
 * for what lies beside it. */
int web_route(struct web *w, unsigned methods, const char *pattern, op_http_fn fn) OP_MUST_CHECK;

/* board.c */
void web_board_scan(struct web *w); /* once a second: topics come, go and change */
void web_board_close(struct web *w);
struct web_topic *web_board_find(struct web *w, const char *name);
/* The same for a topic that may have come since the last scan. */
struct web_topic *web_board_open(struct web *w, const char *name);
void web_board_look(struct web_topic *t, struct web_look *ret);

/* health.c */
struct web_service_look {
	struct op_service_health is;
	struct op_status status; /* zero if it never said anything */
	bool known;
};
void web_service_look(struct web *w, const char *name, struct web_service_look *ret);
int web_health_write(struct web *w, struct op_buf *b); /* the HTTP status */

/* show.c */
int web_status_write(struct web *w, struct op_buf *b);
int web_topics_write(struct web *w, struct op_buf *b);
/* metrics.c */
int web_metrics_write(struct web *w, struct op_buf *b);

#endif
