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
	struct op_setting_list routes; /* of struct sample_route */
};
struct sample_step {
	int64_t ms;
};
struct sample_route {
	char name[16], key[16];
	int64_t port;
	struct {
		int64_t low, high;
	} limits;
	struct op_setting_list steps; /* of struct sample_step */
};

#define SAMPLE_AT(m) offsetof(struct sample_settings, m)
static const char *const sample_profiles[] = {"fast", "slow", "steady", NULL};
static const char *const sample_schemes[] = {"serial", "tcp", NULL};
static const struct op_setting sample_limits[] = {
	{.key = "low", .type = OP_SET_INT, .offset = 0, .def = "-5", .min = -10, .max = 10},
	{.key = "high", .type = OP_SET_INT, .offset = sizeof(int64_t), .def = "5"},
};
#define SAMPLE_ROUTE_AT(m) offsetof(struct sample_route, m)
static const struct op_setting sample_steps[] = {
	{.key = "ms", .type = OP_SET_INT, .offset = 0, .def = "1", .min = 1, .max = 9},
};
static const struct op_setting sample_routes[] = {
	{.key = "name",
	 .type = OP_SET_STRING,
	 .offset = SAMPLE_ROUTE_AT(name),
	 .size = 16,
	 .flags = OP_SET_REQUIRED,
	 .help = "where to"},
	{.key = "key",
	 .type = OP_SET_STRING,
	 .offset = SAMPLE_ROUTE_AT(key),
	 .size = 16,
	 .flags = OP_SET_SECRET,
	 .help = "what opens it"},
	{.key = "port",
	 .type = OP_SET_INT,
	 .offset = SAMPLE_ROUTE_AT(port),
	 .def = "80",
	 .min = 1,
	 .max = 99,
	 .help = "port"},
	{.key = "limits",
	 .type = OP_SET_GROUP,
	 .offset = SAMPLE_ROUTE_AT(limits),
	 .sub = sample_limits,
	 .n_sub = 2,
	 .help = "limits"},
	{.key = "steps",
	 .type = OP_SET_LIST,
	 .offset = SAMPLE_ROUTE_AT(steps),
	 .size = sizeof(struct sample_step),
	 .max = 2,
	 .sub = sample_steps,
	 .n_sub = 1,
	 .help = "steps"},
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
	{.key = "routes",
	 .type = OP_SET_LIST,
	 .offset = SAMPLE_AT(routes),
	 .size = sizeof(struct sample_route),
	 .max = 4,
	 .sub = sample_routes,
	 .n_sub = 5,
	 .help = "routes"},
};

#endif
