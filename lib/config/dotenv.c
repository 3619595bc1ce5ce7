/*
 * dotenv.c - the lines of an environment file: what dotenv and systemd's EnvironmentFile have in
 * common, one variable a line.
 *
 *     # comment            export NAME=value        NAME="a\tb \"c\""        NAME='as it stands'
 *
 * Text without quotes ends at the end of the line or at " #"; nothing is expanded. Of a name given
 * twice the last counts. A line that is none of this is a mistake; its text is never shown, since
 * it may be a secret.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <ctype.h>
#include <string.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static bool name_char(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '_' || (!first && isdigit((unsigned char)c));
}

static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '"':
	case '\\':
	case '$':
	case '`':
		return c;
	}
	return '\0';
}

/* Text in quotes from at on, written over itself to out; the mistake, or NULL. */
static const char *unquote(const char *at, char *out)
{
	char quote = *at++;
	for (; *at && *at != quote; at++) {
		char c = *at;
		if (quote == '"' && c == '\\') {
			c = unescape(*++at);
			if (!c)
				return "unknown escape after \"\\\" (use single quotes to take it "
				       "as it "
				       "stands)";
		}
		*out++ = c;
	}
	if (!*at)
		return "a quote is not closed (a value is one line)";
	at = skip_blanks(at + 1);
	if (*at && *at != '#')
		return "text after the closing quote (quote the whole value)";
	*out = '\0';
	return NULL;
}

static void end_plain(char *value)
{
	for (char *c = value; *c; c++)
		if (*c == '#' && (c == value || c[-1] == ' ' || c[-1] == '\t'))
			*c = '\0';
	size_t n = strlen(value);
	while (n && isspace((unsigned char)value[n - 1]))
		value[--n] = '\0';
}

/* Cuts one line in place into name and value; the mistake, or NULL. Both NULL: an empty line. */
static const char *parse_line(char *line, char **ret_name, char **ret_value)
{
	char *at = line + strspn(line, " \t");
	*ret_name = *ret_value = NULL;
	if (!*at || *at == '#' || *at == ';')
		return NULL;
	if (!strncmp(at, "export", 6) && (at[6] == ' ' || at[6] == '\t'))
		at += 6 + strspn(at + 6, " \t");
	char *name = at;
	while (name_char(*at, at == name))
		at++;
	if (at == name || *at != '=')
		return "expected NAME=value, without blanks around \"=\"";
	*at++ = '\0';
	char *value = at + strspn(at, " \t");
	if (*value == '"' || *value == '\'') {
		const char *why = unquote(value, value);
		if (why)
			return why;
	} else {
		end_plain(value);
	}
	*ret_name = name;
	*ret_value = value;
	return NULL;
}

int dotenv_parse(struct op_config *c, const char *text, size_t len, const char *file,
		 struct problems *p, struct env_lines *ret)
{
	size_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	char *copy = pool_text(&c->pool, text, len);
	struct env_line *v = pool_alloc(&c->pool, lines * sizeof(*v));
	if (!copy || !v)
		return -ENOMEM;
	struct origin at = {.kind = ORIGIN_ENV_FILE, .file = file, .line = 1};
	ret->v = v;
	for (char *line = copy, *end = copy + len; line <= end; at.line++) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		char *stop = newline ? newline : end;
		const char *why = memchr(line, '\0', (size_t)(stop - line)) ? "a NUL byte" : NULL;
		*stop = '\0';
		if (stop > line && stop[-1] == '\r')
			stop[-1] = '\0';
		struct env_line *l = &v[ret->n];
		if (!why)
			why = parse_line(line, &l->name, &l->value);
		if (why)
			problem_add(p, &at, NULL, "%s", why);
		l->line = at.line;
		ret->n += !why && l->name;
		line = stop + 1;
	}
	return 0;
}
