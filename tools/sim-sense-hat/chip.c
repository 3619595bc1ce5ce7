/*
 * chip.c - what both chips have in common: rates, transfers, BDU, STATUS, and their faults.
 *
 * Conversions are made up for when somebody looks: nothing has to run in between.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "chip.h"

#include <string.h>

#define WHO_AM_I 0x0F
#define ANOTHER_ID 0x33 /* WHO_AM_I of an accelerometer */
#define CTRL_REG1 0x20
#define CTRL_REG2 0x21
#define STATUS 0x27
#define OUTPUTS 0x28
#define CALIBRATION 0x30 /* to 0x3F, of the HTS221 */
#define INCREMENT 0x80
#define POWER 0x80    /* CTRL_REG1 */
#define BDU 0x04      /* CTRL_REG1 */
#define BOOT 0x80     /* CTRL_REG2 */
#define ONE_SHOT 0x01 /* CTRL_REG2 */
#define ONE_SHOT_NS (40 * OP_NS_PER_MS)

enum { FIRST, TEMPERATURE }; /* values */
static const uint8_t ready_bit[] = {[FIRST] = 0x02, [TEMPERATURE] = 0x01};

uint64_t chip_random(uint64_t *state, uint64_t n)
{
	*state ^= *state >> 12; /* xorshift64*, Vigna 2016 */
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 2685821657736338717ULL >> 33) % n;
}

static size_t value_at(const struct chip *c, unsigned value)
{
	return value == FIRST ? 0 : c->kind->first_bytes;
}

static size_t value_bytes(const struct chip *c, unsigned value)
{
	return value == FIRST ? c->kind->first_bytes : 2;
}

void chip_reset(struct chip *c)
{
	memset(c->regs, 0, sizeof(c->regs));
	memset(c->waiting, 0, sizeof(c->waiting));
	memset(c->locked, 0, sizeof(c->locked));
	c->one_shot_ns = 0;
	c->kind->defaults(c->regs);
}

void chip_init(struct chip *c, const struct chip_kind *kind, const struct air *air,
	       uint64_t *random)
{
	*c = (struct chip){.kind = kind, .air = air, .random = random, .speed = 1};
	chip_reset(c);
}

bool chip_answers(const struct chip *c, uint64_t now_ns)
{
	return now_ns >= c->faults.gone_ns;
}

/* ---- conversions --------------------------------------------------------------------------- */

static void show(struct chip *c, unsigned value)
{
	size_t at = value_at(c, value);
	memcpy(c->regs + OUTPUTS + at, c->next + at, value_bytes(c, value));
	c->regs[STATUS] |= ready_bit[value];
	c->waiting[value] = false;
}

/* Each value hangs over a carry: a byte of one and a byte of the other are far from both. */
static void hang_over_carry(struct chip *c)
{
	for (unsigned value = FIRST; value <= TEMPERATURE; value++) {
		uint8_t *low = c->next + value_at(c, value);
		size_t n = value_bytes(c, value);
		memset(low, c->carry ? 0xFF : 0, n - 1);
		if (c->carry)
			low[n - 1]--;
	}
	c->carry = !c->carry;
}

static void convert(struct chip *c, uint64_t now_ns)
{
	if (now_ns < c->faults.stuck_ns)
		return;
	if (now_ns >= c->faults.frozen_ns)
		c->kind->convert(c->air, c->next);
	if (now_ns < c->faults.torn_ns)
		hang_over_carry(c);
	for (unsigned value = FIRST; value <= TEMPERATURE; value++) {
		c->waiting[value] = true;
		if (!(c->regs[CTRL_REG1] & BDU) || !c->locked[value])
			show(c, value);
	}
}

static uint64_t period_ns(const struct chip *c)
{
	unsigned odr = c->regs[CTRL_REG1] >> c->kind->odr_shift & c->kind->odr_mask;
	if (!(c->regs[CTRL_REG1] & POWER) || odr >= OP_ARRAY_SIZE(c->kind->periods_ms))
		return 0;
	return c->kind->periods_ms[odr] * OP_NS_PER_MS / c->speed;
}

void chip_run(struct chip *c, uint64_t now_ns)
{
	uint64_t period = period_ns(c);
	uint64_t made = period && now_ns > c->since_ns ? (now_ns - c->since_ns) / period : 0;
	bool shot = c->one_shot_ns && now_ns >= c->one_shot_ns;
	if (made > c->conversions || shot)
		convert(c, now_ns);
	c->conversions = made;
	if (!shot)
		return;
	c->one_shot_ns = 0;
	c->regs[CTRL_REG2] &= (uint8_t)~ONE_SHOT;
}

/* ---- transfers ----------------------------------------------------------------------------- */

/* Which value's byte that is; -1: none. */
static int value_of(const struct chip *c, uint8_t reg, bool *ret_last)
{
	for (unsigned value = FIRST; value <= TEMPERATURE; value++) {
		size_t from = OUTPUTS + value_at(c, value), n = value_bytes(c, value);
		*ret_last = reg == from + n - 1;
		if (reg >= from && reg < from + n)
			return (int)value;
	}
	return -1;
}

static uint8_t faulty(struct chip *c, uint64_t now_ns, uint8_t reg)
{
	bool last, output = value_of(c, reg, &last) >= 0;
	if (now_ns < c->faults.zeros_ns && (output || reg == STATUS))
		return output ? 0 : 3;
	if (now_ns < c->faults.garbage_ns && (output || reg == STATUS))
		return output ? (uint8_t)chip_random(c->random, 256) : 3;
	if (now_ns < c->faults.wrong_ns && reg == WHO_AM_I)
		return ANOTHER_ID;
	if (now_ns < c->faults.blank_ns && reg >= CALIBRATION && reg < CALIBRATION + 16)
		return 0;
	if (now_ns < c->faults.half_ns && reg == STATUS)
		return ready_bit[TEMPERATURE];
	return c->regs[reg];
}

static uint8_t read_byte(struct chip *c, uint64_t now_ns, uint8_t reg)
{
	bool last;
	int value = value_of(c, reg, &last);
	uint8_t byte = faulty(c, now_ns, reg);
	if (value >= 0)
		c->locked[value] = !last;
	if (value >= 0 && last) {
		c->regs[STATUS] &= (uint8_t)~ready_bit[value];
		if (c->waiting[value])
			show(c, (unsigned)value);
	}
	return byte;
}

void chip_read(struct chip *c, uint64_t now_ns, uint8_t reg, uint8_t *bytes, size_t n)
{
	uint8_t step = reg & INCREMENT ? 1 : 0;
	chip_run(c, now_ns);
	for (size_t i = 0; i < n; i++) {
		bytes[i] = read_byte(c, now_ns, (reg + i * step) & (CHIP_REGS - 1));
		if (now_ns < c->faults.torn_ns && period_ns(c))
			convert(c, now_ns);
	}
}

static void command(struct chip *c, uint64_t now_ns, uint8_t value)
{
	if (value & c->kind->reset_bit)
		chip_reset(c);
	if (value & BOOT) /* only the calibration is read again, and it has not changed */
		c->regs[CTRL_REG2] &= (uint8_t)~BOOT;
	if (value & ONE_SHOT && c->regs[CTRL_REG1] & POWER)
		c->one_shot_ns = now_ns + ONE_SHOT_NS / c->speed;
}

void chip_write(struct chip *c, uint64_t now_ns, uint8_t reg, const uint8_t *bytes, size_t n)
{
	uint8_t step = reg & INCREMENT ? 1 : 0;
	chip_run(c, now_ns);
	for (size_t i = 0; i < n; i++) {
		uint8_t at = (reg + i * step) & (CHIP_REGS - 1);
		if (!c->kind->writable(at))
			continue;
		bool other = at == CTRL_REG1 && c->regs[at] != bytes[i];
		c->regs[at] = bytes[i];
		if (other) { /* rates count from their setting */
			c->since_ns = now_ns;
			c->conversions = 0;
		}
		if (at == CTRL_REG2)
			command(c, now_ns, bytes[i]);
	}
}
