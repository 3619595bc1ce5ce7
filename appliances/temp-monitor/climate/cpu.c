/*
 * cpu.c - /sys/class/thermal/thermal_zone0/temp (the kernel's sysfs-class-thermal).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "cpu.h"

#include <string.h>

#include "find.h"

/* Beyond these no processor runs: kernels without a sensor tell -274000 or 0x7fffffff. */
#define LOWEST (-100000)
#define HIGHEST 250000

int cpu_temperature(const char *path, double *ret_celsius)
{
	char text[64], *end;
	int err = find_read_line(path, text, sizeof(text));
	if (err)
		return err;
	double v = strtod(text, &end);
	if (end == text || end[strspn(end, " \t\r")])
		return -EINVAL;
	if (!(v >= LOWEST && v <= HIGHEST)) /* nor a NaN */
		return -ERANGE;
	*ret_celsius = v / 1000;
	return 0;
}
