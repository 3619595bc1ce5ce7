/*
 * internal.h - what the files of lib/config share: the tree of values with their origins, the
 * list of mistakes, and the steps from bytes to tree to struct. Not for anyone else.
 *
 * All memory of a configuration comes from one pool that is dropped with it, so a node is never
 * freed on its own and every string in the tree lives as long as the tree.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_CONFIG_INTERNAL_H
#define OUTPOST_CONFIG_INTERNAL_H

#include <outpost/config.h>
#include <sys/types.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define ENV_FILE_MAX_BYTES (64 * 1024)
#define DEPTH_MAX 32
#define NODES_MAX 10000              /* values of one file, those of expanded aliases included */
#define TEXT_MAX_BYTES (4096 * 1024) /* of all texts, those of expanded aliases included */
#define ANCHORS_MAX 256
#define PROBLEMS_MAX 100
#define UNUSED_MAX 10 /* variables of the .env file that are named although nobody knows them */
#define PATH_BYTES 512
#define NAME_MAX_BYTES 32 /* appliance, service, simulator */

/* ---- memory ---------------------------------------------------------------------------- */

struct pool {
	struct pool_chunk *chunks;
};
/* Zeroed memory that lives until pool_finish; NULL if there is none. */
void *pool_alloc(struct pool *p, size_t bytes);
char *pool_text(struct pool *p, const char *text, size_t n);
void pool_finish(struct pool *p);

/* ---- where a value comes from ---------------------------------------------------------- */

/* In the order of precedence; mistakes are listed in this order too. */
enum origin_kind {
	ORIGIN_DEFAULT,
	ORIGIN_YAML,
	ORIGIN_SIMULATOR, /* a YAML place below simulators.NAME.set */
	ORIGIN_ENV_FILE,
	ORIGIN_ENVIRON,
	ORIGIN_SET,
};

struct origin {
	enum origin_kind kind;
	const char *file;  /* as the user named it */
	const char *name;  /* of the simulator, of the variable, or the path of --set */
	const char *value; /* of --set, to be shown in a message: not for secrets */
	unsigned line;     /* from 1; of --set: its place among them */
	unsigned column;   /* from 1; 0 if there is none */
};

struct problems;

/* ---- the tree -------------------------------------------------------------------------- */

enum node_kind { NODE_NULL, NODE_TEXT, NODE_LIST, NODE_MAP };

/* A value. Text may have children as well: they are components set by a later source
 * ("services.web.listen.port" over "services.web.listen: 0.0.0.0:5000"). */
struct node {
	enum node_kind kind;
	const char *key;  /* NULL in a list */
	const char *text; /* NODE_TEXT; also the raw text of a list or map given by --set */
	struct origin key_at, at;
	struct node *first, *last, *next;
};

struct node *node_find(const struct node *map, const char *key);
/* NULL if a limit or the memory is exceeded; *why then says which. */
struct node *node_new(struct op_config *c, enum node_kind kind, const struct origin *at);
void node_append(struct node *parent, struct node *child);
struct node *node_copy(struct op_config *c, const struct node *from);
/* "0", "17": the place of an element in a list. */
bool node_index(const char *text, size_t *ret);
/* Below a mapping by key, in a list by index. NULL: there is none. */
struct node *node_below(const struct node *n, const char *part);
/* Puts value at the dotted path, making mappings on the way. A mapping is merged into a mapping
 * key by key; anything else replaces what was there, components included. In a list a part is an
 * index; one past the end adds an element, what is further becomes a mistake in p. -ENOMEM or
 * -EINVAL (an empty part in the path). */
int node_set(struct op_config *c, struct node *root, const char *path, const struct node *value,
	     const struct origin *at, struct problems *p) OP_MUST_CHECK;
const char *node_kind_name(const struct node *n);

/* ---- mistakes -------------------------------------------------------------------------- */

struct problem {
	struct origin at;
	char *text;
	size_t order;
};
struct problems {
	struct problem v[PROBLEMS_MAX];
	size_t n, dropped;
};

/* path may be NULL. The text must not hold the value of a secret. */
void problem_add(struct problems *p, const struct origin *at, const char *path, const char *fmt,
		 ...) OP_PRINTF(4, 5);
/* "expected ..., not "x" (did you mean "y"?)"; of a secret no part of the value. */
void problem_value(struct problems *p, const struct op_setting *s, const struct node *n,
		   const char *path);
/* Writes them sorted by place, one a line, and forgets them. -EINVAL if there were any, else 0. */
int problems_write(struct problems *p, struct op_buf *errors) OP_MUST_CHECK;
/* "FILE:LINE:COL", ".env:3 PORT", "environment PORT", "--set PATH". */
void origin_write(const struct origin *at, struct op_buf *out);
/* "(did you mean "x"?)" or "(expected one of ...)" for a misspelt word, with a leading space. */
void hint_write(struct op_buf *out, const char *word, const char *const *names, size_t n);

/* ---- the configuration ----------------------------------------------------------------- */

/* One target of a name in the `environment` map. */
struct env_target {
	const char *name, *path;
	double times; /* what a number is multiplied by; 0: it is set as it is */
	struct origin at;
	struct env_target *next;
};

/* The table that a service's settings were last read with: messages about them look there which
 * of them are secret. */
struct known_table {
	const struct node *service; /* NULL: none was read */
	const struct op_setting *table;
	size_t n;
};

/* How the value of a variable is written; VARIABLE_ANY is left to the setting. */
enum variable_type {
	VARIABLE_ANY,
	VARIABLE_TEXT,
	VARIABLE_WORD,
	VARIABLE_BOOL,
	VARIABLE_INT,
	VARIABLE_FLOAT,
	VARIABLE_CHOICE,
	VARIABLE_URL,
};

struct env_group {
	const char *name, *when, *wrong;
	struct env_group *next;
};

struct variable {
	const char *name;
	enum variable_type type;
	struct env_target *first, *last; /* what it sets */
	const struct env_group *group;
	const char *called, *def, *below, *required;
	const char **choices; /* NULL-terminated */
	bool secret, has_min, has_max, exported;
	double min, max;
	const char *value; /* as it was given; NULL: not */
	unsigned order;    /* of the givings, from 1; 0: not given */
	const char *clean; /* after its check; NULL: counts as not given */
	struct origin from;
	struct variable *next;
};

struct op_config {
	struct pool pool;
	struct known_table *known; /* changes while all else is only read */
	struct pool *lists;        /* elements of OP_SET_LIST: grows while all else is only read */
	const char *file, *env_file, *appliance, *description;
	const char *runtime_dir, *state_dir; /* NULL: placeholders stay as they are */
	mode_t file_mode, env_mode;
	int held_fd; /* what the environment file said, to be handed on; negative: none */
	size_t nodes, text_bytes;
	struct node *root, *services; /* services is NULL only after a mistake */
	struct op_config_simulator *simulators;
	size_t n_services, n_simulators;
	struct variable *variables, *variables_last;
	struct env_group *groups;
	unsigned given;
	bool dotenv; /* the environment file as python-dotenv has it */
	int start_failure;
	struct op_config_own own;
	struct op_buf notes, unused; /* of the .env file: nearly a name; not like any */
	struct op_buf missing;       /* what is said of variables that are required */
	size_t n_unused;
	bool mistakes;
};

/* ---- the steps ------------------------------------------------------------------------- */

/* yaml.c: text to tree. *ret is NULL for an empty document. Mistakes go to p; -EINVAL only if the
 * text cannot be read to its end. */
int yaml_read(struct op_config *c, const char *text, size_t len, const struct origin *at,
	      struct problems *p, struct node **ret) OP_MUST_CHECK;
/* The value of --set or of the environment: a flow sequence, mapping or quoted text is read as
 * YAML, everything else is text as it stands. NULL without memory. */
struct node *yaml_value(struct op_config *c, const char *text, bool quotes,
			const struct origin *at);

/* placeholder.c: 0, -EINVAL for an unknown one, -ENOMEM. */
int placeholder_expand(struct op_config *c, const char *text, const char **ret) OP_MUST_CHECK;

/* dotenv.c */
struct env_line {
	const char *name, *value; /* value NULL: a name without "=" */
	bool literal;             /* in single quotes */
	unsigned line;
};
struct env_lines {
	struct env_line *v;
	size_t n;
};
/* environ is where ${NAME} is looked for first; NULL: nowhere. */
int dotenv_parse(struct op_config *c, const char *text, size_t len, const char *file,
		 char *const *environ, struct problems *p, struct env_lines *ret) OP_MUST_CHECK;

/* held.c: a descriptor, or a negative errno. */
int held_make(const char *text, size_t len, mode_t mode) OP_MUST_CHECK;
/* -ENOENT: nobody handed one on. *ret_text is the caller's. */
int held_read(char **ret_text, size_t *ret_len, mode_t *ret_mode) OP_MUST_CHECK;

/* environment.c: the keys "environment", "environment_groups", "env_file", "start_failure". */
int environment_read(struct op_config *c, struct problems *p) OP_MUST_CHECK;
/* The environment file as the appliance wants it found, into c->env_file. */
int environment_find_file(struct op_config *c) OP_MUST_CHECK;
/* Notes, once, that what should be the environment file is a directory. */
void environment_note_directory(struct op_config *c, const char *path);
bool variable_ok(const char *name);
struct variable *variable_find(const struct op_config *c, const char *name, size_t len);

/* variable.c: every variable that was given into the tree, checked. */
int variables_apply(struct op_config *c, struct problems *p) OP_MUST_CHECK;
/* With --sim: whom what is made up is sent to, in notes; no more of an address than its host. */
void variables_note_addresses(struct op_config *c);
/* When all sources are in it: what is required and not there. */
void variables_require(struct op_config *c, struct problems *p);

/* appliance.c: the keys that every appliance file has. */
/* A mistake for each key that is none of the names. */
void map_check(const struct node *map, const char *path, const char *const *names, size_t n_names,
	       struct problems *p);
/* The mapping below a key; NULL with a mistake if it is something else, NULL if it is not there. */
struct node *map_at(const struct node *parent, const char *key, const char *path,
		    struct problems *p);
/* The text below a key, or NULL; anything but text is a mistake. */
const char *text_at(const struct node *parent, const char *key, const char *path,
		    struct problems *p);
int appliance_read(struct op_config *c, struct problems *p) OP_MUST_CHECK;
int appliance_read_simulators(struct op_config *c, struct problems *p) OP_MUST_CHECK;
int appliance_apply_simulators(struct op_config *c, struct problems *p) OP_MUST_CHECK;
/* True if the path begins with services.<one of the file>; else a mistake is added. */
bool appliance_path_ok(struct op_config *c, const char *path, const struct origin *at,
		       struct problems *p);

/* value.c: one value from text. -EINVAL if it is not what the setting expects. */
int value_parse(const struct op_setting *s, const char *text, void *ret) OP_MUST_CHECK;
int value_parse_int(const struct op_setting *s, const char *text, int64_t *ret) OP_MUST_CHECK;
void value_expected(const struct op_setting *s, struct op_buf *out);
void value_write(const struct op_setting *s, const void *value, struct op_buf *out);
bool listen_host_ok(const char *host);

/* parts.c: what is below a value that has components, over the value. */
void parts_apply(struct problems *p, const struct op_setting *s, const struct node *n,
		 const char *path, void *value);

/* text.c */
bool text_is_utf8(const char *text);
/* As a YAML scalar, in quotes where it needs them. */
void yaml_text_write(const char *text, struct op_buf *out);

/* own.c: the sections of the appliance as a whole. */
bool own_path(const char *path);
void own_read(struct op_config *c, struct problems *p);

/* table.c */
/* A mapping at the top of the file by a table, into base; its targets of variables too. */
void section_apply(const struct op_config *c, struct problems *p, const char *name,
		   const struct op_setting *table, size_t n, void *base);
size_t table_bytes(const struct op_setting *table, size_t n);
/* The node of "services.NAME", or NULL. */
struct node *service_node(const struct op_config *c, const char *service);

#endif
