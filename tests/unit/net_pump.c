/*
 * net_pump.c - the pauses between attempts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/net/pump.h"
#include "test.h"

TEST(pauses_double_up_to_their_limit)
{
	/* "retry_delay 60 with 6 attempts: 60, 120, 240, 300, 300" */
	const struct op_pump_target t = {
		.backoff_ms = 60000, .backoff_max_ms = 300000, .exact = true};
	const unsigned want[] = {60000, 120000, 240000, 300000, 300000};
	for (unsigned k = 0; k < OP_ARRAY_SIZE(want); k++) {
		CHECK_INT(op_pump_backoff_ms(&t, k, 0), want[k]);
		CHECK_INT(op_pump_backoff_ms(&t, k, UINT32_MAX), want[k]);
	}
	for (unsigned k = 5; k < 100; k++)
		CHECK_INT(op_pump_backoff_ms(&t, k, 0), 300000);
	CHECK_INT(op_pump_backoff_ms(&t, UINT32_MAX, 0), 300000);
}

TEST(jitter_takes_up_to_half)
{
	const struct op_pump_target t = {.backoff_ms = 1000, .backoff_max_ms = 8000};
	for (unsigned k = 0; k < 6; k++) {
		uint64_t whole = k < 3 ? 1000ULL << k : 8000;
		CHECK_INT(op_pump_backoff_ms(&t, k, 0), whole / 2);
		CHECK_NEAR((double)op_pump_backoff_ms(&t, k, UINT32_MAX), (double)whole, 1);
		CHECK_NEAR((double)op_pump_backoff_ms(&t, k, UINT32_MAX / 2), (double)whole * 0.75,
			   1);
	}
}

TEST(without_settings_it_is_a_second_to_five_minutes)
{
	const struct op_pump_target t = {.exact = true};
	CHECK_INT(op_pump_backoff_ms(&t, 0, 0), 1000);
	CHECK_INT(op_pump_backoff_ms(&t, 20, 0), 300000);
}
