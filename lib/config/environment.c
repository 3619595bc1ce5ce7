/*
 * environment.c - what an appliance file says of the environment: which variables there are, what
 * each sets and how it is written, and where the environment file is.
 *
 * Follows outpost.yaml(5). The values are read by load.c and checked by variable.c.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const variable_keys[] = {"set",   "type",     "choices", "min",
					    "max",   "called",   "default", "group",
					    "below", "required", "secret",  "export"};
static const char *const target_keys[] = {"path", "times"};
static const char *const group_keys[] = {"when", "wrong"};
static const char *const type_names[] = {"any", "text",  "word",   "bool",
					 "int", "float", "choice", "url"};

bool variable_ok(const char *name)
{
	return !isdigit((unsigned char)*name) && *name &&
	       !name[strspn(name,
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")];
}

struct variable *variable_find(const struct op_config *c, const char *name, size_t len)
{
	for (struct variable *v = c->variables; v; v = v->next)
		if (!strncmp(v->name, name, len) && !v->name[len])
			return v;
	return NULL;
}

/* ---- what a variable sets ------------------------------------------------------------------ */

/* log.KEY is the appliance's own; all else is below a service. */
static bool target_ok(struct op_config *c, const struct node *n, const char *name,
		      struct problems *p)
{
	if (n->kind != NODE_TEXT) {
		problem_add(p, &n->at, "environment", "%s: expected a path, not %s", name,
			    node_kind_name(n));
		return false;
	}
	if (!appliance_path_ok(c, n->text, &n->at, p))
		return false;
	if (strncmp(n->text, "services.", 9) || strchr(n->text + 9, '.'))
		return true;
	problem_add(p, &n->at, "environment",
		    "%s sets %s, which is a service (name a setting below it)", name, n->text);
	return false;
}

static bool read_bound(const struct node *map, const char *key, const char *path,
		       struct problems *p, double *ret)
{
	static const struct op_setting number = {.type = OP_SET_FLOAT};
	const struct node *n = node_find(map, key);
	if (!n)
		return false;
	if (n->kind == NODE_TEXT && value_parse(&number, n->text, ret) == 0)
		return true;
	problem_value(p, &number, n, path);
	return false;
}

/* A path, or {path: PATH, times: NUMBER}. */
static int add_target(struct op_config *c, struct variable *v, const struct node *n,
		      struct problems *p)
{
	double times = 0;
	const struct node *path = n->kind == NODE_MAP ? node_find(n, "path") : n;
	if (n->kind == NODE_MAP) {
		map_check(n, "environment", target_keys, OP_ARRAY_SIZE(target_keys), p);
		(void)read_bound(n, "times", "environment", p, &times); /* without: 0 */
	}
	if (!target_ok(c, path ? path : n, v->name, p))
		return 0;
	struct env_target *t = pool_alloc(&c->pool, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*t = (struct env_target){v->name, path->text, times, n->at, NULL};
	if (v->last)
		v->last->next = t;
	else
		v->first = t;
	v->last = t;
	return 0;
}

static int add_targets(struct op_config *c, struct variable *v, const struct node *n,
		       struct problems *p)
{
	if (n->kind != NODE_LIST)
		return add_target(c, v, n, p);
	int rc = 0;
	for (const struct node *i = n->first; i && rc == 0; i = i->next)
		rc = add_target(c, v, i, p);
	return rc;
}

/* ---- how it is written ---------------------------------------------------------------------- */

static bool read_flag(const struct node *map, const char *key, const char *path, struct problems *p)
{
	static const struct op_setting flag = {.type = OP_SET_BOOL};
	const struct node *n = node_find(map, key);
	bool value = false;
	if (n && (n->kind != NODE_TEXT || value_parse(&flag, n->text, &value)))
		problem_value(p, &flag, n, path);
	return value;
}

static enum variable_type read_type(const struct node *map, const char *path, struct problems *p)
{
	const char *name = text_at(map, "type", path, p);
	for (size_t i = 0; name && i < OP_ARRAY_SIZE(type_names); i++)
		if (!strcmp(name, type_names[i]))
			return (enum variable_type)i;
	if (!name)
		return VARIABLE_TEXT;
	OP_AUTO_BUF struct op_buf hint;
	op_buf_init(&hint, 1024);
	hint_write(&hint, name, type_names, OP_ARRAY_SIZE(type_names));
	problem_add(p, &node_find(map, "type")->at, path, "unknown type%s", hint.data);
	return VARIABLE_TEXT;
}

static int read_choices(struct op_config *c, struct variable *v, const struct node *map,
			const char *path, struct problems *p)
{
	const struct node *list = node_find(map, "choices");
	size_t n = 0;
	if (v->type != VARIABLE_CHOICE)
		return 0;
	for (const struct node *i = list ? list->first : NULL; i; i = i->next)
		n += i->kind == NODE_TEXT;
	if (!n)
		problem_add(p, &map->key_at, path, "a choice needs a list of \"choices\"");
	v->choices = pool_alloc(&c->pool, (n + 1) * sizeof(*v->choices));
	if (!v->choices)
		return -ENOMEM;
	n = 0;
	for (const struct node *i = list ? list->first : NULL; i; i = i->next)
		if (i->kind == NODE_TEXT)
			v->choices[n++] = i->text;
	return 0;
}

static const struct env_group *read_group(const struct op_config *c, const struct node *map,
					  const char *path, struct problems *p)
{
	const char *name = text_at(map, "group", path, p);
	for (const struct env_group *g = c->groups; g && name; g = g->next)
		if (!strcmp(g->name, name))
			return g;
	if (name)
		problem_add(p, &node_find(map, "group")->at, path,
			    "no group \"%.40s\" in environment_groups", name);
	return NULL;
}

static int read_declaration(struct op_config *c, struct variable *v, const struct node *n,
			    struct problems *p)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "environment.%s", v->name); /* cut is fine */
	map_check(n, path, variable_keys, OP_ARRAY_SIZE(variable_keys), p);
	v->type = read_type(n, path, p);
	v->called = text_at(n, "called", path, p);
	v->called = v->called ? v->called : v->name;
	v->def = text_at(n, "default", path, p);
	v->below = text_at(n, "below", path, p);
	v->required = text_at(n, "required", path, p);
	v->group = read_group(c, n, path, p);
	v->secret = read_flag(n, "secret", path, p);
	v->exported = read_flag(n, "export", path, p);
	v->has_min = read_bound(n, "min", path, p, &v->min);
	v->has_max = read_bound(n, "max", path, p, &v->max);
	const struct node *set = node_find(n, "set");
	int rc = read_choices(c, v, n, path, p);
	return rc == 0 && set ? add_targets(c, v, set, p) : rc;
}

static int read_variable(struct op_config *c, const struct node *n, struct problems *p)
{
	struct variable *v = pool_alloc(&c->pool, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (!variable_ok(n->key))
		problem_add(p, &n->key_at, "environment",
			    "\"%.40s\" cannot be the name of a variable", n->key);
	v->name = v->called = n->key;
	if (c->variables_last)
		c->variables_last->next = v;
	else
		c->variables = v;
	c->variables_last = v;
	return n->kind == NODE_MAP ? read_declaration(c, v, n, p) : add_targets(c, v, n, p);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int read_groups(struct op_config *c, struct problems *p)
{
	const struct node *map = map_at(c->root, "environment_groups", "environment_groups", p);
	for (const struct node *n = map ? map->first : NULL; n; n = n->next) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "environment_groups.%s", n->key); /* as above */
		struct env_group *g = pool_alloc(&c->pool, sizeof(*g));
		if (!g)
			return -ENOMEM;
		map_check(n, path, group_keys, OP_ARRAY_SIZE(group_keys), p);
		*g = (struct env_group){n->key, text_at(n, "when", path, p),
					text_at(n, "wrong", path, p), c->groups};
		c->groups = g;
	}
	return 0;
}

/* What another variable's name stands for must be there. */
static void check_names(const struct op_config *c, struct problems *p)
{
	const struct node *map = node_find(c->root, "environment");
	for (const struct variable *v = c->variables; v; v = v->next)
		if (v->below && !variable_find(c, v->below, strlen(v->below)))
			problem_add(p, &node_find(map, v->name)->at, "environment",
				    "%s: no variable %.40s to be below", v->name, v->below);
	for (const struct env_group *g = c->groups; g; g = g->next)
		if (g->when && !variable_find(c, g->when, strlen(g->when)))
			problem_add(p, &node_find(c->root, "environment_groups")->at,
				    "environment_groups", "%s: no variable %.40s", g->name,
				    g->when);
}

static void read_start_failure(struct op_config *c, struct problems *p)
{
	static const struct op_setting status = {.type = OP_SET_INT, .min = 1, .max = 125};
	const struct node *n = node_find(c->root, "start_failure");
	int64_t value = 0;
	if (n && (n->kind != NODE_TEXT || value_parse_int(&status, n->text, &value)))
		problem_value(p, &status, n, "start_failure");
	c->start_failure = (int)value;
}

int environment_read(struct op_config *c, struct problems *p)
{
	const char *style = text_at(c->root, "env_file", "env_file", p);
	c->dotenv = style && !strcmp(style, "dotenv");
	if (style && !c->dotenv && strcmp(style, "plain"))
		problem_add(p, &node_find(c->root, "env_file")->at, "env_file",
			    "expected plain or dotenv");
	read_start_failure(c, p);
	int rc = read_groups(c, p);
	const struct node *map = map_at(c->root, "environment", "environment", p);
	for (const struct node *n = map ? map->first : NULL; n && rc == 0; n = n->next)
		rc = read_variable(c, n, p);
	check_names(c, p);
	return rc;
}

void environment_note_directory(struct op_config *c, const char *path)
{
	OP_AUTO_FREE char *real = realpath(path, NULL);
	path = real ? real : path;
	if (!strstr(c->notes.data, path))
		op_buf_printf(
			&c->notes,
			"%s: is a directory, not a file, and is passed over (Docker makes one "
			"where a file to be mounted is missing: rmdir it, and make the file)\n",
			path);
}

/* Beside the appliance's file, in the nearest directory above it that has one, else in the working
 * directory. */
int environment_find_file(struct op_config *c)
{
	char path[PATH_MAX], cwd[PATH_MAX] = "";
	struct stat st;
	if (*c->file != '/' && !getcwd(cwd, sizeof(cwd)))
		return 0;
	int len = snprintf(path, sizeof(path), "%s/%s", cwd, c->file);
	if (len >= (int)sizeof(path) - 8)
		return 0;
	for (char *slash; (slash = strrchr(path, '/')); *slash = '\0') {
		strcpy(slash, "/.env"); /* there is room */
		if (stat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			environment_note_directory(c, *c->file == '/' ? path + 1 : path);
			continue;
		}
		const char *from = *c->file == '/' ? path + 1 : path;
		c->env_file = pool_text(&c->pool, from, strlen(from));
		return c->env_file ? 0 : -ENOMEM;
	}
	return 0;
}
