/* The environment file of an appliance that says "env_file: dotenv": a test for each rule, where it
 * is looked for, what is passed over.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "config_support.h"

#include <sys/stat.h>

static const char yaml[] = "appliance: a\n"
			   "env_file: dotenv\n"
			   "environment:\n"
			   "  TITLE: {set: services.s.title}\n"
			   "  PORT: services.s.listen.port\n"
			   "services: {s: }\n";

static const char *put(const char *dir, const char *name, const char *text)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static struct sample_settings loaded(const struct op_config_source *src, const char *env)
{
	struct op_config_source with = *src;
	struct sample_settings s;
	with.env_file = put(op_test_dir(), "env", env);
	op_config_free(load_good(&with, &s, NULL));
	return s;
}

/* The title that an environment file sets; "none" is its default. */
static const char *title(const char *env)
{
	static struct sample_settings s;
	struct op_config_source src = source(yaml);
	s = loaded(&src, env);
	return s.title;
}

TEST(names_and_what_stands_before_them)
{
	CHECK_STR(title("TITLE=x"), "x");
	CHECK_STR(title("  TITLE \t=  x  "), "x");
	CHECK_STR(title("export TITLE=x"), "x");
	CHECK_STR(title("export\t TITLE = x"), "x");
	CHECK_STR(title("'TITLE'=x"), "x");
	CHECK_STR(title("\xef\xbb\xbfTITLE=x"), "x");
	CHECK_STR(title("# TITLE=y\n;TITLE=y\nTITLE=x\r\n"), "x");
}

TEST(comments_need_a_blank_before_them)
{
	CHECK_STR(title("TITLE=a # c"), "a");
	CHECK_STR(title("TITLE=a\t#c"), "a");
	CHECK_STR(title("TITLE=a#c"), "a#c");
	CHECK_STR(title("TITLE=#c"), "#c");
	CHECK_STR(title("TITLE='a # b' # c"), "a # b");
	CHECK_STR(title("TITLE=\"a # b\"# c"), "a # b");
}

TEST(quotes_and_escapes)
{
	CHECK_STR(title("TITLE='a\\nb \"c\"'"), "a\\nb \"c\"");
	CHECK_STR(title("TITLE='it\\'s \\\\'"), "it's \\");
	CHECK_STR(title("TITLE=\"a\\tb\\\"c\\\" \\q\""), "a\tb\"c\" \\q");
	CHECK_STR(title("TITLE=a\\nb"), "a\\nb");
	CHECK_STR(title("TITLE=\"C:\\\""), "C:\\");
	CHECK_STR(title("TITLE=a=b=c"), "a=b=c");
	CHECK_STR(title("TITLE=\"one\ntwo\" # c\nPORT=70\n"), "one\ntwo");
	CHECK_STR(title("TITLE='one\r\ntwo'"), "one\ntwo");
}

TEST(the_last_of_a_name_counts)
{
	CHECK_STR(title("TITLE=a\nTITLE=b\n"), "b");
	CHECK_STR(title("TITLE=a\nTITLE=\n"), "none");
	CHECK_STR(title("TITLE=a\nTITLE\n"), "none");
	CHECK_STR(title("TITLE\nTITLE=a\n"), "a");
}

TEST(variables_in_values)
{
	struct op_config_source src = source(yaml);
	char *variables[] = {(char[]){"OUT=outer"}, (char[]){"EMPTY="}, NULL};
	CHECK_STR(title("A=1\nTITLE=${A}${B:-2}${C}$A"), "12$A");
	CHECK_STR(title("A=1\nTITLE=\"${A} x\""), "1 x");
	CHECK_STR(title("A=1\nTITLE='${A}'"), "${A}");
	CHECK_STR(title("TITLE=${A:-}${B:x}${"), "${B:x}${");
	CHECK_STR(title("A=1\nA=${A}2\nTITLE=${A}3"), "123");
	src.environ = variables;
	CHECK_STR(loaded(&src, "OUT=1\nTITLE=${OUT}").title, "outer");
	CHECK_STR(loaded(&src, "TITLE=${EMPTY:-x}y").title, "y");
}

TEST(values_cannot_grow_without_end)
{
	struct op_config_source src = source(yaml);
	static char text[8192];
	struct op_config *c = NULL;
	size_t n = (size_t)snprintf(text, sizeof(text), "A=0123456789\n");
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "A=${A}${A}\n");
	src.env_file = put(op_test_dir(), "env", text);
	CHECK_INT(op_config_load(&src, &c, &errors), -ENOMEM);
	CHECK_HAS(errors.data, "more settings than there is room for");
}

TEST(what_is_no_binding_is_passed_over_and_noted)
{
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	src.env_file = put(op_test_dir(), "env",
			   "hunter2 x\nA='hunter2\nB=\"hunter2\" hunter2\nTITLE=x\n");
	struct op_config *c = load_good(&src, &s, NULL);
	op_config_notes(c, NULL, NULL, 0, &out);
	CHECK_STR(s.title, "x");
	CHECK_HAS(out.data, "/env:1: expected NAME=value: passed over\n");
	CHECK_HAS(out.data, "/env:2: a quote is not closed: passed over\n");
	CHECK_HAS(out.data, "/env:3: text after the closing quote");
	CHECK(!strstr(out.data, "hunter2"));
	op_config_free(c);
}

TEST(a_variable_that_is_there_wins_although_it_is_empty)
{
	struct op_config_source src = source(yaml);
	char *variables[] = {(char[]){"TITLE="}, (char[]){"PORT=  "}, NULL};
	src.environ = variables;
	variables[1] = NULL;
	struct sample_settings s = loaded(&src, "TITLE=x\nPORT=70\n");
	CHECK_STR(s.title, "none");
	CHECK_INT(s.listen.port, 70);
}

TEST(the_file_is_beside_the_appliance_or_above)
{
	char dir[300], path[400];
	struct op_config_source src = source(yaml);
	struct sample_settings s;
	snprintf(dir, sizeof(dir), "%s/program", op_test_dir());
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	CHECK(mkdir(dir, 0700) == 0 && chdir(dir) == 0);
	put(op_test_dir(), ".env", "TITLE=above\n");
	src.file = path;
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "above");
	put(dir, ".env", "TITLE=beside\n");
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "beside");
	CHECK(chdir("/") == 0);
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "beside");
	CHECK(chdir(op_test_dir()) == 0);
	src.file = "program/a.yaml";
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "beside");
	src.env_file = put(op_test_dir(), "named", "TITLE=named\n");
	op_config_free(load_good(&src, &s, NULL));
	CHECK_STR(s.title, "named");
}
