/*
 * runtime.h - which appliance a tool talks to.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_RUNTIME_H
#define OUTPOST_TOOLS_RUNTIME_H

#include <limits.h>
#include <outpost/base.h>

/* The runtime directory: given (--runtime; may be NULL), else $OUTPOST_RUNTIME, else the only
 * appliance below the default base directories (/run/outpost for root, $XDG_RUNTIME_DIR/outpost,
 * /tmp/outpost-UID). A given one need not exist yet. 0; or after telling on stderr what to do:
 * -ENOENT there is none, -ENOTUNIQ there are several, -ENAMETOOLONG. */
int op_tool_runtime(const char *given, char *ret_dir, size_t size) OP_MUST_CHECK;
/* The runtime directory of the appliance that runs with this state directory, as it has noted it
 * there, below the same base directories. -ENOENT: none of those does; nothing is told. */
int op_tool_runtime_of(const char *state, char *ret_dir, size_t size) OP_MUST_CHECK;

/* The state directory that the appliance running in this runtime directory has noted; false: it has
 * none. */
bool op_tool_noted_state(const char *runtime, char ret[PATH_MAX]);

#endif
