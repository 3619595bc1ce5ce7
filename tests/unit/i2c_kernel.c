/* The two ways through an adapter of the kernel, with its ioctls in our own hands: what it is
 * asked, and the driver of the Sense HAT above it. /dev/null stands for the adapter, being a
 * character device.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <sys/ioctl.h>

#include "hat.h"
#include "test.h"
#include "tools/sim-sense-hat/chip.h"

static struct {
	unsigned long can; /* I2C_FUNCS */
	int err;           /* every transfer fails with it */
	int taken;         /* a driver of the kernel has the chip: error of I2C_SLAVE */
	bool half;         /* only the first message of a transfer is done */
	unsigned long slave, timeout, retries;
	unsigned combined, blocks, bytes; /* transfers */
	uint64_t random, now_ns;
	struct air air;
	struct chip humidity_chip, pressure_chip;
} a;

static struct chip *chip_at(unsigned long address)
{
	return address == 0x5F ? &a.humidity_chip : address == 0x5C ? &a.pressure_chip : NULL;
}

/* One message that writes, or one that writes a register's number and one that reads from there. */
static int combined(const struct i2c_rdwr_ioctl_data *all)
{
	const struct i2c_msg *first = all->msgs, *second = all->msgs + 1;
	struct chip *c = chip_at(first->addr);
	a.combined++;
	CHECK(all->nmsgs == 1 || all->nmsgs == 2);
	CHECK(first->flags == 0 && first->len >= 1);
	if (!c)
		a.err = EREMOTEIO;
	if (a.err)
		return -1;
	if (all->nmsgs == 1) {
		chip_write(c, a.now_ns, first->buf[0], first->buf + 1, first->len - 1U);
		return 1;
	}
	CHECK(second->addr == first->addr && second->flags == I2C_M_RD && first->len == 1);
	chip_read(c, a.now_ns, first->buf[0], second->buf, second->len);
	return a.half ? 1 : 2;
}

static int smbus(const struct i2c_smbus_ioctl_data *s)
{
	struct chip *c = chip_at(a.slave);
	if (a.err || !c)
		return -1;
	if (s->read_write == I2C_SMBUS_WRITE) {
		CHECK_INT(s->size, I2C_SMBUS_BYTE_DATA);
		chip_write(c, a.now_ns, s->command, &s->data->byte, 1);
		a.bytes++;
		return 0;
	}
	CHECK_INT(s->size, I2C_SMBUS_I2C_BLOCK_DATA);
	chip_read(c, a.now_ns, s->command, s->data->block + 1, s->data->block[0]);
	if (a.half)
		s->data->block[0]--;
	a.blocks++;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	unsigned long value = va_arg(ap, unsigned long);
	va_end(ap);
	int r = 0;
	errno = 0;
	if (request == I2C_FUNCS)
		*(unsigned long *)value = a.can;
	else if (request == I2C_TIMEOUT)
		a.timeout = value;
	else if (request == I2C_RETRIES)
		a.retries = value;
	else if (request == I2C_SLAVE) {
		a.slave = value;
		r = a.taken ? -1 : 0;
	} else if (request == I2C_RDWR)
		r = combined((const struct i2c_rdwr_ioctl_data *)value);
	else if (request == I2C_SMBUS)
		r = smbus((const struct i2c_smbus_ioctl_data *)value);
	else
		op_test_fail(__FILE__, __LINE__, "unknown ioctl %#lx", request);
	if (r < 0)
		errno = a.taken ? a.taken : a.err ? a.err : ENXIO;
	return r;
}

static void plug(unsigned long can)
{
	memset(&a, 0, sizeof(a));
	a.can = can;
	a.random = 1;
	a.now_ns = OP_NS_PER_S;
	a.air = (struct air){25, 24, 40, 1000, 50};
	chip_init(&a.humidity_chip, &chip_hts221, &a.air, &a.random);
	chip_init(&a.pressure_chip, &chip_lps25h, &a.air, &a.random);
}

static void expect_values(struct hat *h)
{
	struct op_hts221_values humidity;
	struct op_lps25h_values pressure;
	a.now_ns += 100 * OP_NS_PER_MS;
	CHECK_INT(hat_humidity_chip(h, &humidity), 0);
	CHECK_INT(hat_pressure_chip(h, &pressure), 0);
	CHECK_NEAR(humidity.temperature, 25, 0.006);
	CHECK_NEAR(humidity.humidity, 40, 0.005);
	CHECK_NEAR(pressure.temperature, 24, 0.003);
	CHECK_NEAR(pressure.pressure, 1000, 0.001);
	CHECK_INT(hat_humidity_chip(h, &humidity), -EAGAIN);
}

TEST(combined_transfers_are_taken_where_there_are_such)
{
	struct hat h;
	plug(I2C_FUNC_I2C | I2C_FUNC_SMBUS_READ_I2C_BLOCK | I2C_FUNC_SMBUS_WRITE_BYTE_DATA);
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), 0);
	CHECK_INT(h.bus.kind, OP_I2C_KERNEL);
	CHECK_INT(a.timeout * 10, OP_I2C_TIMEOUT_MS); /* the kernel counts in 10 ms */
	CHECK_INT(a.retries, 1);
	expect_values(&h);
	CHECK_INT(hat_check(&h), 0);
	CHECK(a.combined > 15 && !a.blocks && !a.bytes && !a.slave);
	hat_close(&h);
}

TEST(smbus_is_enough)
{
	struct hat h;
	plug(I2C_FUNC_SMBUS_READ_I2C_BLOCK | I2C_FUNC_SMBUS_WRITE_BYTE_DATA);
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), 0);
	CHECK_INT(h.bus.kind, OP_I2C_SMBUS);
	expect_values(&h);
	CHECK(a.blocks > 5 && a.bytes > 5 && !a.combined);
	a.half = true;
	CHECK_INT(hat_check(&h), -EIO);
	hat_close(&h);
}

TEST(an_adapter_that_cannot_read_blocks_is_refused)
{
	struct hat h;
	plug(I2C_FUNC_SMBUS_QUICK | I2C_FUNC_SMBUS_WRITE_BYTE_DATA);
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), -EPROTONOSUPPORT);
	CHECK_HAS(h.why, "/dev/null is not an I2C bus that can read blocks");
	CHECK_INT(h.bus.fd, -1);
}

static void expect_failure(int err, const char *part)
{
	struct hat h;
	plug(I2C_FUNC_I2C);
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), 0);
	a.err = err;
	CHECK_INT(hat_check(&h), -err);
	CHECK_HAS(h.why, part);
	CHECK(!h.open && h.bus.fd == -1);
	a.err = 0;
	CHECK_INT(hat_open(&h), 0);
	expect_values(&h);
	hat_close(&h);
}

TEST(errors_of_the_adapter_are_told_and_come_to_an_end)
{
	expect_failure(EREMOTEIO, "no chip answers at 0x5f");
	expect_failure(ENXIO, "no chip answers at 0x5f");
	expect_failure(ETIMEDOUT, "timed out");
	expect_failure(EIO, "Input/output error");
	expect_failure(ENODEV, "No such device");
}

TEST(half_a_transfer_is_no_reading)
{
	struct op_hts221_values v;
	struct hat h;
	plug(I2C_FUNC_I2C);
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), 0);
	a.now_ns += OP_NS_PER_S;
	a.half = true;
	CHECK_INT(hat_humidity_chip(&h, &v), -EIO);
	CHECK(!h.open);
}

TEST(a_chip_that_a_driver_of_the_kernel_has_is_told)
{
	struct hat h;
	plug(I2C_FUNC_SMBUS_READ_I2C_BLOCK | I2C_FUNC_SMBUS_WRITE_BYTE_DATA);
	a.taken = EBUSY;
	hat_init(&h, "/dev/null");
	CHECK_INT(hat_open(&h), -EBUSY);
	CHECK_HAS(h.why, "taken by a driver of the kernel: unload it");
}
