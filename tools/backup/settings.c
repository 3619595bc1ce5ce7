/*
 * settings.c - the settings in a backup: the appliance's file, and with --secrets the environment
 * file.
 *
 * Which settings are secret only the programs know, so they are asked; a secret that stands in the
 * file is replaced by "***". What cannot be replaced with certainty (a value of several lines, one
 * that stands in a comment as well, a program that does not answer) keeps the whole file out. One
 * thread.
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

static size_t quoted_length(const char *value, const char *end)
{
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

/* Length of a value that surely ends on its own line; 0: it may not. */
static size_t value_length(const char *line, const char *value, const char *end)
{
	size_t before = (size_t)(value - line);
	bool flow = memchr(line, '{', before) || memchr(line, '[', before);
	if (value >= end || strchr("|>&*!{[%@`#", *value))
		return 0;
	if (*value == '"' || *value == '\'')
		return quoted_length(value, end);
	size_t n = flow ? strcspn(value, ",}]\n") : (size_t)(end - value);
	if (flow ? value + n == end : goes_on(line, end))
		return 0;
	const char *comment = memmem(value, n, " #", 2);
	return comment ? (size_t)(comment - value) : n;
}

struct secret {
	unsigned line, column; /* of the key, or of the value itself */
	char key[64];
};

/* The rest of the file must not hold it either: a comment may. */
static bool stands_elsewhere(const struct op_buf *text, const char *value, size_t n)
{
	bool quoted = *value == '"' || *value == '\'';
	return n > 4 + 2 * (size_t)quoted &&
	       memmem(text->data, text->len, value + quoted, n - 2 * (size_t)quoted);
}

static bool mask_one(struct op_buf *text, const struct secret *s)
{
	const char *line = line_at(text->data, s->line);
	const char *end = line ? strchrnul(line, '\n') : NULL;
	size_t n = strlen(s->key);
	if (!line || s->column < 1 || s->column > (size_t)(end - line))
		return false;
	const char *value = line + s->column - 1;
	if (!strncmp(value, s->key, n) && value[n] == ':')
		value += n + 1 + strspn(value + n + 1, " ");
	size_t length = value_length(line, value, end);
	if (!length || !memchr(line, ':', (size_t)(value - line)))
		return false;
	OP_AUTO_FREE char *secret = strndup(value, length);
	OP_AUTO_FREE char *rest = strdup(value + length);
	if (!secret || !rest)
		return false;
	text->len = (size_t)(value - text->data);
	op_buf_puts(text, MASK);
	op_buf_puts(text, rest);
	return text->err == 0 && !stands_elsewhere(text, secret, length);
}

/* ---- all of them --------------------------------------------------------------------------- */

#define SECRETS_MAX 256

struct secrets {
	struct secret v[SECRETS_MAX];
	size_t n;
};

/* A line of a program's answer: `  key: "***"  # from FILE:LINE:COLUMN`. False: not understood. */
static bool note_line(struct secrets *all, const char *file, char *line)
{
	char *mask = strstr(line, ": " MASK "  # ");
	if (!mask)
		return true;
	const char *from = mask + strlen(": " MASK "  # ");
	size_t n = strlen(file);
	*mask = '\0';
	if (!strcmp(from, "default") || !strncmp(from, "from environment ", 17))
		return true; /* the latter only stands in: see ask */
	struct secret *s = &all->v[all->n];
	if (all->n == SECRETS_MAX || strncmp(from, "from ", 5) || strncmp(from + 5, file, n) ||
	    sscanf(from + 5 + n, ":%u:%u", &s->line, &s->column) != 2 ||
	    snprintf(s->key, sizeof(s->key), "%s", line + indentation(line)) >= (int)sizeof(s->key))
		return false;
	all->n++;
	return true;
}

static bool note_answer(struct secrets *all, const char *file, struct op_answer *a)
{
	char *rest = NULL;
	if (a->error || a->status)
		return false;
	for (char *line = strtok_r(a->out.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!note_line(all, file, line))
			return false;
	return true;
}

/* Without what is required programs would say nothing. */
static int stand_in(const struct op_config_source *src)
{
	OP_AUTO_BUF struct op_buf errors;
	struct op_config *alone = NULL;
	op_buf_init(&errors, 256 * 1024);
	int r = op_config_read(src, &alone, &errors);
	if (r >= 0)
		r = op_config_stand_in(alone);
	op_config_free(alone);
	return r;
}

/* Of the file alone: what the environment or .env put over a secret would hide it. */
static bool ask(const char *file, const struct op_config *c, struct secrets *all)
{
	/* Directories are given: without HOME there are no others. */
	struct op_config_source src = {
		.file = file, .env_file = "/dev/null", .runtime_dir = "/", .state_dir = "/"};
	struct op_answer *answers = NULL;
	char *nothing[] = {NULL}, **ours = environ;
	size_t n = op_config_service_count(c);
	environ = nothing;
	int r = stand_in(&src);
	if (r == 0)
		r = op_programs_ask(c, &src, "--show-config", ASK_TIMEOUT_MS, &answers);
	environ = ours;
	if (r < 0)
		return false;
	bool good = true;
	for (size_t i = 0; good && i < n; i++)
		good = note_answer(all, file, &answers[i]);
	op_answers_free(answers, n);
	return good;
}

/* From the end, so that none moves before it is its turn. */
static int later_first(const void *a, const void *b)
{
	const struct secret *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? 1 : -1;
	return (x->column < y->column) - (x->column > y->column);
}

/* True: no secret that a program knows of is in text any more. */
static bool mask(const char *file, const struct op_config *c, struct op_buf *text, bool *ret_any)
{
	OP_AUTO_FREE struct secrets *all = calloc(1, sizeof(*all));
	if (!all || !ask(file, c, all))
		return false;
	qsort(all->v, all->n, sizeof(all->v[0]), later_first);
	*ret_any = all->n > 0;
	for (size_t i = 0; i < all->n; i++)
		if (!mask_one(text, &all->v[i]))
			return false;
	return true;
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
	if (!m->secrets && !mask(src->file, c, &text, &m->masked)) {
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
