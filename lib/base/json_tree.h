/*
 * json_tree.h - a tree of jansson as text, with numbers as people write them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BASE_JSON_TREE_H
#define OUTPOST_BASE_JSON_TREE_H

#include <jansson.h>
#include <outpost/buf.h>

/* Appends v (NULL: null) as one value. Reals are the shortest decimals that read back the same;
 * json_dumps gives 17 digits, and 6.76199 becomes 6.7619899999999999. indent: spaces per level, a
 * line for each member; 0: all in one line. Any thread. */
void op_json_tree(struct op_buf *b, const json_t *v, unsigned indent);

#endif
