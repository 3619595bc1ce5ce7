/*
 * state.h - which appliance's stored files a tool is to read.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_STATE_H
#define OUTPOST_TOOLS_STATE_H

#include <outpost/base.h>

/* The path of a file in a state directory: given (--state; may be NULL), else that of the appliance
 * (its name; may be NULL), else of the only appliance that has such a file. tool is for messages:
 * "outpost export". 0; or after telling on stderr what to do: -ENOENT there is none, -ENOTUNIQ
 * there are several, -ENAMETOOLONG. */
int op_tool_state(const char *tool, const char *given, const char *appliance, const char *file,
		  char *ret_path, size_t size) OP_MUST_CHECK;

#endif
