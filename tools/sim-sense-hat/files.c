/*
 * files.c - the processor's temperature, the framebuffer of the light matrix, the joystick's
 * events.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <libgen.h>
#include <linux/input.h>
#include <math.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim.h"

static int make_folder(const char *path)
{
	char copy[PATH_MAX];
	(void)snprintf(copy, sizeof(copy), "%s", path); /* as long as the path */
	return path[0] ? op_dir_make(dirname(copy), 0755) : 0;
}

/* Replaced as a whole: a reader never finds half a number. */
static int replace(const char *path, const char *text)
{
	char beside[PATH_MAX + 8];
	(void)snprintf(beside, sizeof(beside), "%s.new", path); /* fits */
	OP_AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || rename(beside, path) < 0)
		return -errno;
	return 0;
}

void files_cpu(struct sim *s)
{
	char text[32];
	const char *path = s->options->cpu;
	if (!path[0])
		return;
	if (s->no_cpu) {
		(void)unlink(path); /* perhaps it has gone already */
		s->cpu_written[0] = '\0';
		return;
	}
	(void)snprintf(text, sizeof(text), "%ld\n", lrint(s->room.air.cpu * 1000)); /* fits */
	if (!strcmp(text, s->cpu_written))
		return;
	if (replace(path, text) == 0)
		memcpy(s->cpu_written, text, sizeof(text));
}

/* A matrix that was just switched on is a rainbow. */
static int open_led(const char *path)
{
	uint8_t dots[LED_FILE_BYTES];
	for (size_t i = 0; i < sizeof(dots); i++)
		dots[i] = (uint8_t)(i * 37 + 1);
	OP_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 || write(fd, dots, sizeof(dots)) != sizeof(dots) ? -errno : 0;
}

static int open_joystick(struct sim *s, const char *path)
{
	(void)unlink(path); /* one of an earlier run; normally none */
	if (mkfifo(path, 0600) < 0)
		return -errno;
	s->joystick = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return s->joystick < 0 ? -errno : 0;
}

int files_open(struct sim *s)
{
	const struct options *o = s->options;
	const char *const paths[] = {o->bus, o->control, o->cpu, o->led, o->joystick};
	for (size_t i = 0; i < OP_ARRAY_SIZE(paths); i++) {
		int err = make_folder(paths[i]);
		if (err < 0)
			return err;
	}
	int err = o->led[0] ? open_led(o->led) : 0;
	if (!err && o->joystick[0])
		err = open_joystick(s, o->joystick);
	files_cpu(s);
	return err;
}

void files_close(struct sim *s)
{
	const struct options *o = s->options;
	const char *const paths[] = {o->cpu, o->led, o->joystick};
	for (size_t i = 0; i < OP_ARRAY_SIZE(paths); i++)
		if (paths[i][0])
			(void)unlink(paths[i]); /* perhaps it was never made */
	if (s->joystick >= 0)
		(void)close(s->joystick); /* nothing is buffered */
}

bool files_key(struct sim *s, const char *name)
{
	static const struct {
		const char *name;
		uint16_t code;
	} keys[] = {{"up", KEY_UP},
		    {"down", KEY_DOWN},
		    {"left", KEY_LEFT},
		    {"right", KEY_RIGHT},
		    {"push", KEY_ENTER}};
	for (size_t i = 0; i < OP_ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		const struct input_event all[] = {
			{.type = EV_KEY, .code = keys[i].code, .value = 1},
			{.type = EV_SYN, .code = SYN_REPORT},
			{.type = EV_KEY, .code = keys[i].code, .value = 0},
			{.type = EV_SYN, .code = SYN_REPORT},
		};
		return write(s->joystick, all, sizeof(all)) == sizeof(all);
	}
	return false;
}
