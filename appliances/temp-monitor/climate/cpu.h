/*
 * cpu.h - the temperature of the processor, whose heat the chips above it feel.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_CPU_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_CPU_H

#include <outpost/base.h>

/* Reads a file of one number, thousandths of a degree (the kernel's thermal zones). -EINVAL: it
 * holds something else; -ERANGE: that is the temperature of no processor; else from the system. */
int cpu_temperature(const char *path, double *ret_celsius) OP_MUST_CHECK;

#endif
