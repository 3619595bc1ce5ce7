/*
 * load.c - from the command line to checked settings: which service am I, and where do I live.
 *
 * Runs on the only thread before the loop. Every mistake is printed at once, those of the file and
 * those in our own settings; the place of a mistake is in its text (config.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <stdio.h>
#include <string.h>

#define MISTAKES_MAX (64 * 1024)

static void print_lines(enum op_level level, const struct op_buf *text)
{
	const char *at = text->data;
	while (*at) {
		size_t n = strcspn(at, "\n");
		if (n > 0)
			op_log(level, "%.*s", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

/* The name of the only service that this program is; empty with a mistake noted otherwise. */
static int find_service(struct op_service *s, struct op_buf *errors)
{
	size_t n = op_config_service_count(s->config);
	unsigned found = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = op_config_service_name(s->config, i);
		struct op_service_common common;
		int r = op_config_service(s->config, name, NULL, 0, NULL, &common, errors);
		if (r < 0)
			return r;
		const char *slash = strrchr(common.program, '/');
		if (strcmp(slash ? slash + 1 : common.program, s->desc->program))
			continue;
		(void)snprintf(s->name, sizeof(s->name), "%s", name); /* config bounds it */
		found++;
	}
	if (found == 1)
		return 0;
	op_buf_printf(errors, "%s: %s service runs %s; say which with --service NAME\n",
		      op_config_file(s->config), found ? "more than one" : "no", s->desc->program);
	return -EINVAL;
}

static int name_service(struct op_service *s, struct op_buf *errors)
{
	if (!s->args.service)
		return find_service(s, errors);
	int r = op_config_find_service(s->config, s->args.service, errors);
	if (r < 0)
		return r;
	if (strlen(s->args.service) >= sizeof(s->name) - strlen("status."))
		return -ENAMETOOLONG;
	memcpy(s->name, s->args.service, strlen(s->args.service) + 1);
	return 0;
}

static int load(struct op_service *s, struct op_buf *errors)
{
	int mistakes = op_place_load(&s->args.config.src, &s->place, &s->config, errors);
	int r = mistakes < 0 ? mistakes : name_service(s, errors);
	if (r < 0)
		return r;
	s->settings = calloc(1, s->desc->settings_bytes ? s->desc->settings_bytes : 1);
	if (!s->settings)
		return -ENOMEM;
	r = op_config_service(s->config, s->name, s->desc->settings, s->desc->n_settings,
			      s->settings, &s->common, errors);
	if (r == 0 && s->desc->check)
		s->desc->check(s->config, s->name, s->settings, errors);
	if (r == 0 && (mistakes > 0 || errors->len > 0))
		r = -EINVAL;
	if (r == 0)
		r = op_config_export(s->config);
	int n = snprintf(s->bus_dir, sizeof(s->bus_dir), "%s/bus", s->place.runtime);
	return r < 0 ? r : n < (int)sizeof(s->bus_dir) ? 0 : -ENAMETOOLONG;
}

/* What is no mistake but ought to be known, such as a secret that others can read. Told to whoever
 * checks, not at each start. */
static void print_notes(const struct op_service *s)
{
	OP_AUTO_BUF struct op_buf notes;
	op_buf_init(&notes, MISTAKES_MAX);
	op_config_notes(s->config, s->name, s->desc->settings, s->desc->n_settings, &notes);
	print_lines(OP_WARNING, &notes);
}

int service_load(struct op_service *s)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, MISTAKES_MAX);
	int r = load(s, &errors);
	if (r == 0 && s->args.action == ACTION_CHECK)
		print_notes(s);
	if (r == 0)
		return 0;
	print_lines(OP_ERR, &errors);
	if (errors.len == 0)
		op_log(OP_ERR, "%s: %s", s->args.config.src.file, op_strerror(r));
	return OP_EXIT_CONFIG;
}

int service_show(struct op_service *s)
{
	OP_AUTO_BUF struct op_buf out, errors;
	op_buf_init(&out, 1024 * 1024);
	op_buf_init(&errors, MISTAKES_MAX);
	int r = op_config_show(s->config, s->name, s->desc->settings, s->desc->n_settings, &out,
			       &errors);
	print_lines(OP_ERR, &errors);
	return r < 0 || out.err || fputs(out.data, stdout) == EOF || fflush(stdout) == EOF
		       ? OP_EXIT_FAULT
		       : 0;
}
