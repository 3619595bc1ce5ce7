/*
 * config_support.h - for the tests of lib/config: load from text, good or bad.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_CONFIG_SUPPORT_H
#define OUTPOST_TEST_CONFIG_SUPPORT_H

#include <outpost/config.h>
#include <string.h>

#include "config_table.h"
#include "test.h"

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
