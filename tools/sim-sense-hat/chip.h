/*
 * chip.h - the registers of a simulated HTS221 or LPS25H, and what their conversions put there.
 *
 * Sources: ST DocID026333 (HTS221), DocID023722 (LPS25H). Both are alike: CTRL_REG1 with power,
 * rate and BDU, CTRL_REG2 with one-shot, boot and reset, STATUS with a bit per value, which reading
 * the value's high byte clears. Pure: no I/O, time is passed in.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_SENSE_HAT_CHIP_H
#define OUTPOST_SIM_SENSE_HAT_CHIP_H

#include <outpost/base.h>

/* What there is to be measured. */
struct air {
	double humidity_chip, pressure_chip; /* degC at each */
	double humidity;                     /* %RH */
	double pressure;                     /* hPa */
	double cpu;                          /* degC */
};

#define CHIP_REGS 128
#define CHIP_OUTPUTS_MAX 5

struct chip_kind {
	const char *name;
	uint8_t address, id;
	uint8_t first_bytes; /* of humidity or pressure, from 0x28 on; two of temperature follow */
	uint8_t reset_bit;   /* of CTRL_REG2; 0: it has none */
	uint64_t periods_ms[5]; /* by ODR, from 1 */
	uint8_t odr_shift, odr_mask;
	void (*defaults)(uint8_t regs[CHIP_REGS]);
	bool (*writable)(uint8_t reg);
	void (*convert)(const struct air *air, uint8_t out[CHIP_OUTPUTS_MAX]);
};
extern const struct chip_kind chip_hts221, chip_lps25h;

/* Each lasts until this time; 0 or past: not so. */
struct chip_faults {
	uint64_t gone_ns;    /* nobody at this address */
	uint64_t frozen_ns;  /* converts, always to the same */
	uint64_t stuck_ns;   /* does not convert */
	uint64_t zeros_ns;   /* outputs are 0 and said to be new */
	uint64_t garbage_ns; /* outputs are anything and said to be new */
	uint64_t wrong_ns;   /* WHO_AM_I is that of another chip */
	uint64_t blank_ns;   /* the calibration reads as 0 */
	uint64_t half_ns;    /* STATUS says that only the temperature is new */
	uint64_t torn_ns;    /* converts between any two bytes of a transfer, over a carry */
};

struct chip {
	const struct chip_kind *kind;
	const struct air *air; /* borrowed */
	uint64_t *random;      /* state of the generator; borrowed */
	unsigned speed;        /* conversions are so many times as fast */
	uint8_t regs[CHIP_REGS];
	uint8_t next[CHIP_OUTPUTS_MAX]; /* converted, waiting for who reads the value now */
	bool waiting[2], locked[2];     /* per value: humidity or pressure, temperature */
	uint64_t since_ns, conversions; /* since it runs as it does */
	uint64_t one_shot_ns;           /* when it is done; 0: none */
	bool carry;
	struct chip_faults faults;
};

/* Power on. */
void chip_init(struct chip *c, const struct chip_kind *kind, const struct air *air,
	       uint64_t *random);
/* As after power on; faults stay. */
void chip_reset(struct chip *c);
/* False: it does not answer. */
bool chip_answers(const struct chip *c, uint64_t now_ns);
/* Converts what is due, of the air as it is; to be called before that changes. */
void chip_run(struct chip *c, uint64_t now_ns);
/* A transfer of n bytes. */
void chip_read(struct chip *c, uint64_t now_ns, uint8_t reg, uint8_t *bytes, size_t n);
void chip_write(struct chip *c, uint64_t now_ns, uint8_t reg, const uint8_t *bytes, size_t n);

/* xorshift64*; uniform in [0, n). */
uint64_t chip_random(uint64_t *state, uint64_t n);

#endif
