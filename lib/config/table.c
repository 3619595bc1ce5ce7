/*
 * table.c - a service's part of the tree into its struct, by the program's table of settings.
 *
 * Defaults come first, then the value of the tree, then components set by later sources. Every
 * key of the tree must be known; every mistake is recorded and the rest goes on.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 256 /* considered for a hint */

struct tables {
	const struct op_setting *table;
	size_t n;
};

static const struct op_setting *find(const struct op_setting *table, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].key, key))
			return &table[i];
	return NULL;
}

static size_t value_bytes(const struct op_setting *s)
{
	switch (s->type) {
	case OP_SET_BOOL:
		return sizeof(bool);
	case OP_SET_INT:
		return sizeof(int64_t);
	case OP_SET_FLOAT:
		return sizeof(double);
	case OP_SET_STRING:
		return s->size;
	case OP_SET_CHOICE:
		return sizeof(int);
	case OP_SET_LISTEN:
		return sizeof(struct op_listen);
	case OP_SET_DEVICE:
		return sizeof(struct op_device_uri);
	case OP_SET_INTS:
		return sizeof(struct op_int_list);
	case OP_SET_GROUP:
		return table_bytes(s->sub, s->n_sub);
	}
	return 0;
}

/* Bytes of a struct up to the end of its last setting. */
size_t table_bytes(const struct op_setting *table, size_t n)
{
	size_t most = 0;
	for (size_t i = 0; i < n; i++) {
		size_t end = table[i].offset + value_bytes(&table[i]);
		if (end > most)
			most = end;
	}
	return most;
}

struct node *service_node(const struct op_config *c, const char *service)
{
	return node_find(c->services, service);
}

/* ---- mistakes -------------------------------------------------------------------------- */

/* A value that --set gave as a whole, so that its mistake can be told as "--set PATH=VALUE". */
static bool set_whole(const struct node *n, const char *path)
{
	return n->at.kind == ORIGIN_SET && n->text && !strcmp(n->at.name, path);
}

/* With the value of --set in the place, unless it is secret. */
static void complain(struct problems *p, const struct op_setting *s, const struct node *n,
		     const char *path, const char *message)
{
	struct origin at = n->at;
	if (set_whole(n, path) && !(s->flags & OP_SET_SECRET))
		at.value = n->text;
	problem_add(p, &at, path, "%s", message);
}

static void complain_scheme(const struct op_setting *s, const char *text, struct op_buf *out)
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

/* "expected ..., not "x" (did you mean "y"?)"; of a secret no part of the value. */
static void complain_value(struct problems *p, const struct op_setting *s, const struct node *n,
			   const char *path)
{
	OP_AUTO_BUF struct op_buf m;
	op_buf_init(&m, 4096);
	op_buf_puts(&m, "expected ");
	value_expected(s, &m);
	if (!n->text) {
		op_buf_printf(&m, ", not %s", node_kind_name(n));
	} else if (!(s->flags & OP_SET_SECRET)) {
		if (!set_whole(n, path))
			op_buf_printf(&m, ", not \"%.40s%s\"", n->text,
				      strlen(n->text) > 40 ? "..." : "");
		if (s->choices)
			complain_scheme(s, n->text, &m);
	}
	complain(p, s, n, path, m.data);
}

static size_t all_names(const struct tables *t, size_t n_tables, const char *names[NAMES_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < n_tables; i++)
		for (size_t k = 0; k < t[i].n && count < NAMES_MAX; k++)
			names[count++] = t[i].table[k].key;
	return count;
}

static void complain_unknown(struct problems *p, const struct node *n, const char *path,
			     const struct tables *t, size_t n_tables)
{
	const char *names[NAMES_MAX];
	size_t count = all_names(t, n_tables, names);
	OP_AUTO_BUF struct op_buf hint;
	op_buf_init(&hint, 4096);
	hint_write(&hint, n->key, names, count);
	problem_add(p, &n->key_at, path, "unknown setting%s", hint.data);
}

static void check_keys(struct problems *p, const struct node *map, const char *path,
		       const struct tables *t, size_t n_tables)
{
	for (const struct node *n = map ? map->first : NULL; n; n = n->next) {
		bool known = false;
		for (size_t i = 0; i < n_tables && !known; i++)
			known = find(t[i].table, t[i].n, n->key);
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s.%s", path, n->key); /* cut is fine */
		if (!known)
			complain_unknown(p, n, sub, t, n_tables);
	}
}

/* ---- values with components ------------------------------------------------------------ */

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
			complain_value(p, &port, n, path);
	} else if (!strcmp(n->key, "host")) {
		if (n->text && listen_host_ok(n->text))
			(void)snprintf(l->host, sizeof(l->host), "%s",
				       n->text); /* length checked */
		else
			complain_value(p, &host, n, path);
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
		complain_value(p, &text, n, path);
	else
		*u = changed;
}

static void apply_parts(struct problems *p, const struct op_setting *s, const struct node *n,
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

/* ---- values ---------------------------------------------------------------------------- */

static void apply_list(struct problems *p, const struct op_setting *s, const struct node *n,
		       const char *path, struct op_int_list *ret)
{
	struct op_int_list list = {.n = 0};
	struct op_setting item = {.type = OP_SET_INT,
				  .min = s->min,
				  .max = s->max,
				  .unit = s->unit,
				  .flags = s->flags};
	for (const struct node *i = n->first; i; i = i->next) {
		if (list.n == OP_INT_LIST_MAX) {
			problem_add(p, &i->at, path, "more than %d items", OP_INT_LIST_MAX);
			return;
		}
		if (i->kind == NODE_TEXT && value_parse_int(&item, i->text, &list.v[list.n]) == 0)
			list.n++;
		else
			complain_value(p, &item, i, path);
	}
	*ret = list;
}

static bool takes_any_text(const struct op_setting *s)
{
	return s->type == OP_SET_STRING || s->type == OP_SET_LISTEN || s->type == OP_SET_DEVICE;
}

static void apply_value(struct problems *p, const struct op_setting *s, const struct node *n,
			const char *path, void *value)
{
	bool composed = s->type == OP_SET_LISTEN || s->type == OP_SET_DEVICE;
	if (n->kind == NODE_NULL)
		return;
	if (n->kind == NODE_LIST && s->type == OP_SET_INTS) {
		apply_list(p, s, n, path, value);
	} else if (n->kind == NODE_TEXT || (n->text && takes_any_text(s))) {
		if (value_parse(s, n->text, value))
			complain_value(p, s, n, path);
		if (n->kind == NODE_TEXT)
			apply_parts(p, s, n, path, value);
	} else if (n->kind == NODE_MAP && composed) {
		apply_parts(p, s, n, path, value);
		if (s->type == OP_SET_DEVICE && !*((struct op_device_uri *)value)->scheme)
			complain_value(p, s, n, path); /* parts of nothing */
	} else {
		complain_value(p, s, n, path);
	}
}

static void apply_table(struct problems *p, const struct op_setting *table, size_t n,
			const struct node *map, const struct origin *above, const char *path,
			unsigned char *base);

static void apply_group(struct problems *p, const struct op_setting *s, const struct node *n,
			const struct origin *above, const char *path, unsigned char *base)
{
	if (n && n->kind != NODE_MAP && n->kind != NODE_NULL) {
		complain_value(p, s, n, path);
		n = NULL;
	}
	struct tables t = {s->sub, s->n_sub};
	check_keys(p, n, path, &t, 1);
	apply_table(p, s->sub, s->n_sub, n, n ? &n->key_at : above, path, base);
}

/* above: the place of the mapping's key, where a missing setting belongs. */
static void apply_table(struct problems *p, const struct op_setting *table, size_t n,
			const struct node *map, const struct origin *above, const char *path,
			unsigned char *base)
{
	for (size_t i = 0; i < n; i++) {
		const struct op_setting *s = &table[i];
		const struct node *value = node_find(map, s->key);
		void *at = base + s->offset;
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s.%s", path, s->key); /* cut is fine */
		if (s->type == OP_SET_GROUP) {
			apply_group(p, s, value, above, sub, at);
			continue;
		}
		int rc = s->def ? value_parse(s, s->def, at) : 0;
		assert(rc == 0 && "the default in a table is not what the table allows");
		if (value)
			apply_value(p, s, value, sub, at);
		bool empty = s->type == OP_SET_STRING && !*(const char *)at;
		if ((s->flags & OP_SET_REQUIRED) && (!value || value->kind == NODE_NULL || empty))
			problem_add(p, above, sub, "is required: %s", s->help);
	}
}

/* ---- the environment map --------------------------------------------------------------- */

/* True if path (below the service) names a setting, a group or a component of one. */
static bool path_known(const char *path, const struct tables *t, size_t n_tables)
{
	char key[64];
	size_t len = strcspn(path, ".");
	if (!len || len >= sizeof(key))
		return false;
	memcpy(key, path, len);
	key[len] = '\0';
	const struct op_setting *s = NULL;
	for (size_t i = 0; i < n_tables && !s; i++)
		s = find(t[i].table, t[i].n, key);
	if (!s)
		return false;
	if (!path[len])
		return s->type != OP_SET_GROUP;
	const char *rest = path + len + 1;
	if (s->type == OP_SET_GROUP) {
		struct tables sub = {s->sub, s->n_sub};
		return path_known(rest, &sub, 1);
	}
	if (s->type == OP_SET_LISTEN)
		return !strcmp(rest, "host") || !strcmp(rest, "port");
	return s->type == OP_SET_DEVICE && *rest && !strchr(rest, '.');
}

/* The nearest name, if it is the first part of the path that is wrong. */
static void hint_target(const char *path, const struct tables *t, size_t n_tables,
			struct op_buf *out)
{
	const char *names[NAMES_MAX];
	size_t count = all_names(t, n_tables, names);
	char key[64];
	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path); /* cut is fine */
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], key))
			return;
	hint_write(out, key, names, count);
}

/* A variable's target must exist whether the variable is set or not. */
static void check_targets(const struct op_config *c, struct problems *p, const char *service,
			  const struct tables *t, size_t n_tables)
{
	char prefix[16 + NAME_MAX_BYTES];
	int len = snprintf(prefix, sizeof(prefix), "services.%s.", service);
	for (const struct env_target *e = c->env; e; e = e->next) {
		if (strncmp(e->path, prefix, (size_t)len))
			continue;
		if (path_known(e->path + len, t, n_tables))
			continue;
		OP_AUTO_BUF struct op_buf hint;
		op_buf_init(&hint, 4096);
		hint_target(e->path + len, t, n_tables, &hint);
		problem_add(p, &e->at, "environment", "%s sets %s, which is no setting%s", e->name,
			    e->path, hint.data);
	}
}

/* ---- one service ----------------------------------------------------------------------- */

void op_config_program(const struct op_config *c, const char *service, char *ret, size_t size)
{
	const struct node *n = node_find(service_node(c, service), "program");
	bool given = n && n->kind == NODE_TEXT && *n->text;
	(void)snprintf(ret, size, "%s%s", given ? "" : "outpost-", given ? n->text : service);
}

static void check_service(const struct op_config *c, struct problems *p, const char *service,
			  const struct op_setting *table, size_t n, void *settings,
			  struct op_service_common *common)
{
	const struct node *node = service_node(c, service);
	struct tables t[2] = {{op_service_common_settings, op_service_common_settings_count},
			      {table, n}};
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "services.%s", service); /* cut is fine */
	apply_table(p, t[0].table, t[0].n, node, &node->key_at, path, (unsigned char *)common);
	op_config_program(c, service, common->program, sizeof(common->program));
	if (!table)
		return;
	check_keys(p, node, path, t, 2);
	check_targets(c, p, service, t, 2);
	apply_table(p, table, n, node, &node->key_at, path, settings);
}

int op_config_service(const struct op_config *c, const char *service,
		      const struct op_setting *table, size_t n, void *ret_settings,
		      struct op_service_common *ret_common, struct op_buf *errors)
{
	for (size_t i = 0; i < n; i++)
		assert(!find(op_service_common_settings, op_service_common_settings_count,
			     table[i].key) &&
		       "a key that every service has already");
	int rc = op_config_find_service(c, service, errors);
	if (rc)
		return rc;
	enum node_kind kind = service_node(c, service)->kind;
	if (kind != NODE_MAP && kind != NODE_NULL)
		return -EINVAL;
	size_t bytes = table ? table_bytes(table, n) : 0;
	OP_AUTO_FREE void *settings = calloc(1, bytes ? bytes : 1);
	OP_AUTO_FREE struct problems *p = calloc(1, sizeof(*p));
	if (!settings || !p)
		return -ENOMEM;
	struct op_service_common common = {.watchdog_s = 0};
	check_service(c, p, service, table, n, settings, &common);
	rc = problems_write(p, errors);
	if (rc)
		return rc;
	if (ret_settings && table)
		memcpy(ret_settings, settings, bytes);
	if (ret_common)
		*ret_common = common;
	return 0;
}
