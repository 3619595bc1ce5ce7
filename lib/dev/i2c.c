/*
 * i2c.c - the three ways to a chip: combined transfers of an adapter, the smaller set of SMBus
 * (controllers that have no other, the kernel's i2c-stub), and the socket of a simulator.
 *
 * Kernel interface: Documentation/i2c/dev-interface.rst.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dev/i2c.h"

#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define SMBUS_NEEDED (I2C_FUNC_SMBUS_READ_I2C_BLOCK | I2C_FUNC_SMBUS_WRITE_BYTE_DATA)

int op_i2c_params(const struct op_device_uri *uri, struct op_buf *error)
{
	if (strcmp(uri->scheme, "i2c"))
		op_buf_printf(error, "expected i2c:PATH, not %s:", uri->scheme);
	else if (uri->path[0] != '/')
		op_buf_printf(error, "expected a path that begins with /, not \"%s\"", uri->path);
	else if (uri->n_params)
		op_buf_printf(error, "an I2C bus has no parameters, not \"%s\"",
			      uri->params[0].key);
	else
		return 0;
	return -EINVAL;
}

/* ---- opening ----------------------------------------------------------------------------- */

static int open_adapter(struct op_i2c *b, const char *path)
{
	unsigned long can = 0;
	b->fd = open(path, O_RDWR | O_CLOEXEC);
	if (b->fd < 0)
		return -errno;
	if (ioctl(b->fd, I2C_FUNCS, &can) < 0)
		return -EPROTONOSUPPORT;
	b->kind = can & I2C_FUNC_I2C ? OP_I2C_KERNEL : OP_I2C_SMBUS;
	if (b->kind == OP_I2C_SMBUS && (can & SMBUS_NEEDED) != SMBUS_NEEDED)
		return -EPROTONOSUPPORT;
	(void)ioctl(b->fd, I2C_TIMEOUT, (unsigned long)OP_I2C_TIMEOUT_MS / 10); /* or its own */
	(void)ioctl(b->fd, I2C_RETRIES, 1UL);
	return 0;
}

static int open_socket(struct op_i2c *b, const char *path)
{
	const struct timeval limit = {.tv_usec = OP_I2C_TIMEOUT_MS * 1000};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	b->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (b->fd < 0)
		return -errno;
	if (setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(b->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(b->fd, (const struct sockaddr *)&to, sizeof(to)))
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	b->kind = OP_I2C_SOCKET;
	return 0;
}

int op_i2c_open(struct op_i2c *b, const char *path)
{
	struct stat st;
	*b = (struct op_i2c){.fd = -1};
	if (stat(path, &st) < 0)
		return -errno;
	int err = S_ISCHR(st.st_mode)    ? open_adapter(b, path)
		  : S_ISSOCK(st.st_mode) ? open_socket(b, path)
					 : -EPROTONOSUPPORT;
	if (err)
		op_i2c_close(b);
	return err;
}

void op_i2c_close(struct op_i2c *b)
{
	if (b->fd >= 0)
		close(b->fd);
	*b = (struct op_i2c){.fd = -1};
}

/* ---- transfers --------------------------------------------------------------------------- */

static int kernel_transfer(const struct op_i2c *b, struct i2c_msg *messages, unsigned n)
{
	struct i2c_rdwr_ioctl_data all = {.msgs = messages, .nmsgs = n};
	int r = ioctl(b->fd, I2C_RDWR, &all);
	return r == (int)n ? 0 : r < 0 ? -errno : -EIO;
}

static int kernel_ask(const struct op_i2c *b, struct op_i2c_ask *ask)
{
	uint8_t both[1 + OP_I2C_BYTES_MAX] = {ask->reg};
	struct i2c_msg messages[] = {
		{.addr = ask->address, .len = 1, .buf = both},
		{.addr = ask->address, .flags = I2C_M_RD, .len = ask->n, .buf = ask->bytes},
	};
	if (ask->read)
		return kernel_transfer(b, messages, 2);
	memcpy(both + 1, ask->bytes, ask->n);
	messages[0].len = (uint16_t)(1 + ask->n);
	return kernel_transfer(b, messages, 1);
}

static int smbus_ask(const struct op_i2c *b, struct op_i2c_ask *ask)
{
	union i2c_smbus_data data = {.byte = ask->bytes[0]};
	struct i2c_smbus_ioctl_data request = {
		.read_write = ask->read ? I2C_SMBUS_READ : I2C_SMBUS_WRITE,
		.command = ask->reg,
		.size = ask->read ? I2C_SMBUS_I2C_BLOCK_DATA : I2C_SMBUS_BYTE_DATA,
		.data = &data,
	};
	if (ask->read)
		data.block[0] = ask->n;
	if (ioctl(b->fd, I2C_SLAVE, (unsigned long)ask->address) < 0 ||
	    ioctl(b->fd, I2C_SMBUS, &request) < 0)
		return -errno;
	if (!ask->read)
		return 0;
	if (data.block[0] != ask->n)
		return -EIO;
	memcpy(ask->bytes, data.block + 1, ask->n);
	return 0;
}

/* An answer that comes too late would be taken for the next one: the connection is of no use then.
 * shutdown() makes every later call fail with -ENODEV until it is opened anew. */
static int socket_lost(const struct op_i2c *b)
{
	int err = errno == EAGAIN ? -ETIMEDOUT : -ENODEV;
	(void)shutdown(b->fd, SHUT_RDWR);
	return err;
}

static int socket_ask(const struct op_i2c *b, struct op_i2c_ask *ask)
{
	size_t bytes = OP_I2C_ASK_BYTES + (ask->read ? 0U : ask->n);
	size_t expected = OP_I2C_ANSWER_BYTES + (ask->read ? ask->n : 0U);
	struct op_i2c_answer answer;
	ssize_t n;
	do
		n = send(b->fd, ask, bytes, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_lost(b);
	do { /* with a time-out it is interrupted whatever SA_RESTART says, signal(7) */
		errno = 0;
		n = recv(b->fd, &answer, sizeof(answer), 0);
	} while (n < 0 && errno == EINTR);
	if (n < OP_I2C_ANSWER_BYTES)
		return socket_lost(b);
	if (answer.err)
		return answer.err < 0 ? answer.err : -EIO;
	if ((size_t)n != expected)
		return -EIO;
	memcpy(ask->bytes, answer.bytes, ask->read ? ask->n : 0U);
	return 0;
}

static int transfer(const struct op_i2c *b, struct op_i2c_ask *ask)
{
	switch (b->kind) {
	case OP_I2C_KERNEL:
		return kernel_ask(b, ask);
	case OP_I2C_SMBUS:
		return smbus_ask(b, ask);
	case OP_I2C_SOCKET:
		return socket_ask(b, ask);
	case OP_I2C_CLOSED:
		break;
	}
	return -EBADF;
}

int op_i2c_read(const struct op_i2c *b, uint8_t address, uint8_t reg, void *bytes, size_t n)
{
	struct op_i2c_ask ask = {.address = address, .reg = reg, .read = 1, .n = (uint8_t)n};
	if (!n || n > OP_I2C_BYTES_MAX)
		return -EINVAL;
	int err = transfer(b, &ask);
	if (!err)
		memcpy(bytes, ask.bytes, n);
	return err;
}

int op_i2c_write(const struct op_i2c *b, uint8_t address, uint8_t reg, uint8_t value)
{
	struct op_i2c_ask ask = {.address = address, .reg = reg, .n = 1, .bytes = {value}};
	return transfer(b, &ask);
}

/* ---- for people -------------------------------------------------------------------------- */

void op_i2c_explain(int err, const char *path, uint8_t address, struct op_buf *out)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		op_buf_printf(out,
			      "permission denied on %s: put the user into the group i2c "
			      "(usermod -a -G i2c USER) and start again",
			      path);
		break;
	case -ENOENT:
		op_buf_printf(out,
			      "%s is not there: switch I2C on (raspi-config, Interface Options)",
			      path);
		break;
	case -EBUSY:
		op_buf_printf(out,
			      "the chip at 0x%02x on %s is taken by a driver of the kernel: unload "
			      "it (lsmod | grep -e hts221 -e st_pressure)",
			      address, path);
		break;
	case -ENXIO:
	case -EREMOTEIO:
		op_buf_printf(out,
			      "no chip answers at 0x%02x on %s: see to the board and its connector",
			      address, path);
		break;
	case -EPROTONOSUPPORT:
		op_buf_printf(out, "%s is not an I2C bus that can read blocks", path);
		break;
	default:
		op_buf_printf(out, "chip at 0x%02x on %s: %s", address, path, op_strerror(err));
	}
}
