/*
 * tap.c - `outpost tap`: the records of topics as lines, for scripts and for looking.
 *
 * One thread, one buffer before standard output. The buffer goes out when there is nothing more to
 * read, so that a live line appears at once, or when it is full, so that a busy topic costs one
 * system call per 64 KiB. Ends with 0 on SIGINT, SIGTERM, SIGHUP and when nobody reads its output
 * any more. Described in outpost-tap(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tap.h"

#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "runtime.h"
#include "tools.h"

#define SLEEP_NS (100 * OP_NS_PER_MS) /* longest sleep: a closed pipe is noticed after it */
#define LOOK_NS (10 * OP_NS_PER_MS)   /* between looks at several topics */
#define SCAN_NS (250 * OP_NS_PER_MS)  /* between looks for new topics of a pattern */
#define STREAMS_MAX 256
#define TEXT_LIMIT (4 << 20)

struct tap {
	struct tap_options o;
	struct tap_out out;
	struct tap_stream *streams[STREAMS_MAX];
	size_t n_streams;
	uint64_t scanned_ns;
	bool full_told;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
	stop_asked = 1;
}

static const char usage[] =
	"usage: outpost tap TOPIC... [options]\n"
	"Prints the records of topics, one per line, until interrupted.\n"
	"\n"
	"  TOPIC            a name, or a pattern in quotes: 'status.*'\n"
	"  --json           one JSON object per line\n"
	"  --csv            comma-separated, with a header\n"
	"  --count N        end after N records\n"
	"  --last N         begin with up to N older records\n"
	"  --fields A,B     only these fields\n"
	"  --rate HZ        at most so many records per second and topic\n"
	"  --timeout S      end after S seconds; with --count, 1 is returned if that came first\n"
	"  --runtime DIR    runtime directory of the appliance\n";

void tap_out_flush(struct tap_out *out)
{
	size_t at = 0;
	if (out->text.err && !out->err)
		out->err = out->text.err;
	while (at < out->text.len && !out->err) {
		ssize_t n = write(STDOUT_FILENO, out->text.data + at, out->text.len - at);
		if (n >= 0) {
			at += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
			(void)poll(&p, 1, (int)(SLEEP_NS / OP_NS_PER_MS)); /* then write again */
		} else if (errno != EINTR) {
			out->err = -errno;
		}
		/* Asked to stop while the other side does not read: it will not get the rest. */
		if (stop_asked && at < out->text.len)
			break;
	}
	op_buf_reset(&out->text);
}

static bool is_pattern(const char *topic)
{
	return strpbrk(topic, "*?[") != NULL;
}

static int add_stream(struct tap *t, const char *name, bool is_new)
{
	for (size_t i = 0; i < t->n_streams; i++)
		if (!strcmp(tap_stream_name(t->streams[i]), name))
			return 0;
	if (t->n_streams == STREAMS_MAX) {
		if (!t->full_told)
			fprintf(stderr, "outpost tap: only the first %d topics are followed\n",
				STREAMS_MAX);
		t->full_told = true;
		return 0;
	}
	struct tap_stream *s = tap_stream_create(&t->o, name, is_new);
	if (!s)
		return -ENOMEM;
	t->streams[t->n_streams++] = s;
	return 0;
}

static int add_if_matching(const char *name, void *arg)
{
	struct tap *t = arg;
	for (int i = 0; i < t->o.n_topics; i++)
		if (is_pattern(t->o.topics[i]) && !fnmatch(t->o.topics[i], name, 0))
			return add_stream(t, name, t->scanned_ns != 0);
	return 0;
}

static int scan(struct tap *t)
{
	uint64_t now = op_now_ns();
	if (t->scanned_ns && now - t->scanned_ns < SCAN_NS)
		return 0;
	bool first = !t->scanned_ns;
	int e = op_bus_list(t->o.bus_dir, add_if_matching, t);
	t->scanned_ns = now;
	if (first && e >= 0 && t->n_streams == 0)
		e = -ENOENT;
	if (first && e == -ENOENT)
		tap_tell_missing(&t->o, NULL);
	if (e < 0 && e != -ENOENT)
		fprintf(stderr, "outpost tap: %s: %s\n", t->o.bus_dir, op_strerror(e));
	return e == -ENOENT ? 0 : e;
}

static bool output_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / OP_NS_PER_S),
			      .tv_nsec = (long)(ns % OP_NS_PER_S)};
	struct pollfd p = {.fd = STDOUT_FILENO};
	(void)ppoll(&p, 1, &ts, NULL); /* ends early when a signal comes or the output closes */
}

/* Nothing is new: sleep, but no longer than is good for the deadline and a closed output. */
static void rest(struct tap *t, uint64_t deadline)
{
	uint64_t now = op_now_ns(), ns = SLEEP_NS;
	if (deadline && deadline - now < ns)
		ns = deadline > now ? deadline - now : 0;
	for (size_t i = 0; i < t->n_streams; i++)
		tap_stream_rest(t->streams[i]);
	if (t->o.period_ns) { /* a look per line is enough: do not be woken for each record */
		uint64_t look = t->o.period_ns / 2 < ns ? t->o.period_ns / 2 : ns;
		sleep_ns(look > OP_NS_PER_MS ? look : OP_NS_PER_MS);
	} else if (t->o.many || !tap_stream_wait(t->streams[0], ns)) {
		sleep_ns(LOOK_NS < ns ? LOOK_NS : ns);
	}
	if (!t->out.err && output_gone())
		t->out.err = -EPIPE;
}

static bool enough(const struct tap *t)
{
	return t->o.count && t->out.printed >= t->o.count;
}

static int follow(struct tap *t)
{
	uint64_t deadline = t->o.timeout_ns ? op_now_ns() + t->o.timeout_ns : 0;
	while (!stop_asked && !t->out.err && !enough(t)) {
		int e = t->o.many ? scan(t) : 0;
		size_t news = 0;
		for (size_t i = 0; i < t->n_streams && e >= 0 && !enough(t); i++) {
			ssize_t n = tap_stream_step(t->streams[i], &t->out);
			e = n < 0 ? (int)n : 0;
			news += n > 0 ? (size_t)n : 0;
		}
		if (e < 0)
			return 1;
		if (deadline && op_now_ns() >= deadline)
			break;
		if (news == 0) {
			tap_out_flush(&t->out);
			if (!t->out.err && !enough(t))
				rest(t, deadline);
		}
	}
	tap_out_flush(&t->out);
	if (t->out.err && t->out.err != -EPIPE && t->out.err != -EBADF && t->out.err != -EIO) {
		fprintf(stderr, "outpost tap: cannot write: %s\n", op_strerror(t->out.err));
		return 1;
	}
	return t->o.count && !enough(t) && !stop_asked && !t->out.err ? 1 : 0;
}

/* Stamps and lines are compared, so the handlers only raise a flag; no SA_RESTART: a sleep ends. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		(void)sigaction(numbers[i], &stop, NULL); /* valid numbers: cannot fail */
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static bool parse_u64(const char *option, const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-') {
		fprintf(stderr, "outpost tap: --%s %s: expected a whole number\n", option, text);
		return false;
	}
	*ret = v;
	return true;
}

/* Seconds, or a rate in Hz; positive and within what nanoseconds can say. */
static bool parse_positive(const char *option, const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);
	if (*end || end == text || !(v >= 1e-6 && v <= 1e9)) {
		fprintf(stderr, "outpost tap: --%s %s: expected a positive number\n", option, text);
		return false;
	}
	*ret = v;
	return true;
}

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},          {"csv", no_argument, NULL, 'c'},
	{"count", required_argument, NULL, 'n'},   {"last", required_argument, NULL, 'l'},
	{"fields", required_argument, NULL, 'f'},  {"rate", required_argument, NULL, 'r'},
	{"timeout", required_argument, NULL, 't'}, {"runtime", required_argument, NULL, 'R'},
	{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static bool take_option(struct tap_options *o, int c, const char **runtime)
{
	double v = 0;
	switch (c) {
	case 'j':
	case 'c':
		if (o->format == (c == 'j' ? TAP_CSV : TAP_JSON)) {
			fputs("outpost tap: --json or --csv, not both\n", stderr);
			return false;
		}
		o->format = c == 'j' ? TAP_JSON : TAP_CSV;
		return true;
	case 'n':
		if (!parse_u64("count", optarg, &o->count))
			return false;
		if (o->count == 0)
			fputs("outpost tap: --count 0: expected at least 1\n", stderr);
		return o->count > 0;
	case 'l':
		return parse_u64("last", optarg, &o->last);
	case 'f':
		o->fields = optarg;
		return true;
	case 'r':
		if (!parse_positive("rate", optarg, &v))
			return false;
		o->period_ns = (uint64_t)(1e9 / v);
		return true;
	case 't':
		if (!parse_positive("timeout", optarg, &v))
			return false;
		o->timeout_ns = (uint64_t)(v * 1e9);
		return true;
	case 'R':
		*runtime = optarg;
		return true;
	default:
		return false;
	}
}

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct tap_options *o, const char **runtime)
{
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (!take_option(o, c, runtime)) {
			if (c == '?')
				fputs(usage, stderr);
			return 3;
		}
	}
	o->topics = argv + optind;
	o->n_topics = argc - optind;
	if (o->n_topics == 0) {
		fputs(usage, stderr);
		return 3;
	}
	o->many = o->n_topics > 1 || is_pattern(o->topics[0]);
	return 0;
}

static unsigned terminal_rows(void)
{
	struct winsize size;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 24;
}

static int run(struct tap *t)
{
	t->o.terminal = isatty(STDOUT_FILENO) && t->o.format == TAP_COLUMNS;
	t->out.rows = t->o.terminal ? terminal_rows() : 0;
	op_buf_init(&t->out.text, TEXT_LIMIT);
	catch_signals();
	int e = 0;
	for (int i = 0; i < t->o.n_topics && e == 0; i++)
		if (!is_pattern(t->o.topics[i]))
			e = add_stream(t, t->o.topics[i], false);
	int status = e < 0 ? 1 : follow(t);
	for (size_t i = 0; i < t->n_streams; i++)
		tap_stream_destroy(t->streams[i]);
	op_buf_finish(&t->out.text);
	return status;
}

int op_tool_tap(int argc, char **argv)
{
	static struct tap t; /* 2 KiB of pointers; the program does one thing */
	const char *runtime = NULL;
	char dir[PATH_MAX - 8], bus_dir[PATH_MAX];
	setlocale(LC_CTYPE, "");
	int done = parse(argc, argv, &t.o, &runtime);
	if (done)
		return done - 1;
	if (op_tool_runtime(runtime, dir, sizeof(dir)) < 0 || tap_check_runtime(dir) < 0)
		return 1;
	(void)snprintf(bus_dir, sizeof(bus_dir), "%s/bus", dir);
	t.o.bus_dir = bus_dir;
	return run(&t);
}
