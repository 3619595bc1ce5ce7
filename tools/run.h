/*
 * run.h - `outpost run`: one supervisor, the processes of one appliance, their merged log.
 *
 * One thread, one loop. The parts, one file each:
 *
 *     run.c          start and end of the whole, signals; run_args.c the command line
 *     run_load.c     the appliance read as a list of units, the programs asked (programs.h)
 *     run_unit.c     one supervised process: its state machine
 *     run_spawn.c    fork and exec of one process
 *     run_notify.c   what services say: READY, STATUS, WATCHDOG
 *     run_status.c   the status topic of a service that is down
 *     run_lines.c    the output of one process as lines within a rate
 *     run_log.c      lines of all services merged; run_file.c their file, rotated;
 *                    run_repeat.c what says itself over and over
 *     run_memory.c   what all processes hold together
 *     run_zone.c     what TZ says that is no zone
 *     run_place.c    the runtime directory: lock, leftovers, cleaning up
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_RUN_H
#define OUTPOST_TOOLS_RUN_H

#include "lib/service/notify.h"

#include <limits.h>
#include <outpost/service.h>
#include <uv.h>

struct run;

/* ---- run_file.c: a log file with a bounded size -------------------------------------------- */

struct run_file {
	const char *path; /* NULL: no file */
	uint64_t max_bytes;
	unsigned keep; /* rotated files: path.1 (newest) ... path.<keep> */
	int style;     /* enum op_log_style */
	int fd;
	bool regular; /* not a terminal, a pipe, /dev/null: those have no size */
	dev_t device; /* of what is open, to see that path is another by now */
	ino_t inode;
	uint64_t bytes, lost; /* lines that could not be written since the last that could */
	uint64_t lost_ever;
	int error; /* of the last that could not */
	uint64_t retry_ns;
};
/* Makes the directory of a file; its name, as far as there is one, in ret_dir. */
int run_file_make_dir(const char *path, char *ret_dir, size_t size) OP_MUST_CHECK;
int run_file_open(struct run_file *f) OP_MUST_CHECK;
void run_file_close(struct run_file *f);
/* Never fails: lines that find no room are counted, and the count is written when there is. */
void run_file_write(struct run_file *f, const char *line, size_t n);

/* ---- run_log.c: one line of anybody to everybody who reads ---------------------------------- */

#define RUN_LINE_MAX 2048 /* bytes of one line; longer ones are cut and marked */

/* A line that may come again; see run_repeat.c. */
struct run_repeated {
	uint64_t hash;                        /* 0: none */
	uint64_t since_ns, held_ns, heard_ns; /* written, first held back, heard last */
	unsigned held;
	enum op_level level;
	char who[40], text[256];
};

struct run_log {
	enum op_log_format format;
	struct run_file file;
	char path[PATH_MAX]; /* of the file, if the appliance names it */
	uint64_t unshown;    /* lines a stuck terminal did not take */
	bool file_told;      /* that lines are lost */
	int64_t repeat_s;
	struct run_repeated repeated[16];
};
void run_log_open(struct run_log *log);
/* Opens the file as the options or the appliance want it; 0, or -EINVAL after it said why not. */
int run_log_settle(struct run *run) OP_MUST_CHECK;
/* A line as the file has it. */
void run_log_filed(struct op_buf *b, int style, const char *who, enum op_level level,
		   int64_t wall_ns, const char *text, size_t n);
/* run_log_line without a look at what repeats itself. */
void run_log_put(struct run_log *log, const char *who, enum op_level level, const char *text,
		 size_t n);
/* run_repeat.c: true if the line is not to be written now. */
bool run_repeat_held(struct run_log *log, const char *who, enum op_level level, const char *text,
		     size_t n);
/* Once a second; all: at the end. */
void run_repeat_tick(struct run_log *log, bool all);
/* text is n bytes of one line without its newline, anything a process may have written. */
void run_log_line(struct run_log *log, const char *who, enum op_level level, const char *text,
		  size_t n);
/* A message of the supervisor itself. */
void run_say(struct run *run, enum op_level level, const char *fmt, ...) OP_PRINTF(3, 4);

/* The output of one process, cut into lines and kept within a rate. */
struct run_lines {
	uv_poll_t poll;
	int fd; /* read end of its stdout and stderr; -1: none */
	char line[RUN_LINE_MAX];
	size_t len;
	bool too_long;
	double tokens; /* lines that may pass now */
	uint64_t refilled_ns;
	uint64_t bytes;      /* read since the last second */
	uint64_t suppressed; /* lines held back since the last that passed */
};

/* ---- run_unit.c ------------------------------------------------------------------------------ */

enum unit_state {
	UNIT_IDLE,
	UNIT_STARTING,
	UNIT_UP,
	UNIT_KILLING,
	UNIT_WAITING,
	UNIT_STOPPING,
	UNIT_DONE,
	UNIT_STATES,
};
enum unit_event { EV_START, EV_READY, EV_EXIT, EV_TIMEOUT, EV_STOP, UNIT_EVENTS };

struct unit {
	struct run *run;
	const char *name;  /* of the service or simulator; owned by the configuration */
	char *program;     /* path */
	const char **argv; /* NULL-terminated, its strings borrowed */
	bool simulator;
	struct op_service_common common;

	enum unit_state state;
	uv_timer_t timer;
	pid_t pid;            /* 0: none */
	uint64_t ready_ns;    /* boot clock, of this life's READY=1 */
	bool was_ready;       /* READY=1 came at least once in any life */
	bool ready_this_life; /* ... in this one */
	int wait_status;
	unsigned failures; /* in a row */
	char reason[128];  /* why it is or was killed, or how it ended */
	struct run_lines lines;
	struct op_writer *status; /* its status topic, while it is down and we speak for it */
	struct op_status last;
};

int unit_init(struct unit *u) OP_MUST_CHECK;
void unit_event(struct unit *u, enum unit_event event);
/* WATCHDOG=1 came. */
void unit_alive(struct unit *u);
void unit_exited(struct unit *u, int wait_status);
/* Second signal: no more patience. */
void unit_force(struct unit *u);
void unit_free(struct unit *u);

/* ---- run_spawn.c, run_lines.c, run_status.c ---------------------------------------------------
 */

/* Starts the program; its pid and log pipe are in u. A negative errno also when exec fails. */
int unit_spawn(struct unit *u) OP_MUST_CHECK;

int run_lines_open(struct unit *u, int fd) OP_MUST_CHECK; /* takes fd */
/* Takes what is left in the pipe and closes it. */
void run_lines_close(struct unit *u);
/* Once a second: reports what was held back and lets a flooding process speak again. */
void run_lines_tick(struct unit *u);

/* Speaks for a service that is down, each second until run_status_release. */
void run_status_take(struct unit *u, enum op_state state, const char *reason);
void run_status_tick(struct unit *u);
void run_status_release(struct unit *u);

/* ---- run_notify.c ------------------------------------------------------------------------------
 */

struct run_notify {
	uv_poll_t poll;
	int fd;
	char path[108]; /* sun_path, unix(7) */
};
int run_notify_open(struct run *run) OP_MUST_CHECK;
/* Takes what has come, now. */
void run_notify_hear(struct run *run);
void run_notify_close(struct run *run);

/* ---- run_place.c -------------------------------------------------------------------------------
 */

/* Makes the runtime directory, takes its lock and removes what a killed predecessor left. Says
 * what is wrong itself. */
int run_place_take(struct run *run) OP_MUST_CHECK;
/* False: the runtime directory or its lock is gone or another's. */
bool run_place_is_ours(const struct run *run) OP_MUST_CHECK;
/* Once a second: without our directory nobody hears us or our services, so we stop and say why. */
void run_place_tick(struct run *run);
void run_place_leave(struct run *run);

/* ---- run_load.c --------------------------------------------------------------------------------
 */

/* 0, or the exit status after every mistake was printed. */
int run_load(struct run *run) OP_MUST_CHECK;
void run_unload(struct run *run);

/* ---- run_zone.c --------------------------------------------------------------------------------
 */

/* Says so if TZ is no time zone. */
void run_zone_check(struct run *run);

/* ---- run_memory.c ------------------------------------------------------------------------------
 */

/* Once a second. */
void run_memory_tick(struct run *run);

/* ---- run.c -------------------------------------------------------------------------------------
 */

struct run {
	const char *appliance; /* name or file, as asked for */
	struct op_config_args args;
	char file[PATH_MAX];
	struct op_place place;
	struct op_config *config;
	struct unit *units; /* services in the order of the YAML, then simulators */
	size_t n_units, n_services;

	uv_loop_t loop;
	uv_signal_t on_term, on_int, on_hup, on_child;
	uv_timer_t second, settle, watchdog;
	struct op_notify up; /* systemd, if it started us */
	struct run_log log;
	struct run_notify notify;
	int lock_fd;
	char url[256];
	bool services_started, ready_said, stopping;
	unsigned memory_s;
	bool memory_told;
	int stop_signal; /* that asked to stop, at stop_ns; 0: none did */
	uint64_t stop_ns;
	int exit_status;
};

/* run_args.c: 0, or the exit status plus one when the program is to end now. */
int run_args_parse(struct run *run, int argc, char **argv) OP_MUST_CHECK;
struct unit *run_unit_of(struct run *run, pid_t pid);
/* A unit changed: is everything ready, is everything down? */
void run_changed(struct run *run);
/* A clean stop of the whole with this exit status. */
void run_stop(struct run *run, int exit_status);

#endif
