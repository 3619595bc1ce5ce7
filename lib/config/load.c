/*
 * load.c - the sources of settings, read and merged in their order: YAML, simulators, environment
 * file, environment, --set. Each may replace what came before it, and every value remembers where
 * it came from.
 *
 * Runs once at start; nothing here is kept open but what is held (held.c).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files ----------------------------------------------------------------------------- */

static int file_error(struct op_buf *errors, const char *file, int rc)
{
	const char *remedy = "check the path";
	if (rc == -EACCES)
		remedy = "check owner and mode";
	if (rc == -EFBIG)
		remedy = "settings are a few kilobytes: is it the right file";
	if (rc == -EISDIR)
		remedy = "name the file in it";
	op_buf_printf(errors, "%s: cannot be read: %s (%s)\n", file, op_strerror(rc), remedy);
	return rc;
}

static int read_all(int fd, size_t most, char **ret_text, size_t *ret_len)
{
	OP_AUTO_FREE char *text = malloc(most + 1);
	size_t len = 0;
	if (!text)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, text + len, most + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > most)
			return -EFBIG;
		if (n == 0)
			break;
	}
	*ret_text = OP_STEAL(text);
	*ret_len = len;
	return 0;
}

static int read_file(const char *file, size_t most, char **ret_text, size_t *ret_len,
		     mode_t *ret_mode)
{
	OP_AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	*ret_mode = st.st_mode;
	return read_all(fd, most, ret_text, ret_len);
}

static int load_yaml(struct op_config *c, const struct op_config_source *src, struct problems *p,
		     struct op_buf *errors)
{
	OP_AUTO_FREE char *mine = NULL;
	const char *text = src->text;
	size_t len = src->text_len;
	int rc = text ? 0 : read_file(c->file, FILE_MAX_BYTES, &mine, &len, &c->file_mode);
	if (rc == 0 && len > FILE_MAX_BYTES)
		rc = -EFBIG;
	if (rc)
		return file_error(errors, c->file, rc);
	const struct origin at = {.kind = ORIGIN_YAML, .file = c->file, .line = 1, .column = 1};
	rc = yaml_read(c, text ? text : mine, len, &at, p, &c->root);
	if (rc)
		return rc;
	if (c->root && c->root->kind == NODE_MAP)
		return 0;
	problem_add(p, c->root ? &c->root->at : &at, NULL,
		    "expected a mapping with \"appliance\" and \"services\", not %s",
		    c->root ? node_kind_name(c->root) : "an empty file");
	return -EINVAL;
}

/* ---- environment ----------------------------------------------------------------------- */

/* Of a variable of the environment that is empty python-dotenv says that it is set; otherwise an
 * empty value counts as not set, as in the .env templates that list every name. */
static void take_variable(struct op_config *c, struct variable *v, const char *value,
			  const struct origin *at)
{
	bool empty = !value || !*value;
	if (empty && !(c->dotenv && at->kind == ORIGIN_ENVIRON) && at->kind != ORIGIN_ENV_FILE)
		return;
	v->value = value;
	v->order = ++c->given;
	v->from = *at;
	v->from.name = v->name;
}

/* A name that is nearly right is meant for us; the rest may be there for another program. */
static void note_unknown(struct op_config *c, const char *name, const struct origin *at)
{
	const char *names[128];
	size_t n = 0;
	for (const struct variable *v = c->variables; v && n < OP_ARRAY_SIZE(names); v = v->next)
		names[n++] = v->name;
	const char *near = op_nearest(name, names, n);
	if (near)
		op_buf_printf(&c->notes, "%s:%u: %s sets nothing (did you mean \"%s\"?)\n",
			      at->file, at->line, name, near);
	else if (c->n_unused++ < UNUSED_MAX)
		op_buf_printf(&c->unused,
			      "%s:%u: %s sets nothing (not a name below \"environment\")\n",
			      at->file, at->line, name);
}

/* As it was when our supervisor read it, if there is one. That there is no file is held as well. */
static int read_env_file(struct op_config *c, const struct op_config_source *src, char **ret_text,
			 size_t *ret_len)
{
	int rc = held_read(ret_text, ret_len, &c->env_mode);
	if (rc != -ENOENT)
		return rc;
	rc = read_file(c->env_file, ENV_FILE_MAX_BYTES, ret_text, ret_len, &c->env_mode);
	if (src->hold_env && (rc == 0 || rc == -ENOENT))
		c->held_fd = held_make(*ret_text, *ret_len, rc ? 0 : c->env_mode);
	return rc;
}

static int load_env_file(struct op_config *c, const struct op_config_source *src,
			 struct problems *p, struct op_buf *errors)
{
	OP_AUTO_FREE char *text = NULL;
	size_t len = 0;
	int rc = read_env_file(c, src, &text, &len);
	if (rc == -ENOENT && !src->env_file)
		return 0;
	if (rc == -EISDIR && !src->env_file) {
		environment_note_directory(c, c->env_file);
		return 0;
	}
	if (rc) { /* a mistake like others: what else is wrong can still be found */
		c->mistakes = true;
		(void)file_error(errors, c->env_file, rc); /* gives back rc */
		return 0;
	}
	struct env_lines lines = {.n = 0};
	rc = dotenv_parse(c, text, len, c->env_file, src->environ, p, &lines);
	for (size_t i = 0; i < lines.n && rc == 0; i++) {
		const struct env_line *l = &lines.v[i];
		struct origin at = {.kind = ORIGIN_ENV_FILE, .file = c->env_file, .line = l->line};
		struct variable *v = variable_find(c, l->name, strlen(l->name));
		if (v)
			take_variable(c, v, l->value, &at);
		else if (l->value && variable_ok(l->name))
			note_unknown(c, l->name, &at);
	}
	explicit_bzero(text, len);
	return rc;
}

static void load_environ(struct op_config *c, char *const *entry)
{
	const struct origin at = {.kind = ORIGIN_ENVIRON};
	for (; entry && *entry; entry++) {
		const char *equals = strchr(*entry, '=');
		struct variable *v =
			equals ? variable_find(c, *entry, (size_t)(equals - *entry)) : NULL;
		if (v)
			take_variable(c, v, equals + 1, &at);
	}
}

/* ---- --set ----------------------------------------------------------------------------- */

static bool for_simulators(const char *path)
{
	return !strncmp(path, "simulators.", 11) || !strcmp(path, "description");
}

/* Only the part that looks like a path is shown: a forgotten "=" may have a secret behind it. */
static void not_a_set(struct problems *p, const char *text, const struct origin *at)
{
	char path[80];
	size_t n =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	(void)snprintf(path, sizeof(path), "%.*s", (int)n, text); /* cut is fine */
	problem_add(p, at, NULL, "\"%s\" is not PATH=VALUE (write --set services.NAME.KEY=VALUE)",
		    path);
}

static int apply_one_set(struct op_config *c, const char *text, unsigned number, bool simulators,
			 struct problems *p)
{
	struct origin at = {.kind = ORIGIN_SET, .line = number};
	const char *equals = strchr(text, '=');
	if (!equals || equals == text) {
		if (!simulators)
			not_a_set(p, text, &at);
		return 0;
	}
	char *path = pool_text(&c->pool, text, (size_t)(equals - text));
	if (!path)
		return -ENOMEM;
	at.name = path;
	if (for_simulators(path) != simulators)
		return 0;
	if (!text_is_utf8(equals + 1) || !text_is_utf8(path)) {
		at.name = NULL;
		problem_add(p, &at, NULL, "number %u is not UTF-8", number);
		return 0;
	}
	if (!simulators && !appliance_path_ok(c, path, &at, p))
		return 0;
	struct node *value = yaml_value(c, equals + 1, true, &at);
	if (!value)
		return -ENOMEM;
	int rc = node_set(c, c->root, path, value, &at, p);
	if (rc == -EINVAL) {
		problem_add(p, &at, NULL, "an empty part in the path (remove the extra \".\")");
		rc = 0;
	}
	return rc;
}

/* In two rounds: what describes simulators is needed before they are applied. */
static int apply_sets(struct op_config *c, const struct op_config_source *src, bool simulators,
		      struct problems *p)
{
	for (size_t i = 0; i < src->n_sets; i++) {
		int rc = apply_one_set(c, src->sets[i], (unsigned)i + 1, simulators, p);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------- */

static void check_services(const struct op_config *c, struct problems *p)
{
	for (const struct node *n = c->services ? c->services->first : NULL; n; n = n->next) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "services.%s", n->key); /* cut is fine */
		if (n->kind != NODE_MAP && n->kind != NODE_NULL)
			problem_add(p, &n->at, path, "expected a mapping of settings, not %s",
				    node_kind_name(n));
	}
}

static int load(struct op_config *c, const struct op_config_source *src, struct problems *p,
		struct op_buf *errors)
{
	int rc = load_yaml(c, src, p, errors);
	if (rc == 0)
		rc = apply_sets(c, src, true, p);
	if (rc == 0)
		rc = appliance_read(c, p);
	if (rc == 0)
		rc = appliance_read_simulators(c, p);
	if (rc == 0 && src->sim)
		rc = appliance_apply_simulators(c, p);
	if (rc == 0 && !src->env_file && c->dotenv)
		rc = environment_find_file(c);
	if (rc == 0)
		rc = load_env_file(c, src, p, errors);
	load_environ(c, src->environ);
	if (rc == 0)
		rc = variables_apply(c, p);
	if (rc == 0 && src->sim)
		variables_note_addresses(c);
	if (rc == 0)
		rc = apply_sets(c, src, false, p);
	if (rc == 0) {
		check_services(c, p);
		own_read(c, p);
		variables_require(c, p);
	}
	return rc;
}

static const char *keep(struct op_config *c, const char *text)
{
	return text ? pool_text(&c->pool, text, strlen(text)) : NULL;
}

static struct op_config *create(const struct op_config_source *src)
{
	struct op_config *c = calloc(1, sizeof(*c));
	struct pool *lists = calloc(1, sizeof(*lists));
	struct known_table *known = calloc(1, sizeof(*known));
	if (!c || !lists || !known) {
		free(known);
		free(c);
		free(lists);
		return NULL;
	}
	c->lists = lists;
	c->known = known;
	c->held_fd = -1;
	op_buf_init(&c->notes, 16384);
	op_buf_init(&c->unused, 16384);
	op_buf_init(&c->missing, 16384);
	c->file = keep(c, src->file);
	c->env_file = keep(c, src->env_file ? src->env_file : ".env");
	c->runtime_dir = keep(c, src->runtime_dir);
	c->state_dir = keep(c, src->state_dir);
	return c;
}

int op_config_read(const struct op_config_source *src, struct op_config **ret_config,
		   struct op_buf *errors)
{
	struct op_config *c = create(src);
	OP_AUTO_FREE struct problems *p = calloc(1, sizeof(*p));
	if (!c || !p) {
		op_config_free(c);
		op_buf_puts(errors, "out of memory\n");
		return -ENOMEM;
	}
	int rc = c->file && c->env_file ? load(c, src, p, errors) : -ENOMEM;
	if (problems_write(p, errors) < 0)
		c->mistakes = true;
	if (rc == -ENOMEM)
		op_buf_puts(errors, "more settings than there is room for\n");
	if (rc) {
		op_config_free(c);
		return rc;
	}
	*ret_config = c;
	return c->mistakes ? 1 : 0;
}

int op_config_load(const struct op_config_source *src, struct op_config **ret_config,
		   struct op_buf *errors)
{
	struct op_config *c = NULL;
	int rc = op_config_read(src, &c, errors);
	if (rc > 0) {
		op_config_free(c);
		return -EINVAL;
	}
	if (rc == 0)
		*ret_config = c;
	return rc;
}

void op_config_free(struct op_config *c)
{
	if (!c)
		return;
	op_buf_finish(&c->notes);
	op_buf_finish(&c->unused);
	op_buf_finish(&c->missing);
	if (c->held_fd >= 0)
		(void)close(c->held_fd); /* only memory */
	if (c->lists)
		pool_finish(c->lists);
	free(c->lists);
	free(c->known);
	pool_finish(&c->pool);
	free(c);
}

/* ---- what was read --------------------------------------------------------------------- */

const char *op_config_appliance(const struct op_config *c)
{
	return c->appliance;
}

const char *op_config_description(const struct op_config *c)
{
	return c->description ? c->description : "";
}

const char *op_config_file(const struct op_config *c)
{
	return c->file;
}

int op_config_start_failure(const struct op_config *c)
{
	return c->start_failure;
}

const char *op_config_missing(const struct op_config *c)
{
	return c->missing.data;
}

size_t op_config_service_count(const struct op_config *c)
{
	return c->n_services;
}

const char *op_config_service_name(const struct op_config *c, size_t i)
{
	const struct node *n = c->services ? c->services->first : NULL;
	while (n && i--)
		n = n->next;
	return n ? n->key : NULL;
}

size_t op_config_simulator_count(const struct op_config *c)
{
	return c->n_simulators;
}

void op_config_simulator(const struct op_config *c, size_t i, struct op_config_simulator *ret)
{
	*ret = c->simulators[i];
}

int op_config_find_service(const struct op_config *c, const char *service, struct op_buf *errors)
{
	if (service_node(c, service))
		return 0;
	size_t n = op_config_service_count(c);
	OP_AUTO_FREE const char **names = calloc(n ? n : 1, sizeof(*names));
	for (size_t i = 0; names && i < n; i++)
		names[i] = op_config_service_name(c, i);
	const char *near = names ? op_nearest(service, names, n) : NULL;
	op_buf_printf(errors, "%s: no service \"%.64s\" (%s%s%s)\n", c->file, service,
		      near ? "did you mean \"" : "add it below \"services", near ? near : "",
		      near ? "\"?" : "\"");
	return -ENOENT;
}
