/*
 * hts221.c - the two lines of the HTS221 and what cannot be.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/proto/hts221.h"

#include <stdlib.h>

#define READY 0x03      /* STATUS: temperature and humidity are new */
#define COARSEST 2      /* counts in a degC or point at least; real chips have 64 and 256 */
#define HUMIDITY_OFF 15 /* points a converter may be beyond 0 or 100 %RH and mean the end */

static int16_t s16(const uint8_t *at)
{
	return (int16_t)(at[0] | at[1] << 8);
}

static int line(struct op_hts221_line *l, double v0, double v1, int16_t out0, int16_t out1)
{
	if (!(v1 > v0) || abs(out1 - out0) < COARSEST * (v1 - v0))
		return -EILSEQ;
	*l = (struct op_hts221_line){.v0 = v0, .slope = (v1 - v0) / (out1 - out0), .out0 = out0};
	return 0;
}

static double value(const struct op_hts221_line *l, int16_t out)
{
	return l->v0 + (out - l->out0) * l->slope;
}

int op_hts221_calibrate(struct op_hts221 *h, const uint8_t regs[OP_HTS221_CALIBRATION_BYTES])
{
	double t0 = (regs[2] | (regs[5] & 0x03) << 8) / 8.0;
	double t1 = (regs[3] | (regs[5] & 0x0C) << 6) / 8.0;
	struct op_hts221 made;
	int err = line(&made.humidity, regs[0] / 2.0, regs[1] / 2.0, s16(regs + 6), s16(regs + 10));
	if (!err)
		err = line(&made.temperature, t0, t1, s16(regs + 12), s16(regs + 14));
	if (!err)
		*h = made;
	return err;
}

int op_hts221_values(const struct op_hts221 *h, const uint8_t regs[OP_HTS221_OUTPUTS],
		     struct op_hts221_values *ret)
{
	if ((regs[0] & READY) != READY)
		return -EAGAIN;
	int16_t humidity = s16(regs + 1), temperature = s16(regs + 3);
	double rh = value(&h->humidity, humidity), t = value(&h->temperature, temperature);
	if ((!humidity && !temperature) || !(t >= -40 && t <= 120) ||
	    !(rh >= -HUMIDITY_OFF && rh <= 100 + HUMIDITY_OFF))
		return -ERANGE;
	ret->temperature = t;
	ret->humidity = rh < 0 ? 0 : rh > 100 ? 100 : rh;
	return 0;
}
