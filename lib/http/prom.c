/*
 * prom.c - the Prometheus text exposition format, version 0.0.4.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <outpost/http.h>

static void put_name(struct op_buf *b, const char *name)
{
	for (const char *p = name; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';
		bool digit = *p >= '0' && *p <= '9' && p > name;
		op_buf_putc(b, letter || digit || *p == ':' ? *p : '_');
	}
}

static void put_escaped(struct op_buf *b, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			op_buf_puts(b, "\\n");
		else if (*text == '\\' || (quotes && *text == '"'))
			op_buf_printf(b, "\\%c", *text);
		else
			op_buf_putc(b, *text);
	}
}

void op_prom_head(struct op_buf *b, const char *name, const char *type, const char *help)
{
	op_buf_puts(b, "# HELP ");
	put_name(b, name);
	op_buf_putc(b, ' ');
	put_escaped(b, help, false);
	op_buf_puts(b, "\n# TYPE ");
	put_name(b, name);
	op_buf_printf(b, " %s\n", type);
}

static void put_series(struct op_buf *b, const char *name, const char *const *labels)
{
	put_name(b, name);
	for (size_t i = 0; labels && labels[i]; i += 2) {
		op_buf_putc(b, i ? ',' : '{');
		put_name(b, labels[i]);
		op_buf_puts(b, "=\"");
		put_escaped(b, labels[i + 1], true);
		op_buf_putc(b, '"');
	}
	op_buf_puts(b, labels && labels[0] ? "} " : " ");
}

void op_prom_value(struct op_buf *b, const char *name, const char *const *labels, double v)
{
	put_series(b, name, labels);
	if (isnan(v))
		op_buf_puts(b, "NaN\n");
	else if (isinf(v))
		op_buf_puts(b, v > 0 ? "+Inf\n" : "-Inf\n");
	else
		op_buf_printf(b, "%.12g\n", v);
}

void op_prom_count(struct op_buf *b, const char *name, const char *const *labels, uint64_t v)
{
	put_series(b, name, labels);
	op_buf_printf(b, "%llu\n", (unsigned long long)v);
}
