/*
 * lps25h.c - counts of the LPS25H to hPa and degrees, and what cannot be.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/proto/lps25h.h"

#define READY 0x03 /* STATUS: temperature and pressure are new */

int op_lps25h_values(const uint8_t regs[OP_LPS25H_OUTPUTS], struct op_lps25h_values *ret)
{
	if ((regs[0] & READY) != READY)
		return -EAGAIN;
	double p = (regs[1] | regs[2] << 8 | regs[3] << 16) / 4096.0;
	double t = 42.5 + (int16_t)(regs[4] | regs[5] << 8) / 480.0;
	if (!(p >= 260 && p <= 1260) || t > 105)
		return -ERANGE;
	ret->pressure = p;
	ret->temperature = t;
	return 0;
}
