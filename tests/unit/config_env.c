/* Environment files, the environment, --set: their form, and where mistakes in them are shown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

static const char yaml[] = "appliance: a\n"
			   "environment:\n"
			   "  TITLE: services.s.title\n"
			   "  TOKEN: services.s.token\n"
			   "  PORT: services.s.listen.port\n"
			   "  PINS: services.s.pins\n"
			   "services: {s: }\n";

static const char *put_env(const char *text, size_t n, mode_t mode)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/env", op_test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fwrite(text, 1, n, f) == n && fclose(f) == 0 && chmod(path, mode) == 0);
	return path;
}

/* The title that an environment file sets. */
static struct sample_settings good(const char *env)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	src.env_file = put_env(env, strlen(env), 0600);
	op_config_free(load_good(&src, &s, NULL));
	return s;
}

/* What is said about the environment file, from its line number on. */
static const char *bad_bytes(const char *env, size_t n)
{
	struct op_config_source src = source(yaml);
	src.env_file = put_env(env, n, 0600);
	const char *said = strstr(load_bad(&src), "/env:");
	CHECK(said);
	return said + 5;
}

static const char *bad(const char *env)
{
	return bad_bytes(env, strlen(env));
}

TEST(values_with_and_without_quotes)
{
	CHECK_STR(good("TITLE=plain text \n").title, "plain text");
	CHECK_STR(good("  export\tTITLE=x").title, "x");
	CHECK_STR(good("TITLE=a # comment").title, "a");
	CHECK_STR(good("TITLE=a#b").title, "a#b");
	CHECK_STR(good("TITLE='a # \\n b'").title, "a # \\n b");
	CHECK_STR(good("TITLE=\"a\\tb \\\"c\\\" \\$\" # x").title, "a\tb \"c\" \\$");
	CHECK_STR(good("TITLE=$HOME\\n").title, "$HOME\\n");
	CHECK_STR(good("TITLE= b").title, "b");
	CHECK_STR(good("# c\r\n\r\n;c\r\nTITLE=dos\r\n").title, "dos");
	CHECK_STR(good("TITLE=one\nTITLE=two\nOTHER=x\n").title, "two");
	CHECK_STR(good("export=1\nexported=2\nTITLE=x").title, "x");
	CHECK_INT(good("PINS=1,2").pins.n, 2);
	CHECK_INT(good("PINS=[1, 2, 3]").pins.n, 3);
}

TEST(an_empty_value_counts_as_not_set)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	char *variables[] = {(char[]){"PORT="}, (char[]){"NOT A VARIABLE"}, NULL};
	src.env_file = put_env("TITLE=\nPORT=70\n", 15, 0600);
	src.environ = variables;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "none");
	CHECK_INT(s.listen.port, 70);
}

TEST(mistakes_have_their_line_and_no_value)
{
	static const char secret[] = "\nTOKEN = hunter2\nTOKEN\nhunter2 x\nTITLE=\"hunter2\n"
				     "TITLE='a'hunter2\n";
	const char *said = bad(secret);
	CHECK_HAS(said, "4: expected NAME=value\n");
	CHECK_HAS(said, "/env:5: a quote is not closed\n");
	CHECK_HAS(said, "/env:6: text after the closing quote (quote the whole value)\n");
	CHECK(!strstr(said, "hunter2"));
	CHECK_HAS(bad_bytes("A=1\nB=\0x\n", 9), "2: a NUL byte\n");
	CHECK_HAS(bad("\nTITLE=\xff\n"), "2 TITLE: services.s.title: is not UTF-8\n");
	CHECK_HAS(bad("\nPORT=80a\n"), "2 PORT: services.s.listen.port: expected an integer from 0 "
				       "to 65535, not \"80a\"\n");
	CHECK_HAS(bad("TOKEN=0123456789012345678901234567hunter2\n"),
		  "1 TOKEN: services.s.token: expected text of at most 31 bytes\n");
	CHECK(!strstr(errors.data, "hunter2"));
}

TEST(a_missing_file_matters_only_if_it_was_named)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	CHECK(chdir(op_test_dir()) == 0);
	op_config_free(load_good(&src, &s, NULL));
	FILE *f = fopen(".env", "w");
	CHECK(f && fputs("TITLE=here\n", f) >= 0 && fclose(f) == 0);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "here");
	src.env_file = "other.env";
	CHECK_STR(load_bad(&src),
		  "other.env: cannot be read: No such file or directory (check the path)\n");
}

TEST(mistakes_in_the_environment_name_the_variable)
{
	struct op_config_source src = source(yaml);
	char *variables[] = {(char[]){"PORT=99999"}, (char[]){"PINS=1,x"}, NULL};
	src.environ = variables;
	CHECK_STR(load_bad(&src),
		  "environment PORT: services.s.listen.port: expected an integer from 0 to "
		  "65535, not \"99999\"\n"
		  "environment PINS: services.s.pins: expected a list of integers from 0 to "
		  "40, not \"1,x\"\n");
}

TEST(the_targets_of_variables_must_exist)
{
	struct op_config_source src = source("appliance: a\nenvironment:\n"
					     "  A: services.s.titel\n"
					     "  B: [services.s.listen.prt, services.s.limits.low]\n"
					     "  C: services.s.limits\n"
					     "  D: services.s.sched.nice\n"
					     "  E: services.s.device.baud\n"
					     "services: {s: }\n");
	CHECK_STR(load_bad(&src),
		  "a.yaml:3:6: environment: A sets services.s.titel, which is no setting (did you "
		  "mean "
		  "\"title\"?)\n"
		  "a.yaml:4:7: environment: B sets services.s.listen.prt, which is no setting\n"
		  "a.yaml:5:6: environment: C sets services.s.limits, which is no setting\n");
	src = source("appliance: a\nenvironment: {A: services.q.x, 'B C': services.s.x, D: , E: "
		     "x, F: services.s}\n"
		     "services: {s: }\n");
	CHECK_STR(load_bad(&src),
		  "a.yaml:2:18: unknown service \"q\" (expected s)\n"
		  "a.yaml:2:32: environment: \"B C\" cannot be the name of a variable\n"
		  "a.yaml:2:56: environment: D: expected a path, not nothing\n"
		  "a.yaml:2:61: a path begins with services.NAME, \"x\" does not\n"
		  "a.yaml:2:67: environment: F sets services.s, which is a service (name a setting "
		  "below it)\n");
}

static const char *bad_set(const char *text)
{
	static const char *sets[1];
	struct op_config_source src = source(yaml);
	sets[0] = text;
	src.sets = sets;
	src.n_sets = 1;
	return load_bad(&src);
}

TEST(mistakes_in_set_name_the_path)
{
	CHECK_STR(bad_set("services.x.count=5"),
		  "--set services.x.count: unknown service \"x\" (expected s)\n");
	CHECK_STR(bad_set("services.s.cuont=5"),
		  "--set services.s.cuont: unknown setting (did you mean \"count\"?)\n");
	CHECK_STR(bad_set("services.s.count=x"),
		  "--set services.s.count=x: expected an integer from 16 to "
		  "8000 samples\n");
	CHECK_STR(bad_set("services.s.limits={low: 99}"),
		  "--set services.s.limits: services.s.limits.low: expected an integer from -10 to "
		  "10, not "
		  "\"99\"\n");
	CHECK_STR(bad_set("count=5"),
		  "--set count: a path begins with services.NAME, \"count\" does not\n");
	CHECK_STR(bad_set("services.s..count=5"),
		  "--set services.s..count: an empty part in the path (remove the extra \".\")\n");
	CHECK_STR(bad_set("services.s=5"),
		  "--set services.s: expected a mapping of settings, not text\n");
	CHECK_STR(bad_set("services.s.count:5"),
		  "--set: \"services.s.count\" is not PATH=VALUE (write --set "
		  "services.NAME.KEY=VALUE)\n");
	CHECK_STR(bad_set("=5"),
		  "--set: \"\" is not PATH=VALUE (write --set services.NAME.KEY=VALUE)\n");
	CHECK_STR(bad_set("services.s.title=\xff"), "--set: number 1 is not UTF-8\n");
	CHECK_STR(bad_set("appliance=x"),
		  "--set appliance: a path begins with services.NAME, \"appliance\" does not\n");
}

TEST(a_secret_is_in_no_message)
{
	CHECK_STR(bad_set("services.s.token=hunter2hunter2hunter2hunter2hunter2"),
		  "--set services.s.token: expected text of at most 31 bytes\n");
	CHECK_STR(bad_set("services.s.token.x=hunter2"),
		  "--set services.s.token.x: services.s.token: expected text of at most 31 bytes, "
		  "not a "
		  "mapping\n");
	CHECK_STR(bad_set("services.s={token: [hunter2]}"),
		  "--set services.s: services.s.token: expected text of at most 31 bytes, not a "
		  "list\n");
}

TEST(sets_are_told_in_their_order)
{
	struct op_config_source src = source(yaml);
	const char *sets[] = {"services.s.zz=1", "services.s.aa=1", "services.s.count=1"};
	src.sets = sets;
	src.n_sets = 3;
	const char *said = load_bad(&src);
	const char *zz = strstr(said, "zz"), *aa = strstr(said, "aa"),
		   *count = strstr(said, "count=1");
	CHECK(zz && aa && count && zz < aa && aa < count);
}

TEST(set_may_change_simulators_before_they_are_used)
{
	struct op_config_source src =
		source("appliance: a\nservices: {s: }\nsimulators:\n"
		       "  b: {program: x, args: [1], set: {services.s.count: 20}}\n");
	const char *sets[] = {"simulators.b.args=[--hz, \"${STATE}\"]",
			      "simulators.b.set={services.s.on: no}", "description=other"};
	struct sample_settings s;
	struct op_config_simulator sim;
	src.sets = sets;
	src.n_sets = 3;
	src.sim = true;
	src.state_dir = "/st";
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_simulator(c, 0, &sim);
	CHECK_INT(sim.n_args, 2);
	CHECK_STR(sim.args[1], "/st");
	CHECK(!s.on);
	CHECK_INT(s.count, 20);
	CHECK_STR(op_config_description(c), "other");
	op_config_free(c);
}

static const char *notes(const struct op_config_source *src, const char *service)
{
	struct sample_settings s;
	struct op_config *c = load_good(src, &s, NULL);
	op_buf_reset(&out);
	op_config_notes(c, service, sample_table, OP_ARRAY_SIZE(sample_table), &out);
	op_config_free(c);
	return out.data;
}

TEST(secrets_that_others_can_read_are_noted)
{
	struct op_config_source src = source(yaml);
	const char *sets[] = {"services.s.token=hunter2"};
	src.env_file = put_env("TOKEN=hunter2\n", 14, 0600);
	CHECK_STR(notes(&src, "s"), "");
	src.env_file = put_env("TOKEN=hunter2\n", 14, 0640);
	CHECK_HAS(notes(&src, "s"), "/env:1 TOKEN: services.s.token is secret, but others may read "
				    "the file (chmod 600 ");
	src.sets = sets;
	src.n_sets = 1;
	CHECK_HAS(notes(&src, "s"),
		  "--set services.s.token: services.s.token is secret, and every user of "
		  "this machine sees command lines");
	CHECK(!strstr(out.data, "hunter2"));
	src.n_sets = 0;
	src.env_file = put_env("TITLE=x\n", 8, 0644);
	CHECK_STR(notes(&src, "s"), "");
}

TEST(a_secret_in_an_open_yaml_file_is_noted)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/a.yaml", op_test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fputs("appliance: a\nservices: {s: {token: hunter2}}\n", f) >= 0 &&
	      fclose(f) == 0);
	struct op_config_source src = source("");
	src.text = NULL;
	src.file = path;
	CHECK(chmod(path, 0644) == 0);
	CHECK_HAS(notes(&src, "s"),
		  "services.s.token is secret and stands in a file that others may read");
	CHECK(chmod(path, 0600) == 0);
	CHECK_STR(notes(&src, "s"), "");
}

TEST(a_variable_that_is_nearly_right_is_noted)
{
	struct op_config_source src = source(yaml);
	src.env_file = put_env("PROT=80\nUNRELATED=1\n", 20, 0600);
	const char *said = notes(&src, NULL);
	CHECK_HAS(said, "/env:1: PROT sets nothing (did you mean \"PORT\"?)\n");
	CHECK(!strstr(said, "UNRELATED"));
}

TEST(variables_that_nobody_knows_are_counted)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	const char text[] =
		"PROT=80\nTITLE=x\nU0=hidden\nU1=\nU2=\nU3=\nU4=\nU5=\nU6=\nU7=\nU8=\nU9=\n";
	src.env_file = put_env(text, strlen(text), 0600);
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_unused(c, &out);
	op_config_free(c);
	CHECK_HAS(out.data, "/env:3: U0 sets nothing (not a name below \"environment\")\n");
	CHECK_HAS(out.data, "/env:12: U9 sets nothing");
	CHECK(!strstr(out.data, "PROT") && !strstr(out.data, "TITLE") &&
	      !strstr(out.data, "hidden"));
	CHECK(!strstr(out.data, "more variables"));
	op_buf_reset(&out);
	const char more[] = "U0=\nU1=\nU2=\nU3=\nU4=\nU5=\nU6=\nU7=\nU8=\nU9=\nU10=\nU11=\n";
	src.env_file = put_env(more, strlen(more), 0600);
	c = load_good(&src, &s, NULL);
	op_config_unused(c, &out);
	op_config_free(c);
	CHECK_HAS(out.data, "/env:10: U9 sets nothing");
	CHECK(!strstr(out.data, "U10"));
	CHECK_HAS(out.data, "/env: 2 more variables set nothing\n");
}
