/*
 * key.c - evdev (Documentation/input/input.rst of the kernel) to records.
 *
 * A handle of uv_poll belongs to one descriptor, so each opening makes its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "find.h"

#define LOOK_NS OP_NS_PER_S
#define DRIVER "Raspberry Pi Sense HAT Joystick"
#define EVENTS_AT_ONCE 16

struct key_watch {
	struct op_service *service;
	const char *place;
	struct op_writer *topic;
	uv_poll_t *poll; /* NULL: no device */
	bool missed;     /* its absence is logged */
	uint64_t next_look_ns;
};

bool key_decode(const struct input_event *e, struct climate_key *ret)
{
	static const uint16_t codes[] = {KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_ENTER};
	if (e->type != EV_KEY || e->value < 0 || e->value > 2)
		return false;
	for (uint8_t i = 0; i < OP_ARRAY_SIZE(codes); i++)
		if (codes[i] == e->code) {
			*ret = (struct climate_key){.key = i, .action = (uint8_t)e->value};
			return true;
		}
	return false;
}

struct opened {
	uv_poll_t poll;
	int fd;
};

static void on_closed(uv_handle_t *handle)
{
	struct opened *o = (struct opened *)handle;
	(void)close(o->fd); /* nothing is buffered */
	free(o);
}

static void lose(struct key_watch *k, const char *path, int err)
{
	if (!k->missed)
		op_log(OP_INFO, "no joystick: %s: %s", path, op_strerror(err));
	k->missed = true;
	if (k->poll)
		uv_close((uv_handle_t *)OP_STEAL(k->poll), on_closed);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct key_watch *k = poll->data;
	struct input_event all[EVENTS_AT_ONCE];
	struct climate_key record;
	ssize_t n = status < 0 ? -1 : read(((struct opened *)poll)->fd, all, sizeof(all));
	if (n <= 0) {
		int err = status < 0 ? status : n < 0 ? -errno : -ENODEV;
		if (err != -EAGAIN)
			lose(k, "reading", err);
		return;
	}
	for (size_t i = 0; i < (size_t)n / sizeof(*all); i++)
		if (key_decode(&all[i], &record)) /* its number is of no use */
			(void)op_writer_publish(k->topic, op_now_ns(), &record);
}

/* A FIFO is opened for writing as well: there is no end of it when a writer goes. */
static int open_device(const char *path)
{
	struct stat st;
	bool fifo = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
	int fd = open(path, (fifo ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int watch(struct key_watch *k, int fd)
{
	struct opened *o = malloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	int err = uv_poll_init(op_service_loop(k->service), &o->poll, fd);
	if (err < 0) {
		free(o);
		return err;
	}
	o->poll.data = k;
	o->fd = fd;
	k->poll = &o->poll;
	return uv_poll_start(&o->poll, UV_READABLE, on_readable);
}

void key_look(struct key_watch *k)
{
	char path[PATH_MAX], name[32];
	uint64_t now = op_now_ns();
	if (k->poll || now < k->next_look_ns || !strcmp(k->place, "off"))
		return;
	k->next_look_ns = now + LOOK_NS;
	int err = 0;
	(void)snprintf(path, sizeof(path), "%s", k->place); /* fits */
	if (!strcmp(k->place, "auto")) {
		err = find_named("/sys/class/input", "event", "device/name", DRIVER, name,
				 sizeof(name));
		(void)snprintf(path, sizeof(path), "/dev/input/%s", err ? "event*" : name);
	}
	int fd = err ? err : open_device(path);
	err = fd < 0 ? fd : watch(k, fd);
	if (fd >= 0 && !k->poll)
		(void)close(fd); /* it was not taken */
	if (err < 0) {
		lose(k, path, err);
		return;
	}
	op_log(OP_INFO, "joystick: %s", path);
	k->missed = false;
}

int key_open(struct op_service *s, const char *place, struct key_watch **ret_watch)
{
	struct key_watch *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->service = s;
	k->place = place;
	int err = op_writer_open(op_service_bus_dir(s), NULL, &climate_key_topic, &k->topic, NULL);
	if (err) {
		free(k);
		return err;
	}
	key_look(k);
	*ret_watch = k;
	return 0;
}

void key_close(struct key_watch *k)
{
	if (!k)
		return;
	if (k->poll)
		uv_close((uv_handle_t *)OP_STEAL(k->poll), on_closed);
	op_writer_close(k->topic);
	free(k);
}
