/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/store/column.h"

#include <math.h>

#include "test.h"

#define MOST 70000

static struct op_column_encoder encoder;
static struct op_column_decoder decoder;
static struct op_buf out;
static uint64_t numbers[MOST], again[MOST];
static uint64_t seed = 1;

static uint64_t random_number(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed ^ seed >> 29;
}

static void start(void)
{
	CHECK_INT(op_column_encoder_init(&encoder, MOST, 3), 0);
	CHECK_INT(op_column_decoder_init(&decoder, MOST), 0);
	op_buf_init(&out, 16 * MOST);
}

static void stop(void)
{
	op_column_encoder_finish(&encoder);
	op_column_decoder_finish(&decoder);
	op_buf_finish(&out);
}

/* Bytes it takes; the numbers come back. */
static size_t round_trip(size_t n)
{
	op_buf_reset(&out);
	CHECK_INT(op_column_encode(&encoder, numbers, n, &out), 0);
	struct op_bytes in = op_bytes_of(out.data, out.len);
	memset(again, 0xaa, n * sizeof(*again));
	CHECK_INT(op_column_decode(&decoder, &in, n, again), 0);
	CHECK(in.at == in.end && !in.bad);
	for (size_t i = 0; i < n; i++)
		if (again[i] != numbers[i])
			op_test_fail(__FILE__, __LINE__, "number %zu of %zu is %llx, not %llx", i,
				     n, (unsigned long long)again[i],
				     (unsigned long long)numbers[i]);
	return out.len;
}

static const size_t sizes[] = {1, 2, 3, 4, 63, 64, 65, 127, 129, 1000, 65536};

/* What breaks codecs: ends of ranges, next to each other and alone. */
static uint64_t hostile(size_t i)
{
	static const uint64_t bits[] = {0,
					1,
					UINT64_MAX,
					UINT64_MAX - 1,
					1ULL << 63,
					(1ULL << 63) - 1,
					0x7ff0000000000000,
					0xfff8000000000001,
					0x8000000080000000,
					0x7fc00001ff800000,
					0xffffffff,
					0x80000000};
	return i % 3 ? bits[random_number() % OP_ARRAY_SIZE(bits)] : random_number();
}

TEST(hostile_numbers_come_back)
{
	start();
	for (size_t k = 0; k < OP_ARRAY_SIZE(sizes); k++)
		for (unsigned shift = 0; shift < 64; shift += 7) {
			for (size_t i = 0; i < sizes[k]; i++)
				numbers[i] = hostile(i) >> shift;
			(void)round_trip(sizes[k]);
		}
	stop();
}

TEST(steps_of_every_size_come_back)
{
	start();
	for (size_t k = 0; k < OP_ARRAY_SIZE(sizes); k++)
		for (unsigned bits = 1; bits <= 64; bits += 3) {
			uint64_t at = random_number();
			for (size_t i = 0; i < sizes[k]; i++) {
				at += (random_number() >> (64 - bits)) - (1ULL << (bits - 1));
				numbers[i] = at;
			}
			(void)round_trip(sizes[k]);
		}
	stop();
}

TEST(what_does_not_change_costs_nothing)
{
	start();
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 1ULL << 63 | 12345;
	CHECK(round_trip(60000) <= 12);
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 5000000 + 1250 * i;
	CHECK(round_trip(60000) <= 12);
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 5000000 - 1250 * i;
	CHECK(round_trip(60000) <= 24);
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 3 * i * i + 7 * i;
	CHECK(round_trip(60000) <= 16);
	stop();
}

/* 13 values, evenly: 3.7 bits each is all that can be done. */
TEST(noise_costs_its_entropy)
{
	start();
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 500 + random_number() % 13;
	size_t got = round_trip(60000);
	CHECK(got < 60000 * 3.85 / 8);
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = random_number() & 0x3ff;
	CHECK(round_trip(60000) <= 60000 * 10 / 8 + 16);
	for (size_t i = 0; i < 30; i++)
		numbers[i] = 1000000 + random_number() % 8;
	CHECK(round_trip(30) <= 30 * 3 / 8 + 8);
	stop();
}

/* A counter that jumps three times is a handful of bytes. */
TEST(runs_cost_their_jumps)
{
	start();
	for (size_t i = 0; i < 60000; i++)
		numbers[i] = 77 + i + (i > 100) * 5 + (i > 30000) * 1000000 + (i > 59000);
	CHECK(round_trip(60000) < 100);
	stop();
}

static void check_order(enum op_type type, const void *values, size_t n)
{
	unsigned char back[64];
	op_column_widen(type, values, n, numbers);
	for (size_t i = 1; i < n; i++)
		CHECK(numbers[i] > numbers[i - 1]);
	CHECK_INT(op_column_narrow(type, numbers, n, back), 0);
	CHECK(!memcmp(back, values, n * op_column_bytes(type)));
}

TEST(numbers_are_ordered_like_their_values)
{
	check_order(OP_U8, (uint8_t[]){0, 1, 127, 128, 255}, 5);
	check_order(OP_I8, (int8_t[]){-128, -1, 0, 127}, 4);
	check_order(OP_U16, (uint16_t[]){0, 1, 32768, 65535}, 4);
	check_order(OP_I16, (int16_t[]){-32768, -1, 0, 32767}, 4);
	check_order(OP_U32, (uint32_t[]){0, 1, 1u << 31, UINT32_MAX}, 4);
	check_order(OP_I32, (int32_t[]){INT32_MIN, -1, 0, INT32_MAX}, 4);
	check_order(OP_U64, (uint64_t[]){0, 1, 1ULL << 63, UINT64_MAX}, 4);
	check_order(OP_I64, (int64_t[]){INT64_MIN, -1, 0, INT64_MAX}, 4);
	check_order(OP_F32, (float[]){-INFINITY, -1.5f, -0.0f, 0.0f, 1e-40f, 2.0f, INFINITY}, 7);
	check_order(OP_F64, (double[]){-INFINITY, -1.5, -0.0, 0.0, 5e-324, 2.0, INFINITY}, 7);
	check_order(OP_ENUM, (uint8_t[]){0, 1, 255}, 3);
	CHECK_INT(op_column_bytes(OP_TEXT), 0);
}

TEST(a_number_too_large_for_its_type_is_damage)
{
	uint64_t v[] = {1, 256};
	uint8_t u8[2];
	float f32[1];
	CHECK_INT(op_column_narrow(OP_U8, v, 2, u8), -OP_EDAMAGED);
	v[0] = 1ULL << 32;
	CHECK_INT(op_column_narrow(OP_F32, v, 1, f32), -OP_EDAMAGED);
}

/* Cut short anywhere, it is damaged; with a byte changed, it is whatever, but nothing breaks. */
static void damage(size_t n)
{
	(void)round_trip(n);
	char *sound = malloc(out.len);
	CHECK(sound != NULL);
	memcpy(sound, out.data, out.len);
	for (size_t cut = 0; cut < out.len; cut += 1 + cut / 64) {
		char *part = malloc(cut ? cut : 1); /* exact, for the sanitizer */
		memcpy(part, sound, cut);
		struct op_bytes in = op_bytes_of(part, cut);
		CHECK_INT(op_column_decode(&decoder, &in, n, again), -OP_EDAMAGED);
		free(part);
	}
	for (size_t i = 0; i < out.len; i += 1 + i / 16) {
		sound[i] ^= (char)(1 + random_number() % 255);
		struct op_bytes in = op_bytes_of(sound, out.len);
		int r = op_column_decode(&decoder, &in, n, again);
		CHECK(r == 0 || r == -OP_EDAMAGED);
		sound[i] = out.data[i];
	}
	free(sound);
}

TEST(damage_is_noticed_or_harmless)
{
	start();
	for (size_t i = 0; i < 5000; i++)
		numbers[i] = 500 + random_number() % 13; /* zstd */
	damage(5000);
	for (size_t i = 0; i < 50; i++)
		numbers[i] = random_number(); /* bits */
	damage(50);
	for (size_t i = 0; i < 50; i++)
		numbers[i] = 7 * i; /* equal steps */
	damage(50);
	stop();
}

TEST(more_numbers_than_there_is_room_for_are_refused)
{
	start();
	for (size_t i = 0; i < 10; i++)
		numbers[i] = i * i * i;
	(void)round_trip(10);
	struct op_column_decoder small;
	CHECK_INT(op_column_decoder_init(&small, 9), 0);
	struct op_bytes in = op_bytes_of(out.data, out.len);
	CHECK_INT(op_column_decode(&small, &in, 10, again), -OP_EDAMAGED);
	op_column_decoder_finish(&small);
	stop();
}
