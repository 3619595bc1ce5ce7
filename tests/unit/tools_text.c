/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <locale.h>

#include "test.h"
#include "text.h"

static char cell[OP_TEXT_CELL];

TEST(spans_take_the_unit_that_fits)
{
	CHECK_STR(op_text_span(0, cell), "0us");
	CHECK_STR(op_text_span(999999, cell), "999us");
	CHECK_STR(op_text_span(12 * OP_NS_PER_MS, cell), "12ms");
	CHECK_STR(op_text_span(OP_NS_PER_S - 1, cell), "999ms");
	CHECK_STR(op_text_span(3449 * OP_NS_PER_MS, cell), "3.4s");
	CHECK_STR(op_text_span(60 * OP_NS_PER_S - 1, cell), "59.9s");
	CHECK_STR(op_text_span(125 * OP_NS_PER_S, cell), "2m05s");
	CHECK_STR(op_text_span(3725 * OP_NS_PER_S, cell), "1h02m");
	CHECK_STR(op_text_span(99 * 3600 * OP_NS_PER_S, cell), "4d03h");
	CHECK_STR(op_text_span(UINT64_MAX, cell), "213503d23h");
}

TEST(counts_are_exact_while_they_are_short)
{
	CHECK_STR(op_text_count(99999, cell), "99999");
	CHECK_STR(op_text_count(100000, cell), "100k");
	CHECK_STR(op_text_count(999499, cell), "999k");
	CHECK_STR(op_text_count(999500, cell), "1.00M");
	CHECK_STR(op_text_count(1234567, cell), "1.23M");
	CHECK_STR(op_text_count(UINT64_MAX, cell), "18.4E");
	CHECK_STR(op_text_kib(999, cell), "999K");
	CHECK_STR(op_text_kib(1024, cell), "1.00M");
	CHECK_STR(op_text_kib(3 * 1024 * 1024, cell), "3.00G");
}

TEST(rates_keep_what_matters)
{
	CHECK_STR(op_text_rate(0, cell), "0");
	CHECK_STR(op_text_rate(0.05, cell), "0.05");
	CHECK_STR(op_text_rate(1, cell), "1.00");
	CHECK_STR(op_text_rate(800.04, cell), "800.0");
	CHECK_STR(op_text_rate(1234567, cell), "1.23M");
}

TEST(text_from_outside_cannot_steer_a_terminal)
{
	char out[32];
	const char evil[] = "a\033[2Jb\xc2\x9b"
			    "c\x7f\xff\xe2\x82";
	op_text_safe(evil, sizeof(evil), out, sizeof(out));
	CHECK_STR(out, "a?[2Jb?c????");
	op_text_safe("r\xc3\xa9sum\xc3\xa9", 8, out, 4); /* never half a character */
	CHECK_STR(out, "r\xc3\xa9");
	op_text_safe("abc", 3, out, 3);
	CHECK_STR(out, "ab");
	op_text_safe("\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80", 9, out, sizeof(out));
	CHECK_STR(out, "?????????"); /* surrogate, beyond Unicode, overlong */
}

TEST(width_is_that_of_the_terminal)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
	CHECK_INT(op_text_width("abc"), 3);
	CHECK_INT(op_text_width("\xc3\xa9"), 1);
	CHECK_INT(op_text_width("\xe6\x97\xa5"), 2);
}
