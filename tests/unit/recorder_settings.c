/* The recorder's settings: ages, and what belongs to which policy.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "services/recorder/settings.h"

#include <string.h>

#include "test.h"

static char errors_text[8192];

/* What is said of settings below services.recorder; "" if they are good. */
static const char *said(const char *lines)
{
	char yaml[4096];
	struct op_buf errors;
	struct recorder_settings set;
	struct op_config *c = NULL;
	snprintf(yaml, sizeof(yaml), "appliance: a\nservices:\n  recorder:\n%s", lines);
	op_buf_init_fixed(&errors, errors_text, sizeof(errors_text));
	struct op_config_source src = {.file = "a.yaml", .text = yaml, .text_len = strlen(yaml)};
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	int rc = op_config_service(c, "recorder", recorder_settings_table, recorder_settings_count,
				   &set, NULL, &errors);
	if (rc == 0)
		recorder_settings_check(c, "recorder", &set, &errors);
	op_config_free(c);
	return errors.data;
}

TEST(ages)
{
	static const struct {
		const char *text;
		uint64_t s;
	} good[] = {{"", 0},          {"90s", 90},     {"5min", 300},   {"2h", 7200},
		    {"30d", 2592000}, {"2w", 1209600}, {"1y", 31557600}};
	static const char *const bad[] = {"30",  "d",  "-1d", "1.5d",        "1 d",
					  "30D", "0d", "1m",  "9999999999d", "1dd"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(good); i++) {
		uint64_t s = 1;
		CHECK_INT(recorder_age_parse(good[i].text, &s), 0);
		CHECK_INT(s, good[i].s);
	}
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++) {
		uint64_t s = 77;
		CHECK_INT(recorder_age_parse(bad[i], &s), -EINVAL);
		CHECK_INT(s, 77);
	}
}

TEST(good_settings)
{
	CHECK_STR(said("    max_age: {raw: 30d, hours: 10y}\n"
		       "    keep:\n"
		       "      - {topic: pbt.sample, as: chunks, fields: \"raw, envelope\","
		       " recompute: envelope}\n"
		       "      - {topic: pbt.stats, policy: rate, per_s: 0.1}\n"
		       "      - {topic: x, policy: around, event: pbt.hit}\n"),
		  "");
	CHECK_STR(said("    keep: []\n"), "");
}

TEST(what_does_not_belong_together)
{
	CHECK_STR(
		said("    keep:\n"
		     "      - topic: pbt.hit\n"
		     "      - topic: pbt.hit\n"
		     "      - topic: a\n"
		     "        policy: around\n"
		     "      - topic: b\n"
		     "        event: c\n"
		     "      - topic: B!\n"
		     "      - {topic: d, as: rows, recompute: x}\n"
		     "      - {topic: e, per_s: 5}\n"
		     "      - {topic: f, policy: rate, per_s: 0.00001}\n"
		     "    max_age:\n"
		     "      raw: 30\n"),
		"a.yaml:6:16: services.recorder.keep.1.topic: is kept already by an element above "
		"(one for each topic)\n"
		"a.yaml:7:9: services.recorder.keep.2: policy around needs the topic whose records "
		"are the events\n"
		"a.yaml:10:16: services.recorder.keep.3.event: belongs to policy around\n"
		"a.yaml:11:16: services.recorder.keep.4.topic: the name of a topic has only a-z, "
		"0-9, \".\", \"_\" and \"-\"\n"
		"a.yaml:12:41: services.recorder.keep.5.recompute: belongs to chunks\n"
		"a.yaml:13:27: services.recorder.keep.6.per_s: belongs to policy rate\n"
		"a.yaml:14:41: services.recorder.keep.7.per_s: is less than one in three hours "
		"(0.0001)\n"
		"a.yaml:16:12: services.recorder.max_age.raw: expected a number with s, min, h, d, "
		"w or y, such as 30d\n");
	CHECK_HAS(said("    keep: [{policy: every}]\n"), "keep.0.topic: is required");
	CHECK_HAS(said("    keep: [{topc: x}]\n"),
		  "keep.0.topc: unknown setting (did you mean \"topic\"?)");
}

TEST(bounds_in_bytes_and_seconds)
{
	struct recorder_settings set = {.max_mb = 5, .min_free_mb = 7};
	strcpy(set.max_age.seconds, "2h");
	struct op_retention r = recorder_retention(&set);
	CHECK_INT(r.max_bytes, 5000000);
	CHECK_INT(r.min_free_bytes, 7000000);
	CHECK_INT(r.max_age_s[0], 0);
	CHECK_INT(r.max_age_s[1], 7200);
}
