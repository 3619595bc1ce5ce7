/* Every type of setting: what is taken, what is refused and with which words.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

static struct sample_settings good(const char *line)
{
	char yaml[1024];
	struct op_config_source src = with_line(yaml, sizeof(yaml), line);
	struct sample_settings s;
	op_config_free(load_good(&src, &s, NULL));
	return s;
}

static const char *bad(const char *line)
{
	static char yaml[1024];
	struct op_config_source src = with_line(yaml, sizeof(yaml), line);
	return load_bad(&src);
}

TEST(integers)
{
	static const char *const wrong[] = {"15",
					    "8001",
					    "20x",
					    "1e3",
					    "20.0",
					    "0x",
					    "''",
					    "020",
					    "5 5",
					    "nan",
					    "99999999999999999999",
					    "[20]",
					    "{a: 1}",
					    "+"};
	CHECK_INT(good("count: 16").count, 16);
	CHECK_INT(good("count: 8000").count, 8000);
	CHECK_INT(good("count: 0x40").count, 64);
	CHECK_INT(good("count: '20'").count, 20);
	CHECK_INT(good("limits: {low: -10, high: -9223372036854775808}").limits.low, -10);
	CHECK_INT(good("limits: {high: 9223372036854775807}").limits.high, INT64_MAX);
	CHECK_HAS(bad("limits: {high: 9223372036854775808}"),
		  "expected an integer, not \"9223372036");
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char line[64];
		snprintf(line, sizeof(line), "count: %s", wrong[i]);
		CHECK_HAS(bad(line),
			  "a.yaml:4:12: services.s.count: expected an integer from 16 to 8000 "
			  "samples, not ");
	}
}

TEST(floats)
{
	static const char *const wrong[] = {"1.1",  "-0.1",  "nan", ".inf", "inf", "0x1p-1",
					    "0.5s", "1e999", "''",  "1,5",  "e",   "."};
	CHECK_NEAR(good("alpha: 0.25").alpha, 0.25, 0);
	CHECK_NEAR(good("alpha: 1").alpha, 1, 0);
	CHECK_NEAR(good("alpha: 5e-1").alpha, 0.5, 0);
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char line[64];
		snprintf(line, sizeof(line), "alpha: %s", wrong[i]);
		CHECK_HAS(bad(line), "services.s.alpha: expected a number from 0 to 1, not ");
	}
}

TEST(booleans)
{
	static const char *const yes[] = {"true", "YES", "On", "True"};
	static const char *const no[] = {"false", "No", "oFF", "FALSE"};
	static const char *const wrong[] = {"1", "0", "y", "enabled", "''", "[true]"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(yes); i++) {
		char line[64];
		snprintf(line, sizeof(line), "on: %s", yes[i]);
		CHECK(good(line).on);
		snprintf(line, sizeof(line), "on: %s", no[i]);
		CHECK(!good(line).on);
	}
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char line[64];
		snprintf(line, sizeof(line), "on: %s", wrong[i]);
		CHECK_HAS(bad(line), "services.s.on: expected true or false, not ");
	}
}

TEST(texts)
{
	CHECK_STR(good("title: yes").title, "yes");
	CHECK_STR(good("title: ''").title, "");
	CHECK_STR(good("title: 123456789012345").title, "123456789012345");
	CHECK_STR(bad("title: 1234567890123456"),
		  "a.yaml:4:12: services.s.title: expected text of at "
		  "most 15 bytes, not \"1234567890123456\"\n");
	CHECK_HAS(bad("title: [a]"), "expected text of at most 15 bytes, not a list");
	CHECK_HAS(bad("title: {a: b}"), "expected text of at most 15 bytes, not a mapping");
}

TEST(a_key_without_a_value_counts_as_not_given)
{
	CHECK_INT(good("count:").count, 100);
	CHECK_INT(good("count: ~").count, 100);
	CHECK_STR(good("title: null").title, "none");
	CHECK_STR(good("title: 'null'").title, "null");
	CHECK_INT(good("limits:").limits.low, -5);
}

TEST(choices)
{
	CHECK_INT(good("profile: steady").profile, 2);
	CHECK_STR(bad("profile: stedy"),
		  "a.yaml:4:14: services.s.profile: expected one of fast, slow, "
		  "steady, not \"stedy\" (did you mean \"steady\"?)\n");
	CHECK_STR(
		bad("profile: x"),
		"a.yaml:4:14: services.s.profile: expected one of fast, slow, steady, not \"x\"\n");
	CHECK_HAS(bad("profile: Fast"), "did you mean \"fast\"?");
}

static void check_listen(const char *line, const char *host, int port)
{
	struct sample_settings s = good(line);
	CHECK_STR(s.listen.host, host);
	CHECK_INT(s.listen.port, port);
}

TEST(listen_addresses)
{
	static const char *const wrong[] = {
		"localhost", "host:",     "host:65536", "host:-1", "::1",   "[::1]", "a b:80",
		"[]:80",     "host:80/x", "host:+80",   "",        "a/b:1", "::1:80"};
	check_listen("listen: 127.0.0.1:8080", "127.0.0.1", 8080);
	check_listen("listen: :8080", "", 8080);
	check_listen("listen: 8080", "", 8080);
	check_listen("listen: '*:8080'", "", 8080);
	check_listen("listen: '[::1]:8080'", "::1", 8080);
	check_listen("listen: '[fe80::1%eth0]:0'", "fe80::1%eth0", 0);
	check_listen("listen: raspberrypi.local:65535", "raspberrypi.local", 65535);
	check_listen("listen: {port: 81}", "0.0.0.0", 81);
	check_listen("listen: {host: '::1', port: 82}", "::1", 82);
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		char line[64];
		snprintf(line, sizeof(line), "listen: '%s'", wrong[i]);
		CHECK_HAS(bad(line),
			  "services.s.listen: expected HOST:PORT, :PORT, PORT or [IPV6]:PORT");
	}
	CHECK_STR(bad("listen: {prt: 5, port: 70000}"),
		  "a.yaml:4:14: services.s.listen.prt: unknown part of a listen address (did you "
		  "mean "
		  "\"port\"?)\n"
		  "a.yaml:4:28: services.s.listen.port: expected an integer from 0 to 65535, not "
		  "\"70000\"\n");
}

TEST(devices)
{
	struct sample_settings s = good("device: serial:/dev/ttyS0?baud=9600&x");
	CHECK_STR(s.device.path, "/dev/ttyS0");
	CHECK_STR(op_device_uri_param(&s.device, "baud", ""), "9600");
	CHECK_STR(op_device_uri_param(&s.device, "x", "-"), "");
	s = good("device: {baud: 57600, path: /dev/ttyS1, parity: even}");
	CHECK_STR(s.device.scheme, "serial");
	CHECK_STR(s.device.path, "/dev/ttyS1");
	CHECK_STR(op_device_uri_param(&s.device, "baud", ""), "57600");
	CHECK_STR(op_device_uri_param(&s.device, "parity", ""), "even");
	CHECK_HAS(bad("device: /dev/ttyUSB0"),
		  "expected a device such as serial:/dev/ttyUSB0?baud=115200");
	CHECK_HAS(bad("device: seral:/dev/ttyUSB0"), "(did you mean \"serial\"?)");
	CHECK_HAS(bad("device: i2c:/dev/i2c-1"), "with one of serial, tcp, not \"i2c:/dev/i2c-1\"");
	CHECK_HAS(bad("device: {'a b': 1}"), "cannot be a parameter of a device");
	CHECK_HAS(bad("device: {baud: \"9\\t6\"}"), "services.s.device.baud: expected text");
}

TEST(lists_of_integers)
{
	CHECK_INT(good("pins: []").pins.n, 0);
	CHECK_INT(good("pins: [1, 0x10]").pins.v[1], 16);
	CHECK_INT(good("pins: '3, 4'").pins.v[1], 4);
	CHECK_INT(good("pins: 7").pins.v[0], 7);
	CHECK_STR(bad("pins: [1, 41, x]"),
		  "a.yaml:4:15: services.s.pins: expected an integer from 0 to 40, not \"41\"\n"
		  "a.yaml:4:19: services.s.pins: expected an integer from 0 to 40, not \"x\"\n");
	CHECK_HAS(bad("pins: '1,'"), "expected a list of integers from 0 to 40, not \"1,\"");
	CHECK_HAS(bad("pins: {a: 1}"), "expected a list of integers from 0 to 40, not a mapping");
	OP_AUTO_BUF struct op_buf line;
	op_buf_init(&line, 1000);
	op_buf_puts(&line, "pins: [");
	for (int i = 0; i < 65; i++)
		op_buf_puts(&line, "1,");
	op_buf_puts(&line, "]");
	CHECK_HAS(bad(line.data), "more than 64 items");
}

TEST(groups)
{
	CHECK_INT(good("limits: {low: 3}").limits.low, 3);
	CHECK_INT(good("limits: {low: 3}").limits.high, 5);
	CHECK_HAS(bad("limits: 5"), "services.s.limits: expected a mapping of settings, not \"5\"");
	CHECK_STR(bad("limits: {lwo: 5}"), "a.yaml:4:14: services.s.limits.lwo: unknown setting "
					   "(did you mean \"low\"?)\n");
	CHECK_HAS(bad("limits: {zebra: 5}"), "(expected one of low, high)");
}

TEST(below_a_plain_value_there_is_nothing)
{
	struct op_config_source src = source("appliance: a\nservices: {s: {count: 20}}\n");
	const char *sets[] = {"services.s.count.x=5"};
	src.sets = sets;
	src.n_sets = 1;
	CHECK_STR(load_bad(&src),
		  "--set services.s.count.x: unknown setting (count has no settings below it)\n");
}

struct needed {
	char name[8];
	struct op_device_uri device;
	int64_t n;
};
static const struct op_setting needed_group[] = {
	{.key = "n", .type = OP_SET_INT, .offset = 0, .flags = OP_SET_REQUIRED, .help = "how many"},
};
static const struct op_setting needed_table[] = {
	{.key = "name",
	 .type = OP_SET_STRING,
	 .offset = offsetof(struct needed, name),
	 .size = 8,
	 .flags = OP_SET_REQUIRED,
	 .help = "what it is called"},
	{.key = "device",
	 .type = OP_SET_DEVICE,
	 .offset = offsetof(struct needed, device),
	 .flags = OP_SET_REQUIRED,
	 .help = "where it is"},
	{.key = "g",
	 .type = OP_SET_GROUP,
	 .offset = offsetof(struct needed, n),
	 .sub = needed_group,
	 .n_sub = 1},
};

static int load_needed(const char *yaml, struct needed *ret)
{
	struct op_config_source src = source(yaml);
	struct op_config *c = NULL;
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	int rc = op_config_service(c, "s", needed_table, OP_ARRAY_SIZE(needed_table), ret, NULL,
				   &errors);
	op_config_free(c);
	return rc;
}

TEST(required_settings_are_missed_at_their_service)
{
	struct needed n;
	memset(&n, 0x55, sizeof(n));
	CHECK_INT(load_needed("appliance: a\nservices:\n  s:\n    name: ''\n    g:\n", &n),
		  -EINVAL);
	CHECK_STR(errors.data, "a.yaml:3:3: services.s.name: is required: what it is called\n"
			       "a.yaml:3:3: services.s.device: is required: where it is\n"
			       "a.yaml:5:5: services.s.g.n: is required: how many\n");
	CHECK_INT(n.name[0], 0x55); /* untouched on failure */
	CHECK_INT(load_needed(
			  "appliance: a\nservices:\n  s: {name: x, device: {baud: 5}, g: {n: 1}}\n",
			  &n),
		  -EINVAL);
	CHECK_HAS(errors.data, "services.s.device: expected a device such as");
	CHECK_INT(load_needed(
			  "appliance: a\nservices:\n  s: {name: x, device: 'tcp:h:1', g: {n: 1}}\n",
			  &n),
		  0);
	CHECK_STR(n.device.path, "h:1");
}

TEST(common_keys)
{
	char yaml[1024];
	struct op_config_source src = with_line(
		yaml, sizeof(yaml),
		"{program: ./x, enabled: no, watchdog_s: 0, start_timeout_s: 3, stop_timeout_s: "
		"4,\n"
		"     restart: {limit: 1, cooldown_s: 2, backoff_ms: 30, backoff_max_ms: 50},\n"
		"     sched: {policy: rr, nice: -20, io_class: idle, io_priority: 7, cores: "
		"'1,3'}}");
	struct op_service_common c;
	struct sample_settings s;
	op_config_free(load_good(&src, &s, &c));
	CHECK_STR(c.program, "./x");
	CHECK(!c.enabled && !c.sched.mlock);
	CHECK_INT(c.watchdog_s, 0);
	CHECK_INT(c.start_timeout_s, 3);
	CHECK_INT(c.stop_timeout_s, 4);
	CHECK_INT(c.restart_limit, 1);
	CHECK_INT(c.cooldown_s, 2);
	CHECK_INT(c.backoff_ms, 30);
	CHECK_INT(c.backoff_max_ms, 50);
	CHECK_INT(c.sched.policy, 4);
	CHECK_INT(c.sched.nice, -20);
	CHECK_INT(c.sched.io_class, 3);
	CHECK_INT(c.sched.io_priority, 7);
	CHECK_INT(c.sched.cores.v[1], 3);
}

TEST(without_a_table_only_the_common_keys_are_checked)
{
	char yaml[1024];
	struct op_config_source src = with_line(yaml, sizeof(yaml), "{anything: 5, watchdog_s: x}");
	struct op_config *c = NULL;
	struct op_service_common common;
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	CHECK_INT(op_config_service(c, "s", NULL, 0, NULL, &common, &errors), -EINVAL);
	CHECK_STR(errors.data,
		  "a.yaml:4:31: services.s.watchdog_s: expected an integer from 0 to 3600 s, "
		  "not \"x\"\n");
	op_buf_reset(&errors);
	CHECK_INT(op_config_service(c, "t", NULL, 0, NULL, &common, &errors), -ENOENT);
	CHECK_STR(errors.data, "a.yaml: no service \"t\" (add it below \"services\")\n");
	op_buf_reset(&errors);
	CHECK_INT(op_config_find_service(c, "s", &errors), 0);
	op_config_free(c);
}

TEST(nearest_names)
{
	static const char *const names[] = {"device", "profile", "port", "x"};
	CHECK_STR(op_nearest("devise", names, 4), "device");
	CHECK_STR(op_nearest("devcie", names, 4), "device");
	CHECK_STR(op_nearest("DEVICE", names, 4), "device");
	CHECK_STR(op_nearest("prot", names, 4), "port");
	CHECK_STR(op_nearest("profil", names, 4), "profile");
	CHECK(op_nearest("pt", names, 4) == NULL);
	CHECK(op_nearest("y", names, 4) == NULL);
	CHECK(op_nearest("completely", names, 4) == NULL);
	CHECK(op_nearest("", names, 4) == NULL);
	CHECK(op_nearest("device", names, 0) == NULL);
}
