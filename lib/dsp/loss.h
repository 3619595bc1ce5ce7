/*
 * loss.h - samples that should be there and are not (B1, R33).
 *
 * Two independent witnesses. By rate: every ten seconds the samples that came are compared with the
 * nominal rate; a deficit of more than 1 % (no board's resonator is that far off) is a suspicion,
 * and a loss unless the next ten seconds bring it in: a board that stalls sends what it owes. By
 * the board's own count, which its STATS lines carry in the same stream, so it is exact.
 *
 * Both say how many were lost since init, and never go back. Pure. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DSP_LOSS_H
#define OUTPOST_DSP_LOSS_H

#include <outpost/base.h>

struct op_loss {
	double rate_hz;
	uint64_t window_ns; /* start of the current ten seconds; 0: none */
	uint64_t window_samples;
	uint64_t suspected; /* missing in the window before */
	bool board_known;
	uint64_t board_first, samples_first; /* both counts where the comparison began */
	uint64_t board_last, board_counted;
	uint64_t lost_rate, lost_board;
	double measured_hz; /* samples a second over the last complete ten seconds, 0 before */
};

void op_loss_init(struct op_loss *l, double rate_hz);
/* The stream begins, anew after an interruption or a reset: both comparisons start afresh. */
void op_loss_restart(struct op_loss *l);
/* samples came up to now_ns. */
void op_loss_samples(struct op_loss *l, uint64_t now_ns, uint64_t samples);
/* The board says it has sent board_count when we had received samples_total. */
void op_loss_board(struct op_loss *l, uint64_t board_count, uint64_t samples_total);

#endif
