/*
 * dotenv.c - the bindings of an environment file, as python-dotenv reads them, since that is what
 * such files were written for:
 *
 *     # comment            export NAME=value        NAME = value # comment
 *     NAME="a\tb \"c\""    NAME='as it stands'      NAME="two
 *     NAME=${A} ${B:-b}    NAME                     lines"
 *
 * Text without quotes ends at the end of its line or at a blank before "#". ${A} is what the
 * environment says, else what the file said before, else what follows ":-", else nothing; it is
 * not looked for in single quotes (there python-dotenv does, against its own manual). Of a
 * name given twice the last counts; a name without "=" sets nothing and undoes what was before it.
 *
 * The form of the text is that of the regular expressions in python-dotenv's parser.py 0.21, white
 * space being that of ASCII. What is no binding is a mistake, or passed over and noted if the
 * appliance says "env_file: dotenv"; its text is never shown, since it may be a secret.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

#define BLANKS " \t\v\f"
#define SPACE BLANKS "\n"

struct reader {
	char *at;
	unsigned line;
};

static void advance(struct reader *r, char *to)
{
	for (; r->at < to; r->at++)
		r->line += *r->at == '\n';
}

static void skip(struct reader *r, const char *set)
{
	advance(r, r->at + strspn(r->at, set));
}

/* ---- one binding ------------------------------------------------------------------------- */

/* A name as it is in the text, not cut yet. False: there is none. */
static bool take_name(struct reader *r, char **ret_name, char **ret_end)
{
	if (!strncmp(r->at, "export", 6) && r->at[6] && strchr(BLANKS, r->at[6]))
		r->at += 6 + strspn(r->at + 6, BLANKS);
	char *name = r->at, *end = r->at + strcspn(r->at, "=#" SPACE);
	bool quoted = *name == '\'';
	if (quoted) {
		name++;
		end = strchr(name, '\'');
	}
	if (*name == '#' || !end || end == name)
		return false;
	advance(r, end + quoted);
	*ret_name = name;
	*ret_end = end;
	return true;
}

/* The quote that ends the one at open. A quote after "\" is part of the text, unless none other
 * follows: then the last of those ends it ("C:\"). */
static char *closing_quote(char *open)
{
	char *last = NULL;
	for (char *c = open + 1; *c; c++) {
		if (*c == *open)
			return c;
		if (*c == '\\' && c[1] == *open)
			last = ++c;
	}
	return last;
}

static char unescape(char quote, char c)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	size_t n = quote == '"' ? sizeof(from) - 1 : 2;
	const char *found = memchr(from, c, n);
	return found ? to[found - from] : '\0';
}

/* The text from in to end written over itself to out; what is no escape stays. */
static void decode(char quote, const char *in, const char *end, char *out)
{
	while (in < end) {
		char c = *in == '\\' && in + 1 < end ? unescape(quote, in[1]) : '\0';
		*out++ = c ? c : *in;
		in += c ? 2 : 1;
	}
	*out = '\0';
}

static char *plain_end(char *value, char *end)
{
	for (char *c = value + 1; c < end; c++) {
		if (*c == '#' && strchr(BLANKS, c[-1])) {
			end = c;
			break;
		}
	}
	while (end > value && strchr(BLANKS, end[-1]))
		end--;
	return end;
}

/* What may follow a binding: blanks, a comment, the end of the line. */
static bool take_end(struct reader *r)
{
	skip(r, BLANKS);
	if (*r->at == '#')
		advance(r, r->at + strcspn(r->at, "\n"));
	if (*r->at && *r->at != '\n')
		return false;
	advance(r, r->at + (*r->at == '\n'));
	return true;
}

/* Text without quotes takes all of its line and needs no end. */
static const char *take_value(struct reader *r, struct env_line *ret)
{
	char *value = r->at;
	ret->value = value;
	if (*value != '"' && *value != '\'') {
		char *stop = value + strcspn(value, "\n");
		char *end = plain_end(value, stop);
		advance(r, stop + (*stop == '\n'));
		*end = '\0';
		return NULL;
	}
	char *close = closing_quote(value), quote = *value;
	if (!close)
		return "a quote is not closed";
	ret->literal = quote == '\'';
	advance(r, close + 1);
	decode(quote, value + 1, close, value);
	return take_end(r) ? NULL : "text after the closing quote (quote the whole value)";
}

/* One binding or comment; the mistake, or NULL. Without a name: nothing. */
static const char *take_binding(struct reader *r, struct env_line *ret)
{
	char *name, *end;
	*ret = (struct env_line){.line = r->line};
	if (*r->at == '#' || *r->at == ';') { /* ";": a comment to systemd */
		advance(r, r->at + strcspn(r->at, "\n"));
		return NULL;
	}
	if (!take_name(r, &name, &end))
		return "expected NAME=value";
	skip(r, BLANKS);
	const char *why = NULL;
	if (*r->at == '=') {
		r->at += 1 + strspn(r->at + 1, BLANKS);
		why = take_value(r, ret);
	} else if (!take_end(r)) {
		why = "expected NAME=value";
	}
	*end = '\0';
	ret->name = why ? NULL : name;
	return why;
}

/* ---- ${NAME} ------------------------------------------------------------------------------- */

static const char *look_up(const struct env_lines *lines, char *const *given, const char *name,
			   size_t len)
{
	for (; given && *given; given++)
		if (!strncmp(*given, name, len) && (*given)[len] == '=')
			return *given + len + 1;
	for (size_t i = lines->n; i-- > 0;)
		if (!strncmp(lines->v[i].name, name, len) && !lines->v[i].name[len])
			return lines->v[i].value ? lines->v[i].value : "";
	return NULL;
}

/* The end of "${NAME}" or "${NAME:-default}", or NULL if at begins none. */
static const char *reference_end(const char *at, size_t *ret_name)
{
	if (at[0] != '$' || at[1] != '{')
		return NULL;
	*ret_name = strcspn(at + 2, ":}");
	const char *rest = at + 2 + *ret_name;
	if (*rest == ':' && rest[1] != '-')
		return NULL;
	return strchr(rest, '}');
}

static int expand(struct op_config *c, const struct env_lines *lines, char *const *given,
		  struct env_line *l)
{
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, TEXT_MAX_BYTES);
	if (!l->value || l->literal || !strstr(l->value, "${"))
		return 0;
	for (const char *at = l->value; *at;) {
		size_t name;
		const char *end = reference_end(at, &name);
		if (!end) {
			op_buf_putc(&out, *at++);
			continue;
		}
		const char *value = look_up(lines, given, at + 2, name);
		const char *rest = at + 2 + name;
		if (value)
			op_buf_puts(&out, value);
		else if (*rest == ':')
			op_buf_put(&out, rest + 2, (size_t)(end - rest - 2));
		at = end + 1;
	}
	c->text_bytes += out.len;
	l->value = out.err || c->text_bytes > TEXT_MAX_BYTES
			   ? NULL
			   : pool_text(&c->pool, out.data, out.len);
	return l->value ? 0 : -ENOMEM;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* Every end of a line is "\n", as Python's text files have it; without a byte order mark. */
static void plain_lines(char *text)
{
	char *out = text;
	for (const char *in = text + (strncmp(text, "\xef\xbb\xbf", 3) ? 0 : 3); *in; in++) {
		bool carriage = *in == '\r';
		*out++ = carriage ? '\n' : *in;
		in += carriage && in[1] == '\n';
	}
	*out = '\0';
}

static void not_a_binding(struct op_config *c, struct problems *p, const struct origin *at,
			  const char *why)
{
	if (c->dotenv)
		op_buf_printf(&c->notes, "%s:%u: %s: passed over\n", at->file, at->line, why);
	else
		problem_add(p, at, NULL, "%s", why);
}

static bool has_nul(struct problems *p, const char *text, size_t len, struct origin *at)
{
	const char *nul = memchr(text, '\0', len);
	for (const char *c = text; nul && c < nul; c++)
		at->line += *c == '\n';
	if (nul)
		problem_add(p, at, NULL, "a NUL byte");
	return nul;
}

int dotenv_parse(struct op_config *c, const char *text, size_t len, const char *file,
		 char *const *given, struct problems *p, struct env_lines *ret)
{
	struct origin at = {.kind = ORIGIN_ENV_FILE, .file = file, .line = 1};
	size_t most = 1;
	if (has_nul(p, text, len, &at))
		return 0;
	for (size_t i = 0; i < len; i++)
		most += text[i] == '\n' || text[i] == '\r';
	struct reader r = {pool_text(&c->pool, text, len), 1};
	ret->v = pool_alloc(&c->pool, most * sizeof(*ret->v));
	if (!r.at || !ret->v)
		return -ENOMEM;
	plain_lines(r.at);
	for (skip(&r, SPACE); *r.at; skip(&r, SPACE)) {
		struct env_line *l = &ret->v[ret->n];
		const char *why = take_binding(&r, l);
		at.line = l->line;
		if (why) {
			not_a_binding(c, p, &at, why);
			advance(&r, r.at + strcspn(r.at, "\n"));
		}
		int rc = l->name ? expand(c, ret, given, l) : 0;
		if (rc)
			return rc;
		ret->n += l->name != NULL;
	}
	return 0;
}
