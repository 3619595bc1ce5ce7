/*
 * runtime.h - which appliance a tool talks to.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_RUNTIME_H
#define OUTPOST_TOOLS_RUNTIME_H

#include <outpost/base.h>

/* The runtime directory: given (--runtime; may be NULL), else $OUTPOST_RUNTIME, else the only
 * appliance below the default base directories (/run/outpost for root, $XDG_RUNTIME_DIR/outpost,
 * /tmp/outpost-UID). A given one need not exist yet. 0; or after telling on stderr what to do:
 * -ENOENT there is none, -ENOTUNIQ there are several, -ENAMETOOLONG. */
int op_tool_runtime(const char *given, char *ret_dir, size_t size) OP_MUST_CHECK;

#endif
