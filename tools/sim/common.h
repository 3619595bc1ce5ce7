/*
 * common.h - what every simulator has: a command line, a FIFO and a schedule of commands, and the
 * life of a process that `outpost run` starts.
 *
 * One thread. A simulator obeys commands by a function of its own (sim_obey_fn); what it refuses is
 * logged.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_COMMON_H
#define OUTPOST_SIM_COMMON_H

#include <getopt.h>
#include <limits.h>
#include <outpost/base.h>
#include <signal.h>

#define SIM_SCHEDULE_MAX 256
#define SIM_COMMAND_MAX 128
#define SIM_LINE_MAX 256

/* False: there is no such command, or not with these arguments. */
typedef bool (*sim_obey_fn)(void *sim, const char *line, uint64_t now_ns);
/* The arguments of a line that is this command, which may be "", or NULL. */
const char *sim_arguments(const char *line, const char *command);

/* ---- fifo.c: commands while it runs ---------------------------------------------------------- */

struct sim_fifo {
	int fd; /* -1: none */
	const char *path;
	char line[SIM_LINE_MAX];
	size_t len;
	bool cut; /* it was longer */
};
/* Borrows the path; "": there is none. Makes it anew. */
int sim_fifo_open(struct sim_fifo *f, const char *path) OP_MUST_CHECK;
void sim_fifo_close(struct sim_fifo *f);
/* Obeys each line that has come. program: whose manual page is named when one is refused. */
void sim_fifo_read(struct sim_fifo *f, const char *program, sim_obey_fn obey, void *sim,
		   uint64_t now_ns);

/* ---- schedule.c: commands at their time ------------------------------------------------------ */

struct sim_schedule {
	struct {
		double at_s; /* after the start */
		char command[SIM_COMMAND_MAX];
	} at[SIM_SCHEDULE_MAX];
	size_t n;
};
/* "SECONDS:COMMAND", or with another character between them. False: it is none, or one too many. */
bool sim_schedule_add(struct sim_schedule *s, const char *text, char between);
/* Obeys what is due of those from *given on. */
void sim_schedule_run(const struct sim_schedule *s, size_t *given, uint64_t start_ns,
		      uint64_t now_ns, sim_obey_fn obey, void *sim);

/* ---- cli.c: the command line ----------------------------------------------------------------- */

enum { SIM_HELP = 1000, SIM_VERSION };

struct sim_cli {
	const char *program, *usage;
	const struct option *longs; /* with SIM_HELP and SIM_VERSION among them */
	bool (*take)(void *options, int option, const char *arg); /* false: a bad value */
};
/* Exit status plus one when the program is to end, 0 to go on. */
int sim_cli_parse(const struct sim_cli *cli, void *options, int argc, char **argv) OP_MUST_CHECK;
bool sim_path(char out[PATH_MAX], const char *text);
bool sim_number(const char *text, double lowest, double highest, double *ret);

/* ---- life.c ---------------------------------------------------------------------------------- */

/* SIGTERM, SIGINT and SIGHUP are let in only with that mask, while we wait: none is missed between
 * test and wait. */
void sim_catch_signals(sigset_t *ret_waiting);
bool sim_is_stopping(void);
/* `outpost run` starts the services once what they open is there; alone, nobody listens. */
void sim_tell_ready(void);

#endif
