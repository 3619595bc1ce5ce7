/*
 * tools.h - the subcommands of `outpost`: one function each, argv[0] is "outpost NAME".
 *
 * Each returns the exit status of the program: 0 done, 1 failed (already told on stderr), 2 wrong
 * usage, unless its man page says otherwise.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_H
#define OUTPOST_TOOLS_H

#include <stddef.h>

int op_tool_run(int argc, char **argv);
int op_tool_call(int argc, char **argv);
int op_tool_outbox(int argc, char **argv);
int op_tool_config(int argc, char **argv);
int op_tool_tap(int argc, char **argv);
int op_tool_export(int argc, char **argv);
int op_tool_status(int argc, char **argv);
int op_tool_top(int argc, char **argv);
int op_tool_health(int argc, char **argv);
/* Also of `outpost restore`: argv[0] says which. */
int op_tool_backup(int argc, char **argv);

#endif
