/*
 * parts.c - values with components of their own: the host and port of a listen address, the path
 * and parameters of a device. Each may be set alone, over what the whole value says.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static void apply_listen_part(struct problems *p, const struct op_setting *s, const struct node *n,
			      const char *path, struct op_listen *l)
{
	static const char *const parts[] = {"host", "port"};
	struct op_setting port = {.type = OP_SET_INT, .min = 0, .max = 65535, .flags = s->flags};
	struct op_setting host = {
		.type = OP_SET_STRING, .size = sizeof(l->host), .flags = s->flags};
	int64_t number;
	if (s->min != 0 || s->max != 0) {
		port.min = s->min;
		port.max = s->max;
	}
	if (!strcmp(n->key, "port")) {
		if (n->kind == NODE_TEXT && value_parse_int(&port, n->text, &number) == 0)
			l->port = (uint16_t)number;
		else
			problem_value(p, &port, n, path);
	} else if (!strcmp(n->key, "host")) {
		if (n->text && listen_host_ok(n->text))
			(void)snprintf(l->host, sizeof(l->host), "%s",
				       n->text); /* length checked */
		else
			problem_value(p, &host, n, path);
	} else {
		OP_AUTO_BUF struct op_buf hint;
		op_buf_init(&hint, 256);
		hint_write(&hint, n->key, parts, OP_ARRAY_SIZE(parts));
		problem_add(p, &n->key_at, path, "unknown part of a listen address%s", hint.data);
	}
}

static char *device_part(struct op_device_uri *u, const char *key, size_t *ret_size)
{
	*ret_size = sizeof(u->path);
	if (!strcmp(key, "path"))
		return u->path;
	*ret_size = sizeof(u->params[0].value);
	for (size_t i = 0; i < u->n_params; i++)
		if (!strcmp(u->params[i].key, key))
			return u->params[i].value;
	if (u->n_params == OP_ARRAY_SIZE(u->params) || strlen(key) >= sizeof(u->params[0].key) ||
	    key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
		return NULL;
	strcpy(u->params[u->n_params].key, key); /* length checked above */
	return u->params[u->n_params++].value;
}

/* What could not be written as a URI is no device: control characters, odd names, nothing left. */
static bool device_ok(const struct op_device_uri *u)
{
	struct op_device_uri again;
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 8192);
	op_device_uri_write(u, &text);
	return !*u->scheme || op_device_uri_parse(text.data, &again) == 0;
}

static void apply_device_part(struct problems *p, const struct op_setting *s, const struct node *n,
			      const char *path, struct op_device_uri *u)
{
	size_t size;
	struct op_device_uri changed = *u;
	char *part = device_part(&changed, n->key, &size);
	if (!part) {
		problem_add(
			p, &n->key_at, path,
			"cannot be a parameter of a device (at most %zu, each with a name of up to "
			"%zu letters, digits, \"_\" and \"-\")",
			OP_ARRAY_SIZE(u->params), sizeof(u->params[0].key) - 1);
		return;
	}
	struct op_setting text = {.type = OP_SET_STRING, .size = size, .flags = s->flags};
	if (!n->text || value_parse(&text, n->text, part) || !device_ok(&changed))
		problem_value(p, &text, n, path);
	else
		*u = changed;
}

void parts_apply(struct problems *p, const struct op_setting *s, const struct node *n,
		 const char *path, void *value)
{
	for (const struct node *i = n->first; i; i = i->next) {
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s.%s", path, i->key); /* cut is fine */
		if (i->kind == NODE_NULL)
			continue;
		if (s->type == OP_SET_LISTEN)
			apply_listen_part(p, s, i, sub, value);
		else if (s->type == OP_SET_DEVICE)
			apply_device_part(p, s, i, sub, value);
		else
			problem_add(p, &i->key_at, sub,
				    "unknown setting (%s has no settings below it)", s->key);
	}
}
