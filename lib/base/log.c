/*
 * log.c - one line, one write, to stderr; the format fits who reads it.
 *
 * Any thread: the settings are written once by op_log_open before threads start, the level is a
 * relaxed atomic, and write(2) of a line under PIPE_BUF is atomic on a pipe.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/buf.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static enum op_log_format format = OP_LOG_PLAIN;
static atomic_int most = OP_INFO; /* pairs with nothing: a late reader logs a line more or less */

static const char *level_name(enum op_level level)
{
	switch (level) {
	case OP_CRIT:
	case OP_ERR:
		return "error";
	case OP_WARNING:
		return "warning";
	case OP_NOTICE:
		return "notice";
	case OP_INFO:
		return "info";
	case OP_DEBUG:
		return "debug";
	}
	return "?";
}

static const char *level_colour(enum op_level level)
{
	return level <= OP_ERR ? "\033[31m" : level == OP_WARNING ? "\033[33m" : "";
}

void op_log_open(void)
{
	const char *want = getenv("OUTPOST_LOG");
	if (want && !strcmp(want, "prefix"))
		format = OP_LOG_PREFIX;
	else if (want && !strcmp(want, "colour"))
		format = OP_LOG_COLOUR;
	else if (want && !strcmp(want, "plain"))
		format = OP_LOG_PLAIN;
	else if (getenv("JOURNAL_STREAM"))
		format = OP_LOG_PREFIX;
	else
		format =
			isatty(STDERR_FILENO) && !getenv("NO_COLOR") ? OP_LOG_COLOUR : OP_LOG_PLAIN;
}

void op_log_set_level(enum op_level level)
{
	atomic_store_explicit(&most, (int)level, memory_order_relaxed);
}

OP_PRINTF(2, 0)
static void put_text(struct op_buf *b, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c == 0x7f)
			op_buf_printf(b, "\\x%02x", c);
		else
			op_buf_putc(b, *p);
	}
	if (n >= (int)sizeof(text))
		op_buf_puts(b, " [cut]");
}

static OP_PRINTF(2, 0) void vlog(enum op_level level, const char *fmt, va_list ap)
{
	if ((int)level > atomic_load_explicit(&most, memory_order_relaxed))
		return;
	char mem[4 * LINE_MAX_BYTES + 128]; /* every byte escaped still fits */
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	if (format == OP_LOG_PREFIX) {
		op_buf_printf(&b, "<%d>", (int)level);
		put_text(&b, fmt, ap);
	} else {
		char when[OP_RFC3339_BYTES];
		bool colour = format == OP_LOG_COLOUR;
		op_time_rfc3339(op_wall_ns(op_now_ns()), when);
		op_buf_printf(&b, "%s %s%-7s ", when, colour ? level_colour(level) : "",
			      level_name(level));
		put_text(&b, fmt, ap);
		if (colour)
			op_buf_puts(&b, "\033[0m");
	}
	op_buf_putc(&b, '\n');
	ssize_t n = write(STDERR_FILENO, b.data, b.len);
	(void)n; /* a log that cannot be written has nobody to tell */
}

void op_log(enum op_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vlog(level, fmt, ap);
	va_end(ap);
}
