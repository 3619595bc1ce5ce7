/*
 * service.h - the life of a service: start, loop, heartbeat, status, calls, clean stop.
 *
 * A service is a program whose main() is `return op_service_main(argc, argv, &desc);`. It is
 * started the same way by systemd and by `outpost run`:
 *
 *     outpost-pbt --appliance FILE [--service NAME] [--runtime DIR] [--state DIR]
 *                 [--env FILE] [--sim] [--set PATH=VALUE]...
 *                 [--check | --show-config | --reference | --help | --version]
 *
 * op_service_main reads the settings, applies scheduling, makes the status topic
 * "status.<service>" and the call socket RUNTIME/call/<service>.sock, calls desc->start on the
 * loop thread, runs the loop, and on SIGTERM or SIGINT calls desc->stop and leaves with 0. It
 * speaks sd_notify(3) to whoever set NOTIFY_SOCKET: READY=1 when the state first becomes ready or
 * degraded, STATUS= on each change, WATCHDOG=1 at half of WATCHDOG_USEC as long as desc->alive
 * says that the work moves, STOPPING=1.
 *
 * The service leaves with one of OP_EXIT_*; a supervisor restarts it after any but OP_EXIT_CONFIG.
 *
 * Everything here belongs to the loop thread unless said otherwise.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SERVICE_H
#define OUTPOST_SERVICE_H

#include <jansson.h>
#include <limits.h>
#include <outpost/config.h>
#include <outpost/topic.h>
#include <uv.h>

/* Exit statuses of services and of `outpost run`. */
#define OP_EXIT_FAULT 1 /* a fault that a restart may mend */
#define OP_EXIT_USAGE 2 /* the command line, or (outpost run) an appliance that is not valid */
/* EX_CONFIG of sysexits(3): settings or environment are wrong, a restart will not help. Before
 * the appliance was ready it ends the whole start. */
#define OP_EXIT_CONFIG 78

/* starting -> ready <-> degraded -> stopping -> stopped; failed and restarting are written by the
 * supervisor in the name of a service that is not running. */
enum op_state {
	OP_STATE_STARTING,
	OP_STATE_READY,
	OP_STATE_DEGRADED,
	OP_STATE_STOPPING,
	OP_STATE_STOPPED,
	OP_STATE_RESTARTING,
	OP_STATE_FAILED,
};
const char *op_state_name(enum op_state state);
#define OP_STATE_LABELS "starting|ready|degraded|stopping|stopped|restarting|failed"

#define OP_STATUS_FIELDS(F, E, T)                                                         \
	F(u64, since_boot_ns, "ns", "boot-clock time of the last change of state")        \
	F(u64, records, "", "records published or delivered since the service started")   \
	F(u64, missed, "", "records lost on the way in or out since the service started") \
	F(u64, errors, "", "bad input and failed operations since the service started")   \
	F(f64, uptime_s, "s", "time since the service started")                           \
	F(f32, cpu_percent, "%", "share of one core over the last period")                \
	F(u32, rss_kib, "KiB", "resident memory")                                         \
	F(u32, pid, "", "process id; 0 when it is not running")                           \
	F(u32, restarts, "", "starts after the first since the appliance started")        \
	F(u32, threads, "", "threads")                                                    \
	E(state, OP_STATE_LABELS, "state of the service")                                 \
	T(reason, 127, "why it is degraded, restarting or failed")                        \
	T(sched, 96, "scheduling as it is in force, and what was refused")
OP_TOPIC_DECLARE(op_status, OP_STATUS_FIELDS);

struct op_service;

/* One call: JSON in, JSON out (see outpost-call(7)). Return 0 and set *ret_result (a new reference,
 * or leave it NULL for null), or a negative error and optionally text in error. args is borrowed
 * and is an object, empty if the caller gave none. */
typedef int (*op_call_fn)(struct op_service *s, json_t *args, json_t **ret_result,
			  struct op_buf *error);
struct op_call {
	const char *name;
	const char *help; /* "recalibrate: measure the baseline anew" without the name */
	op_call_fn fn;
	const char *args; /* names of its arguments, a space between; NULL: it takes none. Others
			   * are refused before fn is called. */
};

/* For a method that cannot answer at once: it takes its request along, returns 0, and the answer
 * follows when op_call_finish is called, which it must be, exactly once. The client reads nothing
 * else meanwhile and is let go after 30 s; an answer that comes later goes nowhere. NULL: no
 * memory, or not called from within a method. */
struct op_call_later;
struct op_call_later *op_call_defer(struct op_service *s);
/* The same for a method that may take longer: the client is let go after so many seconds. Bound how
 * many of them you hold, each is one of 16 clients. */
struct op_call_later *op_call_defer_for(struct op_service *s, unsigned seconds);
/* r and error (may be NULL, copied) as a method returns them; takes result (may be NULL). */
void op_call_finish(struct op_call_later *later, int r, json_t *result, const char *error);

struct op_service_desc {
	const char *program; /* "outpost-pbt" */
	const char *help;    /* one sentence: what it does */
	const struct op_setting *settings;
	size_t n_settings;
	size_t settings_bytes; /* sizeof the settings struct */
	const struct op_call *calls;
	size_t n_calls;
	/* What the table cannot say of the settings. Run by --check and before every start: opens
	 * nothing, asks no network. Writes each mistake with op_config_wrong. NULL: nothing. */
	void (*check)(const struct op_config *c, const char *service, const void *settings,
		      struct op_buf *errors);
	/* Begin work. settings stay valid until the process ends. Return a negative error;
	 * it is logged and the service leaves with OP_EXIT_FAULT. Where start knows more it logs
	 * what to do and calls op_service_quit (OP_EXIT_CONFIG for what a restart cannot mend). */
	int (*start)(struct op_service *s, const void *settings, void **ret_self);
	/* Stop work and close every handle; called once, also at once after a failed start with
	 * what *ret_self held; nothing else is called then. The loop runs until all handles are
	 * closed or stop_timeout_s is over. */
	void (*stop)(struct op_service *s, void *self);
	/* True while the work moves: called before each WATCHDOG=1. NULL: the loop is the work, and
	 * sched.policy and sched.priority are applied to the loop thread. */
	bool (*alive)(struct op_service *s, void *self);
	/* Called before each status record (once a second): set counts with op_service_count. */
	void (*status)(struct op_service *s, void *self);
};

/* What a description says of settings whose table, count, check and struct go by one name:
 * NAME_table, NAME_count, NAME_check and struct NAME. */
#define OP_SERVICE_SETTINGS(name)                             \
	.settings = name##_table, .n_settings = name##_count, \
	.settings_bytes = sizeof(struct name), .check = name##_check
/* And of calls that are an array. */
#define OP_SERVICE_CALLS(array) .calls = (array), .n_calls = OP_ARRAY_SIZE(array)

int op_service_main(int argc, char **argv, const struct op_service_desc *desc);

uv_loop_t *op_service_loop(struct op_service *s);
void *op_service_self(struct op_service *s);
const char *op_service_name(const struct op_service *s);
const char *op_service_bus_dir(const struct op_service *s); /* RUNTIME/bus */
const char *op_service_state_dir(const struct op_service *s);
const struct op_config *op_service_config(const struct op_service *s);

/* Changes the state and publishes it at once; logs each change of state or reason once. The first
 * ready or degraded sends READY=1. fmt NULL: no reason. */
void op_service_set_state(struct op_service *s, enum op_state state, const char *fmt, ...)
	OP_PRINTF(3, 4);
/* Totals since start for the status topic. */
void op_service_count(struct op_service *s, uint64_t records, uint64_t missed, uint64_t errors);
/* Ask for a clean stop with this exit status (0, OP_EXIT_FAULT, OP_EXIT_CONFIG). Any thread. The
 * first one counts. */
void op_service_quit(struct op_service *s, int exit_status);
/* One line that `outpost run` prints when every service is ready ("http://HOST:PORT/"). */
void op_service_set_url(struct op_service *s, const char *url);

/* A timer of the service's beat: fn at the next multiple of period_ms since the loop began. fn
 * calls this again, which keeps it there: timers whose periods divide each other come in the same
 * turn of the loop, and wake the process once. 0, or a negative errno for a timer that is closing.
 * Loop thread; period_ms > 0. */
int op_service_beat(struct op_service *s, uv_timer_t *timer, uv_timer_cb fn, uint64_t period_ms);

/* Scheduling of the calling thread per settings: policy, priority, cores. Called by a work thread
 * on itself; what was refused goes into the status topic and the log once. Any thread, once. */
void op_service_sched_thread(struct op_service *s);

/* A thread with a small locked stack (64 KiB unless more is asked) and all signals blocked.
 * 0 or a negative errno. Joined by the caller. */
int op_thread_create(pthread_t *ret_thread, const char *name, size_t stack_bytes,
		     void *(*fn)(void *), void *arg) OP_MUST_CHECK;

/* Reads a topic on the loop: fn gets runs of slots each period_ms; the topic may come, go and
 * change its schema at any time. type is NULL in a last call when the topic was closed. */
struct op_subscription;
typedef void (*op_records_fn)(void *arg, const struct op_topic_type *type, uint64_t first_seq,
			      const void *slots, size_t n, size_t stride);
int op_subscribe(struct op_service *s, const char *topic, uint64_t period_ms, op_records_fn fn,
		 void *arg, struct op_subscription **ret_sub) OP_MUST_CHECK;
uint64_t op_subscription_missed(const struct op_subscription *sub);
/* For who goes on where it left off: fn is called each time the topic was opened, before anything
 * is read of it, and may place the cursor (op_reader_rewind). To be set before the loop runs on. */
typedef void (*op_opened_fn)(void *arg, struct op_reader *reader);
void op_subscription_on_open(struct op_subscription *sub, op_opened_fn fn);
/* Reads now what there is, at most a full ring; fn is called below it. */
void op_subscription_read(struct op_subscription *sub);
void op_subscription_close(struct op_subscription *sub);

/* The client's side of a call, for tools: one request line, one answer, at most timeout_ms.
 * *ret_answer is the whole answer object ({"ok":true,"result":...}). Blocks; not for services. */
int op_call(const char *runtime_dir, const char *service, const char *method, json_t *args,
	    unsigned timeout_ms, json_t **ret_answer) OP_MUST_CHECK;

/* Behind the appliance's name, its state directory of --sim: what was made up stays apart. */
#define OP_STATE_SIM "-sim"
/* Standard directories. With --runtime/--state unset: as root /run/outpost/<appliance> and
 * /var/lib/outpost/<appliance>, else $XDG_RUNTIME_DIR/outpost/<appliance> (falling back to
 * /tmp/outpost-UID/<appliance>) and ~/.local/state/outpost/<appliance>. */
int op_runtime_dir(const char *given, const char *appliance, char *ret, size_t size) OP_MUST_CHECK;
int op_state_dir(const char *given, const char *appliance, char *ret, size_t size) OP_MUST_CHECK;
/* The directory that holds the runtime directories of all appliances of this user. */
int op_runtime_base(char *ret, size_t size) OP_MUST_CHECK;
/* Makes a runtime directory with its bus/ and call/. -EPERM: the place under /tmp is not ours. */
int op_runtime_make(const char *dir) OP_MUST_CHECK;
/* Reads an appliance with the directories of src, or the standard ones, in place of ${RUNTIME} and
 * ${STATE}; src then names them and the environment of the process. Mistakes and what is returned
 * are those of op_config_read; without a place it is 1 as well, and src and *ret_place are only
 * good with 0. */
struct op_place {
	char runtime[PATH_MAX - 128], state[PATH_MAX - 128];
};
int op_place_load(struct op_config_source *src, struct op_place *ret_place,
		  struct op_config **ret_config, struct op_buf *errors) OP_MUST_CHECK;
/* mkdir -p; mode for the last one. 0 also if it is there already. */
int op_dir_make(const char *path, unsigned mode) OP_MUST_CHECK;

#endif
