/*
 * lines.h - mistakes as lines of text: from several programs, each once, in the order of the file.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_LINES_H
#define OUTPOST_TOOLS_LINES_H

#include <outpost/buf.h>

/* Appends the lines of text that are not in to yet; empty ones are left out. A line that a log has
 * cut (its end is " [cut]") is there if its beginning is. Any thread. */
void op_lines_add(struct op_buf *to, const char *text);

/* Sorts the lines that begin with FILE:LINE:COLUMN: by place and puts them first; the others follow
 * as they stood. Without memory nothing is moved. Any thread. */
void op_lines_sort(struct op_buf *lines, const char *file);

#endif
