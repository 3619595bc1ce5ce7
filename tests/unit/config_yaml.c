/* What an appliance file may hold, and what is said about one that holds something else.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

#define HEAD "appliance: a\nservices:\n  s:\n"

static const char *bad(const char *yaml)
{
	struct op_config_source src = source(yaml);
	return load_bad(&src);
}

static struct sample_settings good(const char *yaml)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	op_config_free(load_good(&src, &s, NULL));
	return s;
}

TEST(anchors_and_aliases_are_copied)
{
	struct op_config_source src = source("appliance: a\nservices:\n"
					     "  s: &x {count: 33, limits: &l {low: 1, high: 2}}\n"
					     "  t: *x\n  u: {limits: *l}\n");
	struct sample_settings s, t, u;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(op_config_service(c, "t", sample_table, OP_ARRAY_SIZE(sample_table), &t, NULL,
				    &errors),
		  0);
	CHECK_INT(op_config_service(c, "u", sample_table, OP_ARRAY_SIZE(sample_table), &u, NULL,
				    &errors),
		  0);
	CHECK_INT(t.count, 33);
	CHECK_INT(u.limits.high, 2);
	CHECK_INT(u.count, 100);
	op_config_free(c);
}

TEST(an_override_of_one_alias_leaves_the_others)
{
	struct op_config_source src =
		source("appliance: a\nservices:\n  t: &x {count: 33}\n  s: *x\n");
	const char *sets[] = {"services.s.count=44"};
	struct sample_settings s, t;
	src.sets = sets;
	src.n_sets = 1;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(op_config_service(c, "t", sample_table, OP_ARRAY_SIZE(sample_table), &t, NULL,
				    &errors),
		  0);
	CHECK_INT(s.count, 44);
	CHECK_INT(t.count, 33);
	op_config_free(c);
}

TEST(a_billion_laughs_are_refused_at_once)
{
	char yaml[4096] = "a: &a [x,x,x,x,x,x,x,x,x]\n";
	for (char c = 'b'; c <= 'j'; c++) {
		char line[128];
		snprintf(line, sizeof(line), "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c,
			 c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
		strcat(yaml, line);
	}
	CHECK_HAS(bad(yaml), "too much is repeated by aliases (at most 10000 values");
}

TEST(long_texts_cannot_be_multiplied)
{
	OP_AUTO_BUF struct op_buf yaml;
	op_buf_init(&yaml, 1 << 20);
	op_buf_puts(&yaml, "a: &a ");
	for (int i = 0; i < 500000; i++)
		op_buf_putc(&yaml, 'x');
	op_buf_puts(&yaml, "\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n");
	CHECK_HAS(bad(yaml.data), "a.yaml:2:26: b.7: too much is repeated by aliases");
}

TEST(aliases_that_lead_nowhere)
{
	CHECK_STR(bad("appliance: *x\n"),
		  "a.yaml:1:12: appliance: no anchor &x above this alias\n");
	CHECK_HAS(bad("appliance: a\nservices: &x {s: *x}\n"),
		  "a.yaml:2:18: services.s: *x stands inside its own anchor");
}

TEST(keys_given_twice_name_both_lines)
{
	CHECK_STR(bad(HEAD "    count: 20\n    on: no\n    count: 30\n"),
		  "a.yaml:6:5: services.s.count: this key is given twice, first in line 4 (remove "
		  "one)\n");
}

TEST(keys_given_twice_in_a_list_name_the_element)
{
	CHECK_HAS(bad(HEAD "    all:\n      - {a: 1}\n      - {b: 1, b: 2}\n"),
		  "a.yaml:6:16: services.s.all.1.b: this key is given twice, first in line 6");
}

TEST(limits_of_depth_and_number)
{
	OP_AUTO_BUF struct op_buf yaml;
	op_buf_init(&yaml, 1 << 20);
	op_buf_puts(&yaml, "appliance: ");
	for (int i = 0; i < 40; i++)
		op_buf_putc(&yaml, '[');
	CHECK_HAS(bad(yaml.data), "a.yaml:1:44: appliance.0.0.0");
	CHECK_HAS(bad(yaml.data), ".0: nested deeper than 32 levels\n");
	op_buf_reset(&yaml);
	op_buf_puts(&yaml, "appliance: [");
	for (int i = 0; i < 10001; i++)
		op_buf_puts(&yaml, "x,");
	op_buf_puts(&yaml, "]\n");
	CHECK_HAS(bad(yaml.data), "more than 10000 values");
}

TEST(syntax_errors_carry_place_and_remedy)
{
	CHECK_STR(bad("appliance: a\nservices:\n\ts: {}\n"),
		  "a.yaml:3:1: services: a tab cannot indent YAML (use spaces)\n");
	CHECK_STR(bad("appliance: a\ndescription: x: y\n"),
		  "a.yaml:2:15: \": \" starts a mapping here: check the indentation, or "
		  "quote the text\n");
	CHECK_HAS(bad("appliance: \"a\nservices: {}\n"), "a quote, bracket or brace is not closed");
	CHECK_HAS(bad("appliance: - a\n"), "\"- \" cannot begin a list here");
	CHECK_HAS(bad("appliance: [a, b\n"), "\"]\" is missing");
	CHECK_HAS(bad("appliance: @a\n"), "put the text in quotes");
	CHECK_HAS(bad("appliance: \"\\q\"\n"), "use single quotes to take it as it stands");
}

TEST(what_is_not_utf8_text_is_refused)
{
	CHECK_STR(bad("appliance: a\nservices: {s: {title: \"\xc3\xa4\xff\"}}\n"),
		  "a.yaml:2:25: this is not UTF-8 (save the file as UTF-8)\n");
	CHECK_HAS(bad("appliance: a\x01\n"),
		  "a.yaml:1:13: a control character is not allowed here");
	CHECK_HAS(bad(HEAD "    title: \"a\\0b\"\n"),
		  "a.yaml:4:12: services.s.title: text must not");
	CHECK_INT(good("\xef\xbb\xbf" HEAD "    count: 21\n").count, 21);
}

TEST(documents_tags_and_strange_keys)
{
	CHECK_HAS(bad("appliance: a\nservices: {s: }\n---\nappliance: b\n"),
		  "a.yaml:3:1: a second document begins here (remove it)");
	CHECK_HAS(bad("appliance: !!str a\nservices: {s: }\n"),
		  "a.yaml:1:12: appliance: tags are not");
	CHECK_HAS(bad("? [a]\n: b\n"), "a.yaml:1:3: a key must be text");
	CHECK_HAS(bad("- a\n"),
		  "a.yaml:1:1: expected a mapping with \"appliance\" and \"services\", not "
		  "a list");
	CHECK_HAS(bad("# nothing\n"), "a.yaml:1:1: expected a mapping");
}

TEST(the_keys_of_an_appliance)
{
	CHECK_STR(
		bad("aplliance: a\nservices: {s: 5, T: }\nextra: 1\n"),
		"a.yaml:1:1: aplliance: unknown key (did you mean \"appliance\"?)\n"
		"a.yaml:1:1: appliance: is required: the name of the appliance, such as "
		"\"sensorhub\"\n"
		"a.yaml:2:15: services.s: expected a mapping of settings, not text\n"
		"a.yaml:2:18: services.T: a name is a-z, 0-9, \"-\" and \"_\", begins with a "
		"letter "
		"and has at most 32 characters\n"
		"a.yaml:3:1: extra: unknown key (expected one of appliance, description, "
		"env_file, environment, environment_groups, log, memory, services, start_failure, "
		"simulators)\n");
	CHECK_STR(bad("appliance: a\n"),
		  "a.yaml:1:1: services: is required: at least one service\n");
	CHECK_STR(bad("appliance: a\nservices: [s]\n"),
		  "a.yaml:2:11: services: expected a mapping, not a list\n");
	CHECK_HAS(bad("appliance: ../etc\nservices: {s: }\n"), "a.yaml:1:1: appliance: a name is");
	CHECK_HAS(bad("appliance: {a: b}\nservices: {s: }\n"),
		  "appliance: expected text, not a mapping");
}

TEST(simulators_are_checked_also_when_they_are_not_used)
{
	CHECK_STR(bad("appliance: a\nservices: {s: }\n"
		      "simulators:\n  x: {args: [[a]], prorgam: y}\n  z: 5\n  y: {program: p, "
		      "args: q}\n"),
		  "a.yaml:4:3: simulators.x: program is required: the simulator to start\n"
		  "a.yaml:4:14: simulators.x: args: expected text, not a list\n"
		  "a.yaml:4:20: simulators.x.prorgam: unknown key (did you mean \"program\"?)\n"
		  "a.yaml:5:6: simulators.z: expected a mapping, not text\n"
		  "a.yaml:6:25: simulators.y: args: expected a list of texts, not text\n");
	struct op_config_source src = source("appliance: a\nservices: {s: }\nsimulators:\n"
					     "  x: {program: y, set: {services.q.count: 5}}\n");
	src.sim = true;
	CHECK_STR(load_bad(&src), "a.yaml:4:25: unknown service \"q\" (expected s)\n");
}

TEST(a_wrong_value_of_a_simulator_is_found_where_it_stands)
{
	struct op_config_source src = source("appliance: a\nservices: {s: }\nsimulators:\n"
					     "  x: {program: y, set: {services.s.count: 5}}\n");
	src.sim = true;
	CHECK_HAS(load_bad(&src), "a.yaml:4:43: services.s.count: expected an integer from 16");
	src.sim = false;
	struct sample_settings s;
	op_buf_reset(&errors);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.count, 100);
}

TEST(placeholders)
{
	struct op_config_source src = source(HEAD "    title: $x ${RUNTIME}$\n    device: "
						  "tcp:${STATE}${RUNTIME}\n");
	struct sample_settings s;
	src.runtime_dir = "/r";
	src.state_dir = "/s";
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "$x /r$");
	CHECK_STR(s.device.path, "/s/r");
	CHECK_STR(bad(HEAD "    title: ${HOME}\n"),
		  "a.yaml:4:12: services.s.title: unknown placeholder "
		  "(expected ${RUNTIME} or ${STATE})\n");
	const char *sets[] = {"services.s.title=${HOME}"};
	src.sets = sets;
	src.n_sets = 1;
	op_buf_reset(&errors);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "${HOME}");
}

TEST(files_that_cannot_be_read_say_why)
{
	struct op_config_source src = source("");
	struct op_config *c = NULL;
	char path[300];
	src.text = NULL;
	src.file = "/nowhere/a.yaml";
	CHECK_INT(op_config_load(&src, &c, &errors), -ENOENT);
	CHECK_STR(errors.data,
		  "/nowhere/a.yaml: cannot be read: No such file or directory (check the "
		  "path)\n");
	op_buf_reset(&errors);
	src.file = op_test_dir();
	CHECK_INT(op_config_load(&src, &c, &errors), -EISDIR);
	CHECK_HAS(errors.data, "(name the file in it)");
	op_buf_reset(&errors);
	snprintf(path, sizeof(path), "%s/big", op_test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && ftruncate(fileno(f), 1024 * 1024 + 1) == 0 && fclose(f) == 0);
	src.file = path;
	CHECK_INT(op_config_load(&src, &c, &errors), -EFBIG);
	CHECK_HAS(errors.data, "is it the right file");
	CHECK(c == NULL);
}

TEST(more_mistakes_than_anyone_reads_are_counted)
{
	OP_AUTO_BUF struct op_buf yaml;
	op_buf_init(&yaml, 1 << 20);
	op_buf_puts(&yaml, HEAD);
	for (int i = 0; i < 150; i++)
		op_buf_printf(&yaml, "    zzz%d: 1\n", i);
	const char *said = bad(yaml.data);
	CHECK_HAS(said, "a.yaml:103:5: services.s.zzz99: unknown setting");
	CHECK_HAS(said, "\n... and 50 more mistakes\n");
}
