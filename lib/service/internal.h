/*
 * internal.h - what the files of lib/service share: the service object and its parts.
 *
 * Each part is a struct of its own with open/close (or start/stop) functions in the file of its
 * name; nothing outside lib/service includes this header.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SERVICE_INTERNAL_H
#define OUTPOST_SERVICE_INTERNAL_H

#include "lib/service/notify.h"

#include <outpost/service.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- args.c ------------------------------------------------------------------------------ */

enum service_action { ACTION_RUN, ACTION_CHECK, ACTION_SHOW, ACTION_REFERENCE, ACTION_NONE };

struct service_args {
	enum service_action action;
	const char *service;
	struct op_config_args config;
};
/* 0, or the exit status plus one when the program is to end now (--help, a wrong argument). */
int service_args_parse(struct service_args *a, const struct op_service_desc *desc, int argc,
		       char **argv) OP_MUST_CHECK;

/* ---- load.c ------------------------------------------------------------------------------ */

/* Reads the appliance, finds which service this is, checks its settings. 0, or an exit status
 * after every mistake was printed. */
int service_load(struct op_service *s) OP_MUST_CHECK;
/* --show-config. */
int service_show(struct op_service *s) OP_MUST_CHECK;

/* ---- status.c ---------------------------------------------------------------------------- */

struct service_status {
	struct op_writer *writer;
	uv_timer_t timer;
	struct op_status record;
	uint64_t started_ns;
	uint64_t cpu_ns, sampled_ns; /* CPU time used up to sampled_ns */
	bool dirty;                  /* the supervisor has not taken the last state yet */
	bool was_ready;              /* READY=1 is due or sent */
	char url[256];
};
/* -EBUSY: another process is this service, its pid in *ret_owner. */
int service_status_open(struct op_service *s, int *ret_owner) OP_MUST_CHECK;
int service_status_start(struct op_service *s) OP_MUST_CHECK;
void service_status_publish(struct op_service *s);
void service_status_close(struct op_service *s);
/* The status as a JSON object, as the call `status` gives it. */
json_t *service_status_json(struct op_service *s);

/* ---- calls.c, methods.c ------------------------------------------------------------------ */

#define CALL_LINE_MAX (64 * 1024)
#define CALL_ANSWER_MAX (1024 * 1024)
#define CALL_CLIENTS_MAX 16
#define CALL_IDLE_MS 30000

struct call_client;
struct op_call_later {
	struct op_service *s;
	struct call_client *client; /* NULL: it has gone */
	uint64_t patience_ms;       /* the client is held for so long */
};
struct service_calls {
	uv_pipe_t listener;
	bool listening;
	char path[PATH_MAX];
	struct call_client *clients;
	unsigned n_clients;
	uint64_t served, refused;
	struct call_client *asking;  /* whose method runs now */
	struct op_call_later *later; /* that method took its request along */
};
int service_calls_open(struct op_service *s) OP_MUST_CHECK;
void service_calls_close(struct op_service *s);
/* One request line to one answer line, appended to out with its newline; nothing if the method
 * answers later (calls.later is set). */
void service_call_answer(struct op_service *s, const char *line, size_t n, struct op_buf *out);
/* The answer line of a method that returned r. */
void service_call_result(int r, const json_t *result, const char *error, struct op_buf *out);
void service_call_error(struct op_buf *out, int err, const char *message);

/* ---- sched.c ----------------------------------------------------------------------------- */

struct service_sched {
	pthread_mutex_t lock; /* the work thread writes, the loop reads */
	char in_force[64], refused[96];
};
/* What holds for the whole process: nice, cores, I/O class, locked memory. */
void service_sched_process(struct op_service *s);
void service_sched_text(struct op_service *s, char *ret, size_t size);

/* ------------------------------------------------------------------------------------------ */

struct op_service {
	const struct op_service_desc *desc;
	struct service_args args;
	struct op_config *config;
	struct op_service_common common;
	void *settings;
	void *self;
	char name[OP_TOPIC_NAME_MAX + 1];
	struct op_place place;
	char bus_dir[PATH_MAX - 64];
	enum op_level log_level;

	uv_loop_t loop;
	uint64_t began_ms; /* of the loop's clock: the beat counts from here */
	uv_signal_t on_term, on_int;
	uv_async_t on_quit;
	uv_timer_t stop_timer, watchdog;
	bool stopping, work_stalled;
	bool supervised;        /* by outpost run */
	atomic_int exit_status; /* -1: not asked to quit */

	struct op_notify notify;
	struct service_status status;
	struct service_calls calls;
	struct service_sched sched;
};

#endif
