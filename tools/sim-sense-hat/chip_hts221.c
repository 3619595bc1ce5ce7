/*
 * chip_hts221.c - the HTS221: registers after power on, calibration, values to counts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>

#include "chip.h"

/* Two points of each line, as a factory writes them; the slope of the humidity is often negative.
 */
#define T0 21.0
#define T1 35.625
#define T0_OUT (-258)
#define T1_OUT 2570
#define H0 33.0
#define H1 72.0
#define H0_OUT (-2500)
#define H1_OUT (-12000)

static void put16(uint8_t *at, double v)
{
	int n = (int)lrint(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
	at[0] = (uint8_t)n;
	at[1] = (uint8_t)((unsigned)n >> 8);
}

static void defaults(uint8_t regs[CHIP_REGS])
{
	unsigned t0 = (unsigned)(T0 * 8), t1 = (unsigned)(T1 * 8);
	regs[0x0F] = 0xBC;
	regs[0x10] = 0x1B;
	regs[0x30] = (uint8_t)(H0 * 2);
	regs[0x31] = (uint8_t)(H1 * 2);
	regs[0x32] = (uint8_t)t0;
	regs[0x33] = (uint8_t)t1;
	regs[0x35] = (uint8_t)(t0 >> 8 | (t1 >> 8) << 2);
	put16(regs + 0x36, H0_OUT);
	put16(regs + 0x3A, H1_OUT);
	put16(regs + 0x3C, T0_OUT);
	put16(regs + 0x3E, T1_OUT);
}

static bool writable(uint8_t reg)
{
	return reg == 0x10 || (reg >= 0x20 && reg <= 0x22);
}

static void convert(const struct air *air, uint8_t out[CHIP_OUTPUTS_MAX])
{
	put16(out, H0_OUT + (air->humidity - H0) * (H1_OUT - H0_OUT) / (H1 - H0));
	put16(out + 2, T0_OUT + (air->humidity_chip - T0) * (T1_OUT - T0_OUT) / (T1 - T0));
}

const struct chip_kind chip_hts221 = {
	.name = "hts221",
	.address = 0x5F,
	.id = 0xBC,
	.first_bytes = 2,
	.periods_ms = {0, 1000, 143, 80, 0},
	.odr_mask = 3,
	.defaults = defaults,
	.writable = writable,
	.convert = convert,
};
