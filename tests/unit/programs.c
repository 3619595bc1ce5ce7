/* What outpost makes of programs that agree, object, die, hang or are not there.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "tools/programs.h"

#include <sys/stat.h>

#include "test.h"

static char file_text[2048], errors_text[128 * 1024], notes_text[8192];
static struct op_buf errors, notes;

static void put_program(const char *name, const char *script)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", op_test_dir(), name);
	FILE *f = fopen(path, "w");
	CHECK(f && fprintf(f, "#!/bin/sh\n%s\n", script) > 0 && fclose(f) == 0 &&
	      chmod(path, 0755) == 0);
}

/* An appliance with one service "s" that runs the named script. */
static struct op_config *appliance(const char *program, const char *more)
{
	struct op_config *c = NULL;
	op_buf_init_fixed(&errors, errors_text, sizeof(errors_text));
	op_buf_init_fixed(&notes, notes_text, sizeof(notes_text));
	snprintf(file_text, sizeof(file_text), "appliance: a\nservices: {s: {program: %s/%s%s}}\n",
		 op_test_dir(), program, more);
	struct op_config_source src = {
		.file = "a.yaml", .text = file_text, .text_len = strlen(file_text)};
	CHECK_INT(op_config_load(&src, &c, &errors), 0);
	return c;
}

static int check(const char *program, const char *more)
{
	const char *sets[] = {"services.s.x=1"};
	const struct op_config_source args = {
		.file = "a.yaml", .runtime_dir = "/r", .sim = true, .sets = sets, .n_sets = 1};
	struct op_config *c = appliance(program, more);
	int rc = op_programs_check(c, &args, &errors, &notes);
	op_config_free(c);
	return rc;
}

TEST(a_program_that_agrees_may_have_notes)
{
	put_program("good", "echo \"<4>$*\" >&2");
	CHECK_INT(check("good", ""), 0);
	CHECK_STR(errors.data, "");
	CHECK_STR(notes.data,
		  "--appliance a.yaml --service s --runtime /r --set services.s.x=1 --sim "
		  "--check\n");
}

TEST(a_program_that_objects_is_quoted_once)
{
	put_program("bad",
		    "printf '<3>a.yaml:2:1: wrong\\n<3>a.yaml:2:1: wrong\\nplain\\n' >&2; exit 78");
	CHECK_INT(check("bad", ""), -EINVAL);
	CHECK_STR(errors.data, "a.yaml:2:1: wrong\nplain\n");
}

TEST(a_program_that_says_too_much_is_named)
{
	put_program("loud", "seq -f %0500.0f 200 >&2; exit 78"); /* 100 KB */
	CHECK_INT(check("loud", ""), -EINVAL);
	CHECK_HAS(errors.data, "/loud --check says more than there is room for (run it by hand)");
}

TEST(a_program_that_dies_is_named)
{
	put_program("dies", "kill -9 $$");
	CHECK_INT(check("dies", ""), -EINVAL);
	CHECK_HAS(errors.data, "/dies --check fails with status 137 and says nothing");
}

TEST(a_missing_program_matters_only_if_it_is_needed)
{
	CHECK_INT(check("none", ""), -EINVAL);
	CHECK_HAS(errors.data, "a.yaml:2:25: services.s.program: /");
	CHECK_HAS(errors.data,
		  "/none: No such file or directory (install it, or correct the name)");
	CHECK_INT(check("none", ", enabled: no"), 0);
	CHECK_STR(errors.data, "");
	CHECK_INT(check("none", ", watchdog_s: x"), -EINVAL);
	CHECK_HAS(errors.data, "services.s.watchdog_s: expected an integer");
	CHECK_HAS(errors.data, "/none: No such file");
}

TEST(a_program_that_hangs_is_ended)
{
	const struct op_config_source args = {.file = "a.yaml"};
	struct op_answer *answers = NULL;
	put_program("hangs", "echo early; exec sleep 1000");
	struct op_config *c = appliance("hangs", "");
	CHECK_INT(op_programs_ask(c, &args, "--check", 500, &answers), 0);
	CHECK_INT(answers[0].error, -ETIMEDOUT);
	CHECK_INT(answers[0].status, 128 + 9);
	CHECK_STR(answers[0].out.data, "early\n");
	op_answers_free(answers, 1);
	op_config_free(c);
}

TEST(what_a_program_leaves_running_does_not_hold_us)
{
	put_program("leaves", "sleep 1000 & exit 0");
	uint64_t before = op_now_ns();
	CHECK_INT(check("leaves", ""), 0);
	CHECK(op_now_ns() - before < 5 * OP_NS_PER_S);
}

TEST(a_flood_of_text_is_bounded)
{
	const struct op_config_source args = {.file = "a.yaml"};
	struct op_answer *answers = NULL;
	put_program("flood", "head -c 3000000 /dev/zero | tr '\\0' x");
	struct op_config *c = appliance("flood", "");
	CHECK_INT(op_programs_ask(c, &args, "--show-config", 8000, &answers), 0);
	CHECK_INT(answers[0].error, 0);
	CHECK_INT(answers[0].status, 0);
	CHECK(answers[0].out.err == -ENOBUFS && answers[0].out.len <= OP_ANSWER_MAX_BYTES);
	op_answers_free(answers, 1);
	op_config_free(c);
}
