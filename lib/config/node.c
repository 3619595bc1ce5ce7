/*
 * node.c - the tree of values: find, append, copy, and put a value at a dotted path.
 *
 * A tree has at most NODES_MAX nodes and TEXT_MAX_BYTES of text, counted where they are made, so
 * that aliases of aliases in a YAML file cannot blow it up.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

struct node *node_find(const struct node *map, const char *key)
{
	for (struct node *n = map ? map->first : NULL; n; n = n->next)
		if (n->key && !strcmp(n->key, key))
			return n;
	return NULL;
}

struct node *node_new(struct op_config *c, enum node_kind kind, const struct origin *at)
{
	if (c->nodes >= NODES_MAX)
		return NULL;
	struct node *n = pool_alloc(&c->pool, sizeof(*n));
	if (!n)
		return NULL;
	c->nodes++;
	n->kind = kind;
	n->at = n->key_at = *at;
	return n;
}

void node_append(struct node *parent, struct node *child)
{
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

/* Copies keep the place where the value stands, which is what the user must correct. */
struct node *node_copy(struct op_config *c, const struct node *from)
{
	struct node *to = node_new(c, from->kind, &from->at);
	if (!to)
		return NULL;
	c->text_bytes += from->text ? strlen(from->text) : 0;
	if (c->text_bytes > TEXT_MAX_BYTES)
		return NULL;
	to->key = from->key;
	to->key_at = from->key_at;
	to->text = from->text;
	for (const struct node *i = from->first; i; i = i->next) {
		struct node *child = node_copy(c, i);
		if (!child)
			return NULL;
		node_append(to, child);
	}
	return to;
}

/* Replaces what n holds; its key and place in the parent stay. */
static void take_value(struct node *n, const struct node *value)
{
	n->kind = value->kind;
	n->text = value->text;
	n->at = value->at;
	n->first = value->first;
	n->last = value->last;
}

bool node_index(const char *text, size_t *ret)
{
	size_t len = strspn(text, "0123456789");
	if (!len || text[len] || len > 5 || (len > 1 && text[0] == '0'))
		return false;
	*ret = (size_t)strtoul(text, NULL, 10);
	return true;
}

static struct node *element(const struct node *list, size_t index, size_t *ret_n)
{
	struct node *found = NULL;
	*ret_n = 0;
	for (struct node *i = list->first; i; i = i->next)
		if ((*ret_n)++ == index)
			found = i;
	return found;
}

struct node *node_below(const struct node *n, const char *part)
{
	size_t index, count;
	if (n && n->kind == NODE_LIST)
		return node_index(part, &index) ? element(n, index, &count) : NULL;
	return node_find(n, part);
}

static struct node *child_for(struct op_config *c, struct node *map, const char *key, size_t len,
			      const struct origin *at)
{
	OP_AUTO_FREE char *name = strndup(key, len);
	if (!name)
		return NULL;
	struct node *n = node_find(map, name);
	if (n)
		return n;
	n = node_new(c, NODE_NULL, at);
	if (!n)
		return NULL;
	n->key = pool_text(&c->pool, key, len);
	if (!n->key)
		return NULL;
	node_append(map, n);
	return n;
}

static int merge(struct op_config *c, struct node *into, const struct node *value)
{
	if (into->kind != NODE_MAP || value->kind != NODE_MAP) {
		take_value(into, value);
		return 0;
	}
	for (const struct node *i = value->first; i; i = i->next) {
		struct node *n = child_for(c, into, i->key, strlen(i->key), &i->key_at);
		if (!n)
			return -ENOMEM;
		int rc = merge(c, n, i);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- on the way of a path ---------------------------------------------------------------- */

static void no_element(struct problems *p, const struct origin *at, const char *path,
		       const char *part, size_t n)
{
	int len = (int)(part - path) - 1; /* of the list's own path */
	problem_add(p, at, path, "there %s %zu %s (%.*s.%zu adds one)", n == 1 ? "is" : "are", n,
		    n == 1 ? "element" : "elements", len, path, n);
}

/* The element that the part at *part names, if it is one of a list; *ret is NULL after a mistake.
 * False: it is a key. */
static bool step_list(struct op_config *c, struct node *n, const char *path, const char *part,
		      const struct origin *at, struct problems *p, struct node **ret)
{
	char name[16];
	size_t len = strcspn(part, "."), index, count;
	bool list = n->kind == NODE_LIST || n->kind == NODE_NULL;
	if (!list || len >= sizeof(name))
		return false;
	memcpy(name, part, len);
	name[len] = '\0';
	if (!node_index(name, &index))
		return false;
	*ret = element(n, index, &count);
	if (*ret || index > count) {
		if (!*ret)
			no_element(p, at, path, part, count);
		n->text = NULL; /* it is not any more what was said of the whole */
		return true;
	}
	*ret = node_new(c, NODE_NULL, at);
	if (!*ret)
		return false;
	if (n->kind == NODE_NULL)
		n->at = *at;
	n->kind = NODE_LIST;
	n->text = NULL;
	node_append(n, *ret);
	return true;
}

static struct node *step_map(struct op_config *c, struct node *n, const char *part,
			     const struct origin *at)
{
	/* Text keeps its value: what comes below are its components. */
	if (n->kind == NODE_NULL || n->kind == NODE_LIST) {
		*n = (struct node){.kind = NODE_MAP,
				   .key = n->key,
				   .key_at = n->key_at,
				   .at = *at,
				   .next = n->next};
	}
	return child_for(c, n, part, strcspn(part, "."), at);
}

int node_set(struct op_config *c, struct node *root, const char *path, const struct node *value,
	     const struct origin *at, struct problems *p)
{
	struct node *n = root;
	for (const char *part = path;; part += strcspn(part, ".") + 1) {
		size_t len = strcspn(part, ".");
		struct node *next = NULL;
		if (!len)
			return -EINVAL;
		if (!step_list(c, n, path, part, at, p, &next))
			next = step_map(c, n, part, at);
		else if (!next)
			return 0; /* told */
		if (!next)
			return -ENOMEM;
		n = next;
		if (!part[len])
			break;
	}
	return merge(c, n, value);
}

const char *node_kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return "nothing";
	case NODE_TEXT:
		return "text";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a mapping";
	}
	return "";
}
