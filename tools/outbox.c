/*
 * outbox.c - `outpost outbox`: what waits to reach the outside, and what could not.
 *
 * Looking reads the databases; changing is asked of the service that owns one, and done here only
 * if nobody holds it. Described in outpost-outbox(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "outbox.h"

#include <dirent.h>
#include <getopt.h>
#include <libgen.h>
#include <locale.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"
#include "tools.h"

#define OUTPUT_LIMIT (64 << 20)
#define CALL_TIMEOUT_MS 10000

static const char usage[] =
	"usage: outpost outbox list [SERVICE] [--queue NAME] [--json] [WHERE]\n"
	"       outpost outbox show SERVICE ID [--json] [WHERE]\n"
	"       outpost outbox retry SERVICE (ID... | --dead) [--queue NAME] [WHERE]\n"
	"       outpost outbox drop SERVICE (ID... | --dead) [--queue NAME] [WHERE]\n"
	"What waits to be delivered to the outside, and what could not be.\n"
	"\n"
	"  --queue NAME     only this destination\n"
	"  --dead           everything that was given up\n"
	"  --json           as JSON\n"
	"WHERE:\n"
	"  --runtime DIR    runtime directory of the appliance\n"
	"  --state DIR      its state directory, where the databases are\n";

struct options {
	const char *runtime, *state, *queue;
	bool json, dead;
	struct outbox_files files;
};

static int wrong(const char *what)
{
	if (what)
		fprintf(stderr, "outpost outbox: %s\n", what);
	fputs(usage, stderr);
	return 2;
}

static int failed(const char *what, int err)
{
	const char *hint = err == -EACCES      ? "; run this as root, or as the user of the service"
			   : err == -OP_ENEWER ? "; use the outpost that made it"
					       : "";
	fprintf(stderr, "outpost outbox: %s: %s%s\n", what, op_strerror(err), hint);
	return 1;
}

/* ---- where ----------------------------------------------------------------------------- */

static int appliance_of(const char *dir, char out[PATH_MAX])
{
	char copy[PATH_MAX];
	if (snprintf(copy, sizeof(copy), "%s", dir) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	(void)snprintf(out, PATH_MAX, "%s", basename(copy)); /* fits */
	return 0;
}

/* Both directories from whichever is given; an appliance is called as its directories are. */
static int locate(struct options *o)
{
	char name[PATH_MAX], noted[PATH_MAX];
	struct outbox_files *f = &o->files;
	int r = 0;
	if (!o->state || o->runtime) {
		if (op_tool_runtime(o->runtime, f->runtime, sizeof(f->runtime)) < 0)
			return -1; /* it said why */
		r = appliance_of(f->runtime, name);
	} else {
		r = appliance_of(o->state, name);
		if (r == 0 && op_tool_runtime_of(o->state, f->runtime, sizeof(f->runtime)) < 0)
			r = op_runtime_dir(NULL, name, f->runtime, sizeof(f->runtime));
	}
	const char *state = o->state;
	if (!state && op_tool_noted_state(f->runtime, noted))
		state = noted;
	if (r == 0)
		r = op_state_dir(state, name, f->state, sizeof(f->state));
	if (r < 0)
		(void)failed("cannot tell the directories of the appliance", r);
	return r;
}

void outbox_file_path(const struct outbox_files *f, size_t i, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/outbox-%s.db", f->state, f->service[i]); /* fits */
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void take_file(struct outbox_files *f, const char *name)
{
	size_t n = strlen(name);
	if (f->n == OUTBOX_FILES_MAX || n <= 10 || n - 10 >= sizeof(f->service[0]) ||
	    strncmp(name, "outbox-", 7) || strcmp(name + n - 3, ".db"))
		return;
	(void)snprintf(f->service[f->n++], sizeof(f->service[0]), "%.*s", (int)(n - 10),
		       name + 7); /* fits */
}

static int find_files(struct outbox_files *f)
{
	DIR *d = opendir(f->state);
	if (!d) {
		int err = errno;
		(void)failed(f->state, -err);
		if (err == ENOENT)
			fprintf(stderr,
				"outpost outbox: say where the appliance keeps its state with "
				"--state DIR, or which one runs with --runtime DIR\n");
		return 1;
	}
	for (struct dirent *e; (e = readdir(d));)
		take_file(f, e->d_name);
	(void)closedir(d); /* was only read */
	qsort(f->service, f->n, sizeof(f->service[0]), by_name);
	return 0;
}

/* The number of the service's file, or -1 after saying what there is. */
static int find_service(const struct outbox_files *f, const char *service)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->service[i], service))
			return (int)i;
	fprintf(stderr, "outpost outbox: no outbox of a service \"%s\" in %s%s\n", service,
		f->state, f->n ? "; there are:" : "");
	for (size_t i = 0; i < f->n; i++)
		fprintf(stderr, "  %s\n", f->service[i]);
	return -1;
}

/* Whether one of the service's queues is called so; their names to names, one a line. */
static int has_queue(const struct options *o, size_t i, bool *ret_found, struct op_buf *names)
{
	char path[PATH_MAX];
	struct op_outbox *box = NULL;
	OP_AUTO_FREE struct op_outbox_counts *counts = calloc(OUTBOX_QUEUES_MAX, sizeof(*counts));
	size_t n = 0;
	outbox_file_path(&o->files, i, path);
	int r = counts ? op_outbox_open_read(path, &box) : -ENOMEM;
	if (r == 0)
		r = op_outbox_counts(box, counts, OUTBOX_QUEUES_MAX, &n);
	op_outbox_close(box);
	for (size_t k = 0; k < n && k < OUTBOX_QUEUES_MAX; k++) {
		*ret_found |= !strcmp(counts[k].queue, o->queue);
		op_buf_printf(names, "  %s of %s\n", counts[k].queue, o->files.service[i]);
	}
	return r;
}

/* 0, or 1 after saying which queues there are. only: of this file, or -1. What cannot be read is
 * told by who reads it next. */
static int check_queue(const struct options *o, int only)
{
	OP_AUTO_BUF struct op_buf names;
	bool found = !o->queue;
	op_buf_init(&names, OUTPUT_LIMIT);
	for (size_t i = 0; i < o->files.n && !found; i++)
		if ((only < 0 || i == (size_t)only) && has_queue(o, i, &found, &names) < 0)
			return 0;
	if (found || o->files.n == 0)
		return 0;
	fprintf(stderr, "outpost outbox: nothing was ever put into a queue \"%s\"%s\n%s", o->queue,
		names.len ? "; there are:" : " or any other", names.len ? names.data : "");
	return 1;
}

/* ---- looking --------------------------------------------------------------------------- */

static int print(struct op_buf *out, int r)
{
	if (r < 0)
		return failed("cannot show it", r);
	if (out->len && (fwrite(out->data, 1, out->len, stdout) != out->len || fflush(stdout) != 0))
		return failed("cannot write", -errno);
	return 0;
}

static int list_one(const struct options *o, size_t i, struct op_buf *out)
{
	char path[PATH_MAX];
	struct op_outbox *box = NULL;
	outbox_file_path(&o->files, i, path);
	int r = op_outbox_open_read(path, &box);
	if (r == 0)
		r = outbox_print_one(o->files.service[i], path, box, o->queue, o->json, out);
	op_outbox_close(box);
	return r < 0 ? failed(path, r) : 0;
}

static int list(const struct options *o, int argc, char **argv)
{
	OP_AUTO_BUF struct op_buf out;
	int only = -1, status = 0;
	op_buf_init(&out, OUTPUT_LIMIT);
	if (argc > 1)
		return wrong("list takes at most one SERVICE");
	if (argc == 1 && (only = find_service(&o->files, argv[0])) < 0)
		return 1;
	if (check_queue(o, only) != 0)
		return 1;
	int r = outbox_print_begin(&out, o->json);
	for (size_t i = 0; r == 0 && i < o->files.n; i++)
		if (only < 0 || i == (size_t)only)
			status |= list_one(o, i, &out);
	if (r == 0)
		r = outbox_print_end(&out, o->json);
	if (o->files.n == 0 && !o->json)
		fprintf(stderr, "outpost outbox: no service has an outbox in %s\n", o->files.state);
	return print(&out, r) | status;
}

static bool take_id(const char *text, int64_t *ret)
{
	char *end;
	errno = 0;
	long long id = strtoll(text, &end, 10);
	if (end == text || *end || errno || id <= 0)
		return false;
	*ret = id;
	return true;
}

static int show(const struct options *o, int argc, char **argv)
{
	char path[PATH_MAX];
	OP_AUTO_BUF struct op_buf out;
	struct op_outbox *box = NULL;
	int64_t id;
	op_buf_init(&out, OUTPUT_LIMIT);
	if (argc != 2 || !take_id(argv[1], &id))
		return wrong("show wants SERVICE and the ID of an item");
	int i = find_service(&o->files, argv[0]);
	if (i < 0)
		return 1;
	outbox_file_path(&o->files, (size_t)i, path);
	int r = op_outbox_open_read(path, &box);
	if (r == 0)
		r = outbox_print_item(box, id, o->json, &out);
	op_outbox_close(box);
	if (r == -ENOENT) {
		fprintf(stderr, "outpost outbox: %s: no item %lld\n", path, (long long)id);
		return 1;
	}
	return print(&out, r);
}

/* ---- changing -------------------------------------------------------------------------- */

struct change {
	const char *name, *method, *done;
	int (*fn)(struct op_outbox *, const char *, int64_t, uint64_t *);
};

static const struct change changes[] = {
	{"retry", "outbox_retry", "to be tried again", op_outbox_retry},
	{"drop", "outbox_drop", "dropped", op_outbox_drop},
};

static int change_direct(const struct options *o, size_t i, const struct change *c, int64_t id,
			 uint64_t *ret_n)
{
	char path[PATH_MAX], text[1024] = "";
	struct op_buf note;
	struct op_outbox *box = NULL;
	outbox_file_path(&o->files, i, path);
	op_buf_init_fixed(&note, text, sizeof(text));
	int r = op_outbox_open(path, NULL, &box, &note);
	if (note.len)
		fprintf(stderr, "outpost outbox: %s\n", note.data);
	if (r == 0)
		r = c->fn(box, o->queue, id, ret_n);
	op_outbox_close(box);
	if (r == -EBUSY)
		fprintf(stderr,
			"outpost outbox: %s is held by a process that does not answer calls in "
			"%s/call; say where its appliance runs with --runtime DIR (as outpost run "
			"was given it)\n",
			path, o->files.runtime);
	else if (r == -ENOENT)
		fprintf(stderr, "outpost outbox: %s: no item %lld\n", path, (long long)id);
	else if (r < 0)
		(void)failed(path, r);
	return r < 0 ? 1 : 0;
}

static int take_answer(const struct options *o, size_t i, const json_t *answer, uint64_t *ret_n)
{
	const json_t *result = json_object_get(answer, "result");
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (json_is_true(json_object_get(answer, "ok"))) {
		*ret_n = (uint64_t)json_integer_value(json_object_get(result, "items"));
		return 0;
	}
	fprintf(stderr, "outpost outbox: %s: %s\n", o->files.service[i],
		error ? error : "refused without a reason");
	return 1;
}

static int change_one(const struct options *o, size_t i, const struct change *c, int64_t id,
		      uint64_t *ret_n)
{
	json_t *answer = NULL, *args = json_object();
	if (o->queue)
		(void)json_object_set_new(args, "queue", json_string(o->queue)); /* or no memory: */
	(void)json_object_set_new(args, id ? "id" : "dead",
				  id ? json_integer(id) : json_true()); /* checked next */
	if (!args || json_object_size(args) != (size_t)(o->queue != NULL) + 1) {
		json_decref(args);
		return failed("asking the service", -ENOMEM);
	}
	int r = op_call(o->files.runtime, o->files.service[i], c->method, args, CALL_TIMEOUT_MS,
			&answer);
	json_decref(args);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return change_direct(o, i, c, id, ret_n);
	r = r < 0 ? failed(o->files.service[i], r) : take_answer(o, i, answer, ret_n);
	json_decref(answer);
	return r;
}

static int change(const struct options *o, const struct change *c, int argc, char **argv)
{
	uint64_t n = 0, all = 0;
	int64_t id = 0;
	int status = 0;
	if (argc < 1 || (argc == 1) != o->dead)
		return wrong("say which: SERVICE and IDs, or SERVICE and --dead");
	for (int a = 1; a < argc; a++)
		if (!take_id(argv[a], &id))
			return wrong("an ID is a number, see outpost outbox list");
	int i = find_service(&o->files, argv[0]);
	if (i < 0 || check_queue(o, i) != 0)
		return 1;
	for (int a = 1; a < argc || a == 1; a++) {
		id = 0;
		if (a < argc && !take_id(argv[a], &id))
			return 2;
		status |= change_one(o, (size_t)i, c, id, &n);
		all += n;
		n = 0;
	}
	printf("%llu %s %s\n", (unsigned long long)all, all == 1 ? "item" : "items", c->done);
	return status;
}

/* ---- command --------------------------------------------------------------------------- */

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"queue", required_argument, NULL, 'q'},
		{"dead", no_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"runtime", required_argument, NULL, 'R'},
		{"state", required_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;
	optind = 0; /* the caller parsed before us */
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'q')
			o->queue = optarg;
		else if (c == 'd')
			o->dead = true;
		else if (c == 'j')
			o->json = true;
		else if (c == 'R')
			o->runtime = optarg;
		else if (c == 'S')
			o->state = optarg;
		else if (c == 'h')
			return fputs(usage, stdout) == EOF ? 2 : 1;
		else
			return wrong(NULL) + 1;
	}
	return 0;
}

int op_tool_outbox(int argc, char **argv)
{
	OP_AUTO_FREE struct options *o = calloc(1, sizeof(*o));
	(void)setlocale(LC_CTYPE, ""); /* without it the C locale stays, which works */
	int done = o ? parse(argc, argv, o) : failed("cannot begin", -ENOMEM) + 1;
	if (done)
		return done - 1;
	const char *word = optind < argc ? argv[optind++] : "";
	const struct change *c = NULL;
	for (size_t i = 0; i < OP_ARRAY_SIZE(changes); i++)
		if (!strcmp(word, changes[i].name))
			c = &changes[i];
	if (!c && strcmp(word, "list") && strcmp(word, "show"))
		return wrong("say what: list, show, retry or drop");
	if (locate(o) < 0 || find_files(&o->files) != 0)
		return 1;
	if (c)
		return change(o, c, argc - optind, argv + optind);
	return *word == 'l' ? list(o, argc - optind, argv + optind)
			    : show(o, argc - optind, argv + optind);
}
