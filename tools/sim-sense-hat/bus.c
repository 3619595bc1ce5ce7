/*
 * bus.c - the socket of outpost-i2c(7): one packet asks for a transfer, one answers.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/dev/i2c.h"
#include "sim.h"

int bus_open(struct sim *s)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = s->options->bus;
	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	(void)unlink(path); /* one of an earlier run; normally none */
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, CLIENTS_MAX)) {
		int err = -errno;
		(void)close(fd); /* it was of no use */
		return err;
	}
	s->listener = fd;
	return 0;
}

static void let_go(struct sim *s, size_t client)
{
	if (s->clients[client] >= 0)
		(void)close(s->clients[client]); /* nothing is buffered */
	s->clients[client] = -1;
}

void bus_close(struct sim *s)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		let_go(s, i);
	if (s->listener < 0)
		return;
	(void)close(s->listener); /* nothing is buffered */
	(void)unlink(s->options->bus);
	s->listener = -1;
}

void bus_accept(struct sim *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	for (size_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (s->clients[i] < 0) {
			s->clients[i] = fd;
			return;
		}
	if (fd >= 0)
		(void)close(fd); /* one too many: it reads the end */
}

static struct chip *chip_at(struct sim *s, uint8_t address, uint64_t now_ns)
{
	for (size_t i = 0; i < CHIPS; i++)
		if (s->chips[i].kind->address == address && now_ns >= s->unplugged_ns &&
		    chip_answers(&s->chips[i], now_ns))
			return &s->chips[i];
	return NULL;
}

static int transfer(struct sim *s, const struct op_i2c_ask *ask, size_t asked, uint64_t now_ns,
		    uint8_t *ret_bytes)
{
	bool whole = asked >= OP_I2C_ASK_BYTES && ask->n >= 1 && ask->n <= OP_I2C_BYTES_MAX &&
		     asked == OP_I2C_ASK_BYTES + (ask->read ? 0U : ask->n);
	if (!whole)
		return -EINVAL;
	struct chip *c = chip_at(s, ask->address, now_ns);
	if (!c)
		return -EREMOTEIO;
	room_at(&s->room, now_ns);
	if (ask->read)
		chip_read(c, now_ns, ask->reg, ret_bytes, ask->n);
	else
		chip_write(c, now_ns, ask->reg, ask->bytes, ask->n);
	return 0;
}

void bus_serve(struct sim *s, size_t client, uint64_t now_ns)
{
	struct op_i2c_ask ask = {0};
	struct op_i2c_answer answer = {0};
	ssize_t n = recv(s->clients[client], &ask, sizeof(ask), 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			let_go(s, client);
		return;
	}
	if (now_ns < s->hung_ns) {
		s->dropped++;
		return;
	}
	answer.err = transfer(s, &ask, (size_t)n, now_ns, answer.bytes);
	size_t bytes = OP_I2C_ANSWER_BYTES + (ask.read && !answer.err ? ask.n : 0U);
	s->transfers++;
	if (send(s->clients[client], &answer, bytes, MSG_NOSIGNAL) < 0)
		let_go(s, client);
}
