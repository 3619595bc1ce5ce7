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
