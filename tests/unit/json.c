/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <outpost/buf.h>

#include "test.h"

static char mem[512];
static struct op_buf b;

TEST(objects_and_arrays_get_their_commas)
{
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_begin(&b, '{');
	op_json_kv_u64(&b, "a", UINT64_MAX);
	op_json_kv_i64(&b, "b", INT64_MIN);
	op_json_key(&b, "c");
	op_json_begin(&b, '[');
	op_json_bool(&b, true);
	op_json_null(&b);
	op_json_begin(&b, '{');
	op_json_end(&b, '}');
	op_json_end(&b, ']');
	op_json_kv_str(&b, "d", "x");
	op_json_end(&b, '}');
	CHECK_STR(mem, "{\"a\":18446744073709551615,\"b\":-9223372036854775808,"
		       "\"c\":[true,null,{}],\"d\":\"x\"}");
}

TEST(numbers_are_the_shortest_that_read_back)
{
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_begin(&b, '[');
	op_json_f64(&b, 0.1);
	op_json_f64(&b, 169.2484);
	op_json_f64(&b, 1.0 / 3);
	op_json_f32(&b, 0.1f);
	op_json_f64(&b, (double)NAN);
	op_json_f32(&b, INFINITY);
	op_json_end(&b, ']');
	CHECK_STR(mem, "[0.1,169.2484,0.3333333333333333,0.1,null,null]");
}

TEST(text_is_escaped_and_bad_utf8_replaced)
{
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_json_str(&b, "\"\\\n\x01\x7f → \xc3(\xed\xa0\x80");
	CHECK_STR(mem, "\"\\\"\\\\\\n\\u0001\\u007f → "
		       "\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(a_float_is_seen_to_be_one)
{
	static const struct {
		double v;
		const char *text;
	} list[] = {
		{44, "44.0"},          {0, "0.0"},         {-0.0, "-0.0"},
		{-0.8, "-0.8"},        {51.121, "51.121"}, {1e15, "1000000000000000.0"},
		{1e16, "1e+16"},       {1e-5, "1e-05"},    {1795223389.70089, "1795223389.70089"},
		{(double)NAN, "null"},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(list); i++) {
		op_buf_init_fixed(&b, mem, sizeof(mem));
		op_json_float(&b, list[i].v);
		CHECK_STR(mem, list[i].text);
	}
}

TEST(blanks_and_escapes_are_as_python_writes_them_if_so_set)
{
	op_buf_init_fixed(&b, mem, sizeof(mem));
	b.spaced = b.ascii = true;
	op_json_begin(&b, '{');
	op_json_kv_str(&b, "a", "°\xf0\x9f\x94\xa5\xff\"");
	op_json_kv_bool(&b, "b", true);
	op_json_end(&b, '}');
	CHECK_STR(mem, "{\"a\": \"\\u00b0\\ud83d\\udd25\\ufffd\\\"\", \"b\": true}");
	op_buf_reset(&b);
	CHECK(!b.spaced && !b.ascii);
}
