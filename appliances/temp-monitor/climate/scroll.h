/*
 * scroll.h - a text that moves over the light matrix of 8 x 8 dots, column by column.
 *
 * Glyphs are 5 x 8 dots without their empty sides (a blank keeps its five columns), an empty column
 * behind each; the text begins and ends outside the matrix. "Temp: 72.5F" makes 68 frames (contract
 * 3.6). Pure. Any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_SCROLL_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_SCROLL_H

#include <outpost/base.h>

#define SCROLL_SIDE 8 /* dots */
#define SCROLL_TEXT_MAX 40
#define SCROLL_COLUMNS_MAX (2 * SCROLL_SIDE + 6 * SCROLL_TEXT_MAX)

struct scroll {
	uint8_t columns[SCROLL_COLUMNS_MAX]; /* bit 0 is the top row */
	size_t n;
};

/* Columns of a character, at most 5: the glyph, bit 0 on top. Returns how many. What there is no
 * glyph for is a question mark. */
size_t scroll_glyph(char c, uint8_t columns[5]);
/* What is longer than SCROLL_TEXT_MAX is cut. */
void scroll_init(struct scroll *s, const char *text);
/* How many frames it takes. */
size_t scroll_frames(const struct scroll *s);
/* The eight columns of one frame, from 0. */
const uint8_t *scroll_frame(const struct scroll *s, size_t frame);

#endif
