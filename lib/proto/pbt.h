/*
 * pbt.h - the lines of the pressure sensor's board, bytes in, records out.
 *
 * The board sends text, one line per sample, 115200 baud, CR LF (or LF). A sample is exactly one to
 * four ASCII digits after blanks, tabs and CRs are trimmed from both ends, and at most 1023: no
 * sign, no point, no underscore, no other script's digits. A line that starts with `#` is a
 * comment. A few texts are known. Whatever else ends with LF is rejected and counted, never a
 * sample; so is a number cut by a pause, because only LF ends a line.
 *
 * Bytes may come in any portions. Memory is constant: 64 bytes of an unfinished line are kept, and
 * a longer line counts once as overlong, however long it is. A comment may run to 256 bytes, of
 * which the first 64 are kept, because the board's own statistics line passes 64 after 20 minutes.
 *
 * No I/O, no clock, no allocation. One thread per parser.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_PROTO_PBT_H
#define OUTPOST_PROTO_PBT_H

#include <outpost/base.h>

#define OP_PBT_LINE_MAX 64     /* bytes of a line without its LF */
#define OP_PBT_COMMENT_MAX 256 /* the same of a comment */
#define OP_PBT_SAMPLE_MAX 1023 /* 10-bit converter */

enum op_pbt_class {
	OP_PBT_NONE, /* no complete line left: give more bytes */
	OP_PBT_SAMPLE,
	OP_PBT_COMMENT,
	OP_PBT_TEXT,
	OP_PBT_EMPTY,
	OP_PBT_REJECTED,
	OP_PBT_OVERLONG,
	OP_PBT_CLASSES /* how many there are */
};

/* What a comment says that a program must know. */
enum op_pbt_note {
	OP_PBT_NOTE_NONE,
	OP_PBT_NOTE_STATS, /* "# STATS: samples=N ...": value is N */
	OP_PBT_NOTE_BOOT,  /* "# CALIBRATING..." or "# READY": the board has started anew */
};

struct op_pbt_record {
	enum op_pbt_class class;
	enum op_pbt_note note;
	uint64_t value;   /* the sample, or what the note carries */
	const char *text; /* COMMENT, TEXT and REJECTED: the trimmed line, not NUL-terminated,
			   * valid until the next call */
	size_t len;
};

struct op_pbt {
	size_t len; /* bytes of the unfinished line so far, counted on when they are not kept */
	char line[OP_PBT_LINE_MAX];
	uint64_t count[OP_PBT_CLASSES]; /* lines so far by class; [OP_PBT_NONE] stays 0 */
};

void op_pbt_init(struct op_pbt *p);
/* Forgets an unfinished line, because the stream was interrupted; keeps the counts. */
void op_pbt_restart(struct op_pbt *p);

/* Consumes bytes from *at up to end until a line is complete and describes it in *ret. Returns its
 * class, or OP_PBT_NONE when *at has reached end without one; *ret is then untouched. */
enum op_pbt_class op_pbt_next(struct op_pbt *p, const char **at, const char *end,
			      struct op_pbt_record *ret);

/* Lines of every class so far. */
uint64_t op_pbt_lines(const struct op_pbt *p);

#endif
