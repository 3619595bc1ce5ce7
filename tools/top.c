/*
 * top.c - `outpost top`: services and topics of an appliance, live in a terminal.
 *
 * One thread. ppoll waits for a key, a signal or the next look, which is an absolute deadline;
 * handlers only raise flags and are let in by ppoll alone, so no signal is slept over. However it
 * ends, the terminal is given back (screen.c). Described in outpost-top(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "top.h"

#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "runtime.h"
#include "tools.h"

#define OUTPUT_LIMIT (1 << 20)

static const char usage[] =
	"usage: outpost top [--interval S] [--once] [--runtime DIR]\n"
	"Shows services and topics of an appliance, live in a terminal; ? lists the keys.\n"
	"\n"
	"  --interval S     seconds between looks, 0.1 to 60 (1)\n"
	"  --once           print one frame and end; as wide as $COLUMNS, the terminal, or 80\n"
	"  --runtime DIR    runtime directory of the appliance\n";

/* ---- signals --------------------------------------------------------------------------- */

static volatile sig_atomic_t quit_asked, resized, stop_asked;

static void on_signal(int number)
{
	if (number == SIGWINCH || number == SIGCONT)
		resized = 1;
	else if (number == SIGTSTP)
		stop_asked = 1;
	else
		quit_asked = 1;
}

/* Blocks the signals that we handle, but for the time in ppoll, whose mask goes to *ret_open. */
static void catch_signals(sigset_t *ret_open)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGCONT};
	struct sigaction act = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	sigset_t ours;
	(void)sigemptyset(&ours); /* these cannot fail with valid numbers */
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++) {
		(void)sigaddset(&ours, numbers[i]);
		(void)sigaction(numbers[i], &act, NULL);
	}
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGTTOU, &ignore, NULL);
	(void)sigprocmask(SIG_BLOCK, &ours, ret_open);
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		(void)sigdelset(ret_open, numbers[i]);
}

/* ---- keys ------------------------------------------------------------------------------ */

enum key {
	KEY_NONE,
	KEY_UP,
	KEY_DOWN,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_BACK,
	KEY_ENTER,
	KEY_SORT,
	KEY_PAUSE,
	KEY_LOOK,
	KEY_HELP,
	KEY_QUIT,
};

static const struct {
	const char *bytes;
	enum key key;
} keys[] = {
	{"\033[A", KEY_UP},
	{"\033OA", KEY_UP},
	{"k", KEY_UP},
	{"\033[B", KEY_DOWN},
	{"\033OB", KEY_DOWN},
	{"j", KEY_DOWN},
	{"\033[5~", KEY_PAGE_UP},
	{"\033[6~", KEY_PAGE_DOWN},
	{"\033[H", KEY_HOME},
	{"\033OH", KEY_HOME},
	{"\033[1~", KEY_HOME},
	{"g", KEY_HOME},
	{"\033[F", KEY_END},
	{"\033OF", KEY_END},
	{"\033[4~", KEY_END},
	{"G", KEY_END},
	{"\033[D", KEY_BACK},
	{"\033OD", KEY_BACK},
	{"\033[C", KEY_ENTER},
	{"\033OC", KEY_ENTER},
	{"\r", KEY_ENTER},
	{"\n", KEY_ENTER},
	{"s", KEY_SORT},
	{"p", KEY_PAUSE},
	{" ", KEY_PAUSE},
	{"r", KEY_LOOK},
	{"?", KEY_HELP},
	{"h", KEY_HELP},
	{"q", KEY_QUIT},
	{"Q", KEY_QUIT},
	{"\003", KEY_QUIT},
};

/* Length of the key at the start of n bytes of input; an unknown sequence is passed over. */
static size_t next_key(const char *in, size_t n, enum key *ret)
{
	*ret = KEY_NONE;
	for (size_t i = 0; i < OP_ARRAY_SIZE(keys); i++) {
		size_t len = strlen(keys[i].bytes);
		if (len <= n && !memcmp(keys[i].bytes, in, len)) {
			*ret = keys[i].key;
			return len;
		}
	}
	if (in[0] != '\033')
		return 1;
	if (n == 1 || (in[1] != '[' && in[1] != 'O')) {
		*ret = KEY_BACK;
		return 1;
	}
	size_t len = 2; /* ECMA-48: parameters, then a final byte from @ to ~ */
	while (len < n && (in[len] < '@' || in[len] > '~'))
		len++;
	return len < n ? len + 1 : n;
}

/* ---- state ----------------------------------------------------------------------------- */

static void look(struct top *t)
{
	int e = op_view_take(t->view);
	t->problem = NULL;
	if (e == -ENOENT)
		t->problem = "no appliance runs here (yet)";
	else if (e == -EACCES)
		t->problem = "permission denied: run this as root, or as who owns the topics";
	else if (e < 0)
		t->problem = op_strerror(e);
	top_arrange(t);
}

static void move(struct top *t, long rows)
{
	if (t->page == TOP_LISTS)
		top_move(t, rows);
	else if (rows < 0)
		t->scroll -= t->scroll < (size_t)-rows ? t->scroll : (size_t)-rows;
	else
		t->scroll += (size_t)rows; /* top_draw cuts it to what there is */
}

static void toggle(struct top *t, enum top_page page)
{
	t->page = t->page == page ? TOP_LISTS : page;
	t->scroll = 0;
}

static void obey(struct top *t, enum key key, unsigned rows)
{
	long page = rows > 8 ? (long)rows - 6 : 2;
	switch (key) {
	case KEY_UP:
	case KEY_DOWN:
		move(t, key == KEY_UP ? -1 : 1);
		break;
	case KEY_PAGE_UP:
	case KEY_PAGE_DOWN:
		move(t, key == KEY_PAGE_UP ? -page : page);
		break;
	case KEY_HOME:
	case KEY_END:
		move(t, key == KEY_HOME ? -100000 : 100000);
		break;
	case KEY_ENTER:
		toggle(t, TOP_DETAIL);
		break;
	case KEY_HELP:
		toggle(t, TOP_HELP);
		break;
	case KEY_BACK:
		t->page = TOP_LISTS;
		break;
	case KEY_SORT:
		t->sort = (enum top_sort)((t->sort + 1) % TOP_SORTS);
		top_arrange(t);
		break;
	case KEY_PAUSE:
		t->paused = !t->paused;
		break;
	case KEY_LOOK:
		look(t);
		break;
	case KEY_QUIT:
		quit_asked = 1;
		break;
	case KEY_NONE:
		break;
	}
}

/* Reads what was typed; false when the terminal is gone. */
static bool read_keys(struct top *t, const struct op_screen *s)
{
	char in[256];
	ssize_t n = read(STDIN_FILENO, in, sizeof(in));
	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	for (size_t at = 0; at < (size_t)n;) {
		enum key key;
		at += next_key(in + at, (size_t)n - at, &key);
		obey(t, key, op_screen_rows(s));
	}
	return true;
}

/* ---- live ------------------------------------------------------------------------------ */

/* Job control: give the terminal back, stop as the shell expects, take it again when continued. */
static int stop_here(struct op_screen *s)
{
	stop_asked = 0;
	op_screen_suspend(s);
	(void)raise(SIGSTOP); /* cannot fail */
	resized = 0;
	return op_screen_resume(s);
}

/* Waits for a key, a signal or the deadline; false when the terminal is gone. */
static bool wait_for_something(struct top *t, const struct op_screen *s, uint64_t deadline,
			       const sigset_t *open)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t now = op_now_ns(), ns = deadline > now ? deadline - now : 0;
	struct timespec ts = {.tv_sec = (time_t)(ns / OP_NS_PER_S),
			      .tv_nsec = (long)(ns % OP_NS_PER_S)};
	if (ppoll(&p, 1, &ts, open) <= 0)
		return true;
	return (p.revents & POLLIN) && read_keys(t, s);
}

static int live(struct top *t, struct op_screen *s)
{
	uint64_t period = (uint64_t)(t->interval_s * 1e9), deadline = op_now_ns();
	sigset_t open;
	bool there = true;
	int e = 0;
	catch_signals(&open);
	while (!quit_asked && there && e == 0) {
		uint64_t now = op_now_ns();
		if (now >= deadline) {
			if (!t->paused)
				look(t);
			deadline = now - deadline < period ? deadline + period : now + period;
		}
		if (resized)
			e = op_screen_resize(s);
		resized = 0;
		top_draw(t, s);
		if (e == 0)
			e = op_screen_flush(s);
		if (e == 0)
			there = wait_for_something(t, s, deadline, &open);
		if (stop_asked && e == 0)
			e = stop_here(s);
	}
	/* A terminal that was closed is a way to quit. */
	return e == -EIO || e == -EPIPE ? 0 : e;
}

static int run_live(struct top *t)
{
	struct op_screen *s;
	int e = op_screen_open(&s);
	if (e == -ENOTTY) {
		fprintf(stderr, "outpost top: needs a terminal; --once prints one frame\n");
		return 1;
	}
	if (e == 0) {
		e = live(t, s);
		op_screen_close(s);
	}
	if (e < 0)
		fprintf(stderr, "outpost top: terminal: %s\n", op_strerror(e));
	return e < 0 ? 1 : 0;
}

/* ---- once ------------------------------------------------------------------------------ */

static unsigned wanted_columns(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long n = columns ? strtol(columns, NULL, 10) : 0;
	if (n <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		n = size.ws_col;
	return n >= 20 && n <= 1000 ? (unsigned)n : 80;
}

static int run_once(struct top *t)
{
	look(t);
	t->name[0] = '\0'; /* nothing is selected on paper */
	struct op_screen *s =
		op_screen_create(wanted_columns(), (unsigned)(t->n_services + t->n_topics) + 6);
	if (!s)
		return 1;
	struct op_buf b;
	op_buf_init(&b, OUTPUT_LIMIT);
	top_draw(t, s);
	op_screen_fill(s, op_screen_rows(s) - 1, 0, 0); /* nor are there keys */
	op_screen_print(s, &b);
	bool ok = !b.err && fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0;
	op_buf_finish(&b);
	op_screen_close(s);
	if (t->problem)
		fprintf(stderr, "outpost top: %s/bus: %s\n", t->view->runtime, t->problem);
	return ok && !t->problem ? 0 : 1;
}

/* ---- command --------------------------------------------------------------------------- */

struct options {
	bool once;
	double interval_s;
	const char *runtime;
};

static bool parse_interval(const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);
	if (*end || end == text || !(v >= 0.1 && v <= 60)) {
		fprintf(stderr, "outpost top: --interval %s: expected 0.1 to 60 seconds\n", text);
		return false;
	}
	*ret = v;
	return true;
}

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"once", no_argument, NULL, '1'},
		{"interval", required_argument, NULL, 'i'},
		{"runtime", required_argument, NULL, 'R'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == '1') {
			o->once = true;
		} else if (c == 'R') {
			o->runtime = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		} else if (c != 'i' || !parse_interval(optarg, &o->interval_s)) {
			fputs(c == 'i' ? "" : usage, stderr);
			return 3;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "outpost top: \"%s\" is not expected\n%s", argv[optind], usage);
	return 3;
}

int op_tool_top(int argc, char **argv)
{
	struct options o = {.interval_s = 1};
	char dir[PATH_MAX - 8];
	setlocale(LC_CTYPE, "");
	int done = parse(argc, argv, &o);
	if (done)
		return done - 1;
	if (op_tool_runtime(o.runtime, dir, sizeof(dir)) < 0)
		return 1;
	static struct top t; /* its lists are large for a stack */
	t.interval_s = o.interval_s;
	t.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	t.view = op_view_create(dir);
	op_buf_init(&t.lines, OUTPUT_LIMIT);
	int status = !t.view ? 1 : o.once ? run_once(&t) : run_live(&t);
	op_buf_finish(&t.lines);
	op_table_finish(&t.table);
	op_view_destroy(t.view);
	return status;
}
