/*
 * serial.h - a serial port: found by identity or path, opened raw and exclusive.
 *
 * URI: serial:PATH?baud=115200&id=SUBSTRING. PATH may be a glob ("/dev/ttyUSB*") or a link below
 * /dev/serial/by-id. id asks for a port whose by-id link contains it. What was opened once is
 * remembered by its by-id link, so that after unplugging it is found under whatever name it gets:
 * by identity first, then by path.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DEV_SERIAL_H
#define OUTPOST_DEV_SERIAL_H

#include <limits.h>
#include <outpost/config.h>

struct op_serial_params {
	char path[OP_DEVICE_PATH_MAX]; /* or glob */
	char id[128];                  /* part of a by-id link's name; "": any */
	char by_id_dir[256];           /* normally /dev/serial/by-id */
	unsigned baud;                 /* any rate the driver can make */
};

struct op_serial {
	int fd;                /* -1: closed */
	char device[PATH_MAX]; /* what is open or was last, links resolved; "" before the first */
	char identity[NAME_MAX + 1]; /* its by-id link's name; "" if it has none */
	bool avoid; /* the next search takes another candidate first, if there is one */
};

/* Counters of the driver since it was loaded (TIOCGICOUNT). */
struct op_serial_counters {
	uint64_t overrun; /* lost by the UART and by the driver's buffer */
	uint64_t framing; /* framing and parity errors and breaks */
};

/* Takes path, baud and id from the URI. -EINVAL with a text in error (NULL: none wanted) when the
 * scheme or a parameter is wrong. */
int op_serial_params(const struct op_device_uri *uri, const char *by_id_dir,
		     struct op_serial_params *ret, struct op_buf *error) OP_MUST_CHECK;

void op_serial_init(struct op_serial *s);

/* Finds and opens: raw, 8N1, no flow control, not the controlling terminal, non-blocking, input
 * discarded; exclusive, and low latency where the driver has it. s remembers identity and device.
 * -ENODEV: nothing matches; -EBUSY: another process has it; -EACCES; -ENOTTY: not a serial
 * port; else from the system. Blocks only as long as the driver's open does. */
int op_serial_open(struct op_serial *s, const struct op_serial_params *params) OP_MUST_CHECK;
/* Accepts a closed one. */
void op_serial_close(struct op_serial *s);
/* What was open is not what we look for: prefer another candidate next time. */
void op_serial_avoid(struct op_serial *s);

/* -ENOTTY where the driver counts nothing (ptys, some USB adapters). */
int op_serial_counters(int fd, struct op_serial_counters *ret) OP_MUST_CHECK;

#endif
