/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dev/i2c.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test.h"

/* A chip at 0x5F with registers that count up when bit 7 asks for it, and what goes wrong. */
struct chip {
	int listener;
	int err;     /* to answer with */
	bool dumb;   /* takes requests and says nothing */
	bool short_; /* answers a byte too few */
	uint8_t regs[128];
	pthread_t thread;
	bool signals; /* before it answers, it signals who asks */
	pthread_t asks;
};

static size_t chip_answer(struct chip *c, const struct op_i2c_ask *ask, struct op_i2c_answer *to)
{
	unsigned step = ask->reg >> 7, reg = ask->reg & 0x7F;
	*to = (struct op_i2c_answer){.err = ask->address == 0x5F ? c->err : -ENXIO};
	for (unsigned i = 0; !to->err && i < ask->n; i++) {
		uint8_t *at = &c->regs[(reg + i * step) % sizeof(c->regs)];
		if (ask->read)
			to->bytes[i] = *at;
		else
			*at = ask->bytes[i];
	}
	return OP_I2C_ANSWER_BYTES + (ask->read && !to->err ? ask->n : 0U) - (c->short_ ? 1 : 0);
}

static void *chip_run(void *arg)
{
	struct chip *c = arg;
	struct op_i2c_ask ask;
	struct op_i2c_answer answer;
	int fd = accept(c->listener, NULL, NULL);
	while (recv(fd, &ask, sizeof(ask), 0) > 0) {
		if (c->signals)
			(void)pthread_kill(c->asks, SIGUSR1);
		if (!c->dumb)
			(void)!send(fd, &answer, chip_answer(c, &ask, &answer), MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

static const char *socket_path(void)
{
	static char path[100];
	CHECK(snprintf(path, sizeof(path), "%s/i2c", op_test_dir()) < (int)sizeof(path));
	return path;
}

static void chip_plug(struct chip *c, struct op_i2c *b)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	strcpy(at.sun_path, socket_path());
	c->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK(bind(c->listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(c->listener, 1) == 0);
	CHECK(pthread_create(&c->thread, NULL, chip_run, c) == 0);
	CHECK_INT(op_i2c_open(b, socket_path()), 0);
	CHECK_INT(b->kind, OP_I2C_SOCKET);
}

static void chip_unplug(struct chip *c, struct op_i2c *b)
{
	op_i2c_close(b);
	CHECK(pthread_join(c->thread, NULL) == 0);
	close(c->listener);
	CHECK(unlink(socket_path()) == 0);
}

TEST(registers_are_written_and_read)
{
	struct chip c = {.err = 0};
	struct op_i2c b;
	uint8_t got[OP_I2C_BYTES_MAX];
	chip_plug(&c, &b);
	CHECK_INT(op_i2c_write(&b, 0x5F, 0x20, 0x87), 0);
	for (unsigned i = 0; i < sizeof(got); i++)
		CHECK_INT(op_i2c_write(&b, 0x5F, (uint8_t)(0x30 + i), (uint8_t)(i * 7)), 0);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x20, got, 1), 0);
	CHECK_INT(got[0], 0x87);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x80 | 0x30, got, sizeof(got)), 0);
	for (unsigned i = 0; i < sizeof(got); i++)
		CHECK_INT(got[i], (uint8_t)(i * 7));
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x31, got, 3), 0); /* not asked to count up */
	CHECK(got[0] == 7 && got[1] == 7 && got[2] == 7);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0, got, 0), -EINVAL);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0, got, OP_I2C_BYTES_MAX + 1), -EINVAL);
	chip_unplug(&c, &b);
}

TEST(errors_of_the_bus_come_through_and_leave_it_usable)
{
	struct chip c = {.err = -EIO};
	struct op_i2c b;
	uint8_t got = 99;
	chip_plug(&c, &b);
	CHECK_INT(op_i2c_read(&b, 0x5C, 0x0F, &got, 1), -ENXIO);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -EIO);
	CHECK_INT(op_i2c_write(&b, 0x5F, 0x20, 1), -EIO);
	c.err = 5; /* no error number */
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -EIO);
	c.err = 0;
	c.short_ = true;
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -EIO); /* a byte is missing */
	CHECK_INT(got, 99);
	chip_unplug(&c, &b);
}

TEST(a_late_answer_is_never_taken_for_the_next)
{
	struct chip c = {.dumb = true};
	struct op_i2c b;
	uint8_t got = 99;
	chip_plug(&c, &b);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -ETIMEDOUT);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -ENODEV);
	CHECK_INT(op_i2c_write(&b, 0x5F, 0x20, 1), -ENODEV);
	CHECK_INT(got, 99);
	chip_unplug(&c, &b);
	CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), -EBADF);
}

static void on_signal(int number)
{
}

TEST(a_signal_is_no_fault_of_the_bus)
{
	struct chip c = {.signals = true, .asks = pthread_self()};
	struct sigaction act = {.sa_handler = on_signal};
	struct op_i2c b;
	uint8_t got;
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	chip_plug(&c, &b);
	for (unsigned i = 0; i < 500; i++) /* it comes before recv(2) sometimes */
		CHECK_INT(op_i2c_read(&b, 0x5F, 0x0F, &got, 1), 0);
	chip_unplug(&c, &b);
}

TEST(what_is_no_bus_is_told_apart)
{
	struct op_i2c b;
	CHECK_INT(op_i2c_open(&b, "/nonexistent/i2c-1"), -ENOENT);
	CHECK_INT(op_i2c_open(&b, op_test_dir()), -EPROTONOSUPPORT);
	CHECK_INT(op_i2c_open(&b, "/dev/null"), -EPROTONOSUPPORT);
	CHECK_INT(b.fd, -1);
	struct chip c = {.err = 0};
	chip_plug(&c, &b);
	op_i2c_close(&b);
	CHECK(pthread_join(c.thread, NULL) == 0);
	close(c.listener);
	CHECK_INT(op_i2c_open(&b, socket_path()), -ECONNREFUSED);
	op_i2c_close(&b);
}

static void expect_explained(int err, const char *part)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 512);
	op_i2c_explain(err, "/dev/i2c-1", 0x5F, &text);
	CHECK(strstr(text.data, "/dev/i2c-1") && strstr(text.data, part));
}

TEST(errors_tell_what_to_do)
{
	expect_explained(-EACCES, "usermod -a -G i2c");
	expect_explained(-ENOENT, "raspi-config");
	expect_explained(-EREMOTEIO, "0x5f");
	expect_explained(-EBUSY, "driver of the kernel");
	expect_explained(-ETIMEDOUT, "0x5f");
}

TEST(only_a_path_is_a_bus)
{
	static const struct {
		const char *uri, *wrong;
	} cases[] = {
		{"i2c:/dev/i2c-1", NULL},
		{"serial:/dev/i2c-1", "i2c:PATH"},
		{"i2c:1", "begins with /"},
		{"i2c:/dev/i2c-1?speed=100000", "no parameters"},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(cases); i++) {
		OP_AUTO_BUF struct op_buf text;
		struct op_device_uri uri;
		op_buf_init(&text, 512);
		CHECK_INT(op_device_uri_parse(cases[i].uri, &uri), 0);
		CHECK_INT(op_i2c_params(&uri, &text), cases[i].wrong ? -EINVAL : 0);
		CHECK(!cases[i].wrong || strstr(text.data, cases[i].wrong));
	}
}
