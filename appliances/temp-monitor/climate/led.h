/*
 * led.h - the light matrix: cleared at start and end, a text scrolled over it, climate.led.
 *
 * Loop thread. A matrix that is missing or fails is no fault of the service: it is logged once and
 * looked for again when there is something to show.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_LED_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_LED_H

#include <outpost/service.h>

#include "scroll.h"
#include "settings.h"
#include "topics.h"

#define LED_BYTES (SCROLL_SIDE * SCROLL_SIDE * 2) /* RGB565 */

struct led {
	const char *place; /* "auto", "off" or a path */
	struct op_writer *topic;
	uv_timer_t *frames; /* closed by itself */
	int fd;
	bool missed; /* its absence is logged */
	struct scroll scroll;
	size_t frame;                      /* that comes next; scroll_frames(): none */
	char waiting[SCROLL_TEXT_MAX + 1]; /* shown after the one that is on its way */
	struct climate_led shown;
	uint64_t next_look_ns, errors;
};

int led_open(struct led *l, struct op_service *s, const char *place) OP_MUST_CHECK;
/* Scrolls text once; while another is on its way the newest one waits for it. */
void led_show(struct led *l, const char *text);
/* Black, and closed. Accepts one that was zeroed only. */
void led_close(struct led *l);
/* A frame as the framebuffer wants it, white on black. */
void led_pixels(const uint8_t columns[SCROLL_SIDE], uint8_t ret[LED_BYTES]);

#endif
