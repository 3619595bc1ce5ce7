/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/proto/hts221.h"
#include "lib/proto/lps25h.h"

#include <math.h>
#include <string.h>

#include "test.h"

#define NEAR(a, b) CHECK(fabs((a) - (b)) < 5e-5)

/* Calibration as the registers 0x30 to 0x3F hold it. */
static const uint8_t rising[16] = {
	66, 144, 0xA8, 0x1D, 0, 0x04, 10, 0, 0, 0, 0xD8, 0x30, 0xFE, 0xFE, 0x0A, 0x0A,
};
/* The same temperatures; counts of the humidity fall: -2500 and -12000. */
static const uint8_t falling[16] = {
	66, 144, 0xA8, 0x1D, 0, 0x04, 0x3C, 0xF6, 0, 0, 0x20, 0xD1, 0xFE, 0xFE, 0x0A, 0x0A,
};

static int read_hts221(const uint8_t *calibration, int humidity, int temperature, int status,
		       struct op_hts221_values *ret)
{
	struct op_hts221 h;
	const uint8_t regs[] = {(uint8_t)status, (uint8_t)humidity, (uint8_t)(humidity >> 8),
				(uint8_t)temperature, (uint8_t)(temperature >> 8)};
	CHECK_INT(op_hts221_calibrate(&h, calibration), 0);
	return op_hts221_values(&h, regs, ret);
}

TEST(values_lie_on_the_lines_of_the_calibration)
{
	struct op_hts221_values v;
	CHECK_INT(read_hts221(rising, 4000, 1000, 3, &v), 0);
	NEAR(v.temperature, 27.5057);
	NEAR(v.humidity, 45.4548);
	CHECK_INT(read_hts221(falling, -6000, -258, 3, &v), 0);
	NEAR(v.temperature, 21);
	NEAR(v.humidity, 47.3684);
}

TEST(humidity_ends_at_0_and_100)
{
	struct op_hts221_values v;
	CHECK_INT(read_hts221(falling, 4500, 1000, 3, &v), 0);
	NEAR(v.humidity, 4.2632);
	CHECK_INT(read_hts221(falling, 6500, 1000, 3, &v), 0);
	NEAR(v.humidity, 0);
	CHECK_INT(read_hts221(falling, -20000, 1000, 3, &v), 0);
	NEAR(v.humidity, 100);
	CHECK_INT(read_hts221(falling, 20000, 1000, 3, &v), -ERANGE);
	CHECK_INT(read_hts221(falling, -32000, 1000, 3, &v), -ERANGE);
}

TEST(nothing_is_taken_before_both_values_are_new)
{
	struct op_hts221_values v;
	for (int status = 0; status < 3; status++)
		CHECK_INT(read_hts221(rising, 4000, 1000, status, &v), -EAGAIN);
	CHECK_INT(read_hts221(rising, 4000, 1000, 0xFF, &v), 0); /* other bits say nothing */
	CHECK_INT(read_hts221(rising, 0, 0, 3, &v), -ERANGE);    /* before the first conversion */
	CHECK_INT(read_hts221(rising, 4000, 32767, 3, &v), -ERANGE);
	CHECK_INT(read_hts221(rising, 4000, -32768, 3, &v), -ERANGE);
}

TEST(impossible_calibrations_are_refused)
{
	struct op_hts221 h;
	uint8_t regs[16];
	for (int byte = 0; byte < 256; byte += 255) { /* a bus that is held low, or high */
		memset(regs, byte, sizeof(regs));
		CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
	}
	memcpy(regs, rising, sizeof(regs));
	memcpy(regs + 10, regs + 6, 2); /* both humidities have the same counts */
	CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
	memcpy(regs, rising, sizeof(regs));
	memcpy(regs + 14, regs + 12, 2); /* both temperatures */
	CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
	memcpy(regs, rising, sizeof(regs));
	regs[1] = regs[0]; /* counts differ, values do not */
	CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
	memcpy(regs, rising, sizeof(regs));
	memcpy(regs + 14, regs + 12, 2);
	regs[14]++; /* 14.6 degC lie in a count: noise would be weather */
	CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
	memcpy(regs, falling, sizeof(regs));
	memcpy(regs + 10, regs + 6, 2);
	regs[10] -= 20;
	CHECK_INT(op_hts221_calibrate(&h, regs), -EILSEQ);
}

static int read_lps25h(int status, unsigned pressure, int temperature, struct op_lps25h_values *ret)
{
	const uint8_t regs[] = {(uint8_t)status,          (uint8_t)pressure,
				(uint8_t)(pressure >> 8), (uint8_t)(pressure >> 16),
				(uint8_t)temperature,     (uint8_t)(temperature >> 8)};
	return op_lps25h_values(regs, ret);
}

TEST(pressure_and_its_temperature)
{
	struct op_lps25h_values v;
	CHECK_INT(read_lps25h(3, 0x3F5000, -8160, &v), 0);
	NEAR(v.temperature, 25.5);
	NEAR(v.pressure, 1013.0);
	CHECK_INT(read_lps25h(1, 0x3F5000, -8160, &v), -EAGAIN);
	CHECK_INT(read_lps25h(2, 0x3F5000, -8160, &v), -EAGAIN);
	CHECK_INT(read_lps25h(3, 0, 0, &v), -ERANGE); /* no pressure: nothing measured yet */
	CHECK_INT(read_lps25h(3, 0xFFFFFF, -1, &v), -ERANGE);
	CHECK_INT(read_lps25h(3, 0x3F5000, 32767, &v), -ERANGE);
	CHECK_INT(read_lps25h(3, 0x3F5000, -32768, &v), 0);
	NEAR(v.temperature, -25.7667); /* the lowest there is */
}
