/*
 * hts221.h - ST's HTS221, a humidity and temperature sensor: registers in, values out.
 *
 * Sixteen bytes of calibration, written at the factory, give two points of each line; what the chip
 * measures lies on the line through them. Source: ST DocID026333 (data sheet) and TN1218.
 *
 * Pure: no I/O, no clock. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_PROTO_HTS221_H
#define OUTPOST_PROTO_HTS221_H

#include <outpost/base.h>

#define OP_HTS221_ADDRESS 0x5F
#define OP_HTS221_ID 0xBC /* in WHO_AM_I */

enum op_hts221_register {
	OP_HTS221_WHO_AM_I = 0x0F,
	OP_HTS221_AV_CONF = 0x10,
	OP_HTS221_CTRL_REG1 = 0x20,
	OP_HTS221_CTRL_REG2 = 0x21,
	OP_HTS221_STATUS = 0x27, /* the outputs follow: see OP_HTS221_OUTPUTS */
	OP_HTS221_CALIBRATION = 0x30,
	OP_HTS221_INCREMENT = 0x80, /* or'ed to a register: those behind it come, too */
};
#define OP_HTS221_AVERAGES 0x1B /* AV_CONF: 16 temperatures, 32 humidities */
#define OP_HTS221_RUN 0x87      /* CTRL_REG1: on, outputs change as one, 12.5 Hz */

#define OP_HTS221_CALIBRATION_BYTES 16 /* registers 0x30 to 0x3F */
#define OP_HTS221_OUTPUTS 5            /* STATUS, humidity, temperature: 0x27 to 0x2B */

/* A line through the two points (out0, v0) and (out1, v1). */
struct op_hts221_line {
	double v0, slope; /* %RH or degC; per count */
	int16_t out0;
};

struct op_hts221 {
	struct op_hts221_line humidity, temperature;
};

struct op_hts221_values {
	double temperature; /* degC, -40 to 120 */
	double humidity;    /* %RH, 0 to 100 */
};

/* Takes the calibration. -EILSEQ: both points of a line are the same, or values no factory writes:
 * the bytes were not read well, or the chip is broken. */
int op_hts221_calibrate(struct op_hts221 *h,
			const uint8_t regs[OP_HTS221_CALIBRATION_BYTES]) OP_MUST_CHECK;

/* One reading of OP_HTS221_OUTPUTS bytes. -EAGAIN: not both values are new since they were last
 * read; -ERANGE: not what this chip can measure, nor what it says before its first conversion. */
int op_hts221_values(const struct op_hts221 *h, const uint8_t regs[OP_HTS221_OUTPUTS],
		     struct op_hts221_values *ret) OP_MUST_CHECK;

#endif
