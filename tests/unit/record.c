/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "bus_topics.h"
#include "test.h"

#include <float.h>
#include <jansson.h>
#include <math.h>

static char text[2000];

static const struct every low = {.a_u8 = 0,
				 .b_i64 = INT64_MIN,
				 .c_u64 = 0,
				 .d_f64 = -DBL_MAX,
				 .e_f32 = -FLT_MAX,
				 .g_i32 = INT32_MIN,
				 .i_i16 = INT16_MIN,
				 .j_i8 = INT8_MIN};
static const struct every high = {
	.a_u8 = UINT8_MAX,
	.b_i64 = INT64_MAX,
	.c_u64 = UINT64_MAX,
	.d_f64 = 0.1,
	.e_f32 = 0.1f,
	.f_u32 = UINT32_MAX,
	.g_i32 = INT32_MAX,
	.h_u16 = UINT16_MAX,
	.i_i16 = INT16_MAX,
	.j_i8 = INT8_MAX,
	.k_enum = 2,
	.l_text = {'a', ',', '"', '\n', '1', '2', '3', '4', '5', '6', '7', '8', '9'}};

static const char *json(const struct every *e)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	op_json_begin(&b, '{');
	op_record_json(&every_topic, e, &b);
	op_json_end(&b, '}');
	CHECK_INT(b.err, 0);
	return text;
}

static const char *csv(const struct every *e)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	op_record_csv_row(&every_topic, 7, 8, e, &b);
	CHECK_INT(b.err, 0);
	return strchr(strchr(strchr(text, ',') + 1, ',') + 1, ',') + 1; /* behind the time */
}

TEST(every_type_at_both_ends_of_its_range_as_json)
{
	CHECK_STR(json(&low), "{\"a_u8\":0,\"b_i64\":-9223372036854775808,\"c_u64\":0,"
			      "\"d_f64\":-1.7976931348623157e+308,\"e_f32\":-3.4028235e+38,"
			      "\"f_u32\":0,\"g_i32\":-2147483648,\"h_u16\":0,\"i_i16\":-32768,"
			      "\"j_i8\":-128,\"k_enum\":\"idle\",\"l_text\":\"\"}");
	CHECK_STR(json(&high), "{\"a_u8\":255,\"b_i64\":9223372036854775807,"
			       "\"c_u64\":18446744073709551615,\"d_f64\":0.1,\"e_f32\":0.1,"
			       "\"f_u32\":4294967295,\"g_i32\":2147483647,\"h_u16\":65535,"
			       "\"i_i16\":32767,\"j_i8\":127,\"k_enum\":\"fired\","
			       "\"l_text\":\"a,\\\"\\n123456789\"}");
}

TEST(every_type_at_both_ends_of_its_range_as_csv)
{
	CHECK_STR(csv(&low), "0,-9223372036854775808,0,-1.7976931348623157e+308,-3.4028235e+38,0,"
			     "-2147483648,0,-32768,-128,idle,");
	CHECK_STR(csv(&high), "255,9223372036854775807,18446744073709551615,0.1,0.1,4294967295,"
			      "2147483647,65535,32767,127,fired,\"a,\"\"\n123456789\"");
}

TEST(a_value_without_label_is_its_number)
{
	struct every e = {.k_enum = 3};
	CHECK_HAS(json(&e), "\"k_enum\":3,");
	CHECK_HAS(csv(&e), ",3,");
	e.k_enum = 255;
	CHECK_HAS(json(&e), "\"k_enum\":255,");
	const struct op_field *f = &every_topic.fields[10];
	char label[8];
	op_field_label(f, &e, label, sizeof(label));
	CHECK_STR(label, "255");
	e.k_enum = 1;
	op_field_label(f, &e, label, sizeof(label));
	CHECK_STR(label, "armed");
	op_field_label(f, &e, label, 4);
	CHECK_STR(label, "arm");
}

TEST(what_is_no_number_is_null_in_json_and_empty_in_csv)
{
	struct every e = {.d_f64 = NAN, .e_f32 = INFINITY};
	CHECK_HAS(json(&e), "\"d_f64\":null,\"e_f32\":null,");
	CHECK_STR(csv(&e), "0,0,0,,,0,0,0,0,0,idle,");
}

TEST(text_that_is_not_utf_8_still_makes_json)
{
	struct every e = {.l_text = "\xff\xc3(\x01"};
	json_t *root = json_loads(json(&e), 0, NULL);
	CHECK(root);
	CHECK_STR(json_string_value(json_object_get(root, "l_text")),
		  "\xef\xbf\xbd\xef\xbf\xbd(\x01");
	json_decref(root);
}

TEST(a_line_of_json_has_topic_number_stamp_and_time)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		op_record_json_line(&every_topic, "other.name", 42, 1000000, &low, &b);
		op_buf_putc(&b, '\n');
	}
	char *second = strchr(text, '\n') + 1;
	json_t *root = json_loads(second, 0, NULL);
	CHECK(root && second[0] == '{');
	CHECK_STR(json_string_value(json_object_get(root, "topic")), "other.name");
	CHECK_INT(json_integer_value(json_object_get(root, "seq")), 42);
	CHECK_INT(json_integer_value(json_object_get(root, "boot_ns")), 1000000);
	const char *time = json_string_value(json_object_get(root, "time"));
	CHECK(strlen(time) == 24 && time[10] == 'T' && time[23] == 'Z');
	CHECK_INT(json_object_size(root), 4 + 12);
	json_decref(root);
}

TEST(the_csv_header_names_the_columns_of_the_rows)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	op_record_csv_header(&every_topic, &b);
	CHECK_STR(text,
		  "seq,boot_ns,time,a_u8,b_i64,c_u64,d_f64,e_f32,f_u32,g_i32,h_u16,i_i16,j_i8,"
		  "k_enum,l_text");
	op_buf_reset(&b);
	op_record_csv_row(&every_topic, 1, 2, &low, &b);
	size_t commas = 0;
	for (const char *p = text; *p; p++)
		commas += *p == ',';
	CHECK_INT(commas, 14);
	CHECK(!strncmp(text, "1,2,", 4));
}

TEST(numeric_fields_are_doubles)
{
	static const double want_low[] = {0,
					  -9223372036854775808.0,
					  0,
					  -DBL_MAX,
					  -(double)FLT_MAX,
					  0,
					  -2147483648.0,
					  0,
					  -32768,
					  -128,
					  0,
					  0};
	static const double want_high[] = {255,
					   9223372036854775807.0,
					   18446744073709551615.0,
					   0.1,
					   (double)0.1f,
					   4294967295.0,
					   2147483647,
					   65535,
					   32767,
					   127,
					   2,
					   0};
	for (uint32_t i = 0; i < every_topic.n_fields; i++) {
		CHECK_NEAR(op_field_f64(&every_topic.fields[i], &low), want_low[i], 0);
		CHECK_NEAR(op_field_f64(&every_topic.fields[i], &high), want_high[i], 0);
	}
}

/* The layout that travels in the schema is the compiler's. */
TEST(a_declaration_has_the_layout_of_its_struct)
{
	CHECK_INT(every_topic.n_fields, 12);
	CHECK_INT(every_topic.record_bytes, sizeof(struct every));
	CHECK_INT(every_topic.fields[0].offset, 0);
	CHECK_INT(every_topic.fields[1].offset, 8);
	CHECK_INT(every_topic.fields[11].offset, offsetof(struct every, l_text));
	CHECK_INT(every_topic.fields[11].bytes, 13);
	CHECK_INT(every_topic.fields[10].bytes, 1);
	CHECK_INT(tick_topic.record_bytes, 16);
}

/* Found by fuzzing: the sum of stamp and clock passed the end of int64_t. */
TEST(a_stamp_from_a_damaged_file_is_shown_as_some_time)
{
	static const uint64_t stamps[] = {INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	for (size_t i = 0; i < OP_ARRAY_SIZE(stamps); i++) {
		struct op_buf b;
		op_buf_init_fixed(&b, text, sizeof(text));
		op_record_json_line(&every_topic, "t", 1, stamps[i], &low, &b);
		json_t *root = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
		CHECK(root);
		CHECK_INT(strlen(json_string_value(json_object_get(root, "time"))), 24);
		json_decref(root);
	}
}
