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
	case OP_SET_LIST:
		return sizeof(struct op_setting_list);
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

/* ---- values ---------------------------------------------------------------------------- */

static void apply_ints(struct problems *p, const struct op_setting *s, const struct node *n,
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
			problem_value(p, &item, i, path);
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
		apply_ints(p, s, n, path, value);
	} else if (n->kind == NODE_TEXT || (n->text && takes_any_text(s))) {
		if (value_parse(s, n->text, value))
			problem_value(p, s, n, path);
		if (n->kind == NODE_TEXT)
			parts_apply(p, s, n, path, value);
	} else if (n->kind == NODE_MAP && composed) {
		parts_apply(p, s, n, path, value);
		if (s->type == OP_SET_DEVICE && !*((struct op_device_uri *)value)->scheme)
			problem_value(p, s, n, path); /* parts of nothing */
	} else {
		problem_value(p, s, n, path);
	}
}

/* ---- tables within tables --------------------------------------------------------------- */

/* Where mistakes go, and the memory of lists. */
struct apply {
	struct problems *p;
	struct pool *pool;
};

static void apply_table(const struct apply *a, const struct op_setting *table, size_t n,
			const struct node *map, const struct origin *above, const char *path,
			unsigned char *base);

static void apply_group(const struct apply *a, const struct op_setting *s, const struct node *n,
			const struct origin *above, const char *path, unsigned char *base)
{
	if (n && n->kind != NODE_MAP && n->kind != NODE_NULL) {
		problem_value(a->p, s, n, path);
		n = NULL;
	}
	struct tables t = {s->sub, s->n_sub};
	check_keys(a->p, n, path, &t, 1);
	apply_table(a, s->sub, s->n_sub, n, n ? &n->key_at : above, path, base);
}

static void apply_element(const struct apply *a, const struct op_setting *s, const struct node *n,
			  const char *path, unsigned char *base)
{
	struct tables t = {s->sub, s->n_sub};
	if (n->kind != NODE_MAP) {
		problem_add(a->p, &n->at, path, "expected a mapping of settings, not %s",
			    node_kind_name(n));
		return;
	}
	check_keys(a->p, n, path, &t, 1);
	apply_table(a, s->sub, s->n_sub, n, &n->at, path, base);
}

static void apply_list(const struct apply *a, const struct op_setting *s, const struct node *list,
		       const char *path, struct op_setting_list *ret)
{
	size_t n = 0, most = (size_t)s->max;
	if (list->kind != NODE_LIST) {
		problem_value(a->p, s, list, path);
		return;
	}
	for (const struct node *i = list->first; i; i = i->next)
		if (n++ == most)
			problem_add(a->p, &i->at, path, "more than %zu elements", most);
	if (n > most)
		n = most;
	ret->v = n ? pool_alloc(a->pool, n * s->size) : NULL;
	ret->n = ret->v ? n : 0;
	if (ret->n < n)
		problem_add(a->p, &list->at, path, "no memory for %zu elements", n);
	const struct node *i = list->first;
	for (size_t k = 0; k < ret->n; k++, i = i->next) {
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%.480s.%zu", path, k); /* cut is fine */
		apply_element(a, s, i, sub, (unsigned char *)ret->v + k * s->size);
	}
}

/* value: what the tree has for the setting, or NULL. */
static void apply_setting(const struct apply *a, const struct op_setting *s,
			  const struct node *value, const struct origin *above, const char *path,
			  void *at)
{
	if (s->type == OP_SET_GROUP) {
		apply_group(a, s, value, above, path, at);
		return;
	}
	bool given = value && value->kind != NODE_NULL;
	bool empty = false;
	if (s->type == OP_SET_LIST) {
		assert(table_bytes(s->sub, s->n_sub) <= s->size && s->max >= 1);
		if (given)
			apply_list(a, s, value, path, at);
		empty = given && value->kind == NODE_LIST && !value->first;
	} else {
		int rc = s->def ? value_parse(s, s->def, at) : 0;
		assert(rc == 0 && "the default in a table is not what the table allows");
		if (value)
			apply_value(a->p, s, value, path, at);
		empty = s->type == OP_SET_STRING && !*(const char *)at;
	}
	if ((s->flags & OP_SET_REQUIRED) && (!given || empty))
		problem_add(a->p, above, path, "is required: %s", s->help);
}

/* above: the place of the mapping's key, where a missing setting belongs. */
static void apply_table(const struct apply *a, const struct op_setting *table, size_t n,
			const struct node *map, const struct origin *above, const char *path,
			unsigned char *base)
{
	for (size_t i = 0; i < n; i++) {
		const struct op_setting *s = &table[i];
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s.%s", path, s->key); /* cut is fine */
		apply_setting(a, s, node_find(map, s->key), above, sub, base + s->offset);
	}
}

/* ---- the environment map --------------------------------------------------------------- */

/* Below a setting that has no path of its own kind: the rest, or "" if nothing is. */
static const char *next_part(const char *path, char *ret, size_t size)
{
	size_t len = strcspn(path, ".");
	if (!len || len >= size)
		return NULL;
	memcpy(ret, path, len);
	ret[len] = '\0';
	return path + len + (path[len] == '.' && path[len + 1]);
}

static bool path_known(const char *path, const struct tables *t, size_t n_tables);

/* A list may be set as a whole, and so may its elements and what is in them. */
static bool element_known(const char *path, const struct op_setting *s)
{
	char index[32];
	const char *rest = next_part(path, index, sizeof(index));
	struct tables sub = {s->sub, s->n_sub};
	size_t number;
	if (!rest || !node_index(index, &number) || number >= (size_t)s->max)
		return false;
	return !*rest || path_known(rest, &sub, 1);
}

/* True if path (below the service) names a setting, a group or a component of one. */
static bool path_known(const char *path, const struct tables *t, size_t n_tables)
{
	char key[64];
	const char *rest = next_part(path, key, sizeof(key));
	const struct op_setting *s = NULL;
	for (size_t i = 0; i < n_tables && !s && rest; i++)
		s = find(t[i].table, t[i].n, key);
	if (!s)
		return false;
	if (!*rest)
		return s->type != OP_SET_GROUP;
	if (s->type == OP_SET_GROUP) {
		struct tables sub = {s->sub, s->n_sub};
		return path_known(rest, &sub, 1);
	}
	if (s->type == OP_SET_LIST)
		return element_known(rest, s);
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

static void check_target(struct problems *p, const struct env_target *e, const char *path,
			 const struct tables *t, size_t n_tables)
{
	if (path_known(path, t, n_tables))
		return;
	OP_AUTO_BUF struct op_buf hint;
	op_buf_init(&hint, 4096);
	hint_target(path, t, n_tables, &hint);
	problem_add(p, &e->at, "environment", "%s sets %s, which is no setting%s", e->name, e->path,
		    hint.data);
}

/* A variable's target must exist whether the variable is set or not. */
static void check_targets(const struct op_config *c, struct problems *p, const char *above,
			  const struct tables *t, size_t n_tables)
{
	char prefix[16 + NAME_MAX_BYTES];
	int len = snprintf(prefix, sizeof(prefix), "%s.", above);
	for (const struct variable *v = c->variables; v; v = v->next)
		for (const struct env_target *e = v->first; e; e = e->next)
			if (!strncmp(e->path, prefix, (size_t)len))
				check_target(p, e, e->path + len, t, n_tables);
}

void section_apply(const struct op_config *c, struct problems *p, const char *name,
		   const struct op_setting *table, size_t n, void *base)
{
	const struct node *node = node_find(c->root, name);
	struct tables t = {table, n};
	struct apply a = {p, c->lists};
	if (node && node->kind != NODE_MAP && node->kind != NODE_NULL) {
		problem_add(p, &node->at, name, "expected a mapping of settings, not %s",
			    node_kind_name(node));
		node = NULL;
	}
	check_keys(p, node, name, &t, 1);
	check_targets(c, p, name, &t, 1);
	apply_table(&a, table, n, node, &c->root->at, name, base);
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
	struct apply a = {p, c->lists};
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "services.%s", service); /* cut is fine */
	apply_table(&a, t[0].table, t[0].n, node, &node->key_at, path, (unsigned char *)common);
	op_config_program(c, service, common->program, sizeof(common->program));
	if (!table)
		return;
	check_keys(p, node, path, t, 2);
	check_targets(c, p, path, t, 2);
	apply_table(&a, table, n, node, &node->key_at, path, settings);
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
	if (table)
		*c->known = (struct known_table){service_node(c, service), table, n};
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
