/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <math.h>

#include "lib/store/chunk.h"

#include "bus_topics.h"
#include "test.h"

#define S OP_NS_PER_S

struct slot {
	uint64_t ns;
	struct every every;
};

/* Records a tier gave. */
#define MOST 1000
struct got {
	const struct op_topic_type *type;
	size_t n, stride;
	unsigned char slots[MOST][1024];
};
static struct got got, upper;

static void take(void *arg, const void *slot)
{
	struct got *g = arg;
	CHECK(g->n < MOST && g->stride <= sizeof(g->slots[0]));
	memcpy(g->slots[g->n++], slot, g->stride);
}

static op_field_set set_of(const char *names)
{
	op_field_set set = 0;
	CHECK_INT(op_chunk_fields_parse(&every_topic, names, &set, NULL), 0);
	return set;
}

static struct op_tier *tier(struct got *g, const struct op_topic_type *type, const char *fields,
			    uint64_t width)
{
	struct op_tier *t = NULL;
	CHECK_INT(op_tier_create(type, set_of(fields), width, take, g, &t), 0);
	g->n = 0;
	g->type = op_tier_record_type(t);
	g->stride = op_tier_stride(t);
	return t;
}

static double value(const struct got *g, size_t i, const char *name)
{
	const struct op_field *f = op_topic_field(g->type, name);
	if (!f || i >= g->n)
		op_test_fail(__FILE__, __LINE__, "no record %zu with a field %s", i, name);
	return op_field_f64(f, g->slots[i] + OP_SLOT_RECORD);
}

static uint64_t stamp(const struct got *g, size_t i)
{
	uint64_t ns;
	memcpy(&ns, g->slots[i], sizeof(ns));
	return ns;
}

static void add(struct op_tier *t, uint64_t ns, struct every e)
{
	struct slot s = {ns, e};
	op_tier_add(t, &s, 1, sizeof(s));
}

TEST(a_bucket_has_count_extremes_mean_and_ends)
{
	struct op_tier *t = tier(&got, &every_topic, "h_u16,i_i16,e_f32,k_enum", S);
	add(t, 10 * S + 5, (struct every){.h_u16 = 7, .i_i16 = -3, .e_f32 = 1.5f, .k_enum = 1});
	add(t, 10 * S + 6, (struct every){.h_u16 = 9, .i_i16 = -30, .e_f32 = -2.5f, .k_enum = 2});
	add(t, 11 * S - 1, (struct every){.h_u16 = 2, .i_i16 = 12, .e_f32 = 4, .k_enum = 0});
	CHECK_INT(got.n, 0);
	add(t, 11 * S, (struct every){.h_u16 = 100});
	CHECK_INT(got.n, 1);
	CHECK_INT(stamp(&got, 0), 10 * S);
	CHECK_INT(value(&got, 0, "n"), 3);
	CHECK_INT(value(&got, 0, "h_u16.min"), 2);
	CHECK_INT(value(&got, 0, "h_u16.max"), 9);
	CHECK_INT(value(&got, 0, "h_u16.first"), 7);
	CHECK_INT(value(&got, 0, "h_u16.last"), 2);
	CHECK_NEAR(value(&got, 0, "h_u16.mean"), 6, 0);
	CHECK_INT(value(&got, 0, "i_i16.min"), -30);
	CHECK_INT(value(&got, 0, "i_i16.max"), 12);
	CHECK_NEAR(value(&got, 0, "i_i16.mean"), -7, 0);
	CHECK_NEAR(value(&got, 0, "e_f32.min"), -2.5, 0);
	CHECK_NEAR(value(&got, 0, "e_f32.mean"), 1, 0);
	CHECK_INT(value(&got, 0, "k_enum.max"), 2);
	op_tier_flush(t);
	CHECK_INT(got.n, 2);
	CHECK_INT(stamp(&got, 1), 11 * S);
	CHECK_INT(value(&got, 1, "n"), 1);
	op_tier_flush(t);
	CHECK_INT(got.n, 2);
	op_tier_destroy(t);
}

TEST(every_type_keeps_its_extremes)
{
	struct op_tier *t = tier(&got, &every_topic, "", 60 * S);
	add(t, 1,
	    (struct every){255, INT64_MIN, UINT64_MAX, -INFINITY, -INFINITY, UINT32_MAX, INT32_MIN,
			   65535, -32768, -128, 255, "text"});
	add(t, 2,
	    (struct every){0, INT64_MAX, 0, INFINITY, INFINITY, 0, INT32_MAX, 0, 32767, 127, 0,
			   ""});
	op_tier_flush(t);
	const struct op_field *f = op_topic_field(got.type, "c_u64.max");
	uint64_t u64;
	int64_t i64;
	memcpy(&u64, got.slots[0] + OP_SLOT_RECORD + f->offset, 8);
	CHECK(u64 == UINT64_MAX);
	f = op_topic_field(got.type, "b_i64.min");
	memcpy(&i64, got.slots[0] + OP_SLOT_RECORD + f->offset, 8);
	CHECK(i64 == INT64_MIN);
	CHECK_NEAR(value(&got, 0, "a_u8.mean"), 127.5, 0);
	CHECK_NEAR(value(&got, 0, "g_i32.min"), -2147483648.0, 0);
	CHECK_NEAR(value(&got, 0, "g_i32.mean"), -0.5, 0);
	CHECK_NEAR(value(&got, 0, "f_u32.max"), 4294967295.0, 0);
	CHECK_NEAR(value(&got, 0, "j_i8.min"), -128, 0);
	CHECK(isinf(value(&got, 0, "d_f64.min")) && isinf(value(&got, 0, "e_f32.max")));
	CHECK(isnan(value(&got, 0, "d_f64.mean")));
	CHECK(op_topic_field(got.type, "l_text.min") == NULL);
	op_tier_destroy(t);
}

TEST(nan_counts_and_does_nothing_else)
{
	struct op_tier *t = tier(&got, &every_topic, "d_f64", S);
	add(t, 1, (struct every){.d_f64 = NAN});
	add(t, 2, (struct every){.d_f64 = 3});
	add(t, 3, (struct every){.d_f64 = NAN});
	add(t, 4, (struct every){.d_f64 = 5});
	add(t, S, (struct every){.d_f64 = NAN});
	op_tier_flush(t);
	CHECK_INT(value(&got, 0, "n"), 4);
	CHECK_NEAR(value(&got, 0, "d_f64.mean"), 4, 0);
	CHECK_NEAR(value(&got, 0, "d_f64.first"), 3, 0);
	CHECK_INT(value(&got, 1, "n"), 1);
	CHECK(isnan(value(&got, 1, "d_f64.min")) && isnan(value(&got, 1, "d_f64.mean")));
	/* ... nor further up, where there is no telling them apart any more. */
	struct op_tier *up = tier(&upper, got.type, "", 60 * S);
	op_tier_add(up, got.slots[0], got.n, sizeof(got.slots[0]));
	op_tier_flush(up);
	CHECK_INT(upper.n, 1);
	CHECK_INT(value(&upper, 0, "n"), 5);
	CHECK_NEAR(value(&upper, 0, "d_f64.mean"), 4, 0);
	CHECK_NEAR(value(&upper, 0, "d_f64.max"), 5, 0);
	op_tier_destroy(up);
	op_tier_destroy(t);
}

TEST(a_clock_that_goes_back_opens_no_bucket)
{
	struct op_tier *t = tier(&got, &every_topic, "h_u16", S);
	add(t, 5 * S, (struct every){.h_u16 = 1});
	add(t, 4 * S, (struct every){.h_u16 = 2});
	add(t, 6 * S, (struct every){.h_u16 = 3});
	op_tier_flush(t);
	CHECK_INT(got.n, 2);
	CHECK_INT(stamp(&got, 0), 5 * S);
	CHECK_INT(value(&got, 0, "n"), 2);
	CHECK_INT(stamp(&got, 1), 6 * S);
	op_tier_destroy(t);
}

/* Ten hours of a record each half second, in batches of odd sizes, cut at odd times. */
TEST(a_level_is_the_same_on_every_way)
{
	static struct got seconds, minutes, hours, direct;
	static struct slot slots[70];
	struct op_tier *h1 = tier(&direct, &every_topic, "g_i32,k_enum", 3600 * S), *h2, *m, *s;
	s = tier(&seconds, &every_topic, "g_i32,k_enum", 10 * S);
	m = tier(&minutes, seconds.type, "", 60 * S);
	h2 = tier(&hours, minutes.type, "", 3600 * S);
	uint64_t ns = 12345 * S, seed = 1;
	for (unsigned batch = 0; batch < 1000; batch++) {
		for (size_t i = 0; i < 70; i++, ns += S / 2) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			slots[i] = (struct slot){ns,
						 {.g_i32 = (int32_t)(seed >> 33) - 1000000000,
						  .k_enum = (uint8_t)(seed >> 60)}};
		}
		op_tier_add(h1, slots, 70, sizeof(slots[0]));
		op_tier_add(s, slots, 70, sizeof(slots[0]));
		if (batch % 3 == 0)
			op_tier_flush(s); /* a bucket in two parts */
		for (size_t i = 0; i < seconds.n; i++)
			op_tier_add(m, seconds.slots[i], 1, seconds.stride);
		for (size_t i = 0; i < minutes.n; i++)
			op_tier_add(h2, minutes.slots[i], 1, minutes.stride);
		seconds.n = minutes.n = 0;
	}
	op_tier_flush(s);
	op_tier_flush(h1);
	for (size_t i = 0; i < seconds.n; i++)
		op_tier_add(m, seconds.slots[i], 1, seconds.stride);
	op_tier_flush(m);
	for (size_t i = 0; i < minutes.n; i++)
		op_tier_add(h2, minutes.slots[i], 1, minutes.stride);
	op_tier_flush(h2);
	CHECK_INT(direct.n, 11); /* from 3:25:45 to 13:09:05 */
	CHECK_INT(hours.n, direct.n);
	for (size_t i = 0; i < direct.n; i++)
		CHECK(!memcmp(hours.slots[i], direct.slots[i], direct.stride));
	op_tier_destroy(h1);
	op_tier_destroy(h2);
	op_tier_destroy(m);
	op_tier_destroy(s);
}

TEST(the_type_of_a_tier_says_what_its_fields_are)
{
	struct op_topic_type *type = NULL, *same = NULL;
	CHECK_INT(op_tier_type(&every_topic, set_of("k_enum,f_u32"), &type), 0);
	CHECK_INT(type->n_fields, 11);
	CHECK_STR(type->fields[0].name, "n");
	CHECK_STR(type->fields[1].name, "f_u32.min");
	CHECK_STR(type->fields[3].name, "f_u32.mean");
	CHECK_INT(type->fields[3].type, OP_F64);
	CHECK_STR(type->fields[1].unit, "Hz");
	CHECK_STR(type->fields[6].labels, "idle|armed|fired");
	CHECK(type->fields[8].labels == NULL);
	for (unsigned i = 0; i < type->n_fields; i++) {
		CHECK_INT(type->fields[i].offset % type->fields[i].bytes, 0);
		CHECK(type->fields[i].offset + type->fields[i].bytes <= type->record_bytes);
	}
	CHECK(op_tier_is(type));
	CHECK(!op_tier_is(&every_topic));
	CHECK_INT(op_tier_type(type, 0, &same), 0);
	CHECK(op_tier_is(same));
	CHECK_INT(same->n_fields, type->n_fields);
	CHECK_INT(same->record_bytes, type->record_bytes);
	for (unsigned i = 0; i < type->n_fields; i++)
		CHECK_STR(same->fields[i].name, type->fields[i].name);
	op_schema_free(type);
	op_schema_free(same);
}

/* It goes through the schema text too, as others do. */
TEST(the_type_of_a_tier_is_a_schema)
{
	struct op_topic_type *type = NULL, *read = NULL;
	struct op_buf text;
	CHECK_INT(op_tier_type(&every_topic, ~0ULL, &type), 0);
	op_buf_init(&text, 1 << 20);
	op_schema_write(type, NULL, &text);
	CHECK_INT(op_schema_parse(text.data, text.len, &read), 0);
	CHECK(op_tier_is(read));
	op_buf_finish(&text);
	op_schema_free(type);
	op_schema_free(read);
}

TEST(a_tier_takes_the_first_twelve_fields)
{
	struct op_field fields[20];
	char names[20][4];
	for (unsigned i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct op_field){.name = names[i],
					      .unit = "",
					      .help = "",
					      .type = OP_U8,
					      .offset = i,
					      .bytes = 1};
	}
	struct op_topic_type wide = {.name = "wide",
				     .fields = fields,
				     .n_fields = 20,
				     .record_bytes = 20},
			     *type = NULL;
	CHECK_INT(op_tier_fields(&wide, ~0ULL), 0xfff);
	CHECK_INT(op_tier_fields(&wide, ~1ULL), 0x1ffe);
	CHECK_INT(op_tier_type(&wide, ~0ULL, &type), 0);
	CHECK_INT(type->n_fields, 61);
	CHECK_STR(type->fields[60].name, "f11.last");
	op_schema_free(type);
}

TEST(without_a_field_there_is_no_tier)
{
	struct op_tier *t = NULL;
	CHECK_INT(op_tier_create(&mark_topic, 1 << 2, S, take, &got, &t), -EINVAL);
	CHECK_INT(op_tier_create(&every_topic, ~0ULL, 0, take, &got, &t), -EINVAL);
	CHECK(t == NULL);
}
