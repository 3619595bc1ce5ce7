/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/store/query.h"
#include "test.h"

#include <time.h>

#define S ((int64_t)OP_NS_PER_S)
#define NOW (1795255200 * S) /* 2026-11-21T10:00:00Z */

static int64_t parsed(const char *text)
{
	int64_t t = -1;
	if (op_time_parse(text, NOW, &t) < 0)
		op_test_fail(__FILE__, __LINE__, "not taken: \"%s\"", text);
	return t;
}

TEST(a_time_may_be_a_date_with_and_without_a_clock)
{
	CHECK_INT(parsed("2026-11-21T10:00:00Z"), NOW);
	CHECK_INT(parsed("2026-11-21t10:00:00z"), NOW);
	CHECK_INT(parsed("2026-11-21 10:00"), NOW);
	CHECK_INT(parsed("2026-11-21T10:00"), NOW);
	CHECK_INT(parsed("2026-11-21"), NOW - 36000 * S);
	CHECK_INT(parsed("2026-11-21T12:00:00+02:00"), NOW);
	CHECK_INT(parsed("2026-11-21T06:30:00-03:30"), NOW);
	CHECK_INT(parsed("2026-11-21 12:00 +02:00"), NOW);
	CHECK_INT(parsed("2026-11-21T10:00:00.25Z"), NOW + S / 4);
	CHECK_INT(parsed("2026-11-21T10:00:00.1234567891Z"), NOW + 123456789);
	CHECK_INT(parsed("1970-01-01"), 0);
	CHECK_INT(parsed("2024-02-29T00:00:00Z"), 1709164800 * S);
	CHECK_INT(parsed("2016-12-31T23:59:60Z"), 1483228800 * S);
}

TEST(a_time_may_be_seconds_or_from_now)
{
	CHECK_INT(parsed("now"), NOW);
	CHECK_INT(parsed("1795255200"), NOW);
	CHECK_INT(parsed("1795255200.5"), NOW + S / 2);
	CHECK_INT(parsed("0"), 0);
	CHECK_INT(parsed("-15m"), NOW - 900 * S);
	CHECK_INT(parsed("-2h"), NOW - 7200 * S);
	CHECK_INT(parsed("-7d"), NOW - 604800 * S);
	CHECK_INT(parsed("-1w"), NOW - 604800 * S);
	CHECK_INT(parsed("-1.5s"), NOW - 3 * S / 2);
}

TEST(other_text_is_no_time)
{
	static const char *const wrong[] = {
		"",
		" ",
		"-",
		"-5",
		"-h",
		"-5x",
		"-5mm",
		"- 5m",
		"yesterday",
		"Now",
		"12:00",
		"2026-11",
		"2026-1-1",
		"2026-13-01",
		"2026-00-10",
		"2026-02-30",
		"2026-02-30T10:00:00Z",
		"2026-11-21T",
		"2026-11-21T25:00Z",
		"2026-11-21T10:60Z",
		"2026-11-21T10:00:61Z",
		"2026-11-21T10:00:00.Z",
		"2026-11-21T10:00:00+2",
		"2026-11-21T10:00:00+25:00",
		"2026-11-21T10:00:00Zx",
		"2026-11-21x",
		"1969-12-31",
		"9999-01-01",
		"1e9",
		"0x10",
		"1.",
		".5",
		"99999999999",
		"-99999999999999999w",
		"-9000000000w",
		"+5m",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(wrong); i++) {
		int64_t t = 42;
		if (op_time_parse(wrong[i], NOW, &t) != -EINVAL)
			op_test_fail(__FILE__, __LINE__, "taken: \"%s\"", wrong[i]);
		CHECK_INT(t, 42);
	}
}

TEST(the_zone_of_the_machine_does_not_matter)
{
	CHECK_INT(setenv("TZ", "America/New_York", 1), 0);
	tzset();
	CHECK_INT(parsed("2026-11-21T10:00"), NOW);
	CHECK_INT(parsed("2026-11-21"), NOW - 36000 * S);
}
