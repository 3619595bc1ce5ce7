/* Lists of mappings: what is taken, what is refused and where, single elements set from outside,
 * and what is shown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

static const char two_routes[] = "appliance: a\n"
				 "environment:\n"
				 "  FIRST: services.s.routes.0.name\n"
				 "  THIRD: services.s.routes.2\n"
				 "  ALL: services.s.routes\n"
				 "services:\n"
				 "  s:\n"
				 "    routes:\n"
				 "      - name: north\n"
				 "        port: 7\n"
				 "      - {name: south, limits: {low: 1}, key: hunter2,\n"
				 "         steps: [{ms: 2}, {}]}\n";

static const struct sample_route *route(const struct sample_settings *s, size_t i)
{
	CHECK(i < s->routes.n);
	return (const struct sample_route *)s->routes.v + i;
}

static const char *bad(const char *line)
{
	static char yaml[2048];
	struct op_config_source src = with_line(yaml, sizeof(yaml), line);
	return load_bad(&src);
}

/* What is said when --set changes something of the two routes; or "" and the settings. */
static const char *set(const char *text, struct sample_settings *ret, struct op_config **ret_c)
{
	struct op_config_source src = source(two_routes);
	const char *sets[] = {text};
	src.sets = sets;
	src.n_sets = 1;
	if (!ret)
		return load_bad(&src);
	*ret_c = load_good(&src, ret, NULL);
	return "";
}

TEST(elements_are_filled_each_with_its_defaults)
{
	struct op_config_source src = source(two_routes);
	struct sample_settings s;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(s.routes.n, 2);
	CHECK_STR(route(&s, 0)->name, "north");
	CHECK_INT(route(&s, 0)->port, 7);
	CHECK_INT(route(&s, 0)->limits.low, -5);
	CHECK_INT(route(&s, 0)->steps.n, 0);
	CHECK_STR(route(&s, 1)->name, "south");
	CHECK_STR(route(&s, 1)->key, "hunter2");
	CHECK_INT(route(&s, 1)->port, 80);
	CHECK_INT(route(&s, 1)->limits.low, 1);
	CHECK_INT(route(&s, 1)->steps.n, 2);
	CHECK_INT(((const struct sample_step *)route(&s, 1)->steps.v)[0].ms, 2);
	CHECK_INT(((const struct sample_step *)route(&s, 1)->steps.v)[1].ms, 1);
	op_config_free(c);
}

TEST(nothing_given_is_an_empty_list)
{
	static const char *const lines[] = {"count: 20", "routes:", "routes: []", "routes: ~"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(lines); i++) {
		char yaml[256];
		struct op_config_source src = with_line(yaml, sizeof(yaml), lines[i]);
		struct sample_settings s;
		op_config_free(load_good(&src, &s, NULL));
		CHECK_INT(s.routes.n, 0);
	}
}

TEST(mistakes_in_elements_have_their_place)
{
	CHECK_STR(bad("routes:\n"
		      "      - name: a\n"
		      "        prot: 5\n"
		      "      - port: 100\n"
		      "        steps: [{ms: 0}, {sm: 1}]\n"
		      "      - name: b\n"
		      "        limits: 3"),
		  "a.yaml:6:9: services.s.routes.0.prot: unknown setting (did you mean \"port\"?)\n"
		  "a.yaml:7:9: services.s.routes.1.name: is required: where to\n"
		  "a.yaml:7:15: services.s.routes.1.port: expected an integer from 1 to 99, not "
		  "\"100\"\n"
		  "a.yaml:8:22: services.s.routes.1.steps.0.ms: expected an integer from 1 to 9, "
		  "not \"0\"\n"
		  "a.yaml:8:27: services.s.routes.1.steps.1.sm: unknown setting (expected ms)\n"
		  "a.yaml:10:17: services.s.routes.2.limits: expected a mapping of settings, not "
		  "\"3\"\n");
}

TEST(what_is_no_list_of_mappings)
{
	CHECK_STR(bad("routes: {name: a}"),
		  "a.yaml:4:13: services.s.routes: expected a list of at most 4 "
		  "mappings, not a mapping\n");
	CHECK_HAS(bad("routes: [a, {name: b}, ~, [c]]"),
		  "a.yaml:4:14: services.s.routes.0: expected a mapping of settings, not text\n");
	CHECK_HAS(errors.data, "services.s.routes.2: expected a mapping of settings, not nothing");
	CHECK_HAS(errors.data, "services.s.routes.3: expected a mapping of settings, not a list");
	/* A secret may be in it: no part of it is shown. */
	CHECK_STR(bad("routes: hunter2"),
		  "a.yaml:4:13: services.s.routes: expected a list of at most 4 mappings\n");
	CHECK_STR(set("services.s.routes=key: hunter2", NULL, NULL),
		  "--set services.s.routes: expected a list of at most 4 mappings\n");
}

TEST(more_elements_than_there_may_be)
{
	CHECK_STR(bad("routes: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {x: y}]"),
		  "a.yaml:4:58: services.s.routes: more than 4 elements\n");
}

TEST(one_element_is_set_from_outside)
{
	struct sample_settings s;
	struct op_config *c;
	set("services.s.routes.1.port=9", &s, &c);
	CHECK_INT(s.routes.n, 2);
	CHECK_STR(route(&s, 1)->name, "south");
	CHECK_INT(route(&s, 1)->port, 9);
	CHECK_INT(route(&s, 1)->limits.low, 1);
	op_config_free(c);
	set("services.s.routes.1.steps.1.ms=5", &s, &c);
	CHECK_INT(((const struct sample_step *)route(&s, 1)->steps.v)[1].ms, 5);
	op_config_free(c);
	set("services.s.routes.0={port: 8}", &s, &c);
	CHECK_STR(route(&s, 0)->name, "north");
	CHECK_INT(route(&s, 0)->port, 8);
	op_config_free(c);
	set("services.s.routes=[{name: west}]", &s, &c);
	CHECK_INT(s.routes.n, 1);
	CHECK_STR(route(&s, 0)->name, "west");
	op_config_free(c);
	set("services.s.pins.0=4", &s, &c); /* other lists as well */
	CHECK_INT(s.pins.n, 1);
	op_config_free(c);
}

TEST(one_past_the_end_adds_an_element)
{
	struct op_config_source src = source("appliance: a\nservices: {s: }\n");
	const char *sets[] = {"services.s.routes.0.name=a", "services.s.routes.1={name: b}",
			      "services.s.routes.1.port=4"};
	struct sample_settings s;
	src.sets = sets;
	src.n_sets = 3;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(s.routes.n, 2);
	CHECK_STR(route(&s, 0)->name, "a");
	CHECK_STR(route(&s, 1)->name, "b");
	CHECK_INT(route(&s, 1)->port, 4);
	op_config_free(c);
}

TEST(further_than_the_end_is_a_mistake)
{
	CHECK_STR(set("services.s.routes.3.name=x", NULL, NULL),
		  "--set services.s.routes.3.name: there are 2 elements (services.s.routes.2 adds "
		  "one)\n");
	CHECK_STR(set("services.s.pins.1=5", NULL, NULL),
		  "--set services.s.pins.1: there are 0 elements (services.s.pins.0 adds one)\n");
	CHECK_STR(set("services.s.routes.0.steps.00.ms=5", NULL, NULL),
		  "--set services.s.routes.0.steps.00.ms: services.s.routes.0.steps: expected a "
		  "list of at most 2 mappings, not a mapping\n");
	CHECK_STR(set("services.s.routes.2.port=5", NULL, NULL),
		  "--set services.s.routes.2.port: services.s.routes.2.name: is required: where "
		  "to\n");
	CHECK_STR(set("services.s.routes.0.port=0", NULL, NULL),
		  "--set services.s.routes.0.port=0: expected an integer from 1 to 99\n");
	CHECK_STR(set("services.s.routes.0.key=0123456789hunter2", NULL, NULL),
		  "--set services.s.routes.0.key: expected text of at most 15 bytes\n");
	CHECK_HAS(set("services.s.routes.name=x", NULL, NULL),
		  "services.s.routes: expected a list of at most 4 mappings, not a mapping");
}

TEST(variables_set_elements)
{
	struct op_config_source src = source(two_routes);
	char *variables[] = {(char[]){"FIRST=east"}, (char[]){"THIRD={name: west, port: 3}"}, NULL};
	struct sample_settings s;
	src.environ = variables;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(s.routes.n, 3);
	CHECK_STR(route(&s, 0)->name, "east");
	CHECK_INT(route(&s, 0)->port, 7);
	CHECK_STR(route(&s, 2)->name, "west");
	op_config_free(c);
	char *all[] = {(char[]){"ALL=[{name: only}]"}, NULL};
	src.environ = all;
	c = load_good(&src, &s, NULL);
	CHECK_INT(s.routes.n, 1);
	op_config_free(c);
	char *both[] = {(char[]){"ALL=[]"}, (char[]){"THIRD={name: west}"}, NULL};
	src.environ = both;
	CHECK_STR(load_bad(&src), "environment THIRD: services.s.routes.2: there are 0 elements "
				  "(services.s.routes.0 adds one)\n");
}

TEST(targets_of_variables_must_exist)
{
	static const char *const targets[] = {"routes.0.nme",     "routes.4.name",
					      "routes.x.name",    "routes..name",
					      "routes.0.steps.2", "routes.0.limits"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(targets); i++) {
		char yaml[256];
		snprintf(yaml, sizeof(yaml),
			 "appliance: a\nenvironment: {V: services.s.%s}\nservices: {s: }\n",
			 targets[i]);
		struct op_config_source src = source(yaml);
		CHECK_HAS(load_bad(&src), "which is no setting");
		CHECK_HAS(errors.data, targets[i]);
	}
}

TEST(show_tells_origins_of_elements_and_reads_back)
{
	struct op_config_source src = source(two_routes);
	const char *sets[] = {"services.s.routes.0.port=8"};
	struct sample_settings s;
	src.sets = sets;
	src.n_sets = 1;
	struct op_config *c = load_good(&src, &s, NULL);
	op_buf_puts(&out, "appliance: a\nservices:\n");
	CHECK_INT(op_config_show(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &out, &errors),
		  0);
	CHECK_HAS(out.data, "    routes:\n"
			    "      - name: north  # from a.yaml:9:15\n"
			    "        key: \"\"  # default\n" /* not set, nothing to hide */
			    "        port: 8  # from --set services.s.routes.0.port\n"
			    "        limits:\n"
			    "          low: -5  # default\n"
			    "          high: 5  # default\n"
			    "        steps: []  # default\n"
			    "      - name: south  # from a.yaml:11:16\n"
			    "        key: \"***\"  # from a.yaml:11:");
	CHECK_HAS(out.data, "        steps:\n"
			    "          - ms: 2  # from a.yaml:12:23\n"
			    "          - ms: 1  # default\n");
	CHECK(!strstr(out.data, "hunter2"));
	OP_AUTO_FREE char *shown = strdup(out.data);
	struct op_config_source again = source(shown);
	struct sample_settings t;
	struct op_config *second = load_good(&again, &t, NULL);
	CHECK_INT(t.routes.n, 2);
	CHECK_STR(route(&t, 1)->name, "south");
	CHECK_INT(((const struct sample_step *)route(&t, 1)->steps.v)[0].ms, 2);
	op_config_free(second);
	op_config_free(c);
}

TEST(a_mistake_can_name_an_element)
{
	struct op_config_source src = source(two_routes);
	const char *sets[] = {"services.s.routes.0.port=8", "services.s.routes.0.key=hunter2"};
	struct sample_settings s;
	src.sets = sets;
	src.n_sets = 2;
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_wrong(c, "s", "routes.1.limits.low", &errors, "is %s", "low");
	op_config_wrong(c, "s", "routes.1.port", &errors, "is not there");
	op_config_wrong(c, "s", "routes.0.port", &errors, "is taken");
	op_config_wrong(c, "s", "routes.0.key", &errors, "is %s", "weak");
	CHECK_STR(errors.data, "a.yaml:11:37: services.s.routes.1.limits.low: is low\n"
			       "a.yaml:11:9: services.s.routes.1: is not there\n"
			       "--set services.s.routes.0.port=8: is taken\n"
			       /* A secret may be wrong too: no value. */
			       "--set services.s.routes.0.key: is weak\n");
	op_config_free(c);
}

TEST(secrets_in_elements_that_others_can_read)
{
	struct op_config_source src = source(two_routes);
	const char *sets[] = {"services.s.routes.0.key=hunter2"};
	struct sample_settings s;
	src.sets = sets;
	src.n_sets = 1;
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_notes(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &out);
	CHECK_HAS(out.data, "--set services.s.routes.0.key: services.s.routes.0.key is secret");
	CHECK(!strstr(out.data, "hunter2"));
	op_config_free(c);
}

TEST(the_reference_names_what_is_in_elements)
{
	op_buf_init_fixed(&out, out_text, sizeof(out_text));
	op_config_reference("x", sample_table, OP_ARRAY_SIZE(sample_table), &out);
	CHECK_HAS(out.data, "| `routes` | a list of at most 4 mappings |  | routes |\n"
			    "| `routes.N.name` | text of at most 15 bytes | required | where to |\n"
			    "| `routes.N.key` | text of at most 15 bytes |  | what opens it "
			    "(secret) |\n");
	CHECK_HAS(out.data, "| `routes.N.limits.low` |");
	CHECK_HAS(out.data, "| `routes.N.steps.N.ms` | an integer from 1 to 9 | `1` |");
}
