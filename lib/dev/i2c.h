/*
 * i2c.h - registers of chips on an I2C bus.
 *
 * URI: i2c:PATH. PATH is an adapter of the kernel ("/dev/i2c-1"), or the socket of a simulator that
 * offers the same transfers (outpost-i2c(7)). A read is one combined transfer: nobody comes between
 * the register's number and its bytes, nor between the bytes.
 *
 * Every call takes as long as the bus: under 1 ms for a few bytes at 100 kHz, OP_I2C_TIMEOUT_MS if
 * a chip holds the clock. One thread per bus object; several objects may share an adapter.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DEV_I2C_H
#define OUTPOST_DEV_I2C_H

#include <outpost/config.h>

#define OP_I2C_TIMEOUT_MS 200 /* of one transfer; a whole multiple of 10 */
#define OP_I2C_BYTES_MAX 32   /* of one read or write */

enum op_i2c_kind { OP_I2C_CLOSED, OP_I2C_KERNEL, OP_I2C_SMBUS, OP_I2C_SOCKET };

struct op_i2c {
	enum op_i2c_kind kind;
	int fd;
};

/* -EINVAL with a text in error when it is not i2c:PATH with an absolute path. */
int op_i2c_params(const struct op_device_uri *uri, struct op_buf *error) OP_MUST_CHECK;

/* -ENOENT: no such adapter; -EACCES: not in the group i2c; -EPROTONOSUPPORT: neither an adapter nor
 * a simulator, or an adapter that cannot do what is needed; -ECONNREFUSED: the simulator is gone;
 * else from the system. *b is closed then. */
int op_i2c_open(struct op_i2c *b, const char *path) OP_MUST_CHECK;
/* Accepts a closed one. */
void op_i2c_close(struct op_i2c *b);

/* n bytes from register reg on, 1 to OP_I2C_BYTES_MAX; a chip that counts on only when asked to
 * wants the bit for that in reg. -ENXIO or -EREMOTEIO: nothing answers at that address; -EBUSY: a
 * kernel driver has it; -ETIMEDOUT; -EIO: the bus failed; -ENODEV: the adapter is gone. */
int op_i2c_read(const struct op_i2c *b, uint8_t address, uint8_t reg, void *bytes,
		size_t n) OP_MUST_CHECK;
int op_i2c_write(const struct op_i2c *b, uint8_t address, uint8_t reg, uint8_t value) OP_MUST_CHECK;

/* What an error of the above means and what to do, for people: "no chip answers at 0x5f ...". */
void op_i2c_explain(int err, const char *path, uint8_t address, struct op_buf *out);

/* ---- the protocol of simulators (outpost-i2c(7)) ----------------------------------------- */

/* One SOCK_SEQPACKET packet each way: a transfer, and what became of it. */
struct op_i2c_ask {
	uint8_t address; /* 7 bits */
	uint8_t reg;
	uint8_t read; /* 1: n bytes are wanted; 0: n bytes follow */
	uint8_t n;    /* 1 to OP_I2C_BYTES_MAX */
	uint8_t bytes[OP_I2C_BYTES_MAX];
};
struct op_i2c_answer {
	int32_t err; /* 0 or a negative error number, in the machine's byte order */
	uint8_t bytes[OP_I2C_BYTES_MAX]; /* n of them, when reading went well */
};
#define OP_I2C_ASK_BYTES 4    /* of the head */
#define OP_I2C_ANSWER_BYTES 4 /* of the head */

#endif
