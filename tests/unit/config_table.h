/*
 * config_table.h - a table with every type of setting, for tests and the fuzz target of lib/config.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_CONFIG_TABLE_H
#define OUTPOST_TEST_CONFIG_TABLE_H

#include <outpost/config.h>

struct sample_settings {
	int64_t count;
	double alpha;
	bool on;
	char title[16], token[32];
	int profile;
	struct op_listen listen;
	struct op_device_uri device;
	struct op_int_list pins;
	struct {
		int64_t low, high;
	} limits;
};

#define SAMPLE_AT(m) offsetof(struct sample_settings, m)
static const char *const sample_profiles[] = {"fast", "slow", "steady", NULL};
static const char *const sample_schemes[] = {"serial", "tcp", NULL};
static const struct op_setting sample_limits[] = {
	{.key = "low", .type = OP_SET_INT, .offset = 0, .def = "-5", .min = -10, .max = 10},
	{.key = "high", .type = OP_SET_INT, .offset = sizeof(int64_t), .def = "5"},
};
static const struct op_setting sample_table[] = {
	{.key = "count",
	 .type = OP_SET_INT,
	 .offset = SAMPLE_AT(count),
	 .def = "100",
	 .min = 16,
	 .max = 8000,
	 .unit = "samples",
	 .help = "how many"},
	{.key = "alpha",
	 .type = OP_SET_FLOAT,
	 .offset = SAMPLE_AT(alpha),
	 .def = "0.12",
	 .min = 0,
	 .max = 1,
	 .help = "filter"},
	{.key = "on",
	 .type = OP_SET_BOOL,
	 .offset = SAMPLE_AT(on),
	 .def = "true",
	 .help = "switch"},
	{.key = "title",
	 .type = OP_SET_STRING,
	 .offset = SAMPLE_AT(title),
	 .size = 16,
	 .def = "none",
	 .help = "title"},
	{.key = "token",
	 .type = OP_SET_STRING,
	 .offset = SAMPLE_AT(token),
	 .size = 32,
	 .flags = OP_SET_SECRET,
	 .help = "secret"},
	{.key = "profile",
	 .type = OP_SET_CHOICE,
	 .offset = SAMPLE_AT(profile),
	 .def = "slow",
	 .choices = sample_profiles,
	 .help = "profile"},
	{.key = "listen",
	 .type = OP_SET_LISTEN,
	 .offset = SAMPLE_AT(listen),
	 .def = "0.0.0.0:5000",
	 .help = "address"},
	{.key = "device",
	 .type = OP_SET_DEVICE,
	 .offset = SAMPLE_AT(device),
	 .def = "serial:/dev/ttyUSB0?baud=115200",
	 .choices = sample_schemes,
	 .help = "board"},
	{.key = "pins",
	 .type = OP_SET_INTS,
	 .offset = SAMPLE_AT(pins),
	 .min = 0,
	 .max = 40,
	 .help = "pins"},
	{.key = "limits",
	 .type = OP_SET_GROUP,
	 .offset = SAMPLE_AT(limits),
	 .sub = sample_limits,
	 .n_sub = 2,
	 .help = "limits"},
};

#endif
