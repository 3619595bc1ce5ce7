/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/proto/pbt.h"

#include "test.h"

static struct op_pbt p;

/* Parses one line given with its end and returns its class. */
static enum op_pbt_class one(const char *bytes, size_t n, struct op_pbt_record *r)
{
	const char *at = bytes, *end = bytes + n;
	op_pbt_init(&p);
	enum op_pbt_class class = op_pbt_next(&p, &at, end, r);
	struct op_pbt_record more;
	CHECK_INT(op_pbt_next(&p, &at, end, &more), OP_PBT_NONE);
	return class;
}

static void expect(const char *line, enum op_pbt_class class, uint64_t value)
{
	struct op_pbt_record r = {0};
	if (one(line, strlen(line), &r) != class || (class == OP_PBT_SAMPLE && r.value != value))
		op_test_fail(__FILE__, __LINE__, "\"%s\": class %d, value %llu", line, (int)r.class,
			     (unsigned long long)r.value);
}

TEST(a_sample_is_one_to_four_digits_up_to_1023)
{
	expect("0\r\n", OP_PBT_SAMPLE, 0);
	expect("7\n", OP_PBT_SAMPLE, 7);
	expect("007\r\n", OP_PBT_SAMPLE, 7);
	expect("0007\r\n", OP_PBT_SAMPLE, 7);
	expect("512\r\n", OP_PBT_SAMPLE, 512);
	expect("1023\r\n", OP_PBT_SAMPLE, 1023);
	expect(" \t512\t \r\r\r\n", OP_PBT_SAMPLE, 512);
	expect("\r512\n", OP_PBT_SAMPLE, 512);
}

TEST(what_other_parsers_take_for_a_number_is_rejected)
{
	static const char *const lines[] = {
		"1024\r\n", "9999\n",   "00007\r\n", "12345\n", "+45\r\n",   "-5\r\n",
		"1_0\r\n",  "1.5\r\n",  "0x10\n",    "1e3\n",   "5 1 2\r\n", "51\r2\n",
		"512;\r\n", "５１２\n", "٣\n",       "512#\n",  "\v512\r\n", "NaN\n"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(lines); i++)
		expect(lines[i], OP_PBT_REJECTED, 0);
	struct op_pbt_record r;
	CHECK_INT(one("51\0\n", 4, &r), OP_PBT_REJECTED);
}

TEST(comments_texts_and_empty_lines_are_not_samples)
{
	expect("# READY\r\n", OP_PBT_COMMENT, 0);
	expect("#512\r\n", OP_PBT_COMMENT, 0);
	expect("# GPIO: Pin 6 → HIGH (5V)\r\n", OP_PBT_COMMENT, 0);
	expect("CREDITS:12\r\n", OP_PBT_TEXT, 0);
	expect("CREDITS:-1\r\n", OP_PBT_REJECTED, 0);
	expect("CREDITS:\r\n", OP_PBT_REJECTED, 0);
	expect("LIDAR_STATUS:0,1\r\n", OP_PBT_TEXT, 0);
	expect("PERSON_DETECTED\r\n", OP_PBT_TEXT, 0);
	expect("Siren OFF\r\n", OP_PBT_TEXT, 0);
	expect("Trigger detected - Siren ON\r\n", OP_PBT_TEXT, 0);
	expect("Rear: Area clear now\r\n", OP_PBT_TEXT, 0);
	expect("\r\n", OP_PBT_EMPTY, 0);
	expect("\n", OP_PBT_EMPTY, 0);
	expect(" \t\r\n", OP_PBT_EMPTY, 0);
}

TEST(stats_carry_the_boards_count_also_past_64_bytes)
{
	struct op_pbt_record r;
	const char *s = "# STATS: samples=123456789 raw_min=100 raw_max=1023 range=923 (4.51V)\r\n";
	CHECK(strlen(s) > OP_PBT_LINE_MAX + 2);
	CHECK_INT(one(s, strlen(s), &r), OP_PBT_COMMENT);
	CHECK_INT(r.note, OP_PBT_NOTE_STATS);
	CHECK_INT(r.value, 123456789);
	s = "# STATS: samples=99999999999999999999999 x\n"; /* more than 64 bits: no count */
	CHECK_INT(one(s, strlen(s), &r), OP_PBT_COMMENT);
	CHECK_INT(r.note, OP_PBT_NOTE_NONE);
}

TEST(boot_lines_are_noted)
{
	struct op_pbt_record r;
	CHECK_INT(one("# READY\r\n", 9, &r), OP_PBT_COMMENT);
	CHECK_INT(r.note, OP_PBT_NOTE_BOOT);
	CHECK_INT(one("# CALIBRATING...\r\n", 18, &r), OP_PBT_COMMENT);
	CHECK_INT(r.note, OP_PBT_NOTE_BOOT);
	CHECK_INT(one("# READYING\r\n", 12, &r), OP_PBT_COMMENT);
	CHECK_INT(r.note, OP_PBT_NOTE_NONE);
	CHECK(r.len == 10 && !memcmp(r.text, "# READYING", 10));
}

/* A line of n bytes of c, then a sample; returns the class of the first. */
static enum op_pbt_class long_line(size_t n, char c)
{
	OP_AUTO_FREE char *bytes = malloc(n + 6);
	memset(bytes, c, n);
	memcpy(bytes + n, "\n512\r\n", 6);
	const char *at = bytes, *end = bytes + n + 6;
	struct op_pbt_record r;
	op_pbt_init(&p);
	enum op_pbt_class class = op_pbt_next(&p, &at, end, &r);
	CHECK_INT(op_pbt_next(&p, &at, end, &r), OP_PBT_SAMPLE);
	CHECK_INT(r.value, 512);
	CHECK_INT(op_pbt_lines(&p), 2);
	return class;
}

TEST(an_overlong_line_counts_once)
{
	CHECK_INT(long_line(64, 'x'), OP_PBT_REJECTED);
	CHECK_INT(long_line(65, 'x'), OP_PBT_OVERLONG);
	CHECK_INT(long_line(65, ' '), OP_PBT_OVERLONG);
	CHECK_INT(long_line(65, '1'), OP_PBT_OVERLONG);
	CHECK_INT(long_line(1 << 20, '1'), OP_PBT_OVERLONG);
	CHECK_INT(long_line(256, '#'), OP_PBT_COMMENT);
	CHECK_INT(long_line(257, '#'), OP_PBT_OVERLONG);
}

/* A number cut by a pause is one number once its end has come, and none before. */
TEST(a_pause_inside_a_number_makes_no_sample)
{
	struct op_pbt_record r;
	const char *at = "51", *end = at + 2;
	op_pbt_init(&p);
	CHECK_INT(op_pbt_next(&p, &at, end, &r), OP_PBT_NONE);
	CHECK(at == end);
	at = "2\r\n", end = at + 3;
	CHECK_INT(op_pbt_next(&p, &at, end, &r), OP_PBT_SAMPLE);
	CHECK_INT(r.value, 512);
	at = "51", end = at + 2;
	CHECK_INT(op_pbt_next(&p, &at, end, &r), OP_PBT_NONE);
	op_pbt_restart(&p);
	at = "40\r\n", end = at + 4;
	CHECK_INT(op_pbt_next(&p, &at, end, &r), OP_PBT_SAMPLE);
	CHECK_INT(r.value, 40);
}

static const char mixed[] =
	"# READY\r\n512\r\n7\n\r\n1024\r\n  40 \r\nCREDITS:3\r\n+4\r\n"
	"0123456789012345678901234567890123456789012345678901234567890123456789\n"
	"1023\r\n# STATS: samples=5 raw_min=1\r\n0\r\n99";

/* Parses mixed cut at one place; a digest of everything that comes out. */
static uint64_t digest(size_t cut)
{
	uint64_t sum = 14695981039346656037ULL;
	const char *at = mixed, *ends[2] = {mixed + cut, mixed + sizeof(mixed) - 1};
	struct op_pbt_record r = {0};
	op_pbt_init(&p);
	for (int i = 0; i < 2; i++) {
		while (op_pbt_next(&p, &at, ends[i], &r) != OP_PBT_NONE)
			sum = (sum ^ ((uint64_t)r.class * 4099 + r.value)) * 1099511628211ULL;
	}
	return sum;
}

TEST(any_split_gives_the_same_records)
{
	uint64_t whole = digest(0);
	CHECK_INT(p.count[OP_PBT_SAMPLE], 5);
	CHECK_INT(p.count[OP_PBT_REJECTED], 2);
	CHECK_INT(p.count[OP_PBT_OVERLONG], 1);
	CHECK_INT(p.count[OP_PBT_COMMENT], 2);
	CHECK_INT(p.count[OP_PBT_TEXT], 1);
	CHECK_INT(p.count[OP_PBT_EMPTY], 1);
	for (size_t cut = 0; cut < sizeof(mixed); cut++)
		CHECK(digest(cut) == whole);
}
