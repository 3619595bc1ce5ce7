/* Lines of several programs: each once, those of the file in its order.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "tools/lines.h"

#include "test.h"

TEST(a_line_is_added_once)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 4096);
	op_lines_add(&b, "");
	CHECK_STR(b.data, "");
	op_lines_add(&b, "one\n\ntwo\none\n");
	op_lines_add(&b, "two\ntw\nthree");
	CHECK_STR(b.data, "one\ntwo\ntw\nthree\n");
}

TEST(a_line_that_a_log_has_cut_is_the_same)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 4096);
	op_lines_add(&b, "a long line\n");
	op_lines_add(&b, "a long [cut]\na short [cut]\n");
	CHECK_STR(b.data, "a long line\na short [cut]\n");
}

TEST(lines_of_the_file_are_sorted_and_come_first)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 4096);
	op_lines_sort(&b, "f");
	CHECK_STR(b.data, "");
	op_lines_add(&b, "--set b: x\nf:10:2: ten\nf: no place\nf:9:30: c\nf:9:4: b\nf:9:4: a\n"
			 "ff:1:1: other\n--set a: x\n");
	op_lines_sort(&b, "f");
	CHECK_STR(b.data, "f:9:4: b\nf:9:4: a\nf:9:30: c\nf:10:2: ten\n--set b: x\nf: no place\n"
			  "ff:1:1: other\n--set a: x\n");
}
