/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/store/chunk.h"

#include <math.h>

#include "bus_topics.h"
#include "lib/store/chunk_format.h"
#include "test.h"

struct slot {
	uint64_t ns;
	struct every every;
};

#define ALL (~0ULL)
static uint64_t seed = 1;
static struct slot slots[3000];

static uint64_t random_number(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed ^ seed >> 29;
}

static struct op_chunk_builder *builder(op_field_set fields, size_t max)
{
	struct op_chunk_builder *b = NULL;
	struct op_chunk_plan plan = {.fields = fields, .max_records = max};
	CHECK_INT(op_chunk_builder_create(&every_topic, &plan, &b), 0);
	return b;
}

static struct op_chunk_reader *reader(void)
{
	struct op_chunk_reader *r = NULL;
	CHECK_INT(op_chunk_reader_create(&every_topic, ALL, &r), 0);
	return r;
}

/* Any bits at all in every field, NaN of all kinds among them. */
static void fill_with_anything(size_t n, uint64_t from_ns)
{
	unsigned char *p = (unsigned char *)slots;
	for (size_t i = 0; i < sizeof(slots[0]) * n; i++)
		p[i] = random_number() % 5 ? (unsigned char)random_number() : 0xff;
	for (size_t i = 0; i < n; i++)
		slots[i].ns = from_ns + i * 1250123;
}

static void check_values(const struct op_chunk_columns *c, size_t first)
{
	for (unsigned f = 0; f < every_topic.n_fields; f++) {
		const struct op_field *field = &every_topic.fields[f];
		CHECK((c->values[f] == NULL) == (field->type == OP_TEXT));
		for (size_t i = 0; i < c->n && c->values[f]; i++) {
			const char *have = (const char *)c->values[f] + i * field->bytes;
			const char *want = (const char *)&slots[first + i].every + field->offset;
			if (memcmp(have, want, field->bytes) != 0)
				op_test_fail(__FILE__, __LINE__, "%s of record %zu", field->name,
					     i);
		}
	}
}

TEST(every_bit_of_every_type_comes_back)
{
	static const size_t sizes[] = {1, 2, 3, 50, 64, 129, 3000};
	struct op_chunk_builder *b = builder(ALL, 3000);
	struct op_chunk_reader *r = reader();
	for (size_t k = 0; k < OP_ARRAY_SIZE(sizes); k++) {
		struct op_chunk chunk;
		struct op_chunk_columns c;
		fill_with_anything(sizes[k], 5000000000);
		CHECK_INT(op_chunk_append(b, 1000, slots, sizes[k], sizeof(slots[0])), sizes[k]);
		CHECK_INT(op_chunk_pending(b), sizes[k]);
		CHECK_INT(op_chunk_since_ns(b), 5000000000);
		CHECK_INT(op_chunk_cut(b, &chunk), 0);
		CHECK_INT(op_chunk_pending(b), 0);
		CHECK_INT(chunk.n, sizes[k]);
		CHECK_INT(chunk.seq0, 1000);
		CHECK_INT(op_chunk_load(r, chunk.data, chunk.bytes, ALL, &c), 0);
		CHECK_INT(c.n, sizes[k]);
		CHECK_INT(chunk.t0_ns, c.t_ns[0]);
		CHECK_INT(chunk.t1_ns, c.t_ns[c.n - 1]);
		for (size_t i = 0; i < c.n; i++) {
			CHECK_INT(c.seq[i], 1000 + i);
			CHECK_INT(c.t_ns[i], slots[i].ns / OP_CHUNK_TIME_NS * OP_CHUNK_TIME_NS);
		}
		check_values(&c, 0);
	}
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
}

/* Put together by hand from outpost-store(7): what was stored once must be read for ever. */
TEST(the_format_is_that_of_the_manual)
{
	static const unsigned char bytes[] = {
		/* magic, checksum */
		0x4f,
		0x70,
		0x43,
		0x31,
		0x4b,
		0x9f,
		0x48,
		0x9a,
		/* n, columns */
		0x03,
		0x06,
		/* times */
		0xfe,
		0x60,
		0x12,
		0xe8,
		0x07,
		0x80,
		0x80,
		0x80,
		0xf4,
		0x03,
		0x00,
		0x80,
		0x80,
		0x80,
		0x80,
		0x80,
		0x80,
		0x80,
		0x80,
		0x80,
		0x01,
		/* numbers 41, 42, 43 */
		0xff,
		0x60,
		0x03,
		0x01,
		0x29,
		0x02,
		/* a_u8: 5, 8, 6 in two bits each */
		0x00,
		0x00,
		0x04,
		0x10,
		0x05,
		0x02,
		0x1c,
		/* f_u32: 4, 4, 4 */
		0x05,
		0x40,
		0x02,
		0x00,
		0x04,
		/* d_f64: -2, 6, 4 by f_u32 */
		0x03,
		0x92,
		0x0e,
		0x05,
		0x10,
		0xfe,
		0xff,
		0xff,
		0xff,
		0xff,
		0xff,
		0xff,
		0xff,
		0x7f,
		0x04,
		0x80,
		0x06,
		/* e_f32: mean of a_u8 by 0.5, from 10 */
		0x04,
		0x81,
		0x14,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0x00,
		0xe0,
		0x3f,
		0x01,
		0x00,
		0x00,
		0x00,
		0x80,
		0x80,
		0x80,
		0x89,
		0x0c,
	};
	struct op_chunk_reader *r = reader();
	struct op_chunk_columns c;
	CHECK_INT(op_chunk_load(r, bytes, sizeof(bytes), ALL, &c), 0);
	CHECK_INT(c.n, 3);
	const uint8_t *a = c.values[0];
	const double *d = c.values[3];
	const float *e = c.values[4];
	static const uint8_t want_a[] = {5, 8, 6};
	static const double want_d[] = {-0.5, 1.5, 1}, want_e[] = {10, 9, 7.5};
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(c.t_ns[i], 1000000 + i * 1000000);
		CHECK_INT(c.seq[i], 41 + i);
		CHECK_INT(a[i], want_a[i]);
		CHECK_NEAR(d[i], want_d[i], 0);
		CHECK_NEAR((double)e[i], want_e[i], 0);
	}
	op_chunk_reader_destroy(r);
}

TEST(gaps_equal_times_and_times_that_go_back)
{
	struct op_chunk_builder *b = builder(1, 100);
	struct op_chunk_reader *r = reader();
	struct op_chunk chunk;
	struct op_chunk_columns c;
	static const uint64_t us[] = {100, 100, 100, 90, 5000000, 5000001, 0};
	static const uint64_t want[] = {100, 100, 100, 100, 5000000, 5000001, 5000001};
	for (size_t i = 0; i < OP_ARRAY_SIZE(us); i++) {
		slots[i].ns = us[i] * 1000 + 999;
		uint64_t seq = i < 3 ? i : i < 5 ? 100 + i : (1ULL << 60) + i;
		CHECK_INT(op_chunk_append(b, seq, &slots[i], 1, sizeof(slots[0])), 1);
	}
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_chunk_load(r, chunk.data, chunk.bytes, 0, &c), 0);
	CHECK_INT(c.n, OP_ARRAY_SIZE(us));
	for (size_t i = 0; i < OP_ARRAY_SIZE(us); i++)
		CHECK_INT(c.t_ns[i], want[i] * 1000);
	CHECK_INT(c.seq[2], 2);
	CHECK_INT(c.seq[3], 103);
	CHECK_INT(c.seq[6], (1LL << 60) + 6);
	CHECK(c.values[0] == NULL);
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
}

TEST(a_full_chunk_takes_no_more)
{
	struct op_chunk_builder *b = builder(ALL, 100);
	struct op_chunk chunk;
	fill_with_anything(150, 1000);
	CHECK_INT(op_chunk_cut(b, &chunk), -ENODATA);
	CHECK_INT(op_chunk_append(b, 0, slots, 150, sizeof(slots[0])), 100);
	CHECK_INT(op_chunk_append(b, 100, slots + 100, 50, sizeof(slots[0])), 0);
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_chunk_append(b, 100, slots + 100, 50, sizeof(slots[0])), 50);
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(chunk.n, 50);
	CHECK_INT(chunk.seq0, 100);
	CHECK_INT(op_chunk_cut(b, &chunk), -ENODATA);
	op_chunk_builder_destroy(b);
}

TEST(only_the_fields_that_are_wanted_and_kept)
{
	struct op_chunk_builder *b = builder(1 << 2 | 1 << 4, 100);
	struct op_chunk_reader *r = reader();
	struct op_chunk chunk;
	struct op_chunk_columns c;
	fill_with_anything(80, 1000);
	CHECK_INT(op_chunk_append(b, 0, slots, 80, sizeof(slots[0])), 80);
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK_INT(op_chunk_load(r, chunk.data, chunk.bytes, 1 << 4 | 1 << 5, &c), 0);
	for (unsigned f = 0; f < every_topic.n_fields; f++)
		CHECK((c.values[f] != NULL) == (f == 4));
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
}

/* A good chunk, of n records. */
static unsigned char *make_chunk(size_t n, size_t *ret_bytes)
{
	struct op_chunk_builder *b = builder(ALL, n);
	struct op_chunk chunk;
	fill_with_anything(n, 1000);
	for (size_t i = 0; i < n; i++)
		slots[i].every.h_u16 = (uint16_t)(500 + random_number() % 13);
	CHECK_INT(op_chunk_append(b, 7, slots, n, sizeof(slots[0])), n);
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	unsigned char *copy = malloc(chunk.bytes);
	CHECK(copy != NULL);
	memcpy(copy, chunk.data, chunk.bytes);
	*ret_bytes = chunk.bytes;
	op_chunk_builder_destroy(b);
	return copy;
}

TEST(every_changed_byte_is_noticed)
{
	struct op_chunk_reader *r = reader();
	struct op_chunk_columns c;
	size_t n;
	unsigned char *p = make_chunk(60, &n);
	CHECK_INT(op_chunk_load(r, p, n, ALL, &c), 0);
	for (size_t i = 0; i < n; i++) {
		p[i] ^= 0x10;
		CHECK_INT(op_chunk_load(r, p, n, ALL, &c), -OP_EDAMAGED);
		p[i] ^= 0x10;
		CHECK_INT(op_chunk_load(r, p, i, ALL, &c), -OP_EDAMAGED);
	}
	CHECK_INT(op_chunk_load(r, p, n, ALL, &c), 0);
	free(p);
	op_chunk_reader_destroy(r);
}

/* Behind a checksum that fits, damage must still do no harm. */
TEST(behind_the_checksum_everything_is_checked)
{
	struct op_chunk_reader *r = reader();
	struct op_chunk_columns c;
	size_t n, refused = 0;
	unsigned char *p = make_chunk(300, &n);
	for (unsigned round = 0; round < 5000; round++) {
		size_t at = CHUNK_CHECKED + random_number() % (n - CHUNK_CHECKED);
		if (round < 600)
			at = CHUNK_CHECKED + round % 60;
		unsigned char before = p[at];
		p[at] = (unsigned char)random_number();
		uint32_t crc = chunk_crc(p, n);
		memcpy(p + 4, &crc, 4); /* little-endian, as all machines this runs on */
		int err = op_chunk_load(r, p, n, ALL, &c);
		CHECK(err == 0 || err == -OP_EDAMAGED);
		refused += err != 0;
		for (uint32_t i = 1; i < c.n && !err; i++)
			CHECK(c.t_ns[i] >= c.t_ns[i - 1]);
		p[at] = before;
	}
	CHECK(refused > 100);
	free(p);
	op_chunk_reader_destroy(r);
}

TEST(a_chunk_of_another_type_is_refused)
{
	struct op_chunk_reader *r = NULL;
	struct op_chunk_columns c;
	size_t n;
	unsigned char *p = make_chunk(60, &n);
	CHECK_INT(op_chunk_reader_create(&tick_topic, ALL, &r), 0);
	CHECK_INT(op_chunk_load(r, p, n, ALL, &c), -OP_EDAMAGED);
	CHECK_INT(op_chunk_load(r, "", 0, ALL, &c), -OP_EDAMAGED);
	op_chunk_reader_destroy(r);
	free(p);
}

/* Means of whole numbers come back to the bit, in fewer bytes than their bits. */
TEST(means_of_tiers_are_small)
{
	struct op_topic_type *type = NULL;
	op_field_set field = 1 << 7; /* h_u16 */
	CHECK_INT(op_tier_type(&every_topic, field, &type), 0);
	struct op_chunk_builder *b = NULL;
	struct op_chunk_reader *r = NULL;
	struct op_chunk_plan plan = {.fields = ALL, .max_records = 3000};
	struct op_chunk chunk;
	struct op_chunk_columns c;
	struct {
		uint64_t ns;
		unsigned char record[64];
	} slot = {0};
	static double means[3000];
	CHECK(type->record_bytes <= sizeof(slot.record));
	CHECK_INT(op_chunk_builder_create(type, &plan, &b), 0);
	CHECK_INT(op_chunk_reader_create(type, ALL, &r), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t n = 799 + (uint32_t)(random_number() % 3);
		means[i] = (double)(32000 + random_number() % 256) / n;
		slot.ns = (100 + i) * OP_NS_PER_S;
		memcpy(slot.record + type->fields[0].offset, &n, sizeof(n));
		memcpy(slot.record + type->fields[3].offset, &means[i], sizeof(double));
		CHECK_INT(op_chunk_append(b, i, &slot, 1, sizeof(slot)), 1);
	}
	CHECK_INT(op_chunk_cut(b, &chunk), 0);
	CHECK(chunk.bytes < 3000 * 5 / 4 + 200);
	CHECK_INT(op_chunk_load(r, chunk.data, chunk.bytes, 1 << 3, &c), 0);
	CHECK(!memcmp(c.values[3], means, sizeof(means)));
	CHECK(c.values[0] == NULL);
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
	op_schema_free(type);
}

TEST(fields_are_read_from_text)
{
	op_field_set set = 0;
	const char *bad = NULL;
	CHECK_INT(op_chunk_fields_parse(&every_topic, NULL, &set, NULL), 0);
	CHECK_INT(set, op_chunk_fields(&every_topic));
	CHECK_INT(set, 0x7ff); /* all but the text */
	CHECK_INT(op_chunk_fields_parse(&every_topic, "", &set, NULL), 0);
	CHECK_INT(set, 0x7ff);
	CHECK_INT(op_chunk_fields_parse(&every_topic, " c_u64,a_u8 ", &set, NULL), 0);
	CHECK_INT(set, 5);
	CHECK_INT(op_chunk_fields_parse(&every_topic, "a_u8, l_text", &set, &bad), -ENOENT);
	CHECK_STR(bad, "l_text");
	CHECK_INT(op_chunk_fields_parse(&every_topic, "a_u", &set, &bad), -ENOENT);
	CHECK_INT(set, 5);
}
