/*
 * screen.c - a terminal as a grid of cells.
 *
 * Two grids: what is wanted and what the terminal shows. A flush walks both and sends runs that
 * differ, with one cursor movement per run, inside a synchronised update so that no half frame is
 * seen. The terminal's settings live in statics, because a fault handler must give them back.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "screen.h"

#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <wchar.h>

#include "text.h"

#define OUTPUT_LIMIT (4 << 20)
#define SIZE_MAX_CELLS 1000 /* columns or rows: more is a mistake of the terminal */

struct cell {
	uint32_t code; /* 0: the right half of a wide character */
	uint32_t style;
};

struct op_screen {
	unsigned columns, rows;
	struct cell *want, *shown;
	bool terminal, utf8, colour;
	struct op_buf out;
};

/* ---- the terminal ---------------------------------------------------------------------- */

static struct termios original;
static volatile sig_atomic_t taken;

#define ENTER "\033[?1049h\033[?25l\033[?7l\033[0m\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

/* Async-signal-safe: write and tcsetattr are. */
static void give_back(void)
{
	if (!taken)
		return;
	taken = 0;
	ssize_t n = write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1);
	(void)n; /* a terminal that is gone needs nothing */
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &original);
}

static void on_fault(int number)
{
	give_back();
	(void)raise(number); /* SA_RESETHAND: this time it kills */
}

static void catch_faults(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction fault = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		(void)sigaction(numbers[i], &fault, NULL); /* valid numbers: cannot fail */
}

static int take_over(void)
{
	struct termios raw = original;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
		return -errno;
	taken = 1;
	ssize_t n = write(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1);
	return n < 0 ? -errno : 0;
}

static int make_grids(struct op_screen *s, unsigned columns, unsigned rows)
{
	size_t n = (size_t)columns * rows;
	struct cell *want = calloc(n, sizeof(*want)), *shown = calloc(n, sizeof(*shown));
	if (!want || !shown) {
		free(want);
		free(shown);
		return -ENOMEM;
	}
	free(s->want);
	free(s->shown);
	s->want = want;
	s->shown = shown;
	s->columns = columns;
	s->rows = rows;
	op_screen_clear(s);
	return 0;
}

struct op_screen *op_screen_create(unsigned columns, unsigned rows)
{
	struct op_screen *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	s->colour = !getenv("NO_COLOR");
	op_buf_init(&s->out, OUTPUT_LIMIT);
	if (make_grids(s, columns, rows) < 0) {
		op_screen_close(s);
		return NULL;
	}
	return s;
}

int op_screen_resize(struct op_screen *s)
{
	struct winsize size = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return -errno;
	unsigned columns = size.ws_col ? size.ws_col : 80, rows = size.ws_row ? size.ws_row : 24;
	op_buf_puts(&s->out, "\033[0m\033[2J");
	return make_grids(s, columns < SIZE_MAX_CELLS ? columns : SIZE_MAX_CELLS,
			  rows < SIZE_MAX_CELLS ? rows : SIZE_MAX_CELLS);
}

int op_screen_open(struct op_screen **ret_screen)
{
	static bool registered;
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &original) < 0)
		return -ENOTTY;
	struct op_screen *s = op_screen_create(80, 24);
	if (!s)
		return -ENOMEM;
	s->terminal = true;
	if (!registered && atexit(give_back) == 0)
		registered = true;
	catch_faults();
	int e = take_over();
	if (e == 0)
		e = op_screen_resize(s);
	if (e < 0) {
		op_screen_close(s);
		return e;
	}
	*ret_screen = s;
	return 0;
}

void op_screen_close(struct op_screen *s)
{
	if (!s)
		return;
	if (s->terminal)
		give_back();
	free(s->want);
	free(s->shown);
	op_buf_finish(&s->out);
	free(s);
}

void op_screen_suspend(struct op_screen *s)
{
	give_back();
}

int op_screen_resume(struct op_screen *s)
{
	int e = taken ? 0 : take_over();
	return e < 0 ? e : op_screen_resize(s);
}

unsigned op_screen_columns(const struct op_screen *s)
{
	return s->columns;
}

unsigned op_screen_rows(const struct op_screen *s)
{
	return s->rows;
}

/* ---- drawing --------------------------------------------------------------------------- */

void op_screen_clear(struct op_screen *s)
{
	for (size_t i = 0; i < (size_t)s->columns * s->rows; i++)
		s->want[i] = (struct cell){' ', 0};
}

unsigned op_screen_put(struct op_screen *s, unsigned row, unsigned column, unsigned style,
		       const char *text)
{
	size_t n = strlen(text);
	if (row >= s->rows)
		return column;
	for (size_t at = 0; at < n;) {
		uint32_t code = '?';
		size_t len = op_text_decode(text + at, n - at, &code);
		at += len ? len : 1;
		if (code < 0x20 || (code > 0x7e && !s->utf8))
			code = '?';
		int width = code > 0x7e ? wcwidth((wchar_t)code) : 1;
		if (width <= 0) /* combining: its base character stays alone */
			continue;
		if (column + (unsigned)width > s->columns)
			break;
		struct cell *c = &s->want[(size_t)row * s->columns + column];
		c[0] = (struct cell){code, style};
		if (width == 2)
			c[1] = (struct cell){0, style};
		column += (unsigned)width;
	}
	return column;
}

void op_screen_fill(struct op_screen *s, unsigned row, unsigned column, unsigned style)
{
	for (; row < s->rows && column < s->columns; column++)
		s->want[(size_t)row * s->columns + column] = (struct cell){' ', style};
}

/* ---- sending --------------------------------------------------------------------------- */

static void put_code(struct op_buf *b, uint32_t c)
{
	if (c < 0x80) {
		op_buf_putc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		op_buf_putc(b, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		op_buf_putc(b, (char)(0xe0 | c >> 12));
		op_buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		op_buf_putc(b, (char)(0xf0 | c >> 18));
		op_buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		op_buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	op_buf_putc(b, (char)(0x80 | (c & 0x3f)));
}

static void put_style(const struct op_screen *s, struct op_buf *b, uint32_t style)
{
	static const char *const colours[] = {"", ";31", ";33", ";32", ";36", "", "", ""};
	op_buf_printf(b, "\033[0%s%s%s%sm", style & OP_CELL_BOLD ? ";1" : "",
		      style & OP_CELL_DIM ? ";2" : "", style & OP_CELL_REVERSE ? ";7" : "",
		      s->colour ? colours[(style & OP_CELL_COLOUR) >> 3] : "");
}

static bool same(struct cell a, struct cell b)
{
	return a.code == b.code && a.style == b.style;
}

static void send_row(struct op_screen *s, unsigned row, uint32_t *style)
{
	struct cell *want = s->want + (size_t)row * s->columns;
	struct cell *shown = s->shown + (size_t)row * s->columns;
	bool there = false; /* the cursor stands before this cell */
	for (unsigned i = 0; i < s->columns; i++) {
		bool wide = i + 1 < s->columns && want[i + 1].code == 0;
		bool change =
			!same(want[i], shown[i]) || (wide && !same(want[i + 1], shown[i + 1]));
		if (!change || want[i].code == 0) {
			there = there && want[i].code == 0;
			continue;
		}
		if (!there)
			op_buf_printf(&s->out, "\033[%u;%uH", row + 1, i + 1);
		if (want[i].style != *style)
			put_style(s, &s->out, want[i].style);
		*style = want[i].style;
		put_code(&s->out, want[i].code);
		there = true;
	}
	memcpy(shown, want, s->columns * sizeof(*want));
}

static int send_all(const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, data, n);
		if (w < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
			(void)poll(&p, 1, 1000); /* then try again */
		} else if (w < 0 && errno != EINTR) {
			return -errno;
		}
		data += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

int op_screen_flush(struct op_screen *s)
{
	uint32_t style = UINT32_MAX;
	size_t before = s->out.len;
	op_buf_puts(&s->out, "\033[?2026h"); /* terminals that do not know it ignore it */
	size_t empty = s->out.len;
	for (unsigned row = 0; row < s->rows; row++)
		send_row(s, row, &style);
	bool nothing = before == 0 && s->out.len == empty;
	op_buf_puts(&s->out, "\033[?2026l");
	int e = s->out.err;
	if (e == 0 && !nothing)
		e = send_all(s->out.data, s->out.len);
	op_buf_reset(&s->out);
	return e;
}

void op_screen_print(const struct op_screen *s, struct op_buf *out)
{
	unsigned blank_lines = 0; /* held back until a line with text follows */
	for (unsigned row = 0; row < s->rows; row++) {
		const struct cell *cells = s->want + (size_t)row * s->columns;
		unsigned n = s->columns;
		while (n > 0 && cells[n - 1].code == ' ')
			n--;
		for (; n > 0 && blank_lines > 0; blank_lines--)
			op_buf_putc(out, '\n');
		for (unsigned i = 0; i < n; i++)
			if (cells[i].code)
				put_code(out, cells[i].code);
		if (n > 0)
			op_buf_putc(out, '\n');
		else
			blank_lines++;
	}
}
