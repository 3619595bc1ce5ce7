/*
 * expand.c - placeholders of templates.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "expand.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/decimal.h"

#define NAME_MAX_BYTES 64 /* with its format */

void expand_escaped(const char *text, bool slack, struct op_buf *out)
{
	for (; *text; text++) {
		if (slack && *text == '&')
			op_buf_puts(out, "&amp;");
		else if (slack && *text == '<')
			op_buf_puts(out, "&lt;");
		else if (slack && *text == '>')
			op_buf_puts(out, "&gt;");
		else
			op_buf_putc(out, *text);
	}
}

static void put_shortest(double v, struct op_buf *out)
{
	char text[OP_DECIMAL_BYTES];
	(void)op_decimal_f64(v, text); /* its length */
	op_buf_puts(out, text);
	if (!text[strcspn(text, ".e")])
		op_buf_puts(out, ".0");
}

void expand_number(double v, const char *format, struct op_buf *out)
{
	bool given = format && !strcmp(format, "given");
	long n = format && !given ? strtol(format, NULL, 10) : -1;
	if (isnan(v))
		op_buf_puts(out, "none");
	else if (format && !strcmp(format, "shortest") && isfinite(v))
		put_shortest(v, out);
	else if (n >= 0 && n <= 9)
		op_buf_printf(out, "%.*f", (int)n, v);
	else
		op_buf_printf(out, "%.6g", v);
}

/* text begins with "{"; returns what follows its placeholder, or NULL if it is none. */
static const char *expand_one(const char *text, bool slack, expand_fn fn, const void *of,
			      struct op_buf *out)
{
	char name[NAME_MAX_BYTES], mem[8192];
	struct op_buf one;
	size_t n = strcspn(text, "}");
	if (text[n] != '}' || n - 1 >= sizeof(name))
		return NULL;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(n - 1), text + 1); /* checked above */
	char *format = strchr(name, ':');
	if (format)
		*format++ = '\0';
	op_buf_init_fixed(&one, mem, sizeof(mem));
	enum expanded what = fn(of, name, format, slack, &one);
	if (what == EXPAND_NONE)
		return NULL;
	expand_escaped(mem, slack && what == EXPAND_TEXT, out);
	return text + n + 1;
}

void expand(const char *template, bool slack, expand_fn fn, const void *of, struct op_buf *out)
{
	for (const char *at = template; *at;) {
		const char *next = *at == '{' ? expand_one(at, slack, fn, of, out) : NULL;
		if (!next)
			op_buf_putc(out, *at++);
		else
			at = next;
	}
}
