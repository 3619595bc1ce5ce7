/*
 * config_support.h - for the tests of lib/config: load from text, and a table with every type.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_CONFIG_SUPPORT_H
#define OUTPOST_TEST_CONFIG_SUPPORT_H

#include <outpost/config.h>
#include <string.h>

#include "test.h"

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

/* Room for what a call says; one of each a test. */
static char errors_text[65536], out_text[65536];
static struct op_buf errors, out;

static inline struct op_config_source source(const char *yaml)
{
	op_buf_init_fixed(&errors, errors_text, sizeof(errors_text));
	op_buf_init_fixed(&out, out_text, sizeof(out_text));
	return (struct op_config_source){.file = "a.yaml", .text = yaml, .text_len = strlen(yaml)};
}

/* The service "s" of the appliance in yaml must load without a mistake. */
static inline struct op_config *load_good(const struct op_config_source *src,
					  struct sample_settings *s,
					  struct op_service_common *common)
{
	struct op_config *c = NULL;
	int rc = op_config_load(src, &c, &errors);
	if (rc == 0)
		rc = op_config_service(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), s, common,
				       &errors);
	CHECK_STR(errors.data, "");
	CHECK_INT(rc, 0);
	return c;
}

/* It must fail, at loading or by the table; returns what was said. */
static inline const char *load_bad(const struct op_config_source *src)
{
	struct op_config *c = NULL;
	struct sample_settings s;
	int rc = op_config_load(src, &c, &errors);
	if (rc == 0)
		rc = op_config_service(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &s, NULL,
				       &errors);
	CHECK(rc < 0);
	CHECK(errors.len > 0);
	op_config_free(c);
	return errors.data;
}

/* One line below services.s, given as text. */
static inline struct op_config_source with_line(char *mem, size_t size, const char *line)
{
	snprintf(mem, size, "appliance: a\nservices:\n  s:\n    %s\n", line);
	return source(mem);
}

#endif
