/*
 * export.h - inside `outpost export`: options, where the text goes, what is said meanwhile.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_EXPORT_H
#define OUTPOST_TOOLS_EXPORT_H

#include <limits.h>
#include <signal.h>

#include "lib/store/query.h"

struct export_options {
	struct op_export_settings records;
	const char *output; /* NULL: standard output */
	const char *state, *database, *appliance;
	bool list;
};

extern volatile sig_atomic_t export_signal; /* that asked to stop; 0: none */

/* ---- where the text goes ------------------------------------------------------------------- */

/* Standard output, or a file that has its name only when it is whole. */
struct export_file {
	int fd;
	const char *path; /* NULL: standard output */
	char made[PATH_MAX];
};
int export_file_open(struct export_file *f, const char *path) OP_MUST_CHECK;
/* All of it. -ECANCELED: a signal came while the other side did not read. */
int export_file_write(struct export_file *f, const char *text, size_t n) OP_MUST_CHECK;
/* Gives the file its name. */
int export_file_keep(struct export_file *f) OP_MUST_CHECK;
/* Takes away what was not kept. */
void export_file_close(struct export_file *f);

/* ---- what is said meanwhile ---------------------------------------------------------------- */

/* A line on standard error that is drawn again and again, if that is a terminal. */
struct export_bar {
	bool shown, drawn;
	uint64_t began_ns, drawn_ns;
};
void export_bar_begin(struct export_bar *b, bool wanted);
void export_bar_show(struct export_bar *b, double done, uint64_t records);
void export_bar_end(struct export_bar *b);
/* The line alone, for tests. */
void export_bar_text(double done, uint64_t records, uint64_t taken_ns, struct op_buf *out);

/* Topics in store as a table on standard output; the exit status. */
int export_list(struct op_query *q);

#endif
