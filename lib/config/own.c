/*
 * own.c - the settings of an appliance as a whole: its log, its memory.
 *
 * Read once when the sources are merged, so that whoever loads the appliance tells mistakes in
 * them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

#define AT(member) offsetof(struct op_config_own, member)

static const char *const styles[] = {"outpost", "python", NULL};

static const struct op_setting log_settings[] = {
	{.key = "file",
	 .type = OP_SET_STRING,
	 .offset = AT(log.file),
	 .size = sizeof(((struct op_config_own *)0)->log.file),
	 .help = "file to write the log to as well"},
	{.key = "style",
	 .type = OP_SET_CHOICE,
	 .offset = AT(log.style),
	 .def = "outpost",
	 .choices = styles,
	 .help = "form of its lines"},
	{.key = "size_bytes",
	 .type = OP_SET_INT,
	 .offset = AT(log.size_bytes),
	 .def = "1048576",
	 .min = 4096,
	 .max = 1LL << 40,
	 .unit = "bytes",
	 .help = "it is rotated before it grows past this"},
	{.key = "keep",
	 .type = OP_SET_INT,
	 .offset = AT(log.keep),
	 .def = "5",
	 .min = 0,
	 .max = 99,
	 .help = "rotated files that are kept"},
	{.key = "repeat_s",
	 .type = OP_SET_INT,
	 .offset = AT(log.repeat_s),
	 .def = "0",
	 .min = 0,
	 .max = 86400,
	 .unit = "s",
	 .help = "a warning or error that repeats itself is written once in this time"},
	{.key = "print",
	 .type = OP_SET_BOOL,
	 .offset = AT(log.print),
	 .def = "false",
	 .help = "lines that a program prints without a level go to standard output as well, as "
		 "they are"},
};

static const struct op_setting memory_settings[] = {
	{.key = "warn_mib",
	 .type = OP_SET_INT,
	 .offset = AT(memory.warn_mib),
	 .def = "0",
	 .min = 0,
	 .max = 1 << 20,
	 .unit = "MiB",
	 .help = "a warning is logged when all processes together hold more"},
};

static const struct {
	const char *name;
	const struct op_setting *table;
	size_t n;
} sections[] = {
	{"log", log_settings, OP_ARRAY_SIZE(log_settings)},
	{"memory", memory_settings, OP_ARRAY_SIZE(memory_settings)},
};

bool own_path(const char *path)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(sections); i++) {
		size_t n = strlen(sections[i].name);
		if (!strncmp(path, sections[i].name, n) && path[n] == '.')
			return true;
	}
	return false;
}

void own_read(struct op_config *c, struct problems *p)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(sections); i++)
		section_apply(c, p, sections[i].name, sections[i].table, sections[i].n, &c->own);
}

const struct op_config_own *op_config_own(const struct op_config *c)
{
	return &c->own;
}
