/*
 * export.c - `outpost export`: stored records as CSV or JSON lines.
 *
 * Reads the history database itself, with nothing running or while the recorder writes. One thread,
 * 64 KiB of text at a time; a signal ends it between two of them and leaves no file behind.
 * Described in outpost-export(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "export.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/history.h"
#include "state.h"
#include "tools.h"

#define STEP_BYTES 65536
#define TEXT_LIMIT (4 << 20)

volatile sig_atomic_t export_signal;

static const char usage[] =
	"usage: outpost export TOPIC [APPLIANCE] [options]\n"
	"       outpost export --list [APPLIANCE] [options]\n"
	"Prints the records that were kept of a topic, oldest first.\n"
	"\n"
	"  --from T         from this time on, and\n"
	"  --to T           before this one: 2026-11-21, 2026-11-21T10:00Z, Unix seconds, -2h, "
	"now\n"
	"  --format F       csv (default) or jsonl\n"
	"  --fields A,B     only these fields\n"
	"  --level L        raw (default), or what was summed up: 1s, 1min, 1h\n"
	"  --output FILE    to this file, which has its name when it is whole\n"
	"  --list           which topics there are, and from when to when\n"
	"  --state DIR      state directory of the appliance\n"
	"  --database FILE  the database itself\n";

static void on_signal(int number)
{
	export_signal = number;
}

/* A second one ends the program at once. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		(void)sigaction(numbers[i], &stop, NULL); /* valid numbers: cannot fail */
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* ---- options ------------------------------------------------------------------------------ */

static const struct option long_options[] = {
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"format", required_argument, NULL, 'F'},
	{"fields", required_argument, NULL, 'i'},
	{"level", required_argument, NULL, 'l'},
	{"output", required_argument, NULL, 'o'},
	{"state", required_argument, NULL, 's'},
	{"database", required_argument, NULL, 'd'},
	{"list", no_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool take_time(const char *option, int64_t *ret)
{
	if (op_time_parse(optarg, op_wall_ns(op_now_ns()), ret) == 0)
		return true;
	fprintf(stderr,
		"outpost export: --%s %s: expected a time like 2026-11-21T10:00:00Z, -2h "
		"or now\n",
		option, optarg);
	return false;
}

static bool take_level(unsigned *ret)
{
	for (unsigned level = 0; level < OP_TIER_LEVELS; level++) {
		if (!strcmp(optarg, op_tier_name(level))) {
			*ret = level;
			return true;
		}
	}
	fprintf(stderr, "outpost export: --level %s: expected raw, 1s, 1min or 1h\n", optarg);
	return false;
}

static bool take_format(enum op_export_format *ret)
{
	*ret = !strcmp(optarg, "jsonl") ? OP_EXPORT_JSONL : OP_EXPORT_CSV;
	if (*ret == OP_EXPORT_JSONL || !strcmp(optarg, "csv"))
		return true;
	fprintf(stderr, "outpost export: --format %s: expected csv or jsonl\n", optarg);
	return false;
}

static bool take_option(struct export_options *o, int c)
{
	switch (c) {
	case 'f':
		return take_time("from", &o->records.from_wall_ns);
	case 't':
		return take_time("to", &o->records.to_wall_ns);
	case 'F':
		return take_format(&o->records.format);
	case 'i':
		o->records.fields = optarg;
		return true;
	case 'l':
		return take_level(&o->records.level);
	case 'o':
		o->output = optarg;
		return true;
	case 's':
		o->state = optarg;
		return true;
	case 'd':
		o->database = optarg;
		return true;
	case 'L':
		o->list = true;
		return true;
	default:
		fputs(usage, stderr);
		return false;
	}
}

static bool take_arguments(struct export_options *o, int argc, char **argv)
{
	int i = optind;
	if (!o->list && i < argc)
		o->records.topic = argv[i++];
	if (i < argc)
		o->appliance = argv[i++];
	if (o->appliance && (o->database || o->state)) {
		fprintf(stderr, "outpost export: %s: --%s says already which history\n",
			o->appliance, o->database ? "database" : "state");
		return false;
	}
	if (i == argc && (o->list || o->records.topic)) {
		if (o->records.from_wall_ns < o->records.to_wall_ns)
			return true;
		fputs("outpost export: --from is not before --to\n", stderr);
		return false;
	}
	fputs(usage, stderr);
	return false;
}

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct export_options *o)
{
	int c;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (!take_option(o, c))
			return 3;
	}
	return take_arguments(o, argc, argv) ? 0 : 3;
}

/* ---- exporting ---------------------------------------------------------------------------- */

static int copy_records(struct op_export *e, struct export_file *file, struct export_bar *bar)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, TEXT_LIMIT);
	int more = 1;
	export_bar_show(bar, 0, 0);
	while (more > 0) {
		op_buf_reset(&text);
		more = op_export_step(e, STEP_BYTES, &text);
		int r = more < 0 ? more : export_file_write(file, text.data, text.len);
		if (r < 0)
			return r;
		if (export_signal && more > 0)
			return -ECANCELED;
		export_bar_show(bar, op_export_progress(e), op_export_records(e));
	}
	return 0;
}

/* What came of it, in a line if it is worth one. */
static int tell(int r, const struct export_options *o, const struct op_export *e)
{
	const char *to = o->output ? o->output : "standard output";
	if (op_export_damaged(e) > 0)
		fprintf(stderr, "outpost export: %llu damaged chunks were left out\n",
			(unsigned long long)op_export_damaged(e));
	if (r == 0 || (r == -EPIPE && !o->output))
		return 0;
	if (r == -ECANCELED)
		fprintf(stderr, "outpost export: stopped%s\n",
			o->output ? "; nothing was written" : "");
	else if (r == -ENOSPC || r == -EDQUOT)
		fprintf(stderr,
			"outpost export: %s: %s after %llu records; make room, or name "
			"another place with --output\n",
			to, op_strerror(r), (unsigned long long)op_export_records(e));
	else
		fprintf(stderr, "outpost export: %s: %s\n", to, op_strerror(r));
	return r == -ECANCELED && export_signal ? 128 + export_signal : 1;
}

/* Nothing came: was there nothing, or is it not on disk yet? */
static void tell_if_early(struct op_query *q, const struct export_options *o)
{
	char newest[OP_RFC3339_BYTES];
	const struct op_query_topic *topics;
	size_t n;
	if (op_query_topics(q, &topics, &n) < 0)
		return; /* it could be exported from: no more than a hint is lost */
	for (size_t i = 0; i < n; i++) {
		const struct op_query_topic *t = &topics[i];
		if (strcmp(t->name, o->records.topic) || !t->any ||
		    o->records.from_wall_ns <= t->to_wall_ns)
			continue;
		op_time_rfc3339(t->to_wall_ns, newest);
		fprintf(stderr,
			"outpost export: %s is on disk up to %s; a running recorder writes the "
			"rest at its next commit, or now: outpost call recorder flush\n",
			t->name, newest);
	}
}

static int export_records(struct op_query *q, const struct export_options *o)
{
	char mem[1024];
	struct op_buf note;
	struct op_export *e;
	struct export_file file;
	struct export_bar bar;
	op_buf_init_fixed(&note, mem, sizeof(mem));
	int r = op_export_begin(q, &o->records, &e, &note);
	if (r < 0) {
		fprintf(stderr, "outpost export: %s\n", note.len ? note.data : op_strerror(r));
		return 1;
	}
	r = export_file_open(&file, o->output);
	if (r == 0) {
		export_bar_begin(&bar, !isatty(file.fd));
		r = copy_records(e, &file, &bar);
		export_bar_end(&bar);
		if (r == 0)
			r = export_file_keep(&file);
		export_file_close(&file);
	}
	int status = tell(r, o, e);
	bool none = status == 0 && op_export_records(e) == 0;
	op_export_end(e);
	if (none)
		tell_if_early(q, o);
	return status;
}

static int find_database(const struct export_options *o, char *ret, size_t size)
{
	if (!o->database)
		return op_tool_state("outpost export", o->state, o->appliance, "history.db", ret,
				     size);
	if ((size_t)snprintf(ret, size, "%s", o->database) < size)
		return 0;
	fputs("outpost export: --database: the name is too long\n", stderr);
	return -ENAMETOOLONG;
}

/* By its first page. */
static bool is_history(const char *path)
{
	unsigned char head[72];
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return false;
	uint32_t id = (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 |
		      (uint32_t)head[70] << 8 | head[71];
	return !memcmp(head, "SQLite format 3", 16) && id == op_history_schema.id;
}

static void tell_no_database(const struct export_options *o, const char *path, int r)
{
	if (o->database && r == -OP_EDAMAGED && !is_history(path)) {
		fprintf(stderr, "outpost export: %s: is not a history database\n", path);
		return;
	}
	const char *hint = r == -ENOENT        ? "; nothing was recorded there yet"
			   : r == -EACCES      ? "; run this as root, or as the user that owns it"
			   : r == -OP_EDAMAGED ? "; the recorder sets it aside when it starts"
			   : r == -OP_ENEWER   ? "; use the outpost that made it"
					       : "";
	fprintf(stderr, "outpost export: %s: %s%s\n", path, op_strerror(r), hint);
}

int op_tool_export(int argc, char **argv)
{
	struct export_options o = {.records = {.from_wall_ns = INT64_MIN, .to_wall_ns = INT64_MAX}};
	char path[PATH_MAX];
	struct op_query *q;
	int done = parse(argc, argv, &o);
	if (done)
		return done - 1;
	if (find_database(&o, path, sizeof(path)) < 0)
		return 1;
	int r = op_query_open(path, &q);
	if (r < 0) {
		tell_no_database(&o, path, r);
		return 1;
	}
	catch_signals();
	int status = o.list ? export_list(q) : export_records(q, &o);
	op_query_close(q);
	return status;
}
