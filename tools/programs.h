/*
 * programs.h - what the programs of an appliance say about its settings.
 *
 * Only a program knows its own settings, so whoever wants them checked or shown asks it. All are
 * asked at once; each answer is bounded in text and time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_PROGRAMS_H
#define OUTPOST_TOOLS_PROGRAMS_H

#include <limits.h>
#include <outpost/config.h>

#include "lib/base/program.h"

#define OP_ANSWER_MAX_BYTES (64 * 1024) /* of standard output and of standard error each */

struct op_answer {
	const char *service;    /* borrowed from the configuration */
	char program[PATH_MAX]; /* the path, or the name that was not found */
	struct op_buf out, err; /* err without log prefixes */
	int error;              /* negative errno: it could not be started, or took too long */
	int status;             /* its exit status, 128 + the signal that ended it; -1: not run */
};

/* Runs PROGRAM --appliance ... --service NAME OPTION with what src has for every service and waits
 * for all, timeout_ms at most; who is late is killed. n_answers = op_config_service_count(); freed
 * by op_answers_free. -ENOMEM. Blocks. */
int op_programs_ask(const struct op_config *c, const struct op_config_source *src,
		    const char *option, unsigned timeout_ms,
		    struct op_answer **ret_answers) OP_MUST_CHECK;
void op_answers_free(struct op_answer *answers, size_t n);

/* Asks all with --check. Mistakes, and programs that are missing, hang or die, go to errors, one a
 * line, each once and sorted by place together with what was there, such as the mistakes of
 * op_config_read; what programs say without failing goes to notes. 0 only if nothing was added,
 * else -EINVAL. A service that is not enabled may lack its program; with src->sim simulators may
 * not. */
int op_programs_check(const struct op_config *c, const struct op_config_source *src,
		      struct op_buf *errors, struct op_buf *notes) OP_MUST_CHECK;

#endif
