/*
 * hat.c - registers of HTS221 and LPS25H as this service wants them.
 *
 * Sources: ST DocID026333 (HTS221), DocID023722 (LPS25H), DocID027112 (LPS25HB). STATUS and outputs
 * are read in one transfer with BDU set: the values of a reading were all there when it began, and
 * no byte of them is older than another. Whatever goes wrong on the bus closes it, so that the
 * chips' identity is asked for again before anything they say is believed.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "hat.h"

#include <stdio.h>
#include <string.h>

#define OFF 0x00       /* CTRL_REG1: power down */
#define NO_HEATER 0x00 /* CTRL_REG2 of the HTS221 */

struct setting {
	uint8_t reg, value;
};
/* What is set while a chip is off is in force with its first conversion. */
static const struct setting humidity_settings[] = {
	{OP_HTS221_CTRL_REG1, OFF},
	{OP_HTS221_AV_CONF, OP_HTS221_AVERAGES},
	{OP_HTS221_CTRL_REG2, NO_HEATER},
	{OP_HTS221_CTRL_REG1, OP_HTS221_RUN},
};
static const struct setting pressure_settings[] = {
	{OP_LPS25H_CTRL_REG1, OFF},
	{OP_LPS25H_RES_CONF, OP_LPS25H_AVERAGES},
	{OP_LPS25H_FIFO_CTRL, OP_LPS25H_FIFO_MEAN},
	{OP_LPS25H_CTRL_REG2, OP_LPS25H_FIFO},
	{OP_LPS25H_CTRL_REG1, OP_LPS25H_RUN},
};

void hat_init(struct hat *h, const char *path)
{
	*h = (struct hat){.path = path, .bus.fd = -1, .pressure_address = OP_LPS25H_ADDRESS};
}

void hat_close(struct hat *h)
{
	op_i2c_close(&h->bus);
	h->open = false;
}

/* ---- failures ------------------------------------------------------------------------------ */

static int failed(struct hat *h, int err, uint8_t address)
{
	struct op_buf text;
	op_buf_init_fixed(&text, h->why, sizeof(h->why));
	op_i2c_explain(err, h->path, address, &text);
	if (err == -ENXIO || err == -EREMOTEIO)
		op_buf_printf(&text, " (%s of the Sense HAT)",
			      address == OP_HTS221_ADDRESS ? "HTS221" : "LPS25H");
	hat_close(h);
	return err;
}

static int wrong_chip(struct hat *h, uint8_t address, uint8_t id, uint8_t expected)
{
	(void)snprintf(
		h->why, sizeof(h->why),
		"the chip at 0x%02x says that it is 0x%02x, not 0x%02x: is this a Sense HAT?",
		address, id, expected); /* fits */
	hat_close(h);
	return -ENODEV;
}

static int out_of_range(struct hat *h, uint8_t address)
{
	(void)snprintf(h->why, sizeof(h->why),
		       "the chip at 0x%02x gives values that it cannot measure: see to the board",
		       address); /* fits */
	return -ERANGE;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int read_some(struct hat *h, uint8_t address, uint8_t reg, void *bytes, size_t n)
{
	int err = op_i2c_read(&h->bus, address, reg, bytes, n);
	return err ? failed(h, err, address) : 0;
}

static int set_up(struct hat *h, uint8_t address, const struct setting *settings, size_t n)
{
	uint8_t run;
	for (size_t i = 0; i < n; i++) {
		int err = op_i2c_write(&h->bus, address, settings[i].reg, settings[i].value);
		if (err)
			return failed(h, err, address);
	}
	int err = read_some(h, address, settings[n - 1].reg, &run, 1);
	if (err || run == settings[n - 1].value)
		return err;
	(void)snprintf(h->why, sizeof(h->why),
		       "the chip at 0x%02x does not take its settings: see to the board", address);
	hat_close(h);
	return -EIO;
}

/* Old values, of a run before this one, are read away: what is new from here on is ours. */
static int set_up_humidity_chip(struct hat *h)
{
	uint8_t calibration[OP_HTS221_CALIBRATION_BYTES], old[OP_HTS221_OUTPUTS];
	int err = set_up(h, OP_HTS221_ADDRESS, humidity_settings, OP_ARRAY_SIZE(humidity_settings));
	if (!err)
		err = read_some(h, OP_HTS221_ADDRESS, OP_HTS221_CALIBRATION | OP_HTS221_INCREMENT,
				calibration, sizeof(calibration));
	if (!err)
		err = read_some(h, OP_HTS221_ADDRESS, OP_HTS221_STATUS | OP_HTS221_INCREMENT, old,
				sizeof(old));
	if (err || !op_hts221_calibrate(&h->humidity_chip, calibration))
		return err;
	(void)snprintf(h->why, sizeof(h->why),
		       "the calibration of the chip at 0x%02x makes no sense: see to the board",
		       OP_HTS221_ADDRESS); /* fits */
	hat_close(h);
	return -EILSEQ;
}

static int set_up_pressure_chip(struct hat *h)
{
	uint8_t old[OP_LPS25H_OUTPUTS];
	int err =
		set_up(h, h->pressure_address, pressure_settings, OP_ARRAY_SIZE(pressure_settings));
	if (!err)
		err = read_some(h, h->pressure_address, OP_LPS25H_STATUS | OP_LPS25H_INCREMENT, old,
				sizeof(old));
	return err;
}

static int find_humidity_chip(struct hat *h)
{
	uint8_t id;
	int err = read_some(h, OP_HTS221_ADDRESS, OP_HTS221_WHO_AM_I, &id, 1);
	if (!err && id != OP_HTS221_ID)
		err = wrong_chip(h, OP_HTS221_ADDRESS, id, OP_HTS221_ID);
	return err;
}

/* At one of two addresses; a fault is told of the first. */
static int find_pressure_chip(struct hat *h)
{
	uint8_t first, id;
	int err = op_i2c_read(&h->bus, OP_LPS25H_ADDRESS, OP_LPS25H_WHO_AM_I, &first, 1);
	h->pressure_address = OP_LPS25H_ADDRESS;
	if (!err && first == OP_LPS25H_ID)
		return 0;
	if (err && err != -ENXIO && err != -EREMOTEIO)
		return failed(h, err, OP_LPS25H_ADDRESS);
	if (!op_i2c_read(&h->bus, HAT_ANOTHER_ADDRESS, OP_LPS25H_WHO_AM_I, &id, 1) &&
	    id == OP_LPS25H_ID) {
		h->pressure_address = HAT_ANOTHER_ADDRESS;
		return 0;
	}
	return err ? failed(h, err, OP_LPS25H_ADDRESS)
		   : wrong_chip(h, OP_LPS25H_ADDRESS, first, OP_LPS25H_ID);
}

int hat_open(struct hat *h)
{
	hat_close(h);
	int err = op_i2c_open(&h->bus, h->path);
	if (err)
		return failed(h, err, OP_HTS221_ADDRESS);
	err = find_humidity_chip(h);
	if (!err)
		err = find_pressure_chip(h);
	if (!err)
		err = set_up_humidity_chip(h);
	if (!err)
		err = set_up_pressure_chip(h);
	h->open = err == 0;
	return err;
}

int hat_check(struct hat *h)
{
	uint8_t humidity, pressure;
	if (!h->open)
		return -ENODEV;
	int err = read_some(h, OP_HTS221_ADDRESS, OP_HTS221_CTRL_REG1, &humidity, 1);
	if (!err)
		err = read_some(h, h->pressure_address, OP_LPS25H_CTRL_REG1, &pressure, 1);
	if (err)
		return err;
	if (humidity == OP_HTS221_RUN && pressure == OP_LPS25H_RUN)
		return 0;
	h->resets++;
	err = hat_open(h);
	return err ? err : 1;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void compare(struct hat *h, uint8_t *last, const uint8_t *now, size_t n)
{
	h->changed |= memcmp(last, now, n) != 0;
	memcpy(last, now, n);
}

int hat_humidity_chip(struct hat *h, struct op_hts221_values *ret)
{
	uint8_t regs[OP_HTS221_OUTPUTS];
	if (!h->open)
		return -ENODEV;
	int err = read_some(h, OP_HTS221_ADDRESS, OP_HTS221_STATUS | OP_HTS221_INCREMENT, regs,
			    sizeof(regs));
	if (!err)
		err = op_hts221_values(&h->humidity_chip, regs, ret);
	if (!err)
		compare(h, h->humidity_last, regs + 1, sizeof(regs) - 1);
	return err == -ERANGE ? out_of_range(h, OP_HTS221_ADDRESS) : err;
}

int hat_pressure_chip(struct hat *h, struct op_lps25h_values *ret)
{
	uint8_t regs[OP_LPS25H_OUTPUTS];
	if (!h->open)
		return -ENODEV;
	int err = read_some(h, h->pressure_address, OP_LPS25H_STATUS | OP_LPS25H_INCREMENT, regs,
			    sizeof(regs));
	if (!err)
		err = op_lps25h_values(regs, ret);
	if (!err)
		compare(h, h->pressure_last, regs + 1, sizeof(regs) - 1);
	return err == -ERANGE ? out_of_range(h, h->pressure_address) : err;
}

bool hat_changed(struct hat *h)
{
	bool changed = h->changed;
	h->changed = false;
	return changed;
}
