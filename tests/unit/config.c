/* The order of sources, the common keys, show and notes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

static const char base_yaml[] =
	"appliance: hub\n"
	"description: A hub\n"
	"environment:\n"
	"  PORT: services.s.listen.port\n"
	"  TITLE: [services.s.title, services.t.title]\n"
	"  TOKEN: services.s.token\n"
	"services:\n"
	"  s:\n"
	"    count: 20\n"
	"    listen: 127.0.0.1:8000\n"
	"    sched: {policy: fifo, priority: 50, cores: [0, 2], mlock: yes}\n"
	"    restart: {limit: 3}\n"
	"  t:\n"
	"simulators:\n"
	"  board:\n"
	"    program: outpost-sim-x\n"
	"    args: [--link, \"${RUNTIME}/sim/x\"]\n"
	"    set: {services.s.device: \"tcp:${STATE}/y\", services.s.count: 30}\n";

static const char *put_file(const char *name, const char *text, mode_t mode)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/%s", op_test_dir(), name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
	return path;
}

TEST(defaults_and_yaml)
{
	struct op_config_source src = source(base_yaml);
	struct sample_settings s;
	struct op_service_common common;
	struct op_config *c = load_good(&src, &s, &common);
	CHECK_STR(op_config_appliance(c), "hub");
	CHECK_STR(op_config_description(c), "A hub");
	CHECK_STR(op_config_file(c), "a.yaml");
	CHECK_INT(op_config_service_count(c), 2);
	CHECK_STR(op_config_service_name(c, 1), "t");
	CHECK(op_config_service_name(c, 2) == NULL);
	CHECK_INT(s.count, 20);
	CHECK_NEAR(s.alpha, 0.12, 0);
	CHECK(s.on);
	CHECK_STR(s.title, "none");
	CHECK_INT(s.profile, 1);
	CHECK_STR(s.listen.host, "127.0.0.1");
	CHECK_INT(s.listen.port, 8000);
	CHECK_STR(s.device.path, "/dev/ttyUSB0");
	CHECK_INT(s.limits.low, -5);
	CHECK_STR(common.program, "outpost-s");
	CHECK(common.enabled && common.sched.mlock);
	CHECK_INT(common.watchdog_s, 5);
	CHECK_INT(common.restart_limit, 3);
	CHECK_INT(common.cooldown_s, 10);
	CHECK_INT(common.sched.policy, 3);
	CHECK_INT(common.sched.priority, 50);
	CHECK_INT(common.sched.cores.n, 2);
	CHECK_INT(common.sched.cores.v[1], 2);
	op_config_free(c);
}

TEST(later_sources_win)
{
	struct op_config_source src = source(base_yaml);
	struct sample_settings s;
	const char *sets[] = {"services.s.listen=[::1]:9", "services.s.count=40"};
	char *variables[] = {(char[]){"PORT=7000"}, (char[]){"TITLE=from env"}, (char[]){"OTHER=1"},
			     NULL};
	src.env_file = put_file("env", "PORT=6000\nTITLE='from file'\nTOKEN=abc\n", 0600);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.listen.port, 6000);
	CHECK_STR(s.listen.host, "127.0.0.1");
	CHECK_STR(s.title, "from file");
	CHECK_STR(s.token, "abc");
	src.environ = variables;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.listen.port, 7000);
	CHECK_STR(s.title, "from env");
	src.sim = true;
	src.state_dir = "/st";
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.count, 30);
	CHECK_STR(s.device.scheme, "tcp");
	CHECK_STR(s.device.path, "/st/y");
	src.sets = sets;
	src.n_sets = 2;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.count, 40);
	CHECK_STR(s.listen.host, "::1");
	CHECK_INT(s.listen.port, 9);
}

TEST(simulators_have_their_arguments)
{
	struct op_config_source src = source(base_yaml);
	src.runtime_dir = "/run/x";
	struct sample_settings s;
	struct op_config *c = load_good(&src, &s, NULL);
	struct op_config_simulator sim;
	CHECK_INT(op_config_simulator_count(c), 1);
	op_config_simulator(c, 0, &sim);
	CHECK_STR(sim.name, "board");
	CHECK_STR(sim.program, "outpost-sim-x");
	CHECK_INT(sim.n_args, 2);
	CHECK_STR(sim.args[1], "/run/x/sim/x");
	CHECK_STR(s.device.scheme, "serial");
	op_config_free(c);
}

TEST(set_takes_text_as_it_stands_and_yaml_where_it_looks_so)
{
	struct op_config_source src = source(base_yaml);
	struct sample_settings s;
	const char *sets[] = {"services.s.device=tcp:[fe80::1]:2112?x=a=b&y=c:d",
			      "services.s.pins=[1,2]",
			      "services.s.title=\"a: b\"",
			      "services.s.limits={low: 1, high: 99}",
			      "services.s.limits.low=2",
			      "services.s.on=Off",
			      "services.s.alpha=1e-3"};
	src.sets = sets;
	src.n_sets = OP_ARRAY_SIZE(sets);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.device.path, "[fe80::1]:2112");
	CHECK_STR(op_device_uri_param(&s.device, "x", ""), "a=b");
	CHECK_STR(op_device_uri_param(&s.device, "y", ""), "c:d");
	CHECK_STR(op_device_uri_param(&s.device, "z", "none"), "none");
	CHECK_INT(s.pins.n, 2);
	CHECK_STR(s.title, "a: b");
	CHECK_INT(s.limits.low, 2);
	CHECK_INT(s.limits.high, 99);
	CHECK(!s.on);
	CHECK_NEAR(s.alpha, 1e-3, 0);
	const char *more[] = {"services.s.pins=3, 4,5", "services.s.title=true"};
	src.sets = more;
	src.n_sets = 2;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_INT(s.pins.n, 3);
	CHECK_INT(s.pins.v[2], 5);
	CHECK_STR(s.title, "true");
}

TEST(show_tells_every_origin_and_no_secret)
{
	struct op_config_source src = source(base_yaml);
	struct sample_settings s;
	const char *sets[] = {"services.s.count=40", "services.s.token=hunter2"};
	char *variables[] = {(char[]){"TITLE=from env"}, NULL};
	src.env_file = put_file("env", "\n\nPORT=6000\n", 0600);
	src.environ = variables;
	src.sets = sets;
	src.n_sets = 2;
	struct op_config *c = load_good(&src, &s, NULL);
	CHECK_INT(op_config_show(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &out, &errors),
		  0);
	CHECK_HAS(out.data, "    program: outpost-s  # default\n");
	CHECK_HAS(out.data, "    count: 40  # from --set services.s.count\n");
	CHECK_HAS(out.data, "    listen: 127.0.0.1:6000  # from a.yaml:10:13, port from ");
	CHECK_HAS(out.data, "/env:3 PORT\n");
	CHECK_HAS(out.data, "    title: from env  # from environment TITLE\n");
	CHECK_HAS(out.data, "    token: \"***\"  # from --set services.s.token\n");
	CHECK_HAS(out.data, "    alpha: 0.12  # default\n");
	CHECK_HAS(out.data, "      cores: [0, 2]  # from a.yaml:11:48\n");
	CHECK(!strstr(out.data, "hunter2"));
	op_config_free(c);
}

TEST(mistakes_are_all_told_in_order_of_place)
{
	struct op_config_source src = source("appliance: a\n"
					     "services:\n"
					     "  s:\n"
					     "    devise: serial:x\n"
					     "    count: 5\n"
					     "    alpha: nan\n"
					     "    sched: {polcy: fifo, priority: 500}\n");
	const char *sets[] = {"services.s.count=4"};
	CHECK_STR(
		load_bad(&src),
		"a.yaml:4:5: services.s.devise: unknown setting (did you mean \"device\"?)\n"
		"a.yaml:5:12: services.s.count: expected an integer from 16 to 8000 samples, not "
		"\"5\"\n"
		"a.yaml:6:12: services.s.alpha: expected a number from 0 to 1, not \"nan\"\n"
		"a.yaml:7:13: services.s.sched.polcy: unknown setting (did you mean \"policy\"?)\n"
		"a.yaml:7:36: services.s.sched.priority: expected an integer from 1 to 99, not "
		"\"500\"\n");
	src = source("appliance: a\nservices: {s: }\n");
	src.sets = sets;
	src.n_sets = 1;
	CHECK_STR(load_bad(&src), "--set services.s.count=4: expected an integer from 16 to 8000 "
				  "samples\n");
}

TEST(what_was_on_one_command_line_goes_onto_the_next)
{
	struct op_config_args a = {.src.file = "a.yaml"};
	CHECK_INT(op_config_args_take(&a, OP_ARG_STATE, "/s"), 1);
	CHECK_INT(op_config_args_take(&a, OP_ARG_SIM, NULL), 1);
	CHECK_INT(op_config_args_take(&a, OP_ARG_SET, "x=1"), 1);
	CHECK_INT(op_config_args_take(&a, OP_ARG_SET, "y=2"), 1);
	CHECK_INT(op_config_args_take(&a, 'h', NULL), 0);
	const char **argv = op_config_argv(&a.src, "/bin/p", "s", "--check");
	static const char *const want[] = {"/bin/p",  "--appliance", "a.yaml", "--service", "s",
					   "--state", "/s",          "--set",  "x=1",       "--set",
					   "y=2",     "--sim",       "--check"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(want); i++)
		CHECK_STR(argv[i], want[i]);
	CHECK(!argv[OP_ARRAY_SIZE(want)]);
	free(argv);
	while (a.src.n_sets < OP_CONFIG_SETS_MAX)
		CHECK_INT(op_config_args_take(&a, OP_ARG_SET, "z=3"), 1);
	CHECK_INT(op_config_args_take(&a, OP_ARG_SET, "z=4"), -E2BIG);
}

TEST(what_is_wrong_can_still_be_looked_at)
{
	struct op_config_source src =
		source("aplliance: a\nservices:\n  s: {count: 5}\n  t: text\n");
	struct sample_settings s;
	const char *sets[] = {"services.x.y=1"};
	struct op_config *c = NULL;
	src.sets = sets;
	src.n_sets = 1;
	src.env_file = "none.env";
	CHECK_INT(op_config_read(&src, &c, &errors), 1);
	CHECK(op_config_appliance(c) == NULL);
	CHECK_INT(op_config_service_count(c), 2);
	CHECK_HAS(errors.data, "none.env: cannot be read");
	CHECK_HAS(errors.data, "a.yaml:1:1: aplliance: unknown key");
	CHECK_HAS(errors.data, "a.yaml:4:6: services.t: expected a mapping");
	CHECK_HAS(errors.data, "--set services.x.y: unknown service");
	op_buf_reset(&errors);
	CHECK_INT(op_config_service(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &s, NULL,
				    &errors),
		  -EINVAL);
	CHECK_HAS(errors.data, "a.yaml:3:14: services.s.count: expected an integer");
	op_buf_reset(&errors);
	CHECK_INT(op_config_service(c, "t", sample_table, OP_ARRAY_SIZE(sample_table), &s, NULL,
				    &errors),
		  -EINVAL);
	CHECK_STR(errors.data, "");
	op_config_wrong_path(c, "services.s.count", &errors, "is %s", "bad");
	CHECK_STR(errors.data, "a.yaml:3:14: services.s.count: is bad\n");
	op_config_free(c);
	c = NULL;
	CHECK_INT(op_config_load(&src, &c, &errors), -EINVAL);
	CHECK(c == NULL);
}

TEST(without_services_there_is_nothing_to_ask)
{
	struct op_config_source src = source("appliance: a\n");
	struct op_config *c = NULL;
	CHECK_INT(op_config_read(&src, &c, &errors), 1);
	CHECK_INT(op_config_service_count(c), 0);
	CHECK(op_config_service_name(c, 0) == NULL);
	CHECK_INT(op_config_find_service(c, "s", &errors), -ENOENT);
	op_config_free(c);
	src = source("- no mapping\n");
	c = NULL;
	CHECK_INT(op_config_read(&src, &c, &errors), -EINVAL);
	CHECK(c == NULL);
}

TEST(control_characters_of_a_key_are_shown_not_obeyed)
{
	struct op_config_source src = source("appliance: a\nservices: {s: }\n\"x\\e[2J\\n\": 1\n");
	CHECK_HAS(load_bad(&src), "a.yaml:3:1: x\\x1b[2J\\x0a: unknown key");
}
