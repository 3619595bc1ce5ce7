/*
 * program.h - where a program of Outpost is.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BASE_PROGRAM_H
#define OUTPOST_BASE_PROGRAM_H

#include <outpost/base.h>

/* A name with a slash is a path as it is; others stand beside the calling program (a build tree,
 * or one service of another), in ../libexec/outpost from there (installed), or in one of the
 * directories of $OUTPOST_PROGRAMS, ":" between them. -ENOENT, -EACCES, -ENAMETOOLONG. Any thread,
 * as long as none changes the environment. */
int op_program_find(const char *name, char *ret, size_t size) OP_MUST_CHECK;

#endif
