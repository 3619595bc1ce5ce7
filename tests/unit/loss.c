/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dsp/loss.h"

#include "test.h"

static struct op_loss l;
static uint64_t now;

/* so many samples in each of the next s seconds, in portions of a tenth */
static void seconds(unsigned s, unsigned samples)
{
	for (unsigned i = 0; i < s * 10; i++) {
		now += OP_NS_PER_S / 10;
		op_loss_samples(&l, now, samples / 10);
	}
}

static void start(void)
{
	now = 77 * OP_NS_PER_S;
	op_loss_init(&l, 800);
	op_loss_samples(&l, now, 5);
}

TEST(nominal_rate_is_no_loss)
{
	start();
	seconds(100, 800);
	CHECK_INT(l.lost_rate, 0);
	CHECK_NEAR(l.measured_hz, 800, 0.5);
}

TEST(a_resonator_half_a_percent_slow_is_no_loss)
{
	start();
	for (int i = 0; i < 20; i++) {
		seconds(5, 800);
		seconds(5, 790); /* 795 on the average, a little more than half a percent */
	}
	CHECK_INT(l.lost_rate, 0);
}

TEST(a_deficit_is_counted_after_the_next_window)
{
	start();
	seconds(10, 700);
	CHECK_INT(l.lost_rate, 0);
	seconds(10, 800);
	CHECK_NEAR((double)l.lost_rate, 1000, 2);
	seconds(40, 800);
	CHECK_NEAR((double)l.lost_rate, 1000, 2);
}

TEST(a_stall_made_good_in_the_next_window_is_no_loss)
{
	start();
	seconds(9, 800);
	seconds(1, 0);
	seconds(1, 1600);
	seconds(29, 800);
	CHECK_INT(l.lost_rate, 0);
}

TEST(an_interruption_starts_afresh)
{
	start();
	seconds(5, 800);
	now += 60 * OP_NS_PER_S;
	op_loss_restart(&l);
	op_loss_samples(&l, now, 5);
	seconds(30, 800);
	CHECK_INT(l.lost_rate, 0);
}

TEST(the_boards_count_is_exact)
{
	op_loss_init(&l, 800);
	op_loss_board(&l, 100000, 0); /* opened without a reset: its past is none of ours */
	op_loss_board(&l, 104000, 4000);
	CHECK_INT(l.lost_board, 0);
	op_loss_board(&l, 108000, 7990);
	CHECK_INT(l.lost_board, 10);
	op_loss_board(&l, 112000, 11990);
	CHECK_INT(l.lost_board, 10);
	op_loss_board(&l, 116000, 15989);
	CHECK_INT(l.lost_board, 11);
}

TEST(a_board_that_resets_starts_a_new_comparison)
{
	op_loss_init(&l, 800);
	op_loss_board(&l, 4000, 4000);
	op_loss_board(&l, 8000, 8000);
	op_loss_board(&l, 4000, 20000);
	CHECK_INT(l.lost_board, 0);
	op_loss_board(&l, 8000, 23990);
	CHECK_INT(l.lost_board, 10);
	op_loss_restart(&l);
	op_loss_board(&l, 900000, 24000);
	CHECK_INT(l.lost_board, 10);
}
