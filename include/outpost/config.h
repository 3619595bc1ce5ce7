/*
 * config.h - settings: appliance YAML, .env, environment and --set, checked into structs.
 *
 * An appliance file is YAML:
 *
 *     appliance: sensorhub
 *     description: Industrial sensors on one Pi
 *     env_file: dotenv                # found and read as python-dotenv does
 *     environment:                    # names of the environment that set a path
 *       PORT: services.web.listen.port
 *       DEBUG: {set: services.web.debug, type: bool}
 *     log: {file: hub.log, size_bytes: 5242880, keep: 5}
 *     memory: {warn_mib: 400}
 *     services:
 *       pbt:
 *         program: outpost-pbt        # default: outpost-<name of the service>
 *         watchdog_s: 5               # keys of struct op_service_common, then the program's own
 *         sched: {policy: fifo, priority: 50, cores: [0], mlock: true}
 *         device: serial:/dev/ttyUSB0?baud=115200
 *     simulators:                     # used with `outpost run --sim`
 *       board:
 *         program: outpost-sim-pbt
 *         args: [--link, "${RUNTIME}/sim/pbt"]
 *         set: {services.pbt.device: "serial:${RUNTIME}/sim/pbt?baud=115200"}
 *
 * A program describes its settings by a table; the struct, the check, --help, the reference page
 * and the nearest-name hint come from it. Sources in order, later ones win: the default in
 * the table, YAML, the `set` of simulators (with --sim), the .env file, the environment, --set.
 * Every mistake is collected, not only the first:
 *
 *     sensorhub.yaml:12:7: services.pbt.devise: unknown setting (did you mean "device"?)
 *     --set services.pbt.baseline_samples=4: expected an integer from 16 to 8000
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_CONFIG_H
#define OUTPOST_CONFIG_H

#include <outpost/base.h>
#include <outpost/buf.h>

enum op_setting_type {
	OP_SET_BOOL,   /* bool */
	OP_SET_INT,    /* int64_t, min ... max */
	OP_SET_FLOAT,  /* double, min ... max */
	OP_SET_STRING, /* char[size], NUL-terminated; size - 1 bytes at most */
	OP_SET_CHOICE, /* int: index into choices */
	OP_SET_LISTEN, /* struct op_listen; sub-paths .host .port */
	OP_SET_DEVICE, /* struct op_device_uri; sub-paths .path and any parameter, .baud */
	OP_SET_INTS,   /* struct op_int_list: YAML sequence, or "0,2" in text */
	OP_SET_GROUP,  /* settings below a key; sub, n_sub; offset is that of the inner struct */
	OP_SET_LIST,   /* struct op_setting_list: a sequence of mappings, max of them at most; sub,
			  n_sub; size is that of one element. Paths: keep.0.topic, from 0; one past
			  the end adds an element. No default but none */
};

struct op_setting_list {
	size_t n;
	void *v; /* array of the elements' struct; valid as long as the op_config */
};

enum op_setting_flags {
	OP_SET_REQUIRED = 1 << 0,
	OP_SET_SECRET = 1 << 1, /* shown as "***" everywhere; an empty one as empty */
};

struct op_listen {
	char host[256]; /* name or address; "" = every address; IPv6 without brackets */
	uint16_t port;  /* 0: any free port, the log and `ready` line say which */
};

#define OP_DEVICE_PATH_MAX 256
/* scheme:path?key=value&key=value. Percent escapes (RFC 3986) are decoded in path and values. */
struct op_device_uri {
	char scheme[16]; /* serial tcp i2c gpio v4l2 pipe */
	char path[OP_DEVICE_PATH_MAX];
	struct {
		char key[16], value[128];
	} params[8];
	size_t n_params;
};
/* -EINVAL if it is not of that form or over a limit; *ret is untouched then. */
int op_device_uri_parse(const char *text, struct op_device_uri *ret) OP_MUST_CHECK;
/* The parameter's value, or fallback. */
const char *op_device_uri_param(const struct op_device_uri *u, const char *key,
				const char *fallback);
void op_device_uri_write(const struct op_device_uri *u, struct op_buf *out);

#define OP_INT_LIST_MAX 64
struct op_int_list {
	int64_t v[OP_INT_LIST_MAX];
	size_t n;
};

struct op_setting {
	const char *key;
	enum op_setting_type type;
	size_t offset;   /* in the settings struct */
	size_t size;     /* OP_SET_STRING: bytes of the array; OP_SET_LIST: of one element */
	const char *def; /* as it would stand in YAML; NULL: zero */
	double min,
		max; /* numbers, also the items of OP_SET_INTS and the port; both 0: no bounds */
	const char *const *choices; /* NULL-terminated */
	const struct op_setting *sub;
	size_t n_sub;
	unsigned flags;
	const char *unit; /* "ms"; NULL if none */
	const char *help; /* one sentence, ends without a full stop */
};

/* Where settings come from. Strings are borrowed for the call. */
struct op_config_source {
	const char *file;     /* YAML; required */
	const char *env_file; /* --env; NULL: ".env" in the working directory, if it is there, or as
				 the appliance wants it found */
	char *const *environ; /* NULL-terminated "NAME=value"; NULL: none */
	const char *const *sets; /* "path=value" */
	size_t n_sets;
	bool sim;                /* apply the simulators' `set` */
	bool hold_env;           /* keep the environment file's text, see op_config_hand_on */
	const char *runtime_dir; /* for ${RUNTIME} in arguments and values; NULL: left as it is */
	const char *state_dir;   /* for ${STATE} */
	const char *text;        /* the file's content, if it is in memory already; else NULL */
	size_t text_len;
};

struct op_config; /* a parsed appliance: a tree of keys, each with value and origin */

/* Reads and merges all sources. Mistakes (one a line, each with its place) are appended to errors;
 * values are not yet checked against a table. 0: there is none. 1: there are, but the file could be
 * read: *ret_config is what there is of it, only to look for further mistakes (its appliance may be
 * NULL, a service no mapping). Negative: there is nothing to look at, -EINVAL (no YAML, no
 * mapping), -ENOENT, -EFBIG (over 1 MiB), ...; errors says what to do. */
int op_config_read(const struct op_config_source *src, struct op_config **ret_config,
		   struct op_buf *errors) OP_MUST_CHECK;
/* The same for whoever wants it good: -EINVAL instead of 1. */
int op_config_load(const struct op_config_source *src, struct op_config **ret_config,
		   struct op_buf *errors) OP_MUST_CHECK;
void op_config_free(struct op_config *c);

/* NULL only after a mistake. */
const char *op_config_appliance(const struct op_config *c);
const char *op_config_description(const struct op_config *c);
const char *op_config_file(const struct op_config *c);
/* What the appliance as a whole has set, whoever runs it. */
enum op_log_style { OP_LOG_STYLE_OUTPOST, OP_LOG_STYLE_PYTHON };
struct op_config_own {
	struct {
		char file[1024]; /* relative: to the directory of the appliance's file; "": none */
		int style;       /* enum op_log_style, of the file */
		int64_t size_bytes, keep;
		int64_t repeat_s; /* 0: every line is written */
		bool print;       /* what programs print goes to standard output, too */
	} log;
	struct {
		int64_t warn_mib; /* 0: never */
	} memory;
};
/* Valid as long as c; defaults where there was a mistake. */
const struct op_config_own *op_config_own(const struct op_config *c);

/* The exit status that the appliance wants for a start that fails; 0: none of its own. */
int op_config_start_failure(const struct op_config *c);
/* Puts the variables of the environment file that the appliance exports (TZ, HTTPS_PROXY) into the
 * environment of this process, those that it has already excepted. 0 or -ENOMEM. Before there are
 * threads: setenv(3) and tzset(3). */
int op_config_export(const struct op_config *c) OP_MUST_CHECK;
/* Has the program that this process is about to become read the environment file as it was when c
 * was read with hold_env; without, it reads the file. 0 or a negative errno. For a child that is
 * about to become a service. */
int op_config_hand_on(const struct op_config *c) OP_MUST_CHECK;
/* Takes variables that are secret, and set nothing of this service (NULL: of any), out of the
 * environment of this process: they are gone, or "-" where they are required. 0 or -ENOMEM. For a
 * child that is about to become the service. */
int op_config_withhold(const struct op_config *c, const char *service) OP_MUST_CHECK;
/* Puts "-" into the environment of this process for each variable that is required, was not given
 * and whose setting has no value by other means, so that programs can be asked about the rest. 0 or
 * -ENOMEM. */
int op_config_stand_in(const struct op_config *c) OP_MUST_CHECK;
/* The variable of the environment that sets this path, or NULL: there is none. */
const char *op_config_variable(const struct op_config *c, const char *path);
/* What the appliance says of variables that are required and were not given, as it stands there;
 * "" if none is missing. */
const char *op_config_missing(const struct op_config *c);
size_t op_config_service_count(const struct op_config *c);
const char *op_config_service_name(const struct op_config *c, size_t i);

/* 0, or -ENOENT after errors got a line that names the nearest there is. */
int op_config_find_service(const struct op_config *c, const char *service,
			   struct op_buf *errors) OP_MUST_CHECK;

/* The program of a service, as it is in the settings or outpost-NAME by default; does not check
 * anything, so that a program can be asked about settings that are wrong. */
void op_config_program(const struct op_config *c, const char *service, char *ret, size_t size);

struct op_config_simulator {
	const char *name, *program;
	const char *const *args; /* placeholders already replaced */
	size_t n_args;
};
size_t op_config_simulator_count(const struct op_config *c);
void op_config_simulator(const struct op_config *c, size_t i, struct op_config_simulator *ret);

/* What every service has, whoever supervises it. */
struct op_sched {
	int policy;       /* 0 other, 1 batch, 2 idle, 3 fifo, 4 rr: of the work thread */
	int64_t priority; /* 1 ... 99 for fifo and rr */
	int64_t nice;     /* -20 ... 19 */
	struct op_int_list cores;
	bool mlock;
	int io_class;        /* 0 none, 1 realtime, 2 best-effort, 3 idle */
	int64_t io_priority; /* 0 ... 7 */
};
struct op_service_common {
	char program[128];
	int64_t watchdog_s; /* 0: no watchdog */
	int64_t start_timeout_s;
	int64_t stop_timeout_s;
	int64_t restart_limit; /* failures in a row before the cool-down */
	int64_t cooldown_s;    /* pause after that */
	int64_t backoff_ms;    /* pause before the first restart; doubles up to backoff_max_ms */
	int64_t backoff_max_ms;
	bool enabled;
	struct op_sched sched;
};
extern const struct op_setting op_service_common_settings[];
extern const size_t op_service_common_settings_count;

/* Fills *common and, if table is not NULL, settings (zeroed first) for the service. Every key must
 * be in one of both tables; mistakes as above. table NULL checks only the common keys and passes
 * over the rest, for a supervisor that does not know the program's table. A service that is no
 * mapping is -EINVAL without a line, since op_config_read has told it. */
int op_config_service(const struct op_config *c, const char *service,
		      const struct op_setting *table, size_t n, void *ret_settings,
		      struct op_service_common *ret_common, struct op_buf *errors) OP_MUST_CHECK;

/* A mistake that a table cannot find: one line to errors in the form of the others, with the place
 * of the setting. key is below the service ("device.baud"); of a part that was not set by itself
 * the whole is named. The text must not hold a secret.
 * Beside a place of --set stands the value, unless the setting is a secret or the service's table
 * has not been read (op_config_service). */
void op_config_wrong(const struct op_config *c, const char *service, const char *key,
		     struct op_buf *errors, const char *fmt, ...) OP_PRINTF(5, 6);
/* The same for any path of the file ("simulators.board.program"). */
void op_config_wrong_path(const struct op_config *c, const char *path, struct op_buf *errors,
			  const char *fmt, ...) OP_PRINTF(4, 5);

/* The effective settings of one service as YAML with the origin of each as a comment, secrets
 * masked; and the reference of a table as Markdown. */
int op_config_show(const struct op_config *c, const char *service, const struct op_setting *table,
		   size_t n, struct op_buf *out, struct op_buf *errors) OP_MUST_CHECK;
void op_config_reference(const char *title, const struct op_setting *table, size_t n,
			 struct op_buf *out);

/* What the user should know although it is no mistake, one line each: for service NULL a variable
 * of the .env file that sets nothing but nearly has the name of one that does, and with --sim one
 * that has an address to which alerts will go; for a service a secret that others can read (the
 * file's mode, the command line). */
void op_config_notes(const struct op_config *c, const char *service, const struct op_setting *table,
		     size_t n, struct op_buf *out);
/* The variables of the .env file that set nothing and resemble no name that does, one a line; after
 * ten a line with how many more. They may well be meant for another program. */
void op_config_unused(const struct op_config *c, struct op_buf *out);

/* The options that every program which reads an appliance takes. src.sets is sets; zero before. */
#define OP_CONFIG_SETS_MAX 256
struct op_config_args {
	struct op_config_source src;
	const char *sets[OP_CONFIG_SETS_MAX];
};
enum { OP_ARG_RUNTIME = 1000, OP_ARG_STATE, OP_ARG_ENV, OP_ARG_SIM, OP_ARG_SET };
/* For the table of getopt_long(3). */
#define OP_CONFIG_OPTIONS                                         \
	{"runtime", required_argument, NULL, OP_ARG_RUNTIME},     \
		{"state", required_argument, NULL, OP_ARG_STATE}, \
		{"env", required_argument, NULL, OP_ARG_ENV},     \
		{"sim", no_argument, NULL, OP_ARG_SIM},           \
	{                                                         \
		"set", required_argument, NULL, OP_ARG_SET        \
	}
/* One option that getopt_long found; value is borrowed. 1: taken; 0: none of these; -E2BIG: too
 * many --set. */
int op_config_args_take(struct op_config_args *a, int option, const char *value) OP_MUST_CHECK;
/* The way back: the argument vector of a service's program, NULL-terminated; action ("--check") may
 * be NULL. One block to be freed; the strings are borrowed. NULL: no memory. */
const char **op_config_argv(const struct op_config_source *src, const char *program,
			    const char *service, const char *action);

/* The file of an appliance: name itself if there is such a file, else NAME.yaml or NAME/NAME.yaml
 * in the directories of $OUTPOST_APPLIANCES, in appliances/ beside the build directory of the
 * calling program, in /etc/outpost, and among the installed ones (share/outpost/appliances).
 * -ENOENT with one line in errors: the places looked at, and the nearest or all names there are. */
int op_appliance_find(const char *name, char *ret, size_t size,
		      struct op_buf *errors) OP_MUST_CHECK;

/* The nearest of n names to a misspelt one (edit distance with transpositions, at most a third of
 * its length), or NULL. */
const char *op_nearest(const char *word, const char *const *names, size_t n);

#endif
