/*
 * hat.h - both chips of the Sense HAT on their bus: found, set up, read, watched.
 *
 * Every call makes a few transfers and takes as long as the bus (lib/dev/i2c.h): under 1 ms each,
 * and 200 ms for the one that hangs, after which nothing more is tried. A failure leaves its
 * reason, with what to do about it, in why. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_HAT_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_HAT_H

#include "lib/dev/i2c.h"
#include "lib/proto/hts221.h"
#include "lib/proto/lps25h.h"

#define HAT_WHY_BYTES 200
#define HAT_ANOTHER_ADDRESS 0x5D /* of the pressure chip, on other boards */

struct hat {
	const char *path; /* borrowed */
	struct op_i2c bus;
	bool open;
	uint8_t pressure_address; /* the one that answered */
	struct op_hts221 humidity_chip;
	/* What was read last, to see whether anything ever changes; kept over a reopening. */
	uint8_t humidity_last[OP_HTS221_OUTPUTS - 1], pressure_last[OP_LPS25H_OUTPUTS - 1];
	bool changed;
	uint64_t resets; /* times a chip was found in another state than we had left it */
	char why[HAT_WHY_BYTES];
};

void hat_init(struct hat *h, const char *path);
/* Finds both chips, checks what they are, sets them up and reads the calibration. They measure
 * then, but have nothing new yet. On failure it is closed. */
int hat_open(struct hat *h) OP_MUST_CHECK;
void hat_close(struct hat *h);
/* 0: both chips are as hat_open left them; 1: one was reset and is set up anew, its first
 * conversion has to be waited for; negative: it is closed. */
int hat_check(struct hat *h) OP_MUST_CHECK;
/* One reading each, of values that belong together. -EAGAIN: nothing new since the last reading,
 * -ERANGE: not what the chip can measure (it stays open, why is set); any other: it is closed, or
 * was
 * (-ENODEV, why is of what closed it). */
int hat_humidity_chip(struct hat *h, struct op_hts221_values *ret) OP_MUST_CHECK;
int hat_pressure_chip(struct hat *h, struct op_lps25h_values *ret) OP_MUST_CHECK;
/* Whether a reading since the last call differed from the one before it. */
bool hat_changed(struct hat *h);

#endif
