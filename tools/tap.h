/*
 * tap.h - inside `outpost tap`: options, output, one followed topic.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_TAP_H
#define OUTPOST_TOOLS_TAP_H

#include <outpost/topic.h>

enum tap_format { TAP_COLUMNS, TAP_CSV, TAP_JSON };

struct tap_options {
	enum tap_format format;
	uint64_t count;      /* records to print; 0: no end */
	uint64_t last;       /* older records to begin with */
	uint64_t period_ns;  /* at most one record per topic in this time; 0: every one */
	uint64_t timeout_ns; /* 0: none */
	const char *fields;  /* names separated by commas; NULL: all */
	const char *bus_dir;
	char **topics; /* names and patterns */
	int n_topics;
	bool many;     /* several topics or a pattern: lines carry the topic's name */
	bool terminal; /* standard output is one */
};

/* ---- output: one buffer before standard output ----------------------------------------- */

#define TAP_FLUSH_BYTES 65536

struct tap_out {
	struct op_buf text;
	uint64_t printed; /* records */
	int err;          /* 0; -EPIPE: the other side is gone; else what write(2) said */
	unsigned rows;    /* of the terminal, 0: not one */
	unsigned row;     /* lines since the last header */
	int columns[OP_TOPIC_FIELDS_MAX]; /* widths, while one topic is shown in columns */
};

void tap_out_flush(struct tap_out *out);

/* ---- format ---------------------------------------------------------------------------- */

/* A header line for this type; empty in JSON. name is NULL unless many. */
void tap_format_header(const struct tap_options *o, const struct op_topic_type *type,
		       const char *name, struct tap_out *out);
void tap_format_record(const struct tap_options *o, const struct op_topic_type *type,
		       const char *name, uint64_t seq, uint64_t boot_ns, const void *record,
		       struct tap_out *out);

/* ---- one followed topic ---------------------------------------------------------------- */

struct tap_stream;

/* Follows name, which need not exist yet. is_new: it came while we watched, so that nothing of it
 * is old. Borrows o. NULL: no memory. */
struct tap_stream *tap_stream_create(const struct tap_options *o, const char *name, bool is_new);
/* Tells what was missed in all, if anything, and frees. */
void tap_stream_destroy(struct tap_stream *s);
const char *tap_stream_name(const struct tap_stream *s);

/* Prints what is new, at most one run of records, opening the topic first if need be. Returns how
 * many records were read (printed or passed over), 0 if nothing is new or the topic is not there,
 * or a negative error that ends the program (told on stderr). */
ssize_t tap_stream_step(struct tap_stream *s, struct tap_out *out);
/* Sleeps until the topic has something new or timeout_ns is over; true if it could sleep. */
bool tap_stream_wait(struct tap_stream *s, uint64_t timeout_ns);
/* For times of rest: notices a file that was replaced, and tells missed records not told yet. */
void tap_stream_rest(struct tap_stream *s);

/* ---- what is not there ----------------------------------------------------------------- */

/* Tells on stderr that topic (NULL: any that matches a pattern) is waited for, the name that is
 * nearest to it, and the topics there are. */
void tap_tell_missing(const struct tap_options *o, const char *topic);
/* 0 if there is such a runtime directory, though its services may not have come yet; else a
 * negative errno, told on stderr. */
int tap_check_runtime(const char *dir) OP_MUST_CHECK;

#endif
