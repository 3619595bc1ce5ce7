/*
 * run_log.c - one readable log of all services: on the terminal, in the journal, in a file.
 *
 * Loop thread. What a process wrote is outside data: control characters are escaped, a line stays
 * a line. Standard error may be a terminal somebody has paused; the supervisor must not pause with
 * it, so a line is dropped and counted when it would block. (O_NONBLOCK is no way: the flag is
 * shared with the shell that started us.)
 *
 *     terminal, pipe   10:00:00.123 pbt     warning board missing
 *     journal          <4>pbt: board missing
 *     file             2026-11-21T10:00:00.123Z pbt warning board missing
 *     file, "python"   2026-11-21 11:00:00,123 - WARNING - board missing
 *
 * The last is that of Python's logging with %(asctime)s - %(levelname)s - %(message)s, in local
 * time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *level_name(enum op_level level)
{
	static const char *const names[] = {"error",   "error",  "error", "error",
					    "warning", "notice", "info",  "debug"};
	return names[level & 7];
}

void run_log_open(struct run_log *log)
{
	const char *want = getenv("OUTPOST_LOG");
	bool journal = want ? !strcmp(want, "prefix") : getenv("JOURNAL_STREAM") != NULL;
	bool colour = want ? !strcmp(want, "colour") : isatty(STDERR_FILENO) && !getenv("NO_COLOR");
	log->format = journal ? OP_LOG_PREFIX : colour ? OP_LOG_COLOUR : OP_LOG_PLAIN;
	log->file.fd = -1;
}

/* Local time, because who reads it live compares it with the clock on the wall. */
static void put_clock(struct op_buf *b, int64_t wall_ns)
{
	time_t t = (time_t)(wall_ns / (int64_t)OP_NS_PER_S);
	struct tm tm = {0};
	(void)localtime_r(&t, &tm); /* a year that does not fit shows midnight */
	op_buf_printf(b, "%02d:%02d:%02d.%03d ", tm.tm_hour, tm.tm_min, tm.tm_sec,
		      (int)(wall_ns / (int64_t)OP_NS_PER_MS % 1000));
}

/* Who reads the log as UTF-8 is not to fail at what somebody sent, nor at a line that was cut. */
static void put_text(struct op_buf *b, const char *text, size_t n)
{
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		unsigned char c = (unsigned char)text[i];
		len = op_utf8_length(text + i, n - i);
		if (c == '\t')
			op_buf_putc(b, ' ');
		else if (c < 0x20 || c == 0x7f || len == 0)
			op_buf_printf(b, "\\x%02x", c);
		else
			op_buf_put(b, text + i, len);
	}
}

static void show(struct run_log *log, const char *line, size_t n)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	/* POLLOUT of a pipe promises PIPE_BUF bytes; a line is less. */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		log->unshown++;
		return;
	}
	if (log->unshown > 0)
		(void)dprintf(STDERR_FILENO, "(%llu lines not shown)\n",
			      (unsigned long long)log->unshown); /* else the next line says it */
	log->unshown = 0;
	if (write(STDERR_FILENO, line, n) < 0)
		log->unshown++;
}

static void put_shown(struct op_buf *b, enum op_log_format format, const char *who,
		      enum op_level level, int64_t wall_ns)
{
	static const char *const colours[] = {"\033[31m", "\033[33m", "\033[2m", ""};
	if (format == OP_LOG_PREFIX) {
		op_buf_printf(b, "<%d>%s: ", (int)level, who);
		return;
	}
	const char *colour = colours[level <= OP_ERR       ? 0
				     : level == OP_WARNING ? 1
				     : level == OP_DEBUG   ? 2
							   : 3];
	put_clock(b, wall_ns);
	if (format == OP_LOG_COLOUR)
		op_buf_printf(b, "\033[36m%-8s\033[0m %s%-7s ", who, colour, level_name(level));
	else
		op_buf_printf(b, "%-8s %-7s ", who, level_name(level));
}

static void put_python(struct op_buf *b, enum op_level level, int64_t wall_ns)
{
	static const char *const names[] = {"CRITICAL", "CRITICAL", "CRITICAL", "ERROR",
					    "WARNING",  "INFO",     "INFO",     "DEBUG"};
	time_t t = (time_t)(wall_ns / (int64_t)OP_NS_PER_S);
	struct tm tm = {0};
	char day[32];
	(void)localtime_r(&t, &tm);                                 /* as in put_clock */
	(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm); /* fits */
	op_buf_printf(b, "%s,%03d - %s - ", day, (int)(wall_ns / (int64_t)OP_NS_PER_MS % 1000),
		      names[level & 7]);
}

static void end_line(struct op_buf *b, size_t cap, const char *end)
{
	b->cap = cap;
	b->err = 0;
	op_buf_puts(b, end);
}

void run_log_filed(struct op_buf *b, int style, const char *who, enum op_level level,
		   int64_t wall_ns, const char *text, size_t n)
{
	char when[OP_RFC3339_BYTES];
	size_t cap = b->cap;
	b->cap -= 8; /* for the end of a line that is too long */
	op_time_rfc3339(wall_ns, when);
	if (style == OP_LOG_STYLE_PYTHON)
		put_python(b, level, wall_ns);
	else
		op_buf_printf(b, "%s %s %s ", when, who, level_name(level));
	put_text(b, text, n);
	end_line(b, cap, "\n");
}

static void show_line(struct run_log *log, const char *who, enum op_level level, int64_t wall_ns,
		      const char *text, size_t n)
{
	char mem[3500]; /* below PIPE_BUF; escapes past it are cut */
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem) - 8);
	put_shown(&b, log->format, who, level, wall_ns);
	put_text(&b, text, n);
	end_line(&b, sizeof(mem), log->format == OP_LOG_COLOUR ? "\033[0m\n" : "\n");
	show(log, b.data, b.len);
}

/* Whoever reads only the other outputs learns that the file has a gap, and when it has no more. */
static void tell_file(struct run_log *log, uint64_t lost_before)
{
	const struct run_file *f = &log->file;
	char text[PATH_MAX + 128];
	int n = 0;
	if (f->lost > 0 && !log->file_told)
		n = snprintf(text, sizeof(text),
			     "log file %s: %s: its lines are counted until there is room", f->path,
			     op_strerror(f->error));
	else if (f->lost == 0 && log->file_told)
		n = snprintf(text, sizeof(text), "log file %s: written again, %llu lines are lost",
			     f->path, (unsigned long long)lost_before);
	if (n == 0)
		return;
	log->file_told = f->lost > 0;
	show_line(log, "outpost", OP_WARNING, op_wall_ns(op_now_ns()), text, (size_t)n);
}

void run_log_put(struct run_log *log, const char *who, enum op_level level, const char *text,
		 size_t n)
{
	char mem[3500];
	struct op_buf b;
	int64_t wall_ns = op_wall_ns(op_now_ns());
	uint64_t lost = log->file.lost;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	bool filed = log->file.style != OP_LOG_STYLE_PYTHON || level != OP_DEBUG; /* INFO and up */
	if (log->file.path && filed) {
		run_log_filed(&b, log->file.style, who, level, wall_ns, text, n);
		run_file_write(&log->file, b.data, b.len);
	}
	tell_file(log, lost);
	show_line(log, who, level, wall_ns, text, n); /* what is seen is in the file */
}

void run_log_line(struct run_log *log, const char *who, enum op_level level, const char *text,
		  size_t n)
{
	if (!run_repeat_held(log, who, level, text, n))
		run_log_put(log, who, level, text, n);
}

/* ---- the file that the appliance names --------------------------------------------------------
 */

/* A full disk is no mistake of the settings: the file is tried again with every line. */
static bool passes(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EIO;
}

static void cut_end(struct op_buf *b, const char *end)
{
	size_t n = strlen(end);
	if (b->len < n || strcmp(b->data + b->len - n, end) != 0)
		return;
	b->data[b->len -= n] = '\0';
}

/* In the words that clients know, and then where the name of the file comes from. */
static int refuse_file(struct run *run, const char *what, const char *path, int r)
{
	OP_AUTO_BUF struct op_buf place;
	op_buf_init(&place, 8192);
	op_config_wrong_path(run->config, "log.file", &place, "?");
	cut_end(&place, ": ?\n");
	cut_end(&place, ": log.file");
	run_say(run, OP_ERR, "Failed to %s '%s': %s (set by %s)", what, path, op_strerror(r),
		place.data);
	return -EINVAL;
}

static int open_file(struct run *run)
{
	struct run_file *f = &run->log.file;
	char dir[PATH_MAX];
	int r = run_file_make_dir(f->path, dir, sizeof(dir));
	if (r < 0 && !passes(r)) {
		f->path = NULL;
		return refuse_file(run, "create log directory", dir, r);
	}
	r = run_file_open(f);
	if (r == 0 || passes(r))
		return 0;
	const char *path = OP_STEAL(f->path);
	return refuse_file(run, "configure logging with file", path, r);
}

int run_log_settle(struct run *run)
{
	const struct op_config_own *own = op_config_own(run->config);
	struct run_log *log = &run->log;
	const char *slash = strrchr(run->file, '/');
	log->repeat_s = own->log.repeat_s;
	if (log->file.path || !*own->log.file)
		return 0;
	int below = *own->log.file != '/' && slash ? (int)(slash - run->file) + 1 : 0;
	int n = snprintf(log->path, sizeof(log->path), "%.*s%s", below, run->file, own->log.file);
	if (n >= (int)sizeof(log->path))
		return -ENAMETOOLONG;
	log->file.path = log->path;
	log->file.style = own->log.style;
	log->file.max_bytes = (uint64_t)own->log.size_bytes;
	log->file.keep = (unsigned)own->log.keep;
	return open_file(run);
}

void run_say(struct run *run, enum op_level level, const char *fmt, ...)
{
	char text[RUN_LINE_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	if (n > 0)
		run_log_line(&run->log, "outpost", level, text, (size_t)n);
}
