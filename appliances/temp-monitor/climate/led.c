/*
 * led.c - frames into the framebuffer of the kernel's driver, ten a second.
 *
 * The framebuffer: 64 dots of RGB565, little-endian, row by row. It is found by its name, since its
 * number depends on what else is plugged in.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "led.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "find.h"

#define FRAME_MS 100
#define LOOK_NS OP_NS_PER_S
#define DRIVER "RPi-Sense FB"

void led_pixels(const uint8_t columns[SCROLL_SIDE], uint8_t ret[LED_BYTES])
{
	for (unsigned y = 0; y < SCROLL_SIDE; y++)
		for (unsigned x = 0; x < SCROLL_SIDE; x++)
			memset(ret + (size_t)(y * SCROLL_SIDE + x) * 2,
			       columns[x] >> y & 1 ? 0xFF : 0, 2);
}

static void publish(struct led *l, const uint8_t columns[SCROLL_SIDE])
{
	struct climate_led now = {{0}};
	for (unsigned y = 0; y < SCROLL_SIDE; y++)
		for (unsigned x = 0; x < SCROLL_SIDE; x++)
			memcpy(now.pixels + (size_t)(y * SCROLL_SIDE + x) * 6,
			       columns[x] >> y & 1 ? "ffffff" : "000000", 6);
	if (!memcmp(&now, &l->shown, sizeof(now)))
		return;
	l->shown = now;
	(void)op_writer_publish(l->topic, op_now_ns(), &now); /* its number is of no use */
}

/* ---- the framebuffer ----------------------------------------------------------------------- */

static void lose(struct led *l, const char *path, int err)
{
	if (!l->missed)
		op_log(OP_INFO, "no light matrix: %s: %s", path, op_strerror(err));
	l->missed = true;
	if (l->fd >= 0)
		(void)close(l->fd); /* nothing is buffered */
	l->fd = -1;
}

static void look_for(struct led *l)
{
	char path[CLIMATE_PATH_MAX + 8], name[32];
	uint64_t now = op_now_ns();
	if (l->fd >= 0 || now < l->next_look_ns || !strcmp(l->place, "off"))
		return;
	l->next_look_ns = now + LOOK_NS;
	int err = 0;
	(void)snprintf(path, sizeof(path), "%s", l->place); /* fits */
	if (!strcmp(l->place, "auto")) {
		err = find_named("/sys/class/graphics", "fb", "name", DRIVER, name, sizeof(name));
		(void)snprintf(path, sizeof(path), "/dev/%s", err ? "fb*" : name); /* fits */
	}
	l->fd = err ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0) {
		lose(l, path, err ? err : -errno);
		return;
	}
	op_log(OP_INFO, "light matrix: %s", path);
	l->missed = false;
}

static void put(struct led *l, const uint8_t columns[SCROLL_SIDE])
{
	uint8_t bytes[LED_BYTES];
	if (l->fd < 0)
		return;
	led_pixels(columns, bytes);
	ssize_t n = pwrite(l->fd, bytes, sizeof(bytes), 0);
	if (n == (ssize_t)sizeof(bytes)) {
		publish(l, columns);
		return;
	}
	l->errors++;
	lose(l, "writing", n < 0 ? -errno : -ENOSPC);
}

static void clear(struct led *l)
{
	static const uint8_t black[SCROLL_SIDE];
	put(l, black);
}

/* ---- scrolling ----------------------------------------------------------------------------- */

static void begin(struct led *l, const char *text)
{
	look_for(l);
	scroll_init(&l->scroll, text);
	l->frame = 0;
	l->waiting[0] = '\0';
}

static bool moving(const struct led *l)
{
	return l->scroll.n && l->frame < scroll_frames(&l->scroll);
}

static void on_frame(uv_timer_t *timer)
{
	struct led *l = timer->data;
	if (!moving(l) && l->waiting[0]) {
		char text[sizeof(l->waiting)];
		memcpy(text, l->waiting, sizeof(text));
		begin(l, text);
	}
	if (l->fd < 0)
		l->frame = l->scroll.n; /* nobody sees the rest */
	if (moving(l))
		put(l, scroll_frame(&l->scroll, l->frame++));
	else
		(void)uv_timer_stop(timer); /* always 0 */
}

void led_show(struct led *l, const char *text)
{
	(void)snprintf(l->waiting, sizeof(l->waiting), "%s", text); /* cut */
	if (!uv_is_active((uv_handle_t *)l->frames) &&
	    uv_timer_start(l->frames, on_frame, 0, FRAME_MS) < 0)
		l->waiting[0] = '\0'; /* it is closing */
}

/* ---- life ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

int led_open(struct led *l, struct op_service *s, const char *place)
{
	*l = (struct led){.place = place, .fd = -1};
	l->frames = malloc(sizeof(*l->frames));
	if (!l->frames)
		return -ENOMEM;
	(void)uv_timer_init(op_service_loop(s), l->frames); /* cannot fail */
	l->frames->data = l;
	int err = op_writer_open(op_service_bus_dir(s), NULL, &climate_led_topic, &l->topic, NULL);
	if (err)
		return err;
	look_for(l);
	clear(l);
	return 0;
}

void led_close(struct led *l)
{
	if (!l->frames)
		return;
	uv_close((uv_handle_t *)OP_STEAL(l->frames), on_closed);
	if (l->topic)
		clear(l);
	if (l->fd >= 0)
		(void)close(l->fd); /* nothing is buffered */
	l->fd = -1;
	op_writer_close(OP_STEAL(l->topic));
}
