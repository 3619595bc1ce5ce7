/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "scroll.h"

#include "test.h"

TEST(a_reading_takes_68_frames)
{
	struct scroll s;
	scroll_init(&s, "Temp: 72.5F");
	CHECK_INT(scroll_frames(&s), 68);
}

/* Both ends of the way: nothing, and in between every dot of the text once. */
TEST(it_begins_and_ends_outside)
{
	static const uint8_t black[SCROLL_SIDE];
	struct scroll s;
	scroll_init(&s, "Temp: 72.5F");
	CHECK(!memcmp(scroll_frame(&s, 0), black, SCROLL_SIDE));
	CHECK(!memcmp(scroll_frame(&s, scroll_frames(&s) - 1), black, SCROLL_SIDE));
	CHECK(memcmp(scroll_frame(&s, 1), black, SCROLL_SIDE));
	for (size_t i = 1; i < scroll_frames(&s); i++) /* one column per frame */
		CHECK(!memcmp(scroll_frame(&s, i), scroll_frame(&s, i - 1) + 1, SCROLL_SIDE - 1));
	scroll_init(&s, "");
	CHECK_INT(scroll_frames(&s), 8);
}

static void expect_glyph(char c, const char *const rows[SCROLL_SIDE])
{
	uint8_t columns[5], want[5] = {0};
	size_t n = scroll_glyph(c, columns);
	CHECK_INT(n, strlen(rows[0]));
	for (size_t y = 0; y < SCROLL_SIDE; y++)
		for (size_t x = 0; x < n; x++)
			want[x] |= (uint8_t)((rows[y][x] == '#') << y);
	for (size_t x = 0; x < n; x++)
		CHECK_INT(columns[x], want[x]);
}

TEST(glyphs_are_trimmed_and_upright)
{
	expect_glyph('F', (const char *const[]){"#####", "#    ", "#    ", "#### ", "#    ",
						"#    ", "#    ", "     "});
	expect_glyph('1',
		     (const char *const[]){" # ", "## ", " # ", " # ", " # ", " # ", "###", "   "});
	expect_glyph('.', (const char *const[]){"  ", "  ", "  ", "  ", "  ", "##", "##", "  "});
	expect_glyph('p', (const char *const[]){"     ", "     ", "#### ", "#   #", "#   #",
						"#### ", "#    ", "#    "});
	expect_glyph(' ', (const char *const[]){"     ", "     ", "     ", "     ", "     ",
						"     ", "     ", "     "});
}

/* Whatever is printable in a reading can be told from everything else. */
TEST(every_glyph_is_its_own)
{
	static const char all[] = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  ".,:;!?%+-/()='\"#*_";
	uint8_t glyphs[sizeof(all)][5] = {{0}};
	for (size_t i = 0; all[i]; i++) {
		size_t n = scroll_glyph(all[i], glyphs[i]);
		CHECK(n >= 1 && n <= 5);
		for (size_t k = 0; k < i; k++)
			CHECK(memcmp(glyphs[i], glyphs[k], 5));
	}
	uint8_t unknown[5], question[5];
	CHECK_INT(scroll_glyph('\x80', unknown), scroll_glyph('?', question));
	CHECK(!memcmp(unknown, question, 5));
}

TEST(any_text_fits_or_is_cut)
{
	char text[300];
	struct scroll s, most;
	memset(text, 'W', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	scroll_init(&s, text);
	text[SCROLL_TEXT_MAX] = '\0';
	scroll_init(&most, text);
	CHECK_INT(s.n, most.n);
	CHECK_INT(s.n, SCROLL_COLUMNS_MAX);
	for (int c = 1; c < 256; c++) {
		text[0] = (char)c;
		scroll_init(&s, text);
		CHECK(s.n <= SCROLL_COLUMNS_MAX && scroll_frames(&s) >= SCROLL_SIDE);
	}
}
