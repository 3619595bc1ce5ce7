/*
 * settings.c - the settings in a backup: the appliance's file, and with --secrets the environment
 * file.
 *
 * Which settings are secret only the programs know, so they are asked; a secret that stands in the
 * file is replaced by "***". What cannot be replaced with certainty (a value of several lines, a
 * flow mapping, a program that does not answer) keeps the whole file out. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "backup.h"
#include "programs.h"

#define ASK_TIMEOUT_MS 10000
#define FILE_MAX (1024 * 1024) /* as lib/config reads it */
#define MASK "\"***\""

static int read_text(const char *file, struct op_buf *out)
{
	char bytes[4096];
	OP_AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		op_buf_put(out, bytes, (size_t)n);
	return n < 0 ? -errno : out->err;
}

/* ---- one secret ---------------------------------------------------------------------------- */

static const char *line_at(const char *text, unsigned number)
{
	for (; text && number > 1; number--) {
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return text;
}

/* Length of a value that ends on its own line; 0: it may not. */
static size_t value_length(const char *value, const char *end)
{
	if (value >= end || strchr("|>&*!{[%@`#", *value))
		return 0;
	if (*value == '"' || *value == '\'') {
		for (const char *p = value + 1; p < end; p++) {
			if (*p == '\\' && *value == '"')
				p++;
			else if (*p == *value && p + 1 < end && p[1] == *value)
				p++;
			else if (*p == *value)
				return (size_t)(p + 1 - value);
		}
		return 0;
	}
	const char *comment = memmem(value, (size_t)(end - value), " #", 2);
	return (size_t)((comment ? comment : end) - value);
}

static size_t indentation(const char *line)
{
	return strspn(line, " -");
}

/* A plain value goes on where the next line that says something stands further in. */
static bool goes_on(const char *line, const char *end)
{
	const char *next = end;
	do
		next += *next == '\n';
	while (*next && strspn(next, " \t\r") == strcspn(next, "\n") &&
	       (next = strchrnul(next, '\n')));
	return *next && indentation(next) > indentation(line);
}

/* Replaces the value of key at line and column (of the key or of the value itself). */
static bool mask_one(struct op_buf *text, const char *key, unsigned line_number, unsigned column)
{
	const char *line = line_at(text->data, line_number);
	const char *end = line ? strchrnul(line, '\n') : NULL;
	size_t n = strlen(key);
	if (!line || column < 1 || column > (size_t)(end - line))
		return false;
	const char *value = line + column - 1;
	if (!strncmp(value, key, n) && value[n] == ':')
		value += n + 1 + strspn(value + n + 1, " ");
	const char *colon = memchr(line, ':', (size_t)(value - line));
	if (!colon || memchr(line, '{', (size_t)(value - line)) ||
	    memchr(line, '[', (size_t)(value - line)))
		return false;
	size_t length = value_length(value, end);
	if (!length || goes_on(line, end))
		return false;
	OP_AUTO_FREE char *rest = strdup(value + length);
	if (!rest)
		return false;
	text->len = (size_t)(value - text->data);
	op_buf_puts(text, MASK);
	op_buf_puts(text, rest);
	return text->err == 0;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* A line of a program's answer: `  key: "***"  # from FILE:LINE:COLUMN`. Its masked secrets that
 * come from the file: replaced. False: one could not be. */
static bool mask_line(struct op_buf *text, const char *file, char *line, bool *ret_any)
{
	char *mask = strstr(line, ": " MASK "  # from ");
	if (!mask)
		return true;
	const char *from = mask + strlen(": " MASK "  # from ");
	size_t n = strlen(file);
	unsigned number, column;
	*mask = '\0';
	if (strncmp(from, file, n) || from[n] != ':')
		return true; /* from the environment: not in this file */
	*ret_any = true;
	return sscanf(from + n, ":%u:%u", &number, &column) == 2 &&
	       mask_one(text, line + indentation(line), number, column);
}

/* Later ones first, so that a replaced value does not move those before it on its line: there is
 * one to a line. */
static bool mask_answer(struct op_buf *text, const char *file, struct op_answer *a, bool *ret_any)
{
	char *rest = NULL;
	if (a->error || a->status)
		return false;
	for (char *line = strtok_r(a->out.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!mask_line(text, file, line, ret_any))
			return false;
	return true;
}

/* True: no secret that a program knows of is in text any more. */
static bool mask(const struct op_config_source *src, const struct op_config *c, struct op_buf *text,
		 bool *ret_any)
{
	struct op_answer *answers = NULL;
	size_t n = op_config_service_count(c);
	if (op_programs_ask(c, src, "--show-config", ASK_TIMEOUT_MS, &answers) < 0)
		return false;
	bool good = true;
	for (size_t i = 0; good && i < n; i++)
		good = mask_answer(text, src->file, &answers[i], ret_any);
	op_answers_free(answers, n);
	return good;
}

/* ---- files --------------------------------------------------------------------------------- */

static int put(const char *stage, const char *name, const struct op_buf *text,
	       struct backup_manifest *m)
{
	char real[PATH_MAX];
	int r = backup_join(real, stage, name);
	if (r == 0)
		r = backup_put(real, text->data, text->len);
	return r < 0 ? r : backup_manifest_add(m, name, real);
}

static int put_appliance(const struct op_config_source *src, const struct op_config *c,
			 const char *stage, struct backup_manifest *m)
{
	char name[BACKUP_PATH_MAX];
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, FILE_MAX + 4096);
	int r = read_text(src->file, &text);
	if (r < 0)
		return r;
	if (!m->secrets && !mask(src, c, &text, &m->masked)) {
		m->masked = true;
		backup_tell(
			"%s is left out: it may hold secrets that cannot be taken out of it for "
			"certain; --secrets keeps it as it is",
			src->file);
		return 0;
	}
	(void)snprintf(name, sizeof(name), "settings/%s.yaml", m->appliance); /* fits */
	return put(stage, name, &text, m);
}

static int put_environment(const struct op_config_source *src, const char *stage,
			   struct backup_manifest *m)
{
	const char *file = src->env_file ? src->env_file : ".env";
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, FILE_MAX + 4096);
	int r = read_text(file, &text);
	if (r == -ENOENT && !src->env_file)
		return 0;
	if (r == 0)
		return put(stage, "settings/environment", &text, m);
	backup_tell("%s: %s", file, op_strerror(r));
	return r;
}

int backup_settings(const struct op_config_source *src, const struct op_config *c,
		    const char *stage, struct backup_manifest *m)
{
	char to[PATH_MAX];
	int r = backup_join(to, stage, "settings");
	if (r == 0 && mkdir(to, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = put_appliance(src, c, stage, m);
	if (r == 0 && m->secrets)
		r = put_environment(src, stage, m);
	return r;
}
