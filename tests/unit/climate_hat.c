/* The driver of the Sense HAT against the registers of the simulated one, in a time of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "hat.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test.h"
#include "tools/sim-sense-hat/chip.h"

#define MS OP_NS_PER_MS
#define FOR_EVER UINT64_MAX
#define HUMIDITY_STEP 0.0042 /* %RH per count of the simulated calibration, rounded up */
#define TEMPERATURE_STEP 0.0053

/* A bus with both chips, served by a thread; what it works on is changed under the lock. */
struct bench {
	struct air air;
	uint64_t random, now_ns;
	struct chip humidity_chip, pressure_chip;
	struct chip_kind pressure_kind;
	int listener;
	pthread_mutex_t lock;
	pthread_t thread;
	struct hat hat;
};

static struct bench b;

static struct chip *chip_at(uint8_t address)
{
	struct chip *const all[] = {&b.humidity_chip, &b.pressure_chip};
	for (size_t i = 0; i < OP_ARRAY_SIZE(all); i++)
		if (all[i]->kind->address == address && chip_answers(all[i], b.now_ns))
			return all[i];
	return NULL;
}

static size_t answer(const struct op_i2c_ask *ask, struct op_i2c_answer *to)
{
	pthread_mutex_lock(&b.lock);
	struct chip *c = chip_at(ask->address);
	*to = (struct op_i2c_answer){.err = c ? 0 : -EREMOTEIO};
	if (c && ask->read)
		chip_read(c, b.now_ns, ask->reg, to->bytes, ask->n);
	else if (c)
		chip_write(c, b.now_ns, ask->reg, ask->bytes, ask->n);
	pthread_mutex_unlock(&b.lock);
	return OP_I2C_ANSWER_BYTES + (c && ask->read ? ask->n : 0U);
}

static void *serve(void *arg)
{
	struct op_i2c_ask ask;
	struct op_i2c_answer to;
	int fd;
	while ((fd = accept(b.listener, NULL, NULL)) >= 0) {
		while (recv(fd, &ask, sizeof(ask), 0) > 0)
			(void)!send(fd, &to, answer(&ask, &to), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void power_on(void)
{
	static char path[100];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CHECK(snprintf(path, sizeof(path), "%s/i2c", op_test_dir()) < (int)sizeof(path));
	strcpy(at.sun_path, path);
	b = (struct bench){.random = 1,
			   .now_ns = OP_NS_PER_S,
			   .air = {25, 24, 40, 1000, 50},
			   .pressure_kind = chip_lps25h};
	pthread_mutex_init(&b.lock, NULL);
	chip_init(&b.humidity_chip, &chip_hts221, &b.air, &b.random);
	chip_init(&b.pressure_chip, &b.pressure_kind, &b.air, &b.random);
	b.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK(bind(b.listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(b.listener, 4) == 0);
	CHECK(pthread_create(&b.thread, NULL, serve, NULL) == 0);
	hat_init(&b.hat, path);
}

static void power_off(void)
{
	hat_close(&b.hat);
	CHECK(shutdown(b.listener, SHUT_RDWR) == 0); /* ends accept */
	CHECK(pthread_join(b.thread, NULL) == 0);
	close(b.listener);
	CHECK(unlink(b.hat.path) == 0);
}

static void pass_ms(uint64_t ms)
{
	pthread_mutex_lock(&b.lock);
	b.now_ns += ms * MS;
	chip_run(&b.humidity_chip, b.now_ns);
	chip_run(&b.pressure_chip, b.now_ns);
	pthread_mutex_unlock(&b.lock);
}

static void set_air(double temperature, double humidity, double pressure)
{
	pthread_mutex_lock(&b.lock);
	b.air = (struct air){temperature, temperature, humidity, pressure, 0};
	pthread_mutex_unlock(&b.lock);
}

static void set_fault(uint64_t *fault, uint64_t until_ns)
{
	pthread_mutex_lock(&b.lock);
	*fault = until_ns;
	pthread_mutex_unlock(&b.lock);
}

/* Both chips, with new values. */
static void expect_values(double humidity_chip, double humidity, double pressure_chip,
			  double pressure)
{
	struct op_hts221_values h;
	struct op_lps25h_values p;
	CHECK_INT(hat_humidity_chip(&b.hat, &h), 0);
	CHECK_INT(hat_pressure_chip(&b.hat, &p), 0);
	CHECK_NEAR(h.temperature, humidity_chip, TEMPERATURE_STEP);
	CHECK_NEAR(h.humidity, humidity, HUMIDITY_STEP);
	CHECK_NEAR(p.temperature, pressure_chip, 1 / 480.0);
	CHECK_NEAR(p.pressure, pressure, 1 / 4096.0);
}

static void expect_nothing_new(void)
{
	struct op_hts221_values h = {.temperature = 99};
	struct op_lps25h_values p = {.temperature = 99};
	CHECK_INT(hat_humidity_chip(&b.hat, &h), -EAGAIN);
	CHECK_INT(hat_pressure_chip(&b.hat, &p), -EAGAIN);
	CHECK(h.temperature == 99 && p.temperature == 99);
}

TEST(values_come_when_they_are_new_and_once)
{
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	CHECK_INT(b.hat.pressure_address, 0x5C);
	expect_nothing_new();
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	expect_nothing_new();
	set_air(-5, 88, 870);
	expect_nothing_new();
	pass_ms(90);
	expect_values(-5, 88, -5, 870);
	CHECK_INT(hat_check(&b.hat), 0);
	power_off();
}

/* Every reading a room can give, through calibration and back. */
TEST_WITHIN(any_air_is_measured, 30)
{
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	for (int i = 0; i <= 1000; i++) {
		double t = 4 + i * 0.05, rh = i * 0.1, p = 700 + i * 0.4;
		set_air(t, rh, p);
		pass_ms(90);
		expect_values(t, rh, t, p);
		CHECK(hat_changed(&b.hat));
	}
	power_off();
}

TEST(values_of_an_earlier_run_are_not_taken)
{
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	pass_ms(90); /* measured, and not read */
	set_air(30, 50, 1010);
	CHECK_INT(hat_open(&b.hat), 0); /* as a service that starts anew */
	expect_nothing_new();
	pass_ms(90);
	expect_values(30, 50, 30, 1010);
	power_off();
}

TEST(the_pressure_chip_may_be_at_its_other_address)
{
	power_on();
	b.pressure_kind.address = HAT_ANOTHER_ADDRESS;
	CHECK_INT(hat_open(&b.hat), 0);
	CHECK_INT(b.hat.pressure_address, HAT_ANOTHER_ADDRESS);
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	power_off();
}

TEST(another_chip_is_told_by_its_name)
{
	power_on();
	b.humidity_chip.regs[0x0F] = 0x33;
	CHECK_INT(hat_open(&b.hat), -ENODEV);
	CHECK_HAS(b.hat.why, "0x5f says that it is 0x33");
	CHECK(!b.hat.open);
	b.humidity_chip.regs[0x0F] = 0xBC;
	b.pressure_chip.regs[0x0F] = 0xB1;
	CHECK_INT(hat_open(&b.hat), -ENODEV);
	CHECK_HAS(b.hat.why, "0x5c says that it is 0xb1");
	power_off();
}

TEST(a_calibration_that_makes_no_sense_is_refused)
{
	power_on();
	memset(b.humidity_chip.regs + 0x30, 0, 16);
	CHECK_INT(hat_open(&b.hat), -EILSEQ);
	CHECK_HAS(b.hat.why, "calibration of the chip at 0x5f");
	CHECK(!b.hat.open);
	power_off();
}

TEST(a_chip_that_goes_is_asked_who_it_is_when_it_comes)
{
	struct op_hts221_values h;
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	pass_ms(90);
	set_fault(&b.humidity_chip.faults.gone_ns, FOR_EVER);
	CHECK_INT(hat_humidity_chip(&b.hat, &h), -EREMOTEIO);
	CHECK_HAS(b.hat.why, "no chip answers at 0x5f");
	CHECK_INT(hat_humidity_chip(&b.hat, &h), -ENODEV); /* closed, the reason stays */
	CHECK_INT(hat_check(&b.hat), -ENODEV);
	CHECK_HAS(b.hat.why, "no chip answers at 0x5f");
	CHECK_INT(hat_open(&b.hat), -EREMOTEIO);
	set_fault(&b.humidity_chip.faults.gone_ns, 0);
	CHECK_INT(hat_open(&b.hat), 0);
	set_fault(&b.pressure_chip.faults.gone_ns, FOR_EVER);
	CHECK_INT(hat_check(&b.hat), -EREMOTEIO);
	CHECK_HAS(b.hat.why, "no chip answers at 0x5c");
	CHECK_INT(hat_open(&b.hat), -EREMOTEIO);
	CHECK_HAS(b.hat.why, "no chip answers at 0x5c"); /* the one it should have */
	power_off();
}

TEST(a_chip_that_was_reset_is_set_up_again)
{
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	chip_reset(&b.pressure_chip);
	CHECK_INT(hat_check(&b.hat), 1);
	CHECK_INT(b.hat.resets, 1);
	expect_nothing_new();
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	CHECK_INT(hat_check(&b.hat), 0);
	power_off();
}

TEST(what_cannot_be_measured_is_no_reading)
{
	struct op_hts221_values h;
	struct op_lps25h_values p;
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	set_fault(&b.humidity_chip.faults.zeros_ns, FOR_EVER);
	set_fault(&b.pressure_chip.faults.zeros_ns, FOR_EVER);
	CHECK_INT(hat_humidity_chip(&b.hat, &h), -ERANGE);
	CHECK_HAS(b.hat.why, "0x5f gives values that it cannot measure");
	CHECK_INT(hat_pressure_chip(&b.hat, &p), -ERANGE);
	CHECK_HAS(b.hat.why, "0x5c gives values that it cannot measure");
	CHECK(b.hat.open);
	power_off();
}

/* Whatever bytes come: refused, or within what the chip can measure. */
TEST(any_bytes_are_refused_or_in_range)
{
	unsigned refused = 0, taken = 0;
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	set_fault(&b.humidity_chip.faults.garbage_ns, FOR_EVER);
	set_fault(&b.pressure_chip.faults.garbage_ns, FOR_EVER);
	for (int i = 0; i < 3000; i++) {
		struct op_hts221_values h;
		struct op_lps25h_values p;
		int err = hat_humidity_chip(&b.hat, &h);
		CHECK(err == -ERANGE || (!err && h.temperature >= -40 && h.temperature <= 120 &&
					 h.humidity >= 0 && h.humidity <= 100));
		int also = hat_pressure_chip(&b.hat, &p);
		CHECK(also == -ERANGE ||
		      (!also && p.pressure >= 260 && p.pressure <= 1260 && p.temperature <= 105));
		refused += (err != 0) + (also != 0);
		taken += !err + !also;
	}
	CHECK(refused > 1000 && taken > 100); /* both were tried */
	power_off();
}

TEST(frozen_chips_do_not_change)
{
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	CHECK(hat_changed(&b.hat));
	CHECK(!hat_changed(&b.hat)); /* since the last call */
	set_fault(&b.humidity_chip.faults.frozen_ns, FOR_EVER);
	set_fault(&b.pressure_chip.faults.frozen_ns, FOR_EVER);
	for (int i = 0; i < 3; i++) {
		set_air(20 + i, 50, 990);
		pass_ms(90);
		expect_values(25, 40, 24, 1000);
		CHECK(!hat_changed(&b.hat));
	}
	CHECK_INT(hat_open(&b.hat), 0); /* opening anew is no change */
	pass_ms(90);
	expect_values(25, 40, 24, 1000);
	CHECK(!hat_changed(&b.hat));
	set_fault(&b.pressure_chip.faults.frozen_ns, 0);
	pass_ms(90);
	expect_values(25, 40, 22, 990);
	CHECK(hat_changed(&b.hat)); /* one of both is enough */
	power_off();
}

/* The chips convert between any two bytes, to and fro over a carry. Half a value is 1.3 degC, 1
 * %RH, 0.5 degC or 16 hPa beside both. */
static unsigned count_torn(void)
{
	unsigned torn = 0;
	for (int i = 0; i < 200; i++) {
		struct op_hts221_values h;
		struct op_lps25h_values p;
		pass_ms(90);
		CHECK_INT(hat_humidity_chip(&b.hat, &h), 0);
		CHECK_INT(hat_pressure_chip(&b.hat, &p), 0);
		torn += fabs(h.temperature - 24.98) > 0.02 || fabs(h.humidity - 40.6) > 0.02 ||
			fabs(p.temperature - 23.832) > 0.02 || fabs(p.pressure - 992) > 0.01;
	}
	return torn;
}

TEST(a_value_is_never_half_of_one_conversion_and_half_of_another)
{
	static const uint8_t loose[] = {0x83, 0xC0}; /* as we set them, without BDU */
	power_on();
	CHECK_INT(hat_open(&b.hat), 0);
	set_fault(&b.humidity_chip.faults.torn_ns, FOR_EVER);
	set_fault(&b.pressure_chip.faults.torn_ns, FOR_EVER);
	set_air(25, 40, 1000);
	b.air.pressure_chip = 24;
	CHECK_INT(count_torn(), 0);
	chip_write(&b.humidity_chip, b.now_ns, 0x20, &loose[0], 1);
	chip_write(&b.pressure_chip, b.now_ns, 0x20, &loose[1], 1);
	CHECK(count_torn() > 100); /* the test can tell */
	power_off();
}

/* ---- the simulated chips themselves ---------------------------------------------------------- */

TEST(simulated_registers_count_up_only_when_asked)
{
	uint8_t got[4];
	power_on();
	chip_read(&b.humidity_chip, b.now_ns, 0x0F, got, 3);
	CHECK(got[0] == 0xBC && got[1] == 0xBC && got[2] == 0xBC);
	chip_read(&b.humidity_chip, b.now_ns, 0x0F | 0x80, got, 2);
	CHECK(got[0] == 0xBC && got[1] == 0x1B);
	chip_write(&b.humidity_chip, b.now_ns, 0x0F, got + 1, 1); /* read-only */
	chip_read(&b.humidity_chip, b.now_ns, 0x0F, got, 1);
	CHECK_INT(got[0], 0xBC);
	power_off();
}

TEST(simulated_chips_are_off_until_they_are_switched_on)
{
	uint8_t status, on = 0x80, shot = 1, off = 0;
	power_on();
	chip_read(&b.humidity_chip, 9000 * MS, 0x27, &status, 1);
	CHECK_INT(status, 0);
	chip_write(&b.humidity_chip, 9000 * MS, 0x20, &on, 1); /* one-shot mode */
	chip_read(&b.humidity_chip, 9500 * MS, 0x27, &status, 1);
	CHECK_INT(status, 0);
	chip_write(&b.humidity_chip, 9500 * MS, 0x21, &shot, 1);
	chip_read(&b.humidity_chip, 9510 * MS, 0x27, &status, 1);
	CHECK_INT(status, 0);
	chip_read(&b.humidity_chip, 9600 * MS, 0x27, &status, 1);
	CHECK_INT(status, 3);
	chip_read(&b.humidity_chip, 9600 * MS, 0x21, &shot, 1);
	CHECK_INT(shot, 0); /* clears itself */
	chip_write(&b.humidity_chip, 9600 * MS, 0x20, &off, 1);
	chip_read(&b.humidity_chip, 9600 * MS, 0x29, &off, 1);
	chip_read(&b.humidity_chip, 9999 * MS, 0x27, &status, 1);
	CHECK_INT(status, 1); /* reading one value's high byte cleared its bit */
	power_off();
}
