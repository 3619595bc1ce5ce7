/*
 * chip_lps25h.c - the LPS25H: registers after power on, values to counts.
 *
 * The FIFO is not played: the running mean over a slow pressure is that pressure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "chip.h"

static void defaults(uint8_t regs[CHIP_REGS])
{
	regs[0x0F] = 0xBD;
	regs[0x10] = 0x05;
}

static bool writable(uint8_t reg)
{
	return (reg >= 0x08 && reg <= 0x0A) || reg == 0x10 || (reg >= 0x20 && reg <= 0x24) ||
	       reg == 0x2E || reg == 0x30 || reg == 0x31 || reg == 0x39 || reg == 0x3A;
}

static void convert(const struct air *air, uint8_t out[CHIP_OUTPUTS_MAX])
{
	unsigned p = (unsigned)lrint(air->pressure * 4096);
	int t = (int)lrint((air->pressure_chip - 42.5) * 480);
	out[0] = (uint8_t)p;
	out[1] = (uint8_t)(p >> 8);
	out[2] = (uint8_t)(p >> 16);
	out[3] = (uint8_t)t;
	out[4] = (uint8_t)((unsigned)t >> 8);
}

const struct chip_kind chip_lps25h = {
	.name = "lps25h",
	.address = 0x5C,
	.id = 0xBD,
	.first_bytes = 3,
	.reset_bit = 0x04,
	.periods_ms = {0, 1000, 143, 80, 40},
	.odr_shift = 4,
	.odr_mask = 7,
	.defaults = defaults,
	.writable = writable,
	.convert = convert,
};
