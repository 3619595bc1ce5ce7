/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dev/serial.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>

#include "test.h"

/* A port as a USB adapter makes one: a pty, and links to it. */
struct adapter {
	int master;
	char device[64];
};

static struct adapter plug(void)
{
	struct adapter a = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
	CHECK(a.master >= 0 && grantpt(a.master) == 0 && unlockpt(a.master) == 0);
	CHECK(ptsname_r(a.master, a.device, sizeof(a.device)) == 0);
	return a;
}

static const char *path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *p = paths[next++ % 8];
	snprintf(p, PATH_MAX, "%s/%s", op_test_dir(), name);
	return p;
}

static void put_link(const char *device, const char *name)
{
	(void)unlink(path(name));
	CHECK(symlink(device, path(name)) == 0);
}

static struct op_serial_params params(const char *file, const char *id)
{
	struct op_serial_params p = {.baud = 115200};
	CHECK(mkdir(path("by-id"), 0755) == 0 || errno == EEXIST);
	snprintf(p.path, sizeof(p.path), "%s", path(file));
	snprintf(p.by_id_dir, sizeof(p.by_id_dir), "%s", path("by-id"));
	snprintf(p.id, sizeof(p.id), "%s", id);
	return p;
}

static void expect_device(struct op_serial *s, const struct op_serial_params *p,
			  const struct adapter *a)
{
	CHECK_INT(op_serial_open(s, p), 0);
	CHECK_STR(s->device, a->device);
	op_serial_close(s);
}

static int from_uri(const char *text, struct op_serial_params *p, char *why, size_t size)
{
	struct op_device_uri uri;
	struct op_buf error;
	op_buf_init_fixed(&error, why, size);
	CHECK_INT(op_device_uri_parse(text, &uri), 0);
	return op_serial_params(&uri, "/dev/serial/by-id", p, &error);
}

TEST(a_uri_gives_path_baud_and_identity)
{
	struct op_serial_params p;
	char why[256];
	CHECK_INT(from_uri("serial:/dev/ttyUSB*?baud=57600&id=Arduino", &p, why, sizeof(why)), 0);
	CHECK_STR(p.path, "/dev/ttyUSB*");
	CHECK_INT(p.baud, 57600);
	CHECK_STR(p.id, "Arduino");
	CHECK_INT(from_uri("serial:/dev/ttyS0", &p, why, sizeof(why)), 0);
	CHECK_INT(p.baud, 115200);
	CHECK_INT(from_uri("tcp:localhost:99", &p, why, sizeof(why)), -EINVAL);
	CHECK_HAS(why, "serial:PATH");
	CHECK_INT(from_uri("serial:/dev/ttyS0?baud=-1", &p, why, sizeof(why)), -EINVAL);
	CHECK_HAS(why, "baud is a number");
	CHECK_INT(from_uri("serial:/dev/ttyS0?parity=even", &p, why, sizeof(why)), -EINVAL);
	CHECK_HAS(why, "baud and id");
}

TEST(opening_makes_the_line_raw_and_forgets_old_input)
{
	struct adapter a = plug();
	struct op_serial s;
	struct op_serial_params p = params("port", "");
	struct termios t;
	char byte;
	put_link(a.device, "port");
	int early = open(a.device, O_RDWR | O_NOCTTY); /* keeps the port up */
	CHECK(write(a.master, "old\n", 4) == 4);
	struct pollfd fd = {early, POLLIN, 0};
	CHECK_INT(poll(&fd, 1, 5000), 1);
	op_serial_init(&s);
	p.baud = 123456;
	CHECK_INT(op_serial_open(&s, &p), 0);
	CHECK_INT(read(s.fd, &byte, 1), -1);
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(tcgetattr(s.fd, &t), 0);
	CHECK(!(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_iflag & (ICRNL | IXON)) &&
	      !(t.c_oflag & OPOST) && (t.c_cflag & CSIZE) == CS8 && !(t.c_cflag & CRTSCTS));
	CHECK(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(write(a.master, "\r", 1) == 1);
	fd.fd = s.fd;
	CHECK_INT(poll(&fd, 1, 5000), 1);
	CHECK_INT(read(s.fd, &byte, 1), 1);
	CHECK_INT(byte, '\r');
	op_serial_close(&s);
	op_serial_close(&s);
	close(early);
	close(a.master);
}

TEST(unplugging_reads_as_an_end)
{
	struct adapter a = plug();
	struct op_serial s;
	struct op_serial_params p = params("port", "");
	char byte;
	put_link(a.device, "port");
	op_serial_init(&s);
	CHECK_INT(op_serial_open(&s, &p), 0);
	close(a.master);
	ssize_t n = read(s.fd, &byte, 1);
	CHECK(n == 0 || errno == EIO);
	op_serial_close(&s);
	CHECK(op_serial_open(&s, &p) < 0);
}

TEST(found_again_by_identity_under_another_name)
{
	struct adapter ours = plug(), other = plug();
	struct op_serial s;
	struct op_serial_params p = params("ttyUSB0", "");
	put_link(ours.device, "ttyUSB0");
	put_link(ours.device, "by-id/usb-Arduino_Uno_4711-if00");
	put_link(other.device, "by-id/usb-FTDI_LiDAR-if00");
	op_serial_init(&s);
	expect_device(&s, &p, &ours);
	CHECK_STR(s.identity, "usb-Arduino_Uno_4711-if00");
	put_link(other.device, "ttyUSB0"); /* both replugged in another order */
	expect_device(&s, &p, &ours);
	CHECK_INT(unlink(path("by-id/usb-Arduino_Uno_4711-if00")), 0);
	expect_device(&s, &p, &other); /* a spare board at the same place will do */
	CHECK_STR(s.identity, "usb-FTDI_LiDAR-if00");
	close(ours.master);
	close(other.master);
}

TEST(an_identity_that_is_asked_for_is_all_that_will_do)
{
	struct adapter ours = plug(), other = plug();
	struct op_serial s;
	struct op_serial_params p = params("ttyUSB0", "Arduino");
	put_link(other.device, "ttyUSB0");
	put_link(other.device, "by-id/usb-FTDI_LiDAR-if00");
	op_serial_init(&s);
	CHECK_INT(op_serial_open(&s, &p), -ENODEV);
	put_link(ours.device, "by-id/usb-Arduino_Uno_4711-if00");
	expect_device(&s, &p, &ours);
	close(ours.master);
	close(other.master);
}

TEST(a_pattern_goes_on_to_the_next_when_one_is_not_it)
{
	struct adapter first = plug(), second = plug();
	struct op_serial s;
	struct op_serial_params p = params("ttyUSB*", "");
	put_link(first.device, "ttyUSB0");
	put_link(second.device, "ttyUSB1");
	op_serial_init(&s);
	expect_device(&s, &p, &first);
	expect_device(&s, &p, &first);
	op_serial_avoid(&s); /* it was silent */
	expect_device(&s, &p, &second);
	op_serial_avoid(&s);
	expect_device(&s, &p, &first);
	close(first.master);
	close(second.master);
}

TEST(what_is_no_serial_port_is_refused)
{
	struct op_serial s;
	struct op_serial_params p = params("port", "");
	struct op_serial_counters c;
	op_serial_init(&s);
	CHECK_INT(op_serial_open(&s, &p), -ENODEV);
	put_link("/dev/null", "port");
	CHECK_INT(op_serial_open(&s, &p), -ENOTTY);
	CHECK_INT(s.fd, -1);
	struct adapter a = plug();
	put_link(a.device, "port");
	CHECK_INT(op_serial_open(&s, &p), 0);
	CHECK(op_serial_counters(s.fd, &c) < 0); /* a pty counts nothing */
	op_serial_close(&s);
	close(a.master);
}
