/*
 * pbt.c - the strict line parser of the pressure sensor's board (contract 2.2, B10).
 *
 * Two ways through: a whole plain sample line that lies in the caller's bytes, which is nearly
 * every line, is read where it is; anything else is gathered in the line buffer and classified
 * when its LF comes. Both must agree; a test splits a stream at every byte to prove it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/proto/pbt.h"

#include <string.h>

void op_pbt_init(struct op_pbt *p)
{
	memset(p, 0, sizeof(*p));
}

void op_pbt_restart(struct op_pbt *p)
{
	p->len = 0;
}

uint64_t op_pbt_lines(const struct op_pbt *p)
{
	uint64_t n = 0;
	for (int i = 0; i < OP_PBT_CLASSES; i++)
		n += p->count[i];
	return n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* All of text is one to max digits. */
static bool number(const char *text, size_t n, size_t max, uint64_t *ret)
{
	uint64_t v = 0;
	if (n == 0 || n > max)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(text[i]))
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = v;
	return true;
}

static bool starts(const char *text, size_t n, const char *with)
{
	size_t m = strlen(with);
	return n >= m && !memcmp(text, with, m);
}

static bool equals(const char *text, size_t n, const char *with)
{
	return n == strlen(with) && !memcmp(text, with, n);
}

/* Lines that are neither sample nor comment and yet no fault: credit balance, and what the LiDAR
 * board says when both share a firmware. */
static bool known_text(const char *text, size_t n)
{
	uint64_t v;
	if (starts(text, n, "CREDITS:"))
		return number(text + 8, n - 8, 19, &v);
	return starts(text, n, "LIDAR_STATUS:") || equals(text, n, "PERSON_DETECTED") ||
	       equals(text, n, "Siren OFF") || equals(text, n, "Trigger detected - Siren ON") ||
	       memmem(text, n, "Area clear", 10) != NULL;
}

static void read_note(const char *text, size_t n, struct op_pbt_record *r)
{
	static const char stats[] = "# STATS: samples=";
	size_t skip = sizeof(stats) - 1, digits = 0;
	if (starts(text, n, "# CALIBRATING") || equals(text, n, "# READY")) {
		r->note = OP_PBT_NOTE_BOOT;
	} else if (starts(text, n, stats)) {
		while (skip + digits < n && is_digit(text[skip + digits]))
			digits++;
		if (number(text + skip, digits, 19, &r->value))
			r->note = OP_PBT_NOTE_STATS;
	}
}

static void classify(const char *text, size_t n, struct op_pbt_record *r)
{
	while (n > 0 && is_blank(text[0]))
		text++, n--;
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	*r = (struct op_pbt_record){.class = OP_PBT_REJECTED, .text = text, .len = n};
	if (n == 0) {
		r->class = OP_PBT_EMPTY;
	} else if (text[0] == '#') {
		r->class = OP_PBT_COMMENT;
		read_note(text, n, r);
	} else if (number(text, n, 4, &r->value) && r->value <= OP_PBT_SAMPLE_MAX) {
		r->class = OP_PBT_SAMPLE;
	} else if (known_text(text, n)) {
		r->class = OP_PBT_TEXT;
	}
}

/* The plain case: digits, an optional CR, LF, all of it at hand. NULL if it is not that. */
static const char *plain_sample(const char *at, const char *end, uint64_t *ret)
{
	uint32_t v = 0, digit;
	const char *start = at;
	if (end - at < 6)
		return NULL;
	while ((digit = (uint32_t)((unsigned char)*at - '0')) < 10 && at - start < 4) {
		v = v * 10 + digit;
		at++;
	}
	if (at == start)
		return NULL;
	at += *at == '\r';
	if (*at != '\n' || v > OP_PBT_SAMPLE_MAX)
		return NULL;
	*ret = v;
	return at + 1;
}

/* Keeps what fits of the bytes of an unfinished line. */
static void gather(struct op_pbt *p, const char *bytes, size_t n)
{
	size_t room = p->len < sizeof(p->line) ? sizeof(p->line) - p->len : 0;
	size_t kept = n < room ? n : room;
	memcpy(p->line + (sizeof(p->line) - room), bytes, kept);
	p->len += n;
}

static enum op_pbt_class finish_line(struct op_pbt *p, struct op_pbt_record *ret)
{
	bool longer = p->len > OP_PBT_LINE_MAX;
	classify(p->line, longer ? OP_PBT_LINE_MAX : p->len, ret);
	if (longer && (ret->class != OP_PBT_COMMENT || p->len > OP_PBT_COMMENT_MAX))
		*ret = (struct op_pbt_record){.class = OP_PBT_OVERLONG};
	p->len = 0;
	p->count[ret->class]++;
	return ret->class;
}

enum op_pbt_class op_pbt_next(struct op_pbt *p, const char **at, const char *end,
			      struct op_pbt_record *ret)
{
	const char *from = *at;
	if (p->len == 0) {
		uint64_t value;
		const char *after = plain_sample(from, end, &value);
		if (after) {
			*at = after;
			ret->class = OP_PBT_SAMPLE;
			ret->value = value;
			p->count[OP_PBT_SAMPLE]++;
			return OP_PBT_SAMPLE;
		}
	}
	const char *lf = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
	const char *stop = lf ? lf : end;
	gather(p, from, (size_t)(stop - from));
	*at = lf ? lf + 1 : end;
	return lf ? finish_line(p, ret) : OP_PBT_NONE;
}
