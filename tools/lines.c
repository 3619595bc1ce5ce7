/*
 * lines.c - mistakes as lines of text: from several programs, each once, in the order of the file.
 *
 * Every program reads the whole appliance and tells what is wrong with the file as such, so the
 * same line comes once per service.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/lines.h"

#include <limits.h>
#include <string.h>

/* As op_log ends a line that is too long for it. */
static const char cut[] = " [cut]";

struct line {
	const char *text;
	size_t len;
	unsigned long row, column; /* ULONG_MAX: not in the file */
};

/* The next line that is not empty, or false. *at goes on behind it. */
static bool next_line(const char **at, struct line *ret)
{
	*at += strspn(*at, "\n");
	*ret = (struct line){.text = *at, .len = strcspn(*at, "\n")};
	*at += ret->len;
	return ret->len > 0;
}

/* ---- each once ------------------------------------------------------------------------------ */

static bool is_cut(const struct line *l)
{
	size_t n = strlen(cut);
	return l->len > n && !memcmp(l->text + l->len - n, cut, n);
}

static bool is_same(const struct line *known, const struct line *said)
{
	size_t kept = said->len - strlen(cut); /* if it is cut */
	if (is_cut(said) && known->len > kept && !memcmp(known->text, said->text, kept))
		return true;
	return known->len == said->len && !memcmp(known->text, said->text, said->len);
}

static bool has_line(const struct op_buf *in, const struct line *line)
{
	struct line known;
	for (const char *at = in->data; next_line(&at, &known);)
		if (is_same(&known, line))
			return true;
	return false;
}

void op_lines_add(struct op_buf *to, const char *text)
{
	for (struct line line; next_line(&text, &line);) {
		if (has_line(to, &line))
			continue;
		op_buf_put(to, line.text, line.len);
		op_buf_putc(to, '\n');
	}
}

/* ---- in order ------------------------------------------------------------------------------- */

static void find_place(struct line *line, const char *file)
{
	size_t n = strlen(file);
	char *end = NULL;
	line->row = line->column = ULONG_MAX;
	if (line->len <= n || memcmp(line->text, file, n) || line->text[n] != ':')
		return;
	unsigned long row = strtoul(line->text + n + 1, &end, 10);
	if (*end != ':')
		return;
	line->column = strtoul(end + 1, NULL, 10);
	line->row = row;
}

static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->text < y->text ? -1 : x->text > y->text; /* as they stood */
}

static size_t find_lines(const struct op_buf *lines, const char *file, struct line *ret)
{
	size_t n = 0;
	struct line line;
	for (const char *at = lines->data; next_line(&at, &line); n++) {
		if (!ret)
			continue;
		find_place(&line, file);
		ret[n] = line;
	}
	return n;
}

void op_lines_sort(struct op_buf *lines, const char *file)
{
	size_t n = lines->len ? find_lines(lines, file, NULL) : 0, len = 0;
	OP_AUTO_FREE struct line *v = calloc(n ? n : 1, sizeof(*v));
	OP_AUTO_FREE char *sorted = malloc(lines->len + 1);
	if (!n || !v || !sorted)
		return;
	(void)find_lines(lines, file, v); /* n again */
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		memcpy(sorted + len, v[i].text, v[i].len);
		len += v[i].len;
		if (len < lines->len)
			sorted[len++] = '\n'; /* a last line may lack it */
	}
	memcpy(lines->data, sorted, len);
	lines->data[lines->len = len] = '\0';
}
