/* Device URIs, the finding of appliances, and what is printed of a table.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

TEST(uris_in_parts)
{
	struct op_device_uri u;
	CHECK_INT(op_device_uri_parse("pipe:rpicam-vid --width 640%3f -o -", &u), 0);
	CHECK_STR(u.scheme, "pipe");
	CHECK_STR(u.path, "rpicam-vid --width 640? -o -");
	CHECK_INT(op_device_uri_parse("gpio:gpiochip0/18?active=low&label=%C3%A4%26b", &u), 0);
	CHECK_STR(u.path, "gpiochip0/18");
	CHECK_INT(u.n_params, 2);
	CHECK_STR(op_device_uri_param(&u, "label", ""), "\xc3\xa4&b");
	CHECK(op_device_uri_param(&u, "baud", NULL) == NULL);
	CHECK_INT(op_device_uri_parse("serial:?id=usb-FTDI", &u), 0);
	CHECK_STR(u.path, "");
}

TEST(what_is_no_uri_leaves_the_result_alone)
{
	static const char *const wrong[] = {"",
					    "serial",
					    ":x",
					    "serial:",
					    "Serial:x",
					    "1x:y",
					    "s/x:y",
					    "serial:%4",
					    "serial:%zz",
					    "serial:%00",
					    "serial:a\nb",
					    "serial:x?",
					    "serial:x?=1",
					    "serial:x?a=1&a=2",
					    "serial:x?a&&b",
					    "serial:x?a b=1",
					    "seventeen-letters-:x",
					    "tcp:x?a=%0a",
					    "tcp:x?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1"};
	struct op_device_uri u = {.scheme = "kept"};
	char text[400];
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		if (op_device_uri_parse(wrong[i], &u) != -EINVAL)
			op_test_fail(__FILE__, __LINE__, "taken: %s", wrong[i]);
		CHECK_STR(u.scheme, "kept");
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "tcp:", 4);
	text[4 + OP_DEVICE_PATH_MAX] = '\0';
	CHECK_INT(op_device_uri_parse(text, &u), -EINVAL);
	text[4 + OP_DEVICE_PATH_MAX - 1] = '\0';
	CHECK_INT(op_device_uri_parse(text, &u), 0);
	CHECK_INT(strlen(u.path), OP_DEVICE_PATH_MAX - 1);
}

TEST(uris_are_written_so_that_they_read_back)
{
	static const char *const texts[] = {"serial:/dev/a%25b%3Fc?baud=1&x=a=b%26c%25&y=",
					    "tcp:[fe80::1]:2112", "serial:?id=a"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(texts); i++) {
		struct op_device_uri u;
		char mem[512];
		struct op_buf b;
		op_buf_init_fixed(&b, mem, sizeof(mem));
		CHECK_INT(op_device_uri_parse(texts[i], &u), 0);
		op_device_uri_write(&u, &b);
		CHECK_STR(mem, texts[i]);
	}
}

static void put_appliance(const char *dir, const char *name)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/%s", op_test_dir(), dir);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s/%s.yaml", op_test_dir(), dir, name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs("appliance: x\n", f) >= 0 && fclose(f) == 0);
}

TEST(appliances_are_found_by_name_and_by_path)
{
	char found[4096], want[400], dirs[400], mem[4096];
	struct op_buf said;
	op_buf_init_fixed(&said, mem, sizeof(mem));
	put_appliance("one", "one");
	put_appliance("plain", "two");
	snprintf(dirs, sizeof(dirs), "/nowhere:%s:%s/plain", op_test_dir(), op_test_dir());
	CHECK(setenv("OUTPOST_APPLIANCES", dirs, 1) == 0);
	snprintf(want, sizeof(want), "%s/one/one.yaml", op_test_dir());
	CHECK_INT(op_appliance_find("one", found, sizeof(found), &said), 0);
	CHECK_STR(found, want);
	CHECK_INT(op_appliance_find(want, found, sizeof(found), &said), 0);
	CHECK_STR(found, want);
	snprintf(want, sizeof(want), "%s/plain/two.yaml", op_test_dir());
	CHECK_INT(op_appliance_find("two", found, sizeof(found), &said), 0);
	CHECK_STR(found, want);
	CHECK_STR(mem, "");
	CHECK_INT(op_appliance_find("three", found, sizeof(found), &said), -ENOENT);
	snprintf(want, sizeof(want), "no appliance \"three\" in /nowhere, %s, %s/plain, ",
		 op_test_dir(), op_test_dir());
	CHECK_HAS(mem, want);
	CHECK_HAS(mem, ", /usr/share/outpost/appliances (there is: one, ");
	CHECK(strchr(mem, '\n') == mem + strlen(mem) - 1);
	op_buf_reset(&said);
	CHECK_INT(op_appliance_find("tow", found, sizeof(found), &said), -ENOENT);
	CHECK_HAS(mem, " (did you mean \"two\"?)\n");
	op_buf_reset(&said);
	CHECK_INT(op_appliance_find("./three.yaml", found, sizeof(found), &said), -ENOENT);
	CHECK_STR(mem, "no file ./three.yaml (check the path)\n");
}

TEST(the_reference_of_a_table)
{
	struct op_config_source src = source("");
	(void)src; /* only its buffers */
	op_config_reference("outpost-x", sample_table, OP_ARRAY_SIZE(sample_table), &out);
	CHECK_HAS(out.data,
		  "# outpost-x\n\n| setting | value | default | meaning |\n|---|---|---|---|\n");
	CHECK_HAS(out.data,
		  "| `count` | an integer from 16 to 8000 samples | `100` | how many |\n");
	CHECK_HAS(out.data, "| `token` | text of at most 31 bytes |  | secret (secret) |\n");
	CHECK_HAS(out.data, "| `limits.low` | an integer from -10 to 10 | `-5` |  |\n");
	op_buf_reset(&out);
	op_config_reference("outpost-y", NULL, 0, &out);
	CHECK_STR(out.data, "# outpost-y\n\nNo settings of its own.\n");
}

TEST(show_can_be_read_again)
{
	struct op_config_source src =
		source("appliance: a\nservices:\n  s:\n"
		       "    title: \"a: \\\"\\t\\u00e4\\u2028\"\n"
		       "    listen: \"[::1]:80\"\n    pins: [1, 2]\n    alpha: 1e-7\n"
		       "    device: \"serial:/dev/x y?baud=1\"\n");
	struct sample_settings s, again;
	char shown[16384];
	struct op_config *c = load_good(&src, &s, NULL);
	op_buf_puts(&out, "appliance: a\nservices:\n");
	CHECK_INT(op_config_show(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &out, &errors),
		  0);
	op_config_free(c);
	CHECK(out.len < sizeof(shown));
	memcpy(shown, out.data, out.len + 1);
	src = source(shown);
	op_config_free(load_good(&src, &again, NULL));
	CHECK_STR(again.title, s.title);
	CHECK_STR(again.listen.host, "::1");
	CHECK_STR(again.device.path, "/dev/x y");
	CHECK_NEAR(again.alpha, 1e-7, 0);
	CHECK_INT(again.pins.v[1], 2);
}

TEST(show_says_what_is_wrong_instead)
{
	struct op_config_source src = source("appliance: a\nservices: {s: {count: 5}}\n");
	struct op_config *c = NULL;
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	CHECK_INT(op_config_show(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &out, &errors),
		  -EINVAL);
	CHECK_HAS(errors.data, "services.s.count: expected an integer");
	CHECK_STR(out.data, "");
	op_config_free(c);
}
