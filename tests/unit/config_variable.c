/* Declared variables: how each type is written, what is said of what is not, groups, what is
 * required.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

static const char yaml[] =
	"appliance: a\n"
	"env_file: dotenv\n"
	"start_failure: 1\n"
	"environment_groups:\n"
	"  hook: {when: URL, wrong: 'Invalid hook (COUNT/LOW/HIGH): '}\n"
	"environment:\n"
	"  TOKEN: {set: services.s.token, type: word, secret: yes, required: \"ERROR: no "
	"TOKEN\\nsay "
	"it\\n\"}\n"
	"  TITLE: {set: services.s.title}\n"
	"  ON: {set: services.s.on, type: bool}\n"
	"  ALPHA: {set: services.s.alpha, type: float}\n"
	"  PROFILE: {set: services.s.profile, type: choice, choices: [fast, slow]}\n"
	"  URL: {type: url, group: hook, secret: yes, called: url}\n"
	"  COUNT: {set: services.s.count, type: int, min: 16, max: 100, group: hook, called: "
	"count}\n"
	"  LOW: {set: services.s.limits.low, type: int, default: -2, group: hook, called: low, "
	"below: HIGH}\n"
	"  HIGH: {set: services.s.limits.high, type: int, default: 5, group: hook, called: high}\n"
	"  FACTOR: {type: float, min: -10, max: 10}\n"
	"  ALSO: {}\n"
	"  STEP: {set: [services.s.count, {path: services.s.limits.high, times: 3}], type: int}\n"
	"  TZ: {export: yes}\n"
	"services: {s: }\n";

static char *variables[8];

static struct op_config_source with(char *first, char *second, char *third)
{
	struct op_config_source src = source(yaml);
	static char token[] = "TOKEN=abc";
	variables[0] = token;
	variables[1] = first;
	variables[2] = first ? second : NULL;
	variables[3] = second ? third : NULL;
	variables[4] = NULL;
	src.environ = variables;
	return src;
}

static struct sample_settings good(char *first, char *second, char *third)
{
	struct sample_settings s;
	struct op_config_source src = with(first, second, third);
	op_config_free(load_good(&src, &s, NULL));
	return s;
}

static const char *bad(char *first, char *second, char *third)
{
	struct op_config_source src = with(first, second, third);
	return load_bad(&src);
}

#define V(text) ((char[]){text})

TEST(words_of_booleans_in_any_case)
{
	static const char *const yes[] = {"1", "true", "YES", "On", " yes "};
	static const char *const no[] = {"0", "false", "No", "OFF", "\tno\n"};
	char text[32];
	for (size_t i = 0; i < OP_ARRAY_SIZE(yes); i++) {
		snprintf(text, sizeof(text), "ON=%s", yes[i]);
		CHECK(good(text, NULL, NULL).on);
		snprintf(text, sizeof(text), "ON=%s", no[i]);
		CHECK(!good(text, NULL, NULL).on);
	}
	CHECK_STR(bad(V("ON=maybe"), NULL, NULL),
		  "environment ON: Invalid value for environment variable ON='maybe': expected one "
		  "of "
		  "('1', 'true', 'yes', 'on', '0', 'false', 'no', 'off')\n");
}

TEST(numbers_as_python_writes_them)
{
	CHECK_INT(good(V("COUNT= +020 "), NULL, NULL).count, 20);
	CHECK_INT(good(V("COUNT=1_7"), NULL, NULL).count, 17);
	CHECK(good(V("ALPHA=.5"), NULL, NULL).alpha == 0.5);
	CHECK(good(V("ALPHA=+1_0e-2"), NULL, NULL).alpha == 0.1);
	CHECK(good(V("ALPHA=  "), NULL, NULL).alpha == good(NULL, NULL, NULL).alpha);
	static const char *const wrong[] = {"abc", "5.0", "1_", "0x20",
					    "1 2", "--5", "_1", "99999999999999999999999"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char text[64], said[200];
		snprintf(text, sizeof(text), "LOW=%s", wrong[i]);
		snprintf(said, sizeof(said),
			 "environment LOW: Invalid value for environment variable LOW='%s': "
			 "expected a valid int\n",
			 wrong[i]);
		CHECK_STR(bad(text, NULL, NULL), said);
	}
	static const char *const floats[] = {"nan", "inf", "-Infinity", "1e999", "abc", "0x1p3"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(floats); i++) {
		char text[64];
		snprintf(text, sizeof(text), "FACTOR=%s", floats[i]);
		CHECK_HAS(bad(text, NULL, NULL), "': expected a valid float\n");
	}
	CHECK_HAS(bad(V("FACTOR=11"), NULL, NULL),
		  "variable FACTOR='11': expected a float between -10 and 10\n");
}

TEST(a_long_value_is_cut_between_characters)
{
	char text[200] = "ON=x";
	for (int i = 0; i < 60; i++)
		strcat(text, "\u00fc");
	const char *said = strstr(bad(text, NULL, NULL), "ON='x");
	CHECK(said);
	CHECK_INT(strcspn(said + 4, "'"), 99);
}

TEST(choices_words_and_text)
{
	CHECK_INT(good(V("PROFILE=Slow"), NULL, NULL).profile, 1);
	CHECK_HAS(bad(V("PROFILE=steady"), NULL, NULL), "expected one of ('fast', 'slow')\n");
	CHECK_STR(good(V("TITLE=  a b "), NULL, NULL).title, "a b");
	CHECK_HAS(bad(V("TOKEN=hunter 2"), NULL, NULL),
		  "variable TOKEN='***': expected text without blanks\n");
	CHECK(!strstr(errors.data, "hunter"));
	CHECK_HAS(bad(V("TITLE=\xff"), NULL, NULL), "services.s.title: is not UTF-8\n");
	CHECK_INT(good(V("ALSO=anything"), NULL, NULL).limits.high, 5);
}

TEST(ranges_of_a_group_are_checked_when_it_is_used)
{
	struct sample_settings s;
	struct op_config_source src = with(V("COUNT=7"), NULL, NULL);
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_notes(c, NULL, NULL, 0, &out);
	CHECK_STR(out.data,
		  "COUNT: count must be between 16 and 100; its default is used, since URL is not "
		  "set\n");
	op_config_free(c);
	CHECK_STR(bad(V("COUNT=7"), V("URL=https://h.example/hunter2"), NULL),
		  "environment COUNT: Invalid hook (COUNT/LOW/HIGH): count must be between 16 and "
		  "100 (COUNT)\n");
}

TEST(one_value_below_another_defaults_included)
{
	CHECK_INT(good(V("LOW=9"), NULL, NULL).limits.low, 9);
	CHECK_INT(good(V("URL=http://h"), V("LOW=4"), NULL).limits.low, 4);
	CHECK_STR(bad(V("URL=http://h"), V("LOW=5"), NULL),
		  "environment LOW: Invalid hook (COUNT/LOW/HIGH): low must be less than high "
		  "(LOW='5', HIGH='5')\n");
	CHECK_HAS(bad(V("URL=http://h"), V("HIGH=-3"), NULL),
		  "environment HIGH: Invalid hook (COUNT/LOW/HIGH): low must be less than high "
		  "(LOW='-2', HIGH='-3')\n");
}

TEST(urls_are_http_and_are_not_shown)
{
	static const char *const wrong[] = {"hunter2", "http:///hunter2", "https://"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char text[64];
		snprintf(text, sizeof(text), "URL=%s", wrong[i]);
		CHECK_HAS(bad(text, NULL, NULL),
			  "(COUNT/LOW/HIGH): url must be a valid URL with scheme and host (URL)\n");
		CHECK(!strstr(errors.data, "hunter2"));
	}
	CHECK_HAS(bad(V("URL=ftp://h/hunter2"), NULL, NULL),
		  "valid URL with scheme and host, http:// or https:// (URL)\n");
	CHECK(!strstr(errors.data, "hunter2"));
	CHECK_HAS(bad(V("URL=http://h /hunter2"), NULL, NULL),
		  "valid URL with scheme and host, without blanks (URL)\n");
	CHECK(!strstr(errors.data, "hunter2"));
	CHECK_HAS(bad(V("URL=  "), NULL, NULL), "url must be a non-empty string (URL)\n");
	CHECK_INT(good(V("URL="), NULL, NULL).limits.high, 5);
}

TEST(what_is_required_is_told_in_its_own_words)
{
	static const char *const missing[] = {"OTHER=1", "TOKEN=", "TOKEN=  "};
	for (size_t i = 0; i < OP_ARRAY_SIZE(missing); i++) {
		struct op_config_source src = source(yaml);
		struct op_config *c = NULL;
		char text[16];
		snprintf(text, sizeof(text), "%s", missing[i]);
		variables[0] = text;
		variables[1] = NULL;
		src.environ = variables;
		CHECK_INT(op_config_read(&src, &c, &errors), 1);
		CHECK_STR(errors.data, "environment TOKEN: ERROR: no TOKEN\n"
				       "environment TOKEN: say it\n");
		CHECK_STR(op_config_missing(c), "ERROR: no TOKEN\nsay it\n");
		CHECK_INT(op_config_start_failure(c), 1);
		op_config_free(c);
	}
}

TEST(what_is_required_may_be_set_by_other_means)
{
	struct op_config_source src = source(yaml);
	const char *sets[] = {"services.s.token=abc"};
	struct sample_settings s;
	src.sets = sets;
	src.n_sets = 1;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.token, "abc");
}

TEST(one_variable_may_set_a_multiple)
{
	struct sample_settings s = good(V("STEP=20"), NULL, NULL);
	CHECK_INT(s.count, 20);
	CHECK_INT(s.limits.high, 60);
	struct op_config_source src = with(NULL, NULL, NULL);
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_STR(op_config_variable(c, "services.s.limits.high"), "HIGH");
	CHECK_STR(op_config_variable(c, "services.s.count"), "COUNT");
	CHECK(!op_config_variable(c, "services.s.nothing"));
	op_config_free(c);
}

static char *put_env(const char *text)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/env", op_test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

TEST(the_file_is_the_environment_of_programs_where_that_is_wanted)
{
	struct sample_settings s;
	CHECK(setenv("TZ", "", 1) == 0 && unsetenv("ALSO") == 0);
	struct op_config_source src = with(V("ALSO=1"), NULL, NULL);
	src.env_file = put_env("TZ=' AAA-3 '\nALSO=2\nTITLE=x\n");
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(op_config_export(c), 0);
	CHECK_STR(getenv("TZ"), "AAA-3");
	CHECK(!getenv("ALSO") && !getenv("TITLE"));
	op_config_free(c);
	/* What the environment has already, though it be empty, stays. */
	CHECK(setenv("TZ", "UTC", 1) == 0);
	src = with(V("TZ="), NULL, NULL);
	src.env_file = put_env("TZ=AAA-3\n");
	c = load_good(&src, &s, NULL);
	CHECK_INT(op_config_export(c), 0);
	CHECK_STR(getenv("TZ"), "UTC");
	op_config_free(c);
}

TEST(secrets_are_withheld_from_whom_they_are_not_for)
{
	struct op_config_source src =
		source("appliance: a\n"
		       "environment:\n"
		       "  KEY: {set: services.s.title, secret: yes, required: no key}\n"
		       "  HOOK: {set: services.st.title, secret: yes}\n"
		       "  TUNNEL: {secret: yes}\n"
		       "  OPEN: {set: services.st.count}\n"
		       "services: {s: , st: }\n");
	char *const given[] = {V("KEY=k"), NULL};
	src.environ = given;
	struct op_config *c = NULL;
	op_buf_init(&errors, 4096);
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	const char *const names[] = {"KEY", "HOOK", "TUNNEL", "OPEN"};
	for (size_t i = 0; i < 4; i++)
		CHECK(setenv(names[i], "x", 1) == 0);
	CHECK_INT(op_config_withhold(c, "st"), 0);
	CHECK_STR(getenv("KEY"), "-");
	CHECK_STR(getenv("HOOK"), "x");
	CHECK(!getenv("TUNNEL"));
	CHECK_STR(getenv("OPEN"), "x");
	CHECK(setenv("KEY", "x", 1) == 0);
	CHECK_INT(op_config_withhold(c, "s"), 0);
	CHECK_STR(getenv("KEY"), "x");
	CHECK(!getenv("HOOK"));
	CHECK_INT(op_config_withhold(c, NULL), 0);
	CHECK_STR(getenv("KEY"), "-");
	op_config_free(c);
	op_buf_finish(&errors);
}

TEST(a_declaration_is_checked)
{
	struct op_config_source src = source("appliance: a\nenv_file: other\nstart_failure: 0\n"
					     "environment_groups: {g: {when: NONE}}\n"
					     "environment:\n"
					     "  A: {set: services.s.title, tpye: int}\n"
					     "  B: {type: integer, group: h}\n"
					     "  C: {type: choice}\n"
					     "  D: {min: x, secret: 3, below: E}\n"
					     "  F: {set: {path: services.s.count, tims: 2}}\n"
					     "  G: {set: {times: 2}}\n"
					     "services: {s: }\n");
	const char *said = load_bad(&src);
	CHECK_HAS(said, "a.yaml:2:11: env_file: expected plain or dotenv\n");
	CHECK_HAS(said, "start_failure: expected an integer from 1 to 125, not \"0\"\n");
	CHECK_HAS(said, "g: no variable NONE\n");
	CHECK_HAS(said, "environment.A.tpye: unknown key (did you mean \"type\"?)\n");
	CHECK_HAS(said, "environment.B: unknown type (expected one of any, text, word, bool, int, "
			"float, choice, url)\n");
	CHECK_HAS(said, "environment.B: no group \"h\" in environment_groups\n");
	CHECK_HAS(said, "environment.C: a choice needs a list of \"choices\"\n");
	CHECK_HAS(said, "environment.D: expected a number, not \"x\"\n");
	CHECK_HAS(said, "environment.D: expected true or false, not \"3\"\n");
	CHECK_HAS(said, "D: no variable E to be below\n");
	CHECK_HAS(said, "environment.tims: unknown key (did you mean \"times\"?)\n");
	CHECK_HAS(said, "G: expected a path, not a mapping\n");
}
