/*
 * scroll.c - text to columns, and the glyphs.
 *
 * The glyphs are drawn as one sees them: each row of the table has the characters of its first line
 * side by side, six columns apart.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "scroll.h"

#include <string.h>

#define PITCH 6 /* columns from one glyph to the next in the table */
#define WIDTH 5

/* clang-format off */
static const struct {
	const char *characters;
	const char *rows[SCROLL_SIDE];
} sheet[] = {
	{"0123456789", {
		" ###    #    ###   ###     #  #####   ##  #####  ###   ###  ",
		"#   #  ##   #   # #   #   ##  #      #        # #   # #   # ",
		"#  ##   #       #     #  # #  ####  #        #  #   # #   # ",
		"# # #   #      #    ##  #  #      # ####     #   ###   #### ",
		"##  #   #     #       # #####     # #   #   #   #   #     # ",
		"#   #   #    #    #   #    #  #   # #   #   #   #   #    #  ",
		" ###   ###  #####  ###     #   ###   ###    #    ###   ##   ",
		"                                                            "}},
	{"ABCDEFGHIJ", {
		" ###  ####   ###  ####  ##### #####  ###  #   #  ###      # ",
		"#   # #   # #   # #   # #     #     #   # #   #   #       # ",
		"#   # #   # #     #   # #     #     #     #   #   #       # ",
		"##### ####  #     #   # ####  ####  #  ## #####   #       # ",
		"#   # #   # #     #   # #     #     #   # #   #   #   #   # ",
		"#   # #   # #   # #   # #     #     #   # #   #   #   #   # ",
		"#   # ####   ###  ####  ##### #      ###  #   #  ###   ###  ",
		"                                                            "}},
	{"KLMNOPQRST", {
		"#   # #     #   # #   #  ###  ####   ###  ####   #### ##### ",
		"#  #  #     ## ## ##  # #   # #   # #   # #   # #       #   ",
		"# #   #     # # # ##  # #   # #   # #   # #   # #       #   ",
		"##    #     # # # # # # #   # ####  #   # ####   ###    #   ",
		"# #   #     #   # #  ## #   # #     # # # # #       #   #   ",
		"#  #  #     #   # #  ## #   # #     #  #  #  #      #   #   ",
		"#   # ##### #   # #   #  ###  #      ## # #   # ####    #   ",
		"                                                            "}},
	{"UVWXYZabcd", {
		"#   # #   # #   # #   # #   # #####       #               # ",
		"#   # #   # #   # #   # #   #     #       #               # ",
		"#   # #   # #   #  # #   # #     #   ###  # ##   ###   ## # ",
		"#   # #   # # # #   #     #     #       # ##  # #   # #  ## ",
		"#   #  # #  # # #  # #    #    #     #### #   # #     #   # ",
		"#   #  # #  ## ## #   #   #   #     #   # #   # #   # #   # ",
		" ###    #   #   # #   #   #   #####  #### ####   ###   #### ",
		"                                                            "}},
	{"efghijklmn", {
		"        ##        #       #       # #      ##               ",
		"       #  #       #                 #       #               ",
		" ###   #     #### # ##   ##      ## #  #    #   ## #  # ##  ",
		"#   # ###   #   # ##  #   #       # # #     #   # # # ##  # ",
		"#####  #    #   # #   #   #       # ##      #   # # # #   # ",
		"#      #     #### #   #   #       # # #     #   # # # #   # ",
		" ###   #        # #   #  ###   #  # #  #   ###  # # # #   # ",
		"             ###                ##                          "}},
	{"opqrstuvwx", {
		"                               #                            ",
		"                               #                            ",
		" ###  ####   #### # ##   #### ####  #   # #   # #   # #   # ",
		"#   # #   # #   # ##  # #      #    #   # #   # # # #  # #  ",
		"#   # #   # #   # #      ###   #    #   # #   # # # #   #   ",
		"#   # ####   #### #         #  #  # #  ##  # #  # # #  # #  ",
		" ###  #         # #     ####    ##   ## #   #    # #  #   # ",
		"      #         #                                           "}},
	{"yz.,:;!?%+", {
		"                               ##    #     ###  ##          ",
		"                               ##    #    #   # ##  #       ",
		"#   # #####             ##           #        #    #    #   ",
		"#   #    #              ##           #      ##    #   ##### ",
		"#   #   #                            #      #    #      #   ",
		" ####  #     ##    ##   ##     ##               #  ##   #   ",
		"    # #####  ##    ##   ##     ##    #      #      ##       ",
		" ###                #           #                           "}},
	{"-/()='\"#*_", {
		"               #   #            #    # #   # #              ",
		"          #   #     #           #    # #   # #    #         ",
		"         #   #       #  #####  #     # #  ##### # # #       ",
		" ###    #    #       #                     # #   ###        ",
		"       #     #       #  #####             ##### # # #       ",
		"      #       #     #                      # #    #         ",
		"               #   #                       # #              ",
		"                                                      ##### "}},
};
/* clang-format on */

/* Where c stands; -1: nowhere. */
static int find(char c, size_t *ret_group)
{
	for (size_t g = 0; g < OP_ARRAY_SIZE(sheet); g++) {
		const char *at = c ? strchr(sheet[g].characters, c) : NULL;
		*ret_group = g;
		if (at)
			return (int)(at - sheet[g].characters) * PITCH;
	}
	return -1;
}

static uint8_t column(size_t group, int at)
{
	uint8_t bits = 0;
	for (unsigned row = 0; row < SCROLL_SIDE; row++)
		if (sheet[group].rows[row][at] == '#')
			bits |= (uint8_t)(1U << row);
	return bits;
}

size_t scroll_glyph(char c, uint8_t columns[5])
{
	size_t group, n = 0;
	int at = find(c, &group), first = 0, last = WIDTH - 1;
	memset(columns, 0, WIDTH);
	if (c == ' ')
		return WIDTH;
	if (at < 0)
		at = find('?', &group);
	while (!column(group, at + first))
		first++;
	while (!column(group, at + last))
		last--;
	for (int i = first; i <= last; i++)
		columns[n++] = column(group, at + i);
	return n;
}

void scroll_init(struct scroll *s, const char *text)
{
	memset(s, 0, sizeof(*s));
	s->n = SCROLL_SIDE;
	for (size_t i = 0; i < SCROLL_TEXT_MAX && text[i]; i++)
		s->n += scroll_glyph(text[i], s->columns + s->n) + 1;
	s->n += SCROLL_SIDE;
}

size_t scroll_frames(const struct scroll *s)
{
	return s->n - SCROLL_SIDE;
}

const uint8_t *scroll_frame(const struct scroll *s, size_t frame)
{
	return s->columns + frame;
}
