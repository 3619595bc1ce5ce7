/*
 * problem.c - the mistakes found in settings: collected, sorted by place, written one a line.
 *
 * A message never holds a value unless the caller put it there, and callers do so only for
 * settings that are known not to be secret.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

void problem_add(struct problems *p, const struct origin *at, const char *path, const char *fmt,
		 ...)
{
	if (p->n == PROBLEMS_MAX) {
		p->dropped++;
		return;
	}
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 4096);
	/* "--set PATH=VALUE" names the path already. */
	if (path && *path && !(at->kind == ORIGIN_SET && at->name && !strcmp(path, at->name)))
		op_buf_printf(&text, "%s: ", path);
	va_list ap;
	va_start(ap, fmt);
	char *message = NULL;
	if (vasprintf(&message, fmt, ap) >= 0)
		op_buf_puts(&text, message);
	va_end(ap);
	free(message);
	p->v[p->n] = (struct problem){*at, op_buf_steal(&text), p->n};
	p->n++;
}

static int compare(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	if (x->at.kind != y->at.kind) {
		/* Both stand in the YAML file. */
		bool yaml = x->at.kind <= ORIGIN_SIMULATOR && y->at.kind <= ORIGIN_SIMULATOR;
		if (!yaml)
			return x->at.kind < y->at.kind ? -1 : 1;
	}
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.column != y->at.column)
		return x->at.column < y->at.column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void origin_write(const struct origin *at, struct op_buf *out)
{
	switch (at->kind) {
	case ORIGIN_DEFAULT:
		op_buf_puts(out, "default");
		break;
	case ORIGIN_YAML:
	case ORIGIN_SIMULATOR:
		op_buf_puts(out, at->file);
		if (at->line)
			op_buf_printf(out, ":%u", at->line);
		if (at->column)
			op_buf_printf(out, ":%u", at->column);
		break;
	case ORIGIN_ENV_FILE:
		op_buf_puts(out, at->file);
		if (at->line)
			op_buf_printf(out, ":%u", at->line);
		if (at->name)
			op_buf_printf(out, " %s", at->name);
		break;
	case ORIGIN_ENVIRON:
		op_buf_printf(out, "environment %s", at->name);
		break;
	case ORIGIN_SET:
		op_buf_printf(out, at->name ? "--set %s" : "--set", at->name);
		if (at->value)
			op_buf_printf(out, "=%.60s%s", at->value,
				      strlen(at->value) > 60 ? "..." : "");
		break;
	}
}

/* Keys of the file may hold any character; a terminal is not to obey them. As the log shows them,
 * so that what a program says of the file is the same line. */
static void put_visible(const char *text, struct op_buf *out)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			op_buf_printf(out, "\\x%02x", c);
		else
			op_buf_putc(out, *text);
	}
}

int problems_write(struct problems *p, struct op_buf *errors)
{
	int rc = p->n ? -EINVAL : 0;
	qsort(p->v, p->n, sizeof(p->v[0]), compare);
	for (size_t i = 0; i < p->n; i++) {
		origin_write(&p->v[i].at, errors);
		op_buf_puts(errors, ": ");
		put_visible(p->v[i].text ? p->v[i].text : "out of memory", errors);
		op_buf_putc(errors, '\n');
		free(p->v[i].text);
	}
	if (p->dropped)
		op_buf_printf(errors, "... and %zu more mistakes\n", p->dropped);
	p->n = p->dropped = 0;
	return rc;
}

/* ---- a value that is not what its setting expects --------------------------------------- */

/* A value that --set gave as a whole, so that its mistake can be told as "--set PATH=VALUE". */
static bool set_whole(const struct node *n, const char *path)
{
	return n->at.kind == ORIGIN_SET && n->text && !strcmp(n->at.name, path);
}

static bool holds_secret(const struct op_setting *s)
{
	bool secret = s->flags & OP_SET_SECRET;
	for (size_t i = 0; i < s->n_sub && !secret; i++)
		secret = holds_secret(&s->sub[i]);
	return secret;
}

static void hint_scheme(const struct op_setting *s, const char *text, struct op_buf *out)
{
	char word[32];
	size_t n = 0;
	while (s->choices[n])
		n++;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, ":"), text); /* cut is fine */
	const char *near = op_nearest(word, s->choices, n);
	if (near && strcmp(near, word))
		op_buf_printf(out, " (did you mean \"%s\"?)", near);
}

void problem_value(struct problems *p, const struct op_setting *s, const struct node *n,
		   const char *path)
{
	OP_AUTO_BUF struct op_buf m;
	op_buf_init(&m, 4096);
	op_buf_puts(&m, "expected ");
	value_expected(s, &m);
	struct origin at = n->at;
	if (!n->text) {
		op_buf_printf(&m, ", not %s", node_kind_name(n));
	} else if (!holds_secret(s)) {
		if (set_whole(n, path))
			at.value = n->text;
		else
			op_buf_printf(&m, ", not \"%.40s%s\"", n->text,
				      strlen(n->text) > 40 ? "..." : "");
		if (s->choices)
			hint_scheme(s, n->text, &m);
	}
	problem_add(p, &at, path, "%s", m.data);
}

/* ---- mistakes that others find ------------------------------------------------------------ */

/* The deepest node on the dotted way to key; *ret_path gets as much of the way as there is. */
static const struct node *place_of(const struct node *n, const char *key, struct op_buf *ret_path)
{
	while (*key) {
		char part[PATH_BYTES];
		size_t len = strcspn(key, ".");
		(void)snprintf(part, sizeof(part), "%.*s", (int)len, key); /* keys are short */
		const struct node *next = node_below(n, part);
		if (!next)
			break;
		op_buf_printf(ret_path, ".%s", part);
		n = next;
		key += len + (key[len] == '.');
	}
	return n;
}

static const struct op_setting *find(const struct op_setting *table, size_t n, const char *key,
				     size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(table[i].key) == len && !strncmp(table[i].key, key, len))
			return &table[i];
	return NULL;
}

/* Of a dotted path, elements of lists by number; of a whole element its list. NULL: not in it. */
static const struct op_setting *setting_at(const struct op_setting *table, size_t n,
					   const char *path)
{
	for (;;) {
		size_t len = strcspn(path, ".");
		const struct op_setting *s = find(table, n, path, len);
		if (s && s->type == OP_SET_LIST && path[len])
			len += 1 + strcspn(path + len + 1, ".");
		if (!s || !path[len])
			return s;
		table = s->sub;
		n = s->n_sub;
		path += len + 1;
	}
}

/* Of a service that has been read: its own setting, or one that all have. */
static const struct op_setting *known_setting(const struct op_config *c, const char *service,
					      const char *path)
{
	const struct op_setting *s =
		setting_at(op_service_common_settings, op_service_common_settings_count, path);
	if (!s && c->known->service && c->known->service == service_node(c, service))
		s = setting_at(c->known->table, c->known->n, path);
	return s;
}

OP_PRINTF(6, 0)
static void wrong(const struct op_config *c, const char *service, struct op_buf *path,
		  const char *key, struct op_buf *errors, const char *fmt, va_list ap)
{
	const struct node *above = service ? service_node(c, service) : NULL;
	size_t prefix = path->len + 1;
	if (!service)
		above = node_find(c->root, path->data);
	if (!above)
		above = c->root;
	const struct node *n = place_of(above, key, path);
	if (n == above)
		op_buf_printf(path, ".%s", key);
	struct origin at = n == above ? n->key_at : n->at;
	bool named = at.kind == ORIGIN_SET && at.name && !strcmp(at.name, path->data);
	const struct op_setting *s =
		service && n != above ? known_setting(c, service, path->data + prefix) : NULL;
	/* Without the value where no table says that it is no secret. */
	if (s && !holds_secret(s) && set_whole(n, path->data))
		at.value = n->text;
	origin_write(&at, errors);
	op_buf_printf(errors, named ? ": " : ": %s: ", path->data);
	OP_AUTO_FREE char *message = NULL;
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	op_buf_printf(errors, "%s\n", message ? message : "out of memory");
}

void op_config_wrong(const struct op_config *c, const char *service, const char *key,
		     struct op_buf *errors, const char *fmt, ...)
{
	OP_AUTO_BUF struct op_buf path;
	op_buf_init(&path, PATH_BYTES);
	op_buf_printf(&path, "services.%s", service);
	va_list ap;
	va_start(ap, fmt);
	wrong(c, service, &path, key, errors, fmt, ap);
	va_end(ap);
}

void op_config_wrong_path(const struct op_config *c, const char *path, struct op_buf *errors,
			  const char *fmt, ...)
{
	OP_AUTO_BUF struct op_buf first;
	op_buf_init(&first, PATH_BYTES);
	size_t len = strcspn(path, ".");
	op_buf_put(&first, path, len);
	va_list ap;
	va_start(ap, fmt);
	wrong(c, NULL, &first, path + len + (path[len] == '.'), errors, fmt, ap);
	va_end(ap);
}

void hint_write(struct op_buf *out, const char *word, const char *const *names, size_t n)
{
	const char *near = op_nearest(word, names, n);
	if (near) {
		op_buf_printf(out, " (did you mean \"%s\"?)", near);
		return;
	}
	if (!n)
		return;
	op_buf_puts(out, n > 1 ? " (expected one of " : " (expected ");
	for (size_t i = 0; i < n && i < 24; i++)
		op_buf_printf(out, "%s%s", i ? ", " : "", names[i]);
	op_buf_puts(out, n > 24 ? ", ...)" : ")");
}
