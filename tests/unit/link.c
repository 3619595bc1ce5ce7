/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dev/link.h"

#include "test.h"

static struct op_link l;
static uint64_t now;

static void start(void)
{
	struct op_link_params p = {
		.first_ms = 6000, .silence_ms = 2000, .retry_first_ms = 100, .retry_ms = 1000};
	now = 5 * OP_NS_PER_S;
	op_link_init(&l, &p, now);
}

/* An event after so many milliseconds, and the state and action it must lead to. */
static void expect(unsigned ms, enum op_link_event e, enum op_link_state state,
		   enum op_link_action action)
{
	now += ms * OP_NS_PER_MS;
	enum op_link_action got = op_link_event(&l, e, now);
	if (l.state != state || got != action)
		op_test_fail(__FILE__, __LINE__, "event %d: %s, action %d; want %s, action %d",
			     (int)e, op_link_state_names[l.state], (int)got,
			     op_link_state_names[state], (int)action);
}

static void make_live(void)
{
	start();
	expect(0, OP_LINK_DUE, OP_LINK_MISSING, OP_LINK_OPEN);
	expect(0, OP_LINK_OPENED, OP_LINK_SETTLING, OP_LINK_NOTHING);
	expect(2500, OP_LINK_SAMPLE, OP_LINK_SETTLING, OP_LINK_NOTHING);
	expect(200, OP_LINK_STABLE, OP_LINK_LIVE, OP_LINK_NOTHING);
}

TEST(missing_is_tried_at_once_and_then_each_second)
{
	start();
	for (int i = 0; i < 5; i++) {
		expect(0, OP_LINK_DUE, OP_LINK_MISSING, OP_LINK_OPEN);
		expect(0, OP_LINK_REFUSED, OP_LINK_MISSING, OP_LINK_NOTHING);
		CHECK_INT(op_link_due_ns(&l) - now, 1000 * OP_NS_PER_MS);
		expect(999, OP_LINK_DUE, OP_LINK_MISSING, OP_LINK_NOTHING);
		now += OP_NS_PER_MS;
	}
	CHECK_INT(l.since_ns, 5 * OP_NS_PER_S);
	CHECK_INT(l.opens, 0);
}

TEST(a_boards_boot_is_no_silence)
{
	make_live();
	CHECK_INT(l.opens, 1);
	CHECK_INT(l.losses, 0);
}

TEST(unplugging_is_missing_and_retried_soon)
{
	make_live();
	expect(10, OP_LINK_HANGUP, OP_LINK_MISSING, OP_LINK_CLOSE);
	CHECK_INT(op_link_due_ns(&l) - now, 100 * OP_NS_PER_MS);
	CHECK_INT(l.since_ns, now);
	CHECK_INT(l.losses, 1);
	expect(100, OP_LINK_DUE, OP_LINK_MISSING, OP_LINK_OPEN);
	expect(0, OP_LINK_OPENED, OP_LINK_SETTLING, OP_LINK_NOTHING);
	CHECK_INT(l.opens, 2);
}

TEST(silence_closes_and_opens_for_ever)
{
	make_live();
	expect(1799, OP_LINK_DUE, OP_LINK_LIVE, OP_LINK_NOTHING);
	expect(1, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_CLOSE);
	uint64_t since = now;
	for (int i = 0; i < 3; i++) {
		expect(100, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_OPEN);
		expect(0, OP_LINK_OPENED, OP_LINK_SILENT, OP_LINK_NOTHING);
		expect(6000, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_CLOSE);
	}
	CHECK_INT(l.since_ns, since); /* trying is no change */
	expect(100, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_OPEN);
	expect(0, OP_LINK_OPENED, OP_LINK_SILENT, OP_LINK_NOTHING);
	expect(10, OP_LINK_SAMPLE, OP_LINK_SETTLING, OP_LINK_NOTHING);
	expect(200, OP_LINK_STABLE, OP_LINK_LIVE, OP_LINK_NOTHING);
}

TEST(bytes_without_a_sample_are_noise)
{
	make_live();
	expect(1000, OP_LINK_BYTES, OP_LINK_LIVE, OP_LINK_NOTHING);
	expect(1000, OP_LINK_DUE, OP_LINK_NOISE, OP_LINK_CLOSE);
	expect(100, OP_LINK_DUE, OP_LINK_NOISE, OP_LINK_OPEN);
	expect(0, OP_LINK_OPENED, OP_LINK_NOISE, OP_LINK_NOTHING);
	expect(6000, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_CLOSE); /* now not even noise */
	expect(100, OP_LINK_DUE, OP_LINK_SILENT, OP_LINK_OPEN);
	expect(0, OP_LINK_REFUSED, OP_LINK_MISSING, OP_LINK_NOTHING);
}

TEST(samples_put_silence_off)
{
	make_live();
	for (int i = 0; i < 100; i++)
		expect(1500, OP_LINK_SAMPLE, OP_LINK_LIVE, OP_LINK_NOTHING);
	CHECK_INT(op_link_due_ns(&l) - now, 2000 * OP_NS_PER_MS);
}

TEST(an_unsteady_signal_settles_again)
{
	make_live();
	expect(1, OP_LINK_UNSTABLE, OP_LINK_SETTLING, OP_LINK_NOTHING);
	expect(1, OP_LINK_STABLE, OP_LINK_LIVE, OP_LINK_NOTHING);
	expect(1, OP_LINK_STABLE, OP_LINK_LIVE, OP_LINK_NOTHING);
}

TEST(what_cannot_happen_changes_nothing)
{
	start();
	expect(0, OP_LINK_BYTES, OP_LINK_MISSING, OP_LINK_NOTHING);
	expect(0, OP_LINK_SAMPLE, OP_LINK_MISSING, OP_LINK_NOTHING);
	expect(0, OP_LINK_STABLE, OP_LINK_MISSING, OP_LINK_NOTHING);
	expect(0, OP_LINK_HANGUP, OP_LINK_MISSING, OP_LINK_NOTHING);
}
