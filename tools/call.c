/*
 * call.c - `outpost call`: ask a service something and print what it answers.
 *
 * Follows outpost-call(7). Status 0: answered; 1: refused, failed or not there; 2: wrong usage.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/base/json_tree.h"
#include "runtime.h"
#include "tools.h"

#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

#define TEXT_LIMIT (64 << 20) /* an answer has 1 MiB, lines and indents come to it */

struct call_options {
	const char *runtime, *service, *method;
	unsigned timeout_ms;
	bool json;
	json_t *args;
};

static const char help[] =
	"usage: outpost call SERVICE METHOD [JSON | KEY=VALUE...] [options]\n\n"
	"Sends one request to a running service and prints its answer.\n"
	"\"outpost call SERVICE methods\" lists what the service can do.\n\n"
	"  --json             print text as JSON too\n"
	"  --timeout SECONDS  how long to wait (default 5)\n"
	"  --runtime DIR      which appliance, if several run\n"
	"  --help\n\n"
	"A VALUE that is JSON is sent as such, anything else as text. See outpost-call(7).\n";

static int wrong(const char *what)
{
	if (what)
		fprintf(stderr, "outpost call: %s\n", what);
	fputs("Try 'outpost call --help'.\n", stderr);
	return 2;
}

static bool take_pair(json_t *args, const char *pair)
{
	const char *eq = strchr(pair, '=');
	if (!eq || eq == pair)
		return false;
	json_t *value = json_loads(eq + 1, JSON_DECODE_ANY, NULL);
	if (!value)
		value = json_string(eq + 1);
	OP_AUTO_FREE char *key = strndup(pair, (size_t)(eq - pair));
	return key && value && json_object_set_new(args, key, value) == 0;
}

static json_t *parse_args(char *const *words, int n)
{
	if (n == 1 && words[0][0] == '{')
		return json_loads(words[0], 0, NULL);
	json_t *args = json_object();
	for (int i = 0; args && i < n; i++) {
		if (!take_pair(args, words[i])) {
			json_decref(args);
			return NULL;
		}
	}
	return args;
}

static bool take_timeout(const char *text, unsigned *ret_ms)
{
	char *end;
	double s = strtod(text, &end);
	if (end == text || *end || !(s > 0 && s <= 3600))
		return false;
	*ret_ms = (unsigned)(s * 1000 + 0.5);
	return true;
}

/* 0, or the exit status plus one. */
static int parse(struct call_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"timeout", required_argument, NULL, 't'},
		{"runtime", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	optind = 0; /* the caller parsed before us */
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		if (c == 'j')
			o->json = true;
		else if (c == 'r')
			o->runtime = optarg;
		else if (c == 'h')
			return fputs(help, stdout) == EOF ? 2 : 1;
		else if (c != 't')
			return wrong(NULL) + 1;
		else if (!take_timeout(optarg, &o->timeout_ms))
			return wrong("--timeout wants seconds, up to 3600") + 1;
	}
	if (argc - optind < 2)
		return wrong("SERVICE and METHOD are missing") + 1;
	o->service = argv[optind];
	o->method = argv[optind + 1];
	if (strchr(o->service, '/'))
		return wrong("SERVICE is a name, not a path") + 1;
	o->args = parse_args(argv + optind + 2, argc - optind - 2);
	return o->args ? 0 : wrong("arguments are one JSON object, or KEY=VALUE...") + 1;
}

static void list_services(const char *runtime_dir)
{
	char path[PATH_MAX + 8];
	(void)snprintf(path, sizeof(path), "%s/call", runtime_dir); /* fits */
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n > 5 && !strcmp(e->d_name + n - 5, ".sock"))
			fprintf(stderr, "  %.*s\n", (int)(n - 5), e->d_name);
	}
	if (d)
		(void)closedir(d); /* was only read */
}

static int explain(const struct call_options *o, const char *runtime_dir, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED) {
		fprintf(stderr, "outpost call: no service \"%s\" answers in %s; these do:\n",
			o->service, runtime_dir);
		list_services(runtime_dir);
	} else if (err == -ETIMEDOUT) {
		fprintf(stderr,
			"outpost call: %s did not answer in %.1f s; it may hang: see "
			"`outpost status`\n",
			o->service, o->timeout_ms / 1000.0);
	} else if (err == -OP_EGONE) {
		fprintf(stderr, "outpost call: %s ended before it answered\n", o->service);
	} else {
		fprintf(stderr, "outpost call: %s: %s\n", o->service, op_strerror(err));
	}
	return 1;
}

static int print(const struct call_options *o, const json_t *result)
{
	if (json_is_string(result) && !o->json)
		return puts(json_string_value(result)) == EOF;
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, TEXT_LIMIT);
	op_json_tree(&text, result, isatty(STDOUT_FILENO) ? 2 : 0);
	return text.err || puts(text.data) == EOF;
}

static int answer(const struct call_options *o, const json_t *a)
{
	if (json_is_true(json_object_get(a, "ok")))
		return print(o, json_object_get(a, "result")) || fflush(stdout) == EOF;
	const char *error = json_string_value(json_object_get(a, "error"));
	fprintf(stderr, "outpost call: %s: %s\n", o->service, error ? error : "no reason given");
	return 1;
}

int op_tool_call(int argc, char **argv)
{
	struct call_options o = {.timeout_ms = 5000};
	char runtime_dir[PATH_MAX];
	json_t *a = NULL;
	int r = parse(&o, argc, argv);
	if (r != 0)
		return r - 1;
	if (op_tool_runtime(o.runtime, runtime_dir, sizeof(runtime_dir)) < 0) {
		json_decref(o.args);
		return 1; /* it said why */
	}
	r = op_call(runtime_dir, o.service, o.method, o.args, o.timeout_ms, &a);
	r = r < 0 ? explain(&o, runtime_dir, r) : answer(&o, a);
	json_decref(a);
	json_decref(o.args);
	return r;
}
