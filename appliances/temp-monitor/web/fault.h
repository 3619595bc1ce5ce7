/*
 * fault.h - what a client is told when its answer could not be made. Pure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_FAULT_H
#define OUTPOST_TEMP_MONITOR_FAULT_H

#include <outpost/buf.h>

/* The body of a 500 of this path, one line of JSON; id is what the log tells too. */
void temp_fault_write(struct op_buf *b, const char *path, const char *id);

#endif
