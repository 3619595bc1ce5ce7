/*
 * lps25h.h - ST's LPS25H and LPS25HB, pressure and temperature sensors: registers in, values out.
 *
 * Source: ST DocID023722 and DocID027112. Pure: no I/O, no clock. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_PROTO_LPS25H_H
#define OUTPOST_PROTO_LPS25H_H

#include <outpost/base.h>

#define OP_LPS25H_ADDRESS 0x5C /* on the Sense HAT; the other one is 0x5D */
#define OP_LPS25H_ID 0xBD      /* in WHO_AM_I, of both */

enum op_lps25h_register {
	OP_LPS25H_WHO_AM_I = 0x0F,
	OP_LPS25H_RES_CONF = 0x10,
	OP_LPS25H_CTRL_REG1 = 0x20,
	OP_LPS25H_CTRL_REG2 = 0x21,
	OP_LPS25H_STATUS = 0x27, /* the outputs follow: see OP_LPS25H_OUTPUTS */
	OP_LPS25H_FIFO_CTRL = 0x2E,
	OP_LPS25H_INCREMENT = 0x80, /* or'ed to a register: those behind it come, too */
};
#define OP_LPS25H_AVERAGES 0x05  /* RES_CONF: 16 temperatures, 32 pressures */
#define OP_LPS25H_RUN 0xC4       /* CTRL_REG1: on, 25 Hz, outputs change as one */
#define OP_LPS25H_FIFO 0x40      /* CTRL_REG2: the FIFO is used */
#define OP_LPS25H_FIFO_MEAN 0xC0 /* FIFO_CTRL: as a running mean */

#define OP_LPS25H_OUTPUTS 6 /* STATUS, pressure, temperature: 0x27 to 0x2C */

struct op_lps25h_values {
	double pressure;    /* hPa, 260 to 1260 */
	double temperature; /* degC, -25.8 to 105 */
};

/* One reading of OP_LPS25H_OUTPUTS bytes. -EAGAIN: not both values are new since they were last
 * read; -ERANGE: not what this chip can measure, nor what it says before its first conversion. */
int op_lps25h_values(const uint8_t regs[OP_LPS25H_OUTPUTS],
		     struct op_lps25h_values *ret) OP_MUST_CHECK;

#endif
