/*
 * screen.h - a terminal as a grid of cells: drawn anew each time, sent only where it changed.
 *
 * Plain ANSI (ECMA-48) and termios, which every terminal of the last thirty years speaks; no
 * terminfo, hence no library. One screen per process.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_SCREEN_H
#define OUTPOST_TOOLS_SCREEN_H

#include <outpost/buf.h>

enum {
	OP_CELL_BOLD = 1 << 0,
	OP_CELL_REVERSE = 1 << 1,
	OP_CELL_DIM = 1 << 2,
	OP_CELL_RED = 1 << 3,
	OP_CELL_YELLOW = 2 << 3,
	OP_CELL_GREEN = 3 << 3,
	OP_CELL_CYAN = 4 << 3,
	OP_CELL_COLOUR = 7 << 3, /* mask; left out under NO_COLOR */
};

struct op_screen;

/* Takes over the terminal on standard input and output: other buffer, no echo, keys at once, cursor
 * hidden. The terminal is given back by op_screen_close, at exit, and when a fault kills the
 * process. -ENOTTY: no terminal. */
int op_screen_open(struct op_screen **ret_screen) OP_MUST_CHECK;
/* A grid without a terminal, for op_screen_print. NULL: no memory. */
struct op_screen *op_screen_create(unsigned columns, unsigned rows);
void op_screen_close(struct op_screen *s);

/* Gives the terminal back for a while (job control), and takes it again. */
void op_screen_suspend(struct op_screen *s);
int op_screen_resume(struct op_screen *s) OP_MUST_CHECK;
/* Asks the terminal for its size; everything is sent again at the next flush. */
int op_screen_resize(struct op_screen *s) OP_MUST_CHECK;

unsigned op_screen_columns(const struct op_screen *s);
unsigned op_screen_rows(const struct op_screen *s);

void op_screen_clear(struct op_screen *s);
/* UTF-8 text from this cell on, cut at the right edge; returns the column after it. Outside the
 * grid nothing happens. Characters the terminal's locale lacks become '?'. */
unsigned op_screen_put(struct op_screen *s, unsigned row, unsigned column, unsigned style,
		       const char *text);
/* The rest of a row in this style. */
void op_screen_fill(struct op_screen *s, unsigned row, unsigned column, unsigned style);

/* Sends what changed since the last flush; 0, or a negative errno of the terminal. */
int op_screen_flush(struct op_screen *s) OP_MUST_CHECK;
/* The grid as plain lines without trailing blanks or empty lines at the end. */
void op_screen_print(const struct op_screen *s, struct op_buf *out);

#endif
