/*
 * variable.c - the values of declared variables: trimmed, checked by their type, and put into the
 * tree where the appliance says.
 *
 * Words, numbers and texts are those of the Python programs whose .env files are to work as they
 * are (os.environ, int(), float()); only "inf" and "nan" are no numbers here. A mistake names
 * its variable, and its value unless that is secret.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const words[] = {"1", "true", "yes", "on", "0", "false", "no", "off", NULL};

static bool group_applies(const struct op_config *c, const struct env_group *g)
{
	if (!g || !g->when)
		return true;
	const struct variable *v = variable_find(c, g->when, strlen(g->when));
	return v && v->value && *v->value;
}

/* ---- what is wrong ------------------------------------------------------------------------- */

/* Bytes of the beginning of a text that is shown; no character is cut in two. */
static int shown(const char *text)
{
	size_t n = strnlen(text, 101);
	if (n <= 100)
		return (int)n;
	for (n = 100; n > 96 && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return (int)n;
}

OP_PRINTF(3, 4)
static void wrong_value(struct problems *p, const struct variable *v, const char *fmt, ...)
{
	OP_AUTO_FREE char *expected = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&expected, fmt, ap) < 0)
		expected = NULL;
	va_end(ap);
	const char *value = v->secret ? "***" : v->value;
	problem_add(p, &v->from, NULL,
		    "Invalid value for environment variable %s='%.*s': expected %s", v->name,
		    shown(value), value, expected ? expected : "another");
}

static void choices_text(const char *const *choices, struct op_buf *out)
{
	op_buf_puts(out, "one of (");
	for (size_t i = 0; choices[i]; i++)
		op_buf_printf(out, "%s'%s'", i ? ", " : "", choices[i]);
	op_buf_putc(out, ')');
}

static void wrong_choice(struct problems *p, const struct variable *v, const char *const *choices)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 4096);
	choices_text(choices, &text);
	wrong_value(p, v, "%s", text.data);
}

/* Of a group: in its words, with the variable behind them, since they may name several. */
static void wrong_in_group(struct problems *p, const struct variable *v, const char *text)
{
	problem_add(p, &v->from, NULL, "%s%s (%s)", v->group->wrong ? v->group->wrong : "", text,
		    v->name);
}

static void range_text(const struct variable *v, struct op_buf *out)
{
	if (v->has_min && v->has_max)
		op_buf_printf(out, "between %.15g and %.15g", v->min, v->max);
	else
		op_buf_printf(out, "%s %.15g", v->has_min ? "at least" : "at most",
			      v->has_min ? v->min : v->max);
}

/* False: the value is not to be used. */
static bool check_range(struct op_config *c, struct problems *p, const struct variable *v,
			double value)
{
	OP_AUTO_BUF struct op_buf range, text;
	op_buf_init(&range, 256);
	op_buf_init(&text, 1024);
	if (!(v->has_min && value < v->min) && !(v->has_max && value > v->max))
		return true;
	range_text(v, &range);
	op_buf_printf(&text, "%s must be %s", v->called, range.data);
	if (!v->group)
		wrong_value(p, v, "%s %s", v->type == VARIABLE_INT ? "an int" : "a float",
			    range.data);
	else if (group_applies(c, v->group))
		wrong_in_group(p, v, text.data);
	else
		op_buf_printf(&c->notes, "%s: %s; its default is used, since %s is not set\n",
			      v->name, text.data, v->group->when);
	return false;
}

/* ---- types --------------------------------------------------------------------------------- */

/* Python allows one "_" between digits. */
static bool without_underscores(const char *text, char *ret, size_t size)
{
	size_t n = 0;
	for (const char *c = text; *c; c++) {
		bool between =
			c > text && isdigit((unsigned char)c[-1]) && isdigit((unsigned char)c[1]);
		if (n + 1 >= size || (*c == '_' && !between))
			return false;
		if (*c != '_')
			ret[n++] = *c;
	}
	ret[n] = '\0';
	return n > 0;
}

static bool parse_number(const struct variable *v, const char *text, char *digits, size_t size,
			 double *ret)
{
	bool whole = v->type == VARIABLE_INT;
	if (!without_underscores(text, digits, size) ||
	    digits[strspn(digits, whole ? "0123456789+-" : "0123456789+-.eE")])
		return false;
	char *end;
	*ret = strtod(digits, &end);
	return !*end && isfinite(*ret) && end > digits;
}

static const char *check_number(struct op_config *c, struct problems *p, const struct variable *v,
				const char *text)
{
	char digits[128];
	double value;
	if (!parse_number(v, text, digits, sizeof(digits), &value)) {
		wrong_value(p, v, "a valid %s", v->type == VARIABLE_INT ? "int" : "float");
		return NULL;
	}
	if (!check_range(c, p, v, value))
		return NULL;
	if (v->type == VARIABLE_INT) { /* without "+" and leading zeros */
		if (fabs(value) > 9e15) {
			wrong_value(p, v, "a valid int");
			return NULL;
		}
		(void)snprintf(digits, sizeof(digits), "%.0f", value); /* 17 digits at most */
	}
	return pool_text(&c->pool, digits, strlen(digits));
}

static const char *check_bool(struct problems *p, const struct variable *v, const char *text)
{
	for (size_t i = 0; words[i]; i++)
		if (!strcasecmp(text, words[i]))
			return i < 4 ? "true" : "false";
	wrong_choice(p, v, words);
	return NULL;
}

static const char *check_choice(struct problems *p, const struct variable *v, const char *text)
{
	for (size_t i = 0; v->choices[i]; i++)
		if (!strcasecmp(text, v->choices[i]))
			return v->choices[i];
	wrong_choice(p, v, v->choices);
	return NULL;
}

static const char *check_word(struct problems *p, const struct variable *v, const char *text)
{
	if (!text[strcspn(text, " \t\n\v\f\r")])
		return text;
	wrong_value(p, v, "text without blanks");
	return NULL;
}

/* What is wrong with an address that has both; "": it lacks one. */
static const char *url_hint(const char *text)
{
	const char *host = strstr(text, "://");
	if (!host || !host[3] || strchr("/?#:", host[3]))
		return "";
	if (strncasecmp(text, "https://", 8) != 0 && strncasecmp(text, "http://", 7) != 0)
		return ", http:// or https://";
	return ", without blanks";
}

static const char *check_url(struct problems *p, const struct variable *v, const char *text)
{
	size_t scheme = !strncasecmp(text, "https://", 8)  ? 8
			: !strncasecmp(text, "http://", 7) ? 7
							   : 0;
	char why[128];
	if (scheme && text[scheme] && !strchr("/?#:", text[scheme]) &&
	    !text[strcspn(text, " \t\n\v\f\r")])
		return text;
	(void)snprintf(why, sizeof(why), "%.60s must be a valid URL with scheme and host%s",
		       v->called, url_hint(text)); /* fits */
	if (v->group)
		wrong_in_group(p, v, why);
	else
		wrong_value(p, v, "an http or https URL");
	return NULL;
}

static const char *check_value(struct op_config *c, struct problems *p, const struct variable *v,
			       const char *text)
{
	switch (v->type) {
	case VARIABLE_ANY:
	case VARIABLE_TEXT:
		break;
	case VARIABLE_WORD:
		return check_word(p, v, text);
	case VARIABLE_BOOL:
		return check_bool(p, v, text);
	case VARIABLE_INT:
	case VARIABLE_FLOAT:
		return check_number(c, p, v, text);
	case VARIABLE_CHOICE:
		return check_choice(p, v, text);
	case VARIABLE_URL:
		return check_url(p, v, text);
	}
	return text;
}

/* ---- one variable -------------------------------------------------------------------------- */

static const char *trimmed(struct op_config *c, const char *text)
{
	static const char space[] = " \t\n\v\f\r";
	text += strspn(text, space);
	size_t n = strlen(text);
	while (n && strchr(space, text[n - 1]))
		n--;
	return pool_text(&c->pool, text, n);
}

/* Its text, a line each, as the log has one; the whole for who prints it as it stands. */
static void say_missing(struct op_config *c, struct problems *p, const struct variable *v)
{
	struct origin at = v->from;
	if (at.kind == ORIGIN_DEFAULT)
		at = (struct origin){.kind = ORIGIN_ENVIRON, .name = v->name};
	op_buf_puts(&c->missing, v->required);
	for (const char *line = v->required; *line; line += strspn(line, "\n")) {
		size_t n = strcspn(line, "\n");
		problem_add(p, &at, NULL, "%.*s", (int)n, line);
		line += n;
	}
}

static bool is_set(const struct op_config *c, const char *path)
{
	const struct node *n = c->root;
	char part[PATH_BYTES];
	for (size_t len; n && *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		(void)snprintf(part, sizeof(part), "%.*s", (int)len, path); /* bounded by load */
		n = node_below(n, part);
	}
	return n && n->kind != NODE_NULL && !(n->kind == NODE_TEXT && !*n->text);
}

/* Unless what it sets has been set by other means (a simulator, --set). A value that was refused is
 * one mistake, not two. */
static bool is_missing(const struct op_config *c, const struct variable *v)
{
	bool blank = !v->value || !v->value[strspn(v->value, " \t\n\v\f\r")];
	return v->required && blank && !(v->first && is_set(c, v->first->path));
}

void variables_require(struct op_config *c, struct problems *p)
{
	for (const struct variable *v = c->variables; v; v = v->next)
		if (is_missing(c, v))
			say_missing(c, p, v);
}

static int check_variable(struct op_config *c, struct problems *p, struct variable *v)
{
	if (v->value && !text_is_utf8(v->value)) {
		problem_add(p, &v->from, v->first ? v->first->path : NULL, "is not UTF-8");
		return 0;
	}
	if (v->type == VARIABLE_ANY) {
		v->clean = v->value && *v->value ? v->value : NULL;
		return 0;
	}
	const char *text = trimmed(c, v->value ? v->value : "");
	if (!text)
		return -ENOMEM;
	if (*text)
		v->clean = check_value(c, p, v, text);
	else if (v->type == VARIABLE_URL && v->group && v->value && *v->value)
		wrong_in_group(p, v, "url must be a non-empty string");
	else
		v->clean = v->def;
	return 0;
}

static void check_order(const struct op_config *c, struct problems *p, const struct variable *v)
{
	const struct variable *above = variable_find(c, v->below, strlen(v->below));
	if (!above || !v->clean || !above->clean || !group_applies(c, v->group) ||
	    strtod(v->clean, NULL) < strtod(above->clean, NULL))
		return;
	char text[200];
	(void)snprintf(text, sizeof(text), "%.80s must be less than %.80s", v->called,
		       above->called);
	const struct variable *given = v->from.kind != ORIGIN_DEFAULT ? v : above;
	problem_add(p, &given->from, NULL, "%s%s (%s='%s', %s='%s')",
		    v->group && v->group->wrong ? v->group->wrong : "", text, v->name, v->clean,
		    above->name, above->clean);
}

/* The text that a target is set to; NULL without memory. */
static const char *target_text(struct op_config *c, const struct variable *v,
			       const struct env_target *t)
{
	char text[32];
	if (t->times == 0)
		return v->clean;
	int n = snprintf(text, sizeof(text), "%.15g", strtod(v->clean, NULL) * t->times);
	return pool_text(&c->pool, text, (size_t)n); /* 22 characters at most */
}

static int set_targets(struct op_config *c, struct problems *p, const struct variable *v)
{
	int rc = 0;
	for (const struct env_target *t = v->first; t && rc == 0; t = t->next) {
		struct origin at = v->from;
		if (at.kind == ORIGIN_DEFAULT)
			at = t->at; /* its default stands in the file */
		const char *text = target_text(c, v, t);
		struct node *n = text ? yaml_value(c, text, false, &at) : NULL;
		rc = n ? node_set(c, c->root, t->path, n, &at, p) : -ENOMEM;
		rc = rc == -EINVAL ? 0 : rc; /* an empty part: the table's check reports it */
	}
	return rc;
}

/* Defaults first, then in the order in which they were given: the last of two that set the same
 * counts. */
int variables_apply(struct op_config *c, struct problems *p)
{
	int rc = 0;
	for (struct variable *v = c->variables; v && rc == 0; v = v->next)
		rc = check_variable(c, p, v);
	for (const struct variable *v = c->variables; v; v = v->next)
		if (v->below)
			check_order(c, p, v);
	for (unsigned order = 0; order <= c->given; order++)
		for (const struct variable *v = c->variables; v && rc == 0; v = v->next)
			if (v->clean && v->order == order)
				rc = set_targets(c, p, v);
	return rc;
}

/* Scheme and host, without who logs in and what may be secret; 0: it is no address. */
static size_t host_of(const char *url, const char **ret_host)
{
	const char *host = strstr(url, "://");
	if (!host || (strncasecmp(url, "https:", 6) != 0 && strncasecmp(url, "http:", 5) != 0))
		return 0;
	host += 3;
	size_t n = strcspn(host, "/?#\\ ");
	const char *login = memrchr(host, '@', n);
	if (login) {
		n -= (size_t)(login + 1 - host);
		host = login + 1;
	}
	*ret_host = host;
	return n;
}

void variables_note_addresses(struct op_config *c)
{
	for (const struct variable *v = c->variables; v; v = v->next) {
		const char *host;
		size_t n = v->first && v->clean ? host_of(v->clean, &host) : 0;
		if (!n)
			continue;
		origin_write(&v->from, &c->notes);
		op_buf_printf(&c->notes,
			      ": what is simulated is told to %s%.*s (without %s it is not)\n",
			      strncasecmp(v->clean, "https", 5) ? "http://" : "https://",
			      n > 255 ? 255 : (int)n, host, v->name);
	}
}

int op_config_export(const struct op_config *c)
{
	int err = 0;
	for (const struct variable *v = c->variables; v && !err; v = v->next)
		if (v->exported && v->clean && v->from.kind == ORIGIN_ENV_FILE)
			err = setenv(v->name, v->clean, 1) ? -errno : 0;
	tzset();
	return err;
}

const char *op_config_variable(const struct op_config *c, const char *path)
{
	for (const struct variable *v = c->variables; v; v = v->next)
		for (const struct env_target *t = v->first; t; t = t->next)
			if (!strcmp(t->path, path))
				return v->name;
	return NULL;
}

static bool sets_something_of(const struct variable *v, const char *service)
{
	size_t n = service ? strlen(service) : 0;
	for (const struct env_target *t = v->first; n && t; t = t->next)
		if (!strncmp(t->path, "services.", 9) && !strncmp(t->path + 9, service, n) &&
		    (t->path[9 + n] == '.' || !t->path[9 + n]))
			return true;
	return false;
}

int op_config_withhold(const struct op_config *c, const char *service)
{
	int r = 0;
	for (const struct variable *v = c->variables; v && !r; v = v->next) {
		if (!v->secret || v->exported || !getenv(v->name) || sets_something_of(v, service))
			continue;
		r = v->required ? setenv(v->name, "-", 1) : unsetenv(v->name);
	}
	return r ? -errno : 0;
}

int op_config_stand_in(const struct op_config *c)
{
	for (const struct variable *v = c->variables; v; v = v->next)
		if (is_missing(c, v) && setenv(v->name, "-", 1))
			return -errno;
	return 0;
}
