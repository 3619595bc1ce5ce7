/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/base/json_tree.h"

#include <math.h>

#include "lib/base/decimal.h"
#include "test.h"

static char mem[1024];
static struct op_buf b;

static const char *again(const char *text, unsigned indent)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
	CHECK(v);
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_tree(&b, v, indent);
	json_decref(v);
	return mem;
}

TEST(numbers_are_as_people_write_them)
{
	static const char list[] =
		"[6.76199,0.1,1e+300,-2.5e-09,0.30000000000000004,9007199254740993,-1]";
	CHECK_STR(again(list, 0), list);
	CHECK_STR(again("-0.0", 0), "-0");
	CHECK_STR(again("5.0", 0), "5");
}

TEST(what_was_read_is_written)
{
	static const char text[] = "{\"b\":[],\"a\":{},\"l\":[[1,\"x\\n\\\"\"],null],\"t\":true,"
				   "\"f\":false,\"e\":\"\"}";
	CHECK_STR(again(text, 0), text);
	CHECK_STR(again("\"gr\xc3\xbc\xc3\x9f\"", 0), "\"gr\xc3\xbc\xc3\x9f\"");
	CHECK_STR(again("null", 2), "null");
}

TEST(each_member_has_its_line)
{
	CHECK_STR(again("{\"a\":1,\"l\":[1,{\"x\":[]}],\"o\":{}}", 2), "{\n"
								       "  \"a\": 1,\n"
								       "  \"l\": [\n"
								       "    1,\n"
								       "    {\n"
								       "      \"x\": []\n"
								       "    }\n"
								       "  ],\n"
								       "  \"o\": {}\n"
								       "}");
}

TEST(a_tree_is_a_value_among_others)
{
	json_t *v = json_pack("[i]", 1);
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_begin(&b, '{');
	op_json_key(&b, "a");
	op_json_tree(&b, v, 0);
	op_json_kv_u64(&b, "b", 2);
	op_json_key(&b, "c");
	op_json_begin(&b, '[');
	op_json_null(&b);
	op_json_tree(&b, NULL, 0);
	op_json_end(&b, ']');
	op_json_end(&b, '}');
	CHECK_STR(mem, "{\"a\":[1],\"b\":2,\"c\":[null,null]}");
	json_decref(v);
}

TEST(a_float_is_widened_to_what_it_was_written_as)
{
	CHECK(op_decimal_widen(31.1f) == 31.1);
	CHECK(op_decimal_widen(-0.001f) == -0.001);
	CHECK(op_decimal_widen(1e-20f) == 1e-20);
	CHECK(isinf(op_decimal_widen(INFINITY)) && isnan(op_decimal_widen(NAN)));
}
