/* Which records a policy keeps: rate, change, around events.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "bus_topics.h"
#include "services/recorder/policy.h"
#include "test.h"

struct reading {
	double value;
	char note[8];
};
static const struct op_field reading_fields[] = {
	{.name = "value", .unit = "", .help = "", .type = OP_F64, .offset = 0, .bytes = 8},
	{.name = "note", .unit = "", .help = "", .type = OP_TEXT, .offset = 8, .bytes = 8},
};
static const struct op_topic_type reading_type = {.name = "reading",
						  .help = "",
						  .fields = reading_fields,
						  .n_fields = 2,
						  .record_bytes = sizeof(struct reading),
						  .rate_mhz = 100000};

#define STRIDE (OP_SLOT_RECORD + sizeof(struct reading))

static struct keep_settings set;
static struct policy *policy;
static uint64_t taken[4096];
static size_t n_taken;
static uint64_t next_seq;

static void on_taken(void *arg, uint64_t first_seq, const void *slots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CHECK(n_taken < OP_ARRAY_SIZE(taken));
		CHECK(n_taken == 0 || taken[n_taken - 1] < first_seq + i);
		taken[n_taken++] = first_seq + i;
	}
}

static void begin(void)
{
	n_taken = next_seq = 0;
	CHECK_INT(policy_create(&set, &reading_type, STRIDE, UINT64_MAX, on_taken, NULL, &policy),
		  0);
}

static void add(double s, double value, const char *note)
{
	unsigned char slot[STRIDE];
	struct reading r = {.value = value};
	uint64_t ns = (uint64_t)(s * 1e9);
	strcpy(r.note, note);
	memcpy(slot, &ns, sizeof(ns));
	memcpy(slot + OP_SLOT_RECORD, &r, sizeof(r));
	policy_add(policy, next_seq++, slot, 1);
}

/* So many records at 100 Hz in runs; their sequence number is 100 times their time. */
static void add_run(double from_s, size_t n)
{
	OP_AUTO_FREE unsigned char *slots = calloc(n, STRIDE);
	CHECK(slots);
	for (size_t i = 0; i < n; i++) {
		uint64_t ns = (uint64_t)(from_s * 1e9) + i * 10000000;
		memcpy(slots + i * STRIDE, &ns, sizeof(ns));
	}
	next_seq = (uint64_t)(from_s * 100 + 0.5);
	for (size_t i = 0; i < n; i += 37)
		policy_add(policy, next_seq + i, slots + i * STRIDE, n - i < 37 ? n - i : 37);
	next_seq += n;
}

TEST(every_record)
{
	set = (struct keep_settings){.policy = KEEP_EVERY};
	begin();
	add_run(0, 1000);
	CHECK_INT(n_taken, 1000);
	policy_destroy(policy);
}

TEST(at_most_so_many_per_second)
{
	set = (struct keep_settings){.policy = KEEP_RATE, .per_s = 10};
	begin();
	add_run(5, 1000);
	CHECK_INT(n_taken, 100);
	CHECK_INT(taken[0], 500);
	CHECK_INT(taken[1], 510);
	policy_destroy(policy);
}

/* One record a second that comes a little early or late: one of ten is kept all the same. */
TEST(slower_than_a_second_in_spite_of_jitter)
{
	set = (struct keep_settings){.policy = KEEP_RATE, .per_s = 0.1};
	begin();
	for (int i = 0; i < 1000; i++)
		add(i + 0.05 + (i % 3) * 0.01, 0, "");
	CHECK_INT(n_taken, 100);
	for (size_t i = 1; i < n_taken; i++)
		CHECK_INT(taken[i] - taken[i - 1], 10);
	policy_destroy(policy);
}

TEST(changes_beyond_the_deadband)
{
	static const double values[] = {1, 1.4, 1.5, 1.51, 1, NAN, NAN, 1, 1};
	static const uint64_t kept[] = {0, 3, 4, 5, 7};
	set = (struct keep_settings){.policy = KEEP_CHANGE, .deadband = 0.5};
	begin();
	for (size_t i = 0; i < OP_ARRAY_SIZE(values); i++)
		add((double)i, values[i], "a");
	add(20, 1, "b"); /* text counts whatever it is */
	CHECK_INT(n_taken, OP_ARRAY_SIZE(kept) + 1);
	for (size_t i = 0; i < OP_ARRAY_SIZE(kept); i++)
		CHECK_INT(taken[i], kept[i]);
	CHECK_INT(taken[5], 9);
	policy_destroy(policy);
}

TEST(changes_and_a_sign_of_life)
{
	set = (struct keep_settings){.policy = KEEP_CHANGE, .max_gap_s = 10};
	begin();
	for (int i = 0; i < 100; i++)
		add(i, i == 55, "");
	/* 0 10 20 30 40 50, the change at 55 and back at 56, then 66 76 86 96 */
	CHECK_INT(n_taken, 12);
	CHECK_INT(taken[6], 55);
	CHECK_INT(taken[7], 56);
	CHECK_INT(taken[8], 66);
	policy_destroy(policy);
}

TEST(only_the_fields_that_are_watched_change)
{
	set = (struct keep_settings){.policy = KEEP_CHANGE};
	n_taken = next_seq = 0;
	CHECK_INT(policy_create(&set, &reading_type, STRIDE, 1, on_taken, NULL, &policy), 0);
	add(0, 1, "a");
	add(1, 1, "b");
	add(2, 2, "b");
	CHECK_INT(n_taken, 2);
	policy_destroy(policy);
}

static void check_taken(uint64_t from, uint64_t to)
{
	CHECK_INT(n_taken, to - from + 1);
	for (size_t i = 0; i < n_taken; i++)
		CHECK_INT(taken[i], from + i);
}

TEST(around_an_event_that_is_heard_of_late)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 1, .after_s = 0.5};
	begin();
	add_run(0, 1000);
	CHECK_INT(n_taken, 0);
	policy_event(policy, 9 * OP_NS_PER_S); /* all of it is there already */
	check_taken(800, 950);
	add_run(10, 100);
	check_taken(800, 950);
	policy_destroy(policy);
}

TEST(around_an_event_that_is_heard_of_at_once)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 1, .after_s = 0.5};
	begin();
	add_run(0, 901);
	policy_event(policy, 9 * OP_NS_PER_S);
	check_taken(800, 900);
	add_run(9.01, 100);
	check_taken(800, 950);
	policy_destroy(policy);
}

TEST(events_close_together_keep_each_record_once)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 1, .after_s = 1};
	begin();
	add_run(0, 1000);
	policy_event(policy, 9 * OP_NS_PER_S);
	policy_event(policy, 9 * OP_NS_PER_S + 200 * OP_NS_PER_MS);
	policy_event(policy, 9 * OP_NS_PER_S + 500 * OP_NS_PER_MS);
	add_run(10, 1000);
	check_taken(800, 1050);
	policy_destroy(policy);
}

TEST(events_far_apart_in_one_look)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 0.5, .after_s = 0.1};
	begin();
	policy_event(policy, 5 * OP_NS_PER_S); /* before their data, as after a restart */
	policy_event(policy, 15 * OP_NS_PER_S);
	add_run(0, 2000);
	CHECK_INT(n_taken, 2 * 61);
	CHECK_INT(taken[0], 450);
	CHECK_INT(taken[60], 510);
	CHECK_INT(taken[61], 1450);
	policy_destroy(policy);
}

TEST(more_events_than_windows_keep_rather_more)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 0.1, .after_s = 0.1};
	begin();
	for (uint64_t i = 0; i < 3 * POLICY_WINDOWS_MAX; i++)
		policy_event(policy, (i + 1) * OP_NS_PER_S / 2);
	add_run(0, 3 * POLICY_WINDOWS_MAX * 50 / 3 + 200);
	CHECK(n_taken >= POLICY_WINDOWS_MAX * 20);
	policy_destroy(policy);
}

TEST(what_there_is_no_room_for_is_counted)
{
	set = (struct keep_settings){.policy = KEEP_AROUND, .before_s = 600, .after_s = 1};
	begin();
	add_run(0, 60000);
	CHECK_INT(policy_short(policy), 0);
	policy_destroy(policy);
	struct op_topic_type slow = reading_type;
	slow.rate_mhz = 0; /* declares nothing, so there is little room */
	n_taken = 0;
	CHECK_INT(policy_create(&set, &slow, STRIDE, UINT64_MAX, on_taken, NULL, &policy), 0);
	add_run(0, 3000);
	CHECK_INT(policy_short(policy), 3000 - 1024);
	policy_event(policy, 30 * OP_NS_PER_S);
	CHECK_INT(n_taken, 1024);
	policy_destroy(policy);
}
