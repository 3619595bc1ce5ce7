/*
 * appliance.c - the keys that every appliance file has: names, services, simulators.
 *
 * What stands below services.NAME belongs to that service's program and is checked by its table.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const top_keys[] = {
	"appliance", "description", "env_file", "environment",   "environment_groups",
	"log",       "memory",      "services", "start_failure", "simulators"};
static const char *const simulator_keys[] = {"program", "args", "set"};

/* Names become file names, topic names and unit names. */
static bool name_ok(const char *name)
{
	size_t n = strlen(name);
	return n && n <= NAME_MAX_BYTES && islower((unsigned char)name[0]) &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")];
}

void map_check(const struct node *map, const char *path, const char *const *names, size_t n_names,
	       struct problems *p)
{
	for (const struct node *n = map->first; n; n = n->next) {
		bool known = false;
		for (size_t i = 0; i < n_names && !known; i++)
			known = !strcmp(n->key, names[i]);
		if (known)
			continue;
		OP_AUTO_BUF struct op_buf hint;
		op_buf_init(&hint, 1024);
		hint_write(&hint, n->key, names, n_names);
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "." : "", n->key);
		problem_add(p, &n->key_at, sub, "unknown key%s", hint.data);
	}
}

struct node *map_at(const struct node *parent, const char *key, const char *path,
		    struct problems *p)
{
	struct node *n = node_find(parent, key);
	if (!n || n->kind == NODE_NULL)
		return NULL;
	if (n->kind != NODE_MAP) {
		problem_add(p, &n->at, path, "expected a mapping, not %s", node_kind_name(n));
		return NULL;
	}
	return n;
}

const char *text_at(const struct node *parent, const char *key, const char *path,
		    struct problems *p)
{
	const struct node *n = node_find(parent, key);
	if (!n || n->kind == NODE_NULL)
		return NULL;
	if (n->kind != NODE_TEXT) {
		problem_add(p, &n->at, path, "expected text, not %s", node_kind_name(n));
		return NULL;
	}
	return n->text;
}

static void check_name(const struct node *n, const char *name, const char *path, struct problems *p)
{
	if (!name_ok(name))
		problem_add(
			p, n->key ? &n->key_at : &n->at, path,
			"a name is a-z, 0-9, \"-\" and \"_\", begins with a letter and has at most "
			"%d characters",
			NAME_MAX_BYTES);
}

static void read_names(struct op_config *c, struct problems *p)
{
	size_t before = p->n;
	c->appliance = text_at(c->root, "appliance", "appliance", p);
	c->description = text_at(c->root, "description", "description", p);
	if (c->appliance)
		check_name(node_find(c->root, "appliance"), c->appliance, "appliance", p);
	else if (p->n == before)
		problem_add(p, &c->root->at, "appliance",
			    "is required: the name of the appliance, such as \"sensorhub\"");
}

static void read_services(struct op_config *c, struct problems *p)
{
	size_t before = p->n;
	c->services = map_at(c->root, "services", "services", p);
	for (struct node *n = c->services ? c->services->first : NULL; n; n = n->next) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "services.%s", n->key); /* cut is fine */
		check_name(n, n->key, path, p);
		c->n_services++;
	}
	if (!c->n_services && p->n == before)
		problem_add(p, &c->root->at, "services", "is required: at least one service");
}

bool appliance_path_ok(struct op_config *c, const char *path, const struct origin *at,
		       struct problems *p)
{
	const char *names[128];
	size_t n = 0;
	if (own_path(path))
		return true;
	if (strncmp(path, "services.", 9)) {
		problem_add(p, at, NULL, "a path begins with services.NAME, \"%.60s\" does not",
			    path);
		return false;
	}
	char name[NAME_MAX_BYTES + 32];
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(path + 9, "."), path + 9);
	if (node_find(c->services, name))
		return true;
	for (const struct node *s = c->services ? c->services->first : NULL;
	     s && n < OP_ARRAY_SIZE(names); s = s->next)
		names[n++] = s->key;
	OP_AUTO_BUF struct op_buf hint;
	op_buf_init(&hint, 4096);
	hint_write(&hint, name, names, n);
	problem_add(p, at, NULL, "unknown service \"%s\"%s", name, hint.data);
	return false;
}

int appliance_read(struct op_config *c, struct problems *p)
{
	map_check(c->root, "", top_keys, OP_ARRAY_SIZE(top_keys), p);
	read_names(c, p);
	read_services(c, p);
	return environment_read(c, p);
}

/* ---- simulators ------------------------------------------------------------------------ */

static int read_args(struct op_config *c, const struct node *sim, const char *path,
		     struct op_config_simulator *ret, struct problems *p)
{
	const struct node *list = node_find(sim, "args");
	size_t n = 0;
	if (!list || list->kind == NODE_NULL)
		return 0;
	if (list->kind != NODE_LIST) {
		problem_add(p, &list->at, path, "args: expected a list of texts, not %s",
			    node_kind_name(list));
		return 0;
	}
	for (const struct node *i = list->first; i; i = i->next)
		n++;
	const char **args = pool_alloc(&c->pool, (n + 1) * sizeof(*args));
	if (!args)
		return -ENOMEM;
	for (const struct node *i = list->first; i; i = i->next) {
		const char *text = i->text;
		if (i->kind != NODE_TEXT)
			problem_add(p, &i->at, path, "args: expected text, not %s",
				    node_kind_name(i));
		else if (placeholder_expand(c, i->text, &text) == -ENOMEM)
			return -ENOMEM; /* an unknown one is recorded where it was read */
		args[ret->n_args++] = text;
	}
	ret->args = args;
	return 0;
}

static int read_simulator(struct op_config *c, struct node *n, struct op_config_simulator *ret,
			  struct problems *p)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "simulators.%s", n->key); /* cut is fine */
	check_name(n, n->key, path, p);
	if (n->kind != NODE_MAP) {
		problem_add(p, &n->at, path, "expected a mapping, not %s", node_kind_name(n));
		return 0;
	}
	map_check(n, path, simulator_keys, OP_ARRAY_SIZE(simulator_keys), p);
	ret->name = n->key;
	ret->program = text_at(n, "program", path, p);
	if (!node_find(n, "program"))
		problem_add(p, &n->key_at, path, "program is required: the simulator to start");
	return read_args(c, n, path, ret, p);
}

int appliance_read_simulators(struct op_config *c, struct problems *p)
{
	const struct node *map = map_at(c->root, "simulators", "simulators", p);
	size_t n = 0;
	for (const struct node *i = map ? map->first : NULL; i; i = i->next)
		n++;
	c->simulators = pool_alloc(&c->pool, (n + 1) * sizeof(*c->simulators));
	if (!c->simulators)
		return -ENOMEM;
	for (struct node *i = map ? map->first : NULL; i; i = i->next) {
		int rc = read_simulator(c, i, &c->simulators[c->n_simulators], p);
		if (rc)
			return rc;
		c->n_simulators++;
	}
	return 0;
}

static void mark(struct node *n, const char *simulator)
{
	n->at.kind = n->key_at.kind = ORIGIN_SIMULATOR;
	n->at.name = n->key_at.name = simulator;
	for (struct node *i = n->first; i; i = i->next)
		mark(i, simulator);
}

static int apply_set(struct op_config *c, const struct node *set, const char *simulator,
		     struct problems *p)
{
	for (const struct node *i = set->first; i; i = i->next) {
		if (!appliance_path_ok(c, i->key, &i->key_at, p))
			continue;
		struct node *value = node_copy(c, i);
		if (!value)
			return -ENOMEM;
		mark(value, simulator);
		int rc = node_set(c, c->root, i->key, value, &value->key_at, p);
		if (rc == -EINVAL)
			problem_add(p, &i->key_at, NULL, "an empty part in the path \"%.60s\"",
				    i->key);
		else if (rc)
			return rc;
	}
	return 0;
}

int appliance_apply_simulators(struct op_config *c, struct problems *p)
{
	const struct node *map = node_find(c->root, "simulators");
	for (const struct node *i = map && map->kind == NODE_MAP ? map->first : NULL; i;
	     i = i->next) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "simulators.%s.set", i->key); /* cut is fine */
		if (i->kind != NODE_MAP)
			continue;
		const struct node *set = map_at(i, "set", path, p);
		int rc = set ? apply_set(c, set, i->key, p) : 0;
		if (rc)
			return rc;
	}
	return 0;
}
