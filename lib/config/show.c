/*
 * show.c - the effective settings of a service as YAML, each with its origin; what the user should
 * know although it is no mistake; and the reference of a table as Markdown.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- show ------------------------------------------------------------------------------ */

static void origin_comment(const struct node *n, struct op_buf *out)
{
	static const struct origin by_default = {.kind = ORIGIN_DEFAULT};
	bool given = n && (n->kind == NODE_TEXT || n->kind == NODE_LIST);
	op_buf_puts(out, "  # ");
	if (given)
		op_buf_puts(out, "from ");
	origin_write(given ? &n->at : &by_default, out);
	if (given && n->at.kind == ORIGIN_SIMULATOR)
		op_buf_printf(out, ", simulator %s", n->at.name);
	bool composed = n && n->kind != NODE_LIST;
	for (const struct node *i = composed ? n->first : NULL; i; i = i->next) {
		op_buf_printf(out, ", %s from ", i->key);
		origin_write(&i->at, out);
	}
	op_buf_putc(out, '\n');
}

static void show_setting(const struct op_setting *s, const struct node *node,
			 const unsigned char *base, int indent, struct op_buf *out);

static void show_table(const struct op_setting *table, size_t n, const struct node *map,
		       const unsigned char *base, int indent, struct op_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		op_buf_printf(out, "%*s", indent, "");
		show_setting(&table[i], node_find(map, table[i].key), base + table[i].offset,
			     indent, out);
	}
}

/* Elements begin with "- " before their first key. */
static void show_list(const struct op_setting *s, const struct node *list,
		      const struct op_setting_list *value, int indent, struct op_buf *out)
{
	if (!value->n) {
		op_buf_puts(out, " []");
		origin_comment(list, out);
		return;
	}
	op_buf_putc(out, '\n');
	const struct node *e = list->first;
	for (size_t k = 0; k < value->n; k++, e = e->next) {
		const unsigned char *base = (const unsigned char *)value->v + k * s->size;
		op_buf_printf(out, "%*s- ", indent, "");
		show_setting(&s->sub[0], node_find(e, s->sub[0].key), base + s->sub[0].offset,
			     indent + 2, out);
		show_table(s->sub + 1, s->n_sub - 1, e, base, indent + 2, out);
	}
}

/* The key stands at column indent already. */
static void show_setting(const struct op_setting *s, const struct node *node,
			 const unsigned char *base, int indent, struct op_buf *out)
{
	op_buf_printf(out, "%s:", s->key);
	if (s->type == OP_SET_GROUP) {
		op_buf_putc(out, '\n');
		show_table(s->sub, s->n_sub, node, base, indent + 2, out);
		return;
	}
	if (s->type == OP_SET_LIST) {
		show_list(s, node, (const struct op_setting_list *)(const void *)base, indent + 2,
			  out);
		return;
	}
	op_buf_putc(out, ' ');
	bool empty = s->type == OP_SET_STRING && !*(const char *)base;
	if ((s->flags & OP_SET_SECRET) && !empty)
		op_buf_puts(out, "\"***\"");
	else
		value_write(s, base, out);
	origin_comment(node, out);
}

int op_config_show(const struct op_config *c, const char *service, const struct op_setting *table,
		   size_t n, struct op_buf *out, struct op_buf *errors)
{
	OP_AUTO_FREE void *settings = calloc(1, table_bytes(table, n) + 1);
	struct op_service_common common;
	if (!settings)
		return -ENOMEM;
	int rc = op_config_service(c, service, table, n, settings, &common, errors);
	if (rc)
		return rc;
	const struct node *map = service_node(c, service);
	op_buf_printf(out, "  %s:\n", service);
	show_table(op_service_common_settings, op_service_common_settings_count, map,
		   (const unsigned char *)&common, 4, out);
	show_table(table, n, map, settings, 4, out);
	return out->err;
}

/* ---- notes ----------------------------------------------------------------------------- */

static void note_secret(const struct op_config *c, const struct node *n, const char *path,
			struct op_buf *out)
{
	bool env_open = n->at.kind == ORIGIN_ENV_FILE && (c->env_mode & 077);
	/* What a simulator sets is for everybody. */
	bool yaml_open = n->at.kind <= ORIGIN_YAML && (c->file_mode & 077);
	if (!env_open && !yaml_open && n->at.kind != ORIGIN_SET)
		return;
	origin_write(&n->at, out);
	if (env_open)
		op_buf_printf(out, ": %s is secret, but others may read the file (chmod 600 %s)\n",
			      path, c->env_file);
	else if (yaml_open)
		op_buf_printf(out,
			      ": %s is secret and stands in a file that others may read (move it "
			      "to .env with mode 600)\n",
			      path);
	else
		op_buf_printf(out,
			      ": %s is secret, and every user of this machine sees command lines "
			      "(move it to .env with mode 600)\n",
			      path);
}

static void note_table(const struct op_config *c, const struct op_setting *table, size_t n,
		       const struct node *map, const char *path, struct op_buf *out);

static void note_list(const struct op_config *c, const struct op_setting *s,
		      const struct node *list, const char *path, struct op_buf *out)
{
	size_t k = 0;
	for (const struct node *i = list->first; i; i = i->next) {
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%.480s.%zu", path, k++); /* cut is fine */
		note_table(c, s->sub, s->n_sub, i, sub, out);
	}
}

static void note_table(const struct op_config *c, const struct op_setting *table, size_t n,
		       const struct node *map, const char *path, struct op_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct node *node = node_find(map, table[i].key);
		char sub[PATH_BYTES];
		(void)snprintf(sub, sizeof(sub), "%s.%s", path, table[i].key); /* cut is fine */
		if (node && table[i].type == OP_SET_GROUP)
			note_table(c, table[i].sub, table[i].n_sub, node, sub, out);
		else if (node && table[i].type == OP_SET_LIST)
			note_list(c, &table[i], node, sub, out);
		else if (node && node->kind != NODE_NULL && (table[i].flags & OP_SET_SECRET))
			note_secret(c, node, sub, out);
	}
}

void op_config_notes(const struct op_config *c, const char *service, const struct op_setting *table,
		     size_t n, struct op_buf *out)
{
	char path[PATH_BYTES];
	if (!service) {
		op_buf_put(out, c->notes.data, c->notes.len);
		return;
	}
	(void)snprintf(path, sizeof(path), "services.%s", service); /* cut is fine */
	note_table(c, table, n, service_node(c, service), path, out);
}

void op_config_unused(const struct op_config *c, struct op_buf *out)
{
	op_buf_put(out, c->unused.data, c->unused.len);
	if (c->n_unused > UNUSED_MAX)
		op_buf_printf(out, "%s: %zu more variables set nothing\n", c->env_file,
			      c->n_unused - UNUSED_MAX);
}

/* ---- reference ------------------------------------------------------------------------- */

/* A cell of a Markdown table. */
static void cell(const char *text, struct op_buf *out)
{
	for (; *text; text++) {
		if (*text == '|')
			op_buf_putc(out, '\\');
		op_buf_putc(out, *text);
	}
}

static void reference_row(const struct op_setting *s, const char *path, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf expected;
	op_buf_init(&expected, 4096);
	value_expected(s, &expected);
	op_buf_printf(out, "| `%s` | ", path);
	cell(expected.data, out);
	op_buf_puts(out, " | ");
	if (s->flags & OP_SET_REQUIRED)
		op_buf_puts(out, "required");
	else if (s->def && *s->def && !(s->flags & OP_SET_SECRET))
		op_buf_printf(out, "`%s`", s->def);
	op_buf_puts(out, " | ");
	cell(s->help ? s->help : "", out);
	if (s->flags & OP_SET_SECRET)
		op_buf_puts(out, " (secret)");
	op_buf_puts(out, " |\n");
}

static void reference_table(const struct op_setting *table, size_t n, const char *prefix,
			    struct op_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "",
			       table[i].key);
		if (table[i].type == OP_SET_GROUP)
			reference_table(table[i].sub, table[i].n_sub, path, out);
		else
			reference_row(&table[i], path, out);
		if (table[i].type != OP_SET_LIST)
			continue;
		strncat(path, ".N", sizeof(path) - strlen(path) - 1);
		reference_table(table[i].sub, table[i].n_sub, path, out);
	}
}

void op_config_reference(const char *title, const struct op_setting *table, size_t n,
			 struct op_buf *out)
{
	op_buf_printf(out, "# %s\n\n", title);
	if (!n) {
		op_buf_puts(out, "No settings of its own.\n");
		return;
	}
	op_buf_puts(out, "| setting | value | default | meaning |\n|---|---|---|---|\n");
	reference_table(table, n, "", out);
}
