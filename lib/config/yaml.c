/*
 * yaml.c - YAML 1.1 text to a tree with the place of every key and value, by libyaml's events.
 *
 * Allowed and bounded: anchors and aliases (copied, so nodes and text are counted), depth, size.
 * Refused: tags, several documents, keys that are not text, keys given twice, NUL in text. What
 * libyaml itself refuses ends the reading; the other mistakes are collected.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>
#include <yaml.h>

struct anchor {
	const char *name;
	const struct node *node; /* NULL while it is being read */
};

struct reader {
	yaml_parser_t parser;
	struct op_config *c;
	struct problems *problems;
	struct origin at; /* of the document: kind, file, name */
	bool place;       /* events have a place of their own in the file */
	const char *text;
	size_t len;
	char path[PATH_BYTES];
	struct anchor anchors[ANCHORS_MAX];
	size_t n_anchors;
};

static struct origin origin_of(const struct reader *r, yaml_mark_t mark)
{
	struct origin at = r->at;
	if (r->place) {
		at.line = (unsigned)mark.line + 1;
		at.column = (unsigned)mark.column + 1;
	}
	return at;
}

#define FAIL(r, mark, ...)                                                \
	({                                                                \
		struct origin at_ = origin_of(r, mark);                   \
		problem_add((r)->problems, &at_, (r)->path, __VA_ARGS__); \
		-EINVAL;                                                  \
	})

/* ---- what libyaml refuses -------------------------------------------------------------- */

static const struct {
	const char *problem, *remedy;
} remedies[] = {
	{"mapping values are not allowed in this context",
	 "\": \" starts a mapping here: check the indentation, or quote the text"},
	{"could not find expected ':'", "\":\" is missing after a key"},
	{"did not find expected key", "this line does not fit the indentation above it"},
	{"did not find expected '-' indicator", "this line does not fit the list above it"},
	{"block sequence entries are not allowed in this context",
	 "\"- \" cannot begin a list here: put the list on the lines below, or in brackets"},
	{"found character that cannot start any token",
	 "this character cannot start a value: put the text in quotes"},
	{"found unexpected end of stream", "a quote, bracket or brace is not closed"},
	{"did not find expected ',' or ']'", "\",\" or \"]\" is missing in the list"},
	{"did not find expected ',' or '}'", "\",\" or \"}\" is missing in the mapping"},
	{"found unknown escape character",
	 "unknown escape after \"\\\" (use single quotes to take it as it stands)"},
	{"found undefined tag handle",
	 "tags are not used here: quote a text that begins with \"!\""},
};

static char byte_at(const struct reader *r, yaml_mark_t mark)
{
	size_t i = 0;
	for (size_t line = 0; line < mark.line && i < r->len; i++)
		line += r->text[i] == '\n';
	for (size_t column = 0; column < mark.column && i < r->len; column++)
		do {
			i++;
		} while (i < r->len && (r->text[i] & 0xc0) == 0x80);
	return i < r->len ? r->text[i] : '\0';
}

/* The reader of libyaml knows only the byte's offset. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = {0};
	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((r->text[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->parser;
	if (y->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (y->error == YAML_READER_ERROR) {
		bool control = y->problem && strstr(y->problem, "control");
		return FAIL(r, mark_of_offset(r, y->problem_offset), "%s",
			    control ? "a control character is not allowed here (remove it)"
				    : "this is not UTF-8 (save the file as UTF-8)");
	}
	const char *text = y->problem ? y->problem : "this is not YAML";
	if (byte_at(r, y->problem_mark) == '\t')
		return FAIL(r, y->problem_mark, "a tab cannot indent YAML (use spaces)");
	for (size_t i = 0; i < OP_ARRAY_SIZE(remedies); i++)
		if (!strcmp(text, remedies[i].problem))
			text = remedies[i].remedy;
	return FAIL(r, y->problem_mark, "%s", text);
}

static int next_event(struct reader *r, yaml_event_t *ret)
{
	return yaml_parser_parse(&r->parser, ret) ? 0 : syntax_error(r);
}

/* ---- nodes ----------------------------------------------------------------------------- */

static struct node *make(struct reader *r, enum node_kind kind, const yaml_event_t *e)
{
	struct origin at = origin_of(r, e->start_mark);
	struct node *n = node_new(r->c, kind, &at);
	if (!n)
		(void)FAIL(r, e->start_mark, "more than %d values (aliases count each time)",
			   NODES_MAX);
	return n;
}

static int keep_anchor(struct reader *r, const yaml_event_t *e, const yaml_char_t *name)
{
	if (!name)
		return 0;
	if (r->n_anchors == ANCHORS_MAX)
		return FAIL(r, e->start_mark, "more than %d anchors", ANCHORS_MAX);
	const char *copy = pool_text(&r->c->pool, (const char *)name, strlen((const char *)name));
	if (!copy)
		return -ENOMEM;
	r->anchors[r->n_anchors++].name = copy;
	return 0;
}

static int read_alias(struct reader *r, const yaml_event_t *e, struct node **ret)
{
	const char *name = (const char *)e->data.alias.anchor;
	const struct anchor *a = NULL;
	for (size_t i = r->n_anchors; i > 0 && !a; i--) /* the last of a name counts */
		if (!strcmp(r->anchors[i - 1].name, name))
			a = &r->anchors[i - 1];
	if (!a)
		return FAIL(r, e->start_mark, "no anchor &%.40s above this alias", name);
	if (!a->node)
		return FAIL(r, e->start_mark, "*%.40s stands inside its own anchor", name);
	struct node *n = node_copy(r->c, a->node);
	if (!n)
		return FAIL(r, e->start_mark,
			    "too much is repeated by aliases (at most %d values, %d KiB of text)",
			    NODES_MAX, TEXT_MAX_BYTES / 1024);
	*ret = n;
	return 0;
}

/* YAML 1.1 calls these the null value; a key without a value counts as not given. */
static bool is_null(const yaml_event_t *e)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < OP_ARRAY_SIZE(nulls); i++)
		if (!strcmp((const char *)e->data.scalar.value, nulls[i]))
			return true;
	return false;
}

static int take_text(struct reader *r, const yaml_event_t *e, const char **ret)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	if (memchr(text, '\0', len))
		return FAIL(r, e->start_mark, "text must not hold a NUL byte");
	r->c->text_bytes += len;
	const char *copy = pool_text(&r->c->pool, text, len);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int read_scalar(struct reader *r, const yaml_event_t *e, struct node **ret)
{
	struct node *n = make(r, is_null(e) ? NODE_NULL : NODE_TEXT, e);
	if (!n)
		return -EINVAL;
	int rc = take_text(r, e, &n->text);
	if (rc == -EINVAL)
		n->text = ""; /* recorded; go on with the rest of the file */
	else if (rc)
		return rc;
	if (r->place) {
		rc = placeholder_expand(r->c, n->text, &n->text);
		if (rc == -EINVAL)
			(void)FAIL(r, e->start_mark,
				   "unknown placeholder (expected ${RUNTIME} or ${STATE})");
		else if (rc)
			return rc;
	}
	*ret = n;
	return 0;
}

static int read_node(struct reader *r, const yaml_event_t *e, int depth, struct node **ret);

/* Reads the value that belongs to a key and hangs it into the map, unless the key is there. */
static int read_pair(struct reader *r, const yaml_event_t *key_event, int depth, struct node *map)
{
	if (key_event->type != YAML_SCALAR_EVENT)
		return FAIL(r, key_event->start_mark, "a key must be text");
	const char *key = NULL;
	int rc = take_text(r, key_event, &key);
	if (rc)
		return rc;
	size_t path_len = strlen(r->path);
	size_t room = sizeof(r->path) - path_len;
	(void)snprintf(r->path + path_len, room, "%s%s", path_len ? "." : "",
		       key); /* cut is fine */
	yaml_event_t e;
	rc = next_event(r, &e);
	if (rc)
		return rc;
	struct node *value = NULL;
	rc = read_node(r, &e, depth + 1, &value);
	yaml_event_delete(&e);
	if (rc)
		return rc;
	const struct node *twice = node_find(map, key);
	if (twice)
		(void)FAIL(r, key_event->start_mark,
			   "this key is given twice, first in line %u (remove one)",
			   twice->key_at.line);
	r->path[path_len] = '\0';
	value->key = key;
	value->key_at = origin_of(r, key_event->start_mark);
	if (!twice)
		node_append(map, value);
	return 0;
}

static int read_item(struct reader *r, const yaml_event_t *e, int depth, size_t i,
		     struct node *list)
{
	struct node *item = NULL;
	size_t path_len = strlen(r->path);
	(void)snprintf(r->path + path_len, sizeof(r->path) - path_len, "%s%zu", path_len ? "." : "",
		       i); /* cut is fine */
	int rc = read_node(r, e, depth + 1, &item);
	if (rc)
		return rc; /* the path tells where */
	r->path[path_len] = '\0';
	node_append(list, item);
	return 0;
}

/* A list or a map, up to its end event. */
static int read_collection(struct reader *r, const yaml_event_t *start, int depth,
			   struct node **ret)
{
	bool is_map = start->type == YAML_MAPPING_START_EVENT, end = false;
	struct node *all = make(r, is_map ? NODE_MAP : NODE_LIST, start);
	if (!all)
		return -EINVAL;
	for (size_t i = 0; !end; i++) {
		yaml_event_t e;
		int rc = next_event(r, &e);
		if (rc)
			return rc;
		end = e.type == (is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT);
		if (!end)
			rc = is_map ? read_pair(r, &e, depth, all)
				    : read_item(r, &e, depth, i, all);
		yaml_event_delete(&e);
		if (rc)
			return rc;
	}
	*ret = all;
	return 0;
}

static int read_content(struct reader *r, const yaml_event_t *e, int depth, struct node **ret)
{
	if (e->type == YAML_SCALAR_EVENT)
		return read_scalar(r, e, ret);
	return read_collection(r, e, depth, ret);
}

/* The anchor, and a mistake if the node has a tag: types come from the table, never from tags. */
static const yaml_char_t *anchor_of(struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *tag, *anchor;
	if (e->type == YAML_SCALAR_EVENT) {
		tag = e->data.scalar.tag;
		anchor = e->data.scalar.anchor;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		tag = e->data.sequence_start.tag;
		anchor = e->data.sequence_start.anchor;
	} else {
		tag = e->data.mapping_start.tag;
		anchor = e->data.mapping_start.anchor;
	}
	if (tag)
		(void)FAIL(r, e->start_mark, "tags are not used here (remove the \"!...\")");
	return anchor;
}

static int read_node(struct reader *r, const yaml_event_t *e, int depth, struct node **ret)
{
	if (depth > DEPTH_MAX)
		return FAIL(r, e->start_mark, "nested deeper than %d levels", DEPTH_MAX);
	if (e->type == YAML_ALIAS_EVENT)
		return read_alias(r, e, ret);
	size_t slot = r->n_anchors;
	const yaml_char_t *anchor = anchor_of(r, e);
	int rc = keep_anchor(r, e, anchor);
	if (rc)
		return rc;
	struct node *n = NULL;
	rc = read_content(r, e, depth, &n);
	if (rc)
		return rc;
	if (anchor)
		r->anchors[slot].node = n;
	*ret = n;
	return 0;
}

/* ---- documents ------------------------------------------------------------------------- */

static int read_stream(struct reader *r, struct node **ret)
{
	bool seen = false;
	struct node *root = NULL;
	for (;;) {
		yaml_event_t e;
		int rc = next_event(r, &e);
		if (rc)
			return rc;
		bool end = e.type == YAML_STREAM_END_EVENT;
		if (e.type == YAML_DOCUMENT_START_EVENT && seen)
			rc = FAIL(r, e.start_mark, "a second document begins here (remove it)");
		else if (e.type >= YAML_ALIAS_EVENT) /* the content of the one document */
			rc = read_node(r, &e, 0, &root);
		seen |= e.type == YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&e);
		if (rc)
			return rc;
		if (end)
			break;
	}
	*ret = root;
	return 0;
}

static int read_text(struct op_config *c, const char *text, size_t len, const struct origin *at,
		     bool place, struct problems *p, struct node **ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r || !yaml_parser_initialize(&r->parser)) {
		free(r);
		return -ENOMEM;
	}
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) { /* a byte order mark */
		text += 3;
		len -= 3;
	}
	r->c = c;
	r->problems = p;
	r->at = *at;
	r->place = place;
	r->text = text;
	r->len = len;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	int rc = read_stream(r, ret);
	yaml_parser_delete(&r->parser);
	free(r);
	return rc;
}

int yaml_read(struct op_config *c, const char *text, size_t len, const struct origin *at,
	      struct problems *p, struct node **ret)
{
	return read_text(c, text, len, at, true, p, ret);
}

static struct node *plain(struct op_config *c, const char *text, const struct origin *at)
{
	struct node *n = node_new(c, NODE_TEXT, at);
	if (n)
		n->text = pool_text(&c->pool, text, strlen(text));
	return n && n->text ? n : NULL;
}

struct node *yaml_value(struct op_config *c, const char *text, bool quotes, const struct origin *at)
{
	bool flow = *text && strchr("[{", *text);
	bool quoted = quotes && *text && strchr("\"'", *text);
	if (!flow && !quoted)
		return plain(c, text, at);
	OP_AUTO_FREE struct problems *ignored = calloc(1, sizeof(*ignored));
	if (!ignored)
		return NULL;
	struct node *n = NULL;
	int rc = read_text(c, text, strlen(text), at, false, ignored, &n);
	bool good = rc == 0 && ignored->n == 0 && n;
	for (size_t i = 0; i < ignored->n; i++)
		free(ignored->v[i].text);
	/* "[::1]:8080" is not YAML, but a fine listen address: the table decides. */
	if (!good)
		return plain(c, text, at);
	if (n->kind != NODE_TEXT) {
		n->text = pool_text(&c->pool, text, strlen(text));
		if (!n->text)
			return NULL;
	}
	return n;
}
