/*
 * config.c - `outpost config`: check the settings of an appliance, show them, explain them.
 *
 * The appliance's file and the other sources are read here; what a service's own settings are, its
 * program is asked (programs.c). Described in outpost-config(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <getopt.h>
#include <outpost/config.h>
#include <stdio.h>
#include <string.h>

#include "programs.h"
#include "tools.h"

#define ASK_TIMEOUT_MS 10000

static const char usage[] =
	"usage: outpost config check APPLIANCE|FILE [options]\n"
	"       outpost config show APPLIANCE|FILE [SERVICE...] [options]\n"
	"       outpost config reference [PROGRAM|APPLIANCE|FILE]\n"
	"Checks the settings of an appliance, shows where each comes from, explains them.\n"
	"\n"
	"  --env FILE         environment file (default: .env if it is there)\n"
	"  --set PATH=VALUE   override one setting; may be repeated\n"
	"  --sim              with what the simulators set\n"
	"  --runtime DIR      for ${RUNTIME}\n"
	"  --state DIR        for ${STATE}\n"
	"  --help\n"
	"\n"
	"Status: 0 good, 1 mistakes (each named on standard error), 2 wrong usage.\n";

struct options {
	struct op_config_args args;
	char file[PATH_MAX];
	const char *verb, *name;
	char **services; /* of show; none: all */
	int n_services;
};

static int wrong(const char *what, const char *which)
{
	fprintf(stderr, "outpost config: %s%s\nTry 'outpost config --help'.\n", what,
		which ? which : "");
	return 2;
}

/* ---- command line ---------------------------------------------------------------------- */

static const struct option long_options[] = {
	OP_CONFIG_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* -1: go on; else the exit status. */
static int take_option(struct options *o, int option)
{
	if (option == 'h')
		return fputs(usage, stdout) == EOF;
	if (option == '?')
		return fputs("Try 'outpost config --help'.\n", stderr), 2;
	return op_config_args_take(&o->args, option, optarg) < 0 ? wrong("too many --set", NULL)
								 : -1;
}

static int read_options(struct options *o, int argc, char **argv)
{
	int option;
	optind = 0; /* the caller has used getopt on other arguments, perhaps */
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		int status = take_option(o, option);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		o->verb = argv[optind++];
	if (optind < argc)
		o->name = argv[optind++];
	o->services = argv + optind;
	o->n_services = argc - optind;
	return -1;
}

/* ---- load ------------------------------------------------------------------------------ */

/* As op_config_read. */
static int load(struct options *o, struct op_config **ret_config, struct op_buf *errors)
{
	op_buf_puts(errors, "outpost config: ");
	int rc = op_appliance_find(o->name, o->file, sizeof(o->file), errors);
	if (rc)
		return rc;
	op_buf_reset(errors);
	o->args.src.file = o->file;
	o->args.src.environ = environ;
	return op_config_read(&o->args.src, ret_config, errors);
}

/* ---- check ----------------------------------------------------------------------------- */

static void print_notes(const struct op_buf *notes)
{
	for (const char *at = notes->data; *at;) {
		int n = (int)strcspn(at, "\n");
		fprintf(stderr, "note: %.*s\n", n, at);
		at += n + (at[n] != '\0');
	}
}

static int check(struct options *o)
{
	struct op_config *c = NULL;
	OP_AUTO_BUF struct op_buf errors, notes;
	op_buf_init(&errors, 1024 * 1024);
	op_buf_init(&notes, 1024 * 1024);
	int rc = load(o, &c, &errors);
	if (c) {
		op_config_notes(c, NULL, NULL, 0, &notes);
		op_config_unused(c, &notes);
		int r = op_programs_check(c, &o->args.src, &errors, &notes);
		rc = rc ? rc : r;
	}
	print_notes(&notes);
	fputs(errors.data, stderr);
	if (rc == 0)
		printf("%s: good: %zu services\n", o->file, op_config_service_count(c));
	op_config_free(c);
	return rc ? 1 : 0;
}

/* ---- show ------------------------------------------------------------------------------ */

static bool wanted(const struct options *o, const char *service)
{
	for (int i = 0; i < o->n_services; i++)
		if (!strcmp(o->services[i], service))
			return true;
	return !o->n_services;
}

static int know_services(const struct options *o, const struct op_config *c)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 64 * 1024);
	int rc = 0;
	for (int i = 0; i < o->n_services; i++)
		if (op_config_find_service(c, o->services[i], &errors) < 0)
			rc = 1;
	if (rc)
		fputs(errors.data, stderr);
	return rc;
}

/* What the program said, or why it said nothing. */
static int show_answer(const struct options *o, const struct op_answer *a)
{
	if (a->error || a->status) {
		fprintf(stderr, "%s", a->err.data);
		if (a->error || !a->err.len)
			fprintf(stderr, "%s: services.%s: %s cannot be asked: %s\n", o->file,
				a->service, a->program,
				a->error ? op_strerror(a->error) : "it failed");
		return 1;
	}
	fputs(a->out.data, stdout);
	return 0;
}

static int show_services(const struct options *o, const struct op_config *c)
{
	struct op_answer *answers = NULL;
	size_t n = op_config_service_count(c);
	int status = know_services(o, c);
	if (status)
		return status;
	if (op_programs_ask(c, &o->args.src, "--show-config", ASK_TIMEOUT_MS, &answers))
		return wrong("out of memory", NULL);
	printf("appliance: %s\nservices:\n", op_config_appliance(c));
	for (size_t i = 0; i < n; i++)
		if (wanted(o, answers[i].service) && show_answer(o, &answers[i]))
			status = 1;
	op_answers_free(answers, n);
	return status || fflush(stdout) ? 1 : 0;
}

static int show(struct options *o)
{
	struct op_config *c = NULL;
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1024 * 1024);
	int status = load(o, &c, &errors) ? 1 : show_services(o, c);
	fputs(errors.data, stderr);
	op_config_free(c);
	return status;
}

/* ---- reference ------------------------------------------------------------------------- */

static int common_reference(void)
{
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, 1024 * 1024);
	op_config_reference("Every service", op_service_common_settings,
			    op_service_common_settings_count, &out);
	return fputs(out.data, stdout) == EOF || fflush(stdout);
}

/* Two services may be of one program. */
static bool is_told(const struct op_answer *answers, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(answers[k].program, answers[i].program))
			return true;
	return false;
}

/* Of an appliance: what every service has, then each program's own. Mistakes in it do not matter.
 */
static int all_references(struct options *o, const struct op_config *c)
{
	struct op_answer *answers = NULL;
	size_t n = op_config_service_count(c);
	int status = common_reference();
	if (op_programs_ask(c, &o->args.src, "--reference", ASK_TIMEOUT_MS, &answers))
		return wrong("out of memory", NULL);
	for (size_t i = 0; i < n; i++) {
		if (is_told(answers, i))
			continue;
		(void)putchar('\n'); /* checked by fflush */
		if (show_answer(o, &answers[i]))
			status = 1;
	}
	op_answers_free(answers, n);
	return status || fflush(stdout) ? 1 : 0;
}

static int reference(struct options *o)
{
	char path[PATH_MAX];
	if (!o->name)
		return common_reference();
	int rc = op_program_find(o->name, path, sizeof(path));
	if (rc == 0) {
		(void)execl(path, path, "--reference", (char *)NULL); /* returns only on failure */
		rc = -errno;
	}
	struct op_config *c = NULL;
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1024 * 1024);
	int found = load(o, &c, &errors);
	if (c) {
		int status = all_references(o, c);
		op_config_free(c);
		return status;
	}
	fprintf(stderr, "outpost config: program %s: %s (check its name)\n", o->name,
		op_strerror(rc));
	return fputs(found ? errors.data : "", stderr), 1;
}

int op_tool_config(int argc, char **argv)
{
	static struct options o; /* paths make it large */
	int status = read_options(&o, argc, argv);
	if (status >= 0)
		return status;
	if (!o.verb)
		return wrong("say check, show or reference", NULL);
	if (!strcmp(o.verb, "reference"))
		return reference(&o);
	bool is_check = !strcmp(o.verb, "check");
	if (!is_check && strcmp(o.verb, "show"))
		return wrong("no such command: ", o.verb);
	if (!o.name)
		return wrong("which appliance or file?", NULL);
	if (is_check && o.n_services)
		return wrong("one file at a time, not also ", o.services[0]);
	return is_check ? check(&o) : show(&o);
}
