/*
 * tier_type.c - the type of the records that sum up those of another type. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/tier.h"

#include <string.h>

#include "lib/store/column.h"

static const struct {
	const char *suffix, *help;
} figures[TIER_FIGURES] = {
	[TIER_MIN] = {".min", "least"},
	[TIER_MAX] = {".max", "greatest"},
	[TIER_MEAN] = {".mean", "mean"},
	[TIER_FIRST] = {".first", "first in the bucket"},
	[TIER_LAST] = {".last", "last in the bucket"},
};

/* One heap block: the type, its fields, then every text of it. */
struct block {
	struct op_topic_type type;
	struct op_field fields[OP_TOPIC_FIELDS_MAX];
	size_t used;
	char text[];
};

uint64_t op_tier_width_ns(unsigned level)
{
	static const uint64_t s[OP_TIER_LEVELS] = {0, 1, 60, 3600};
	return level < OP_TIER_LEVELS ? s[level] * OP_NS_PER_S : 0;
}

const char *op_tier_name(unsigned level)
{
	static const char *const names[OP_TIER_LEVELS] = {"raw", "1s", "1min", "1h"};
	return level < OP_TIER_LEVELS ? names[level] : "?";
}

op_field_set op_tier_fields(const struct op_topic_type *type, op_field_set fields)
{
	op_field_set set = 0;
	unsigned n = 0;
	fields &= op_chunk_fields(type);
	for (uint32_t i = 0; i < type->n_fields && n < OP_TIER_FIELDS_MAX; i++) {
		set |= fields & (op_field_set)1 << i;
		n += fields >> i & 1;
	}
	return set;
}

/* ---- recognising one ------------------------------------------------------------------------ */

/* The figures of one field: same name before the suffix, and types that fit. */
static bool is_group(const struct op_field *f)
{
	size_t stem = strlen(f[TIER_MIN].name);
	if (stem < 5 || op_column_bytes(f[TIER_MIN].type) == 0)
		return false;
	stem -= 4;
	for (unsigned i = 0; i < TIER_FIGURES; i++) {
		enum op_type want = i == TIER_MEAN ? OP_F64 : f[TIER_MIN].type;
		if (f[i].type != want || strncmp(f[i].name, f[TIER_MIN].name, stem) != 0 ||
		    strcmp(f[i].name + stem, figures[i].suffix) != 0)
			return false;
	}
	return true;
}

bool op_tier_is(const struct op_topic_type *type)
{
	if (type->n_fields < 1 + TIER_FIGURES || (type->n_fields - 1) % TIER_FIGURES != 0 ||
	    strcmp(type->fields[0].name, "n") != 0 || type->fields[0].type != OP_U32)
		return false;
	for (uint32_t i = 1; i < type->n_fields; i += TIER_FIGURES)
		if (!is_group(&type->fields[i]))
			return false;
	return true;
}

/* ---- making one ----------------------------------------------------------------------------- */

/* a and b as one text in the block. */
static const char *keep(struct block *b, const char *head, const char *tail)
{
	char *text = b->text + b->used;
	b->used += (size_t)(stpcpy(stpcpy(text, head ? head : ""), tail) - text) + 1;
	return text;
}

static size_t text_bytes(const struct op_topic_type *type)
{
	size_t n = 1024 + strlen(type->name) + (type->help ? strlen(type->help) : 0);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		n += TIER_FIGURES * (strlen(f->name) + 8) + strlen(f->unit) + 64 +
		     (f->labels ? strlen(f->labels) : 0) + (f->help ? strlen(f->help) : 0);
	}
	return n;
}

/* Appends a field behind the last, where its type wants to stand. */
static void add_field(struct block *b, struct op_field f)
{
	f.bytes = op_column_bytes(f.type);
	f.offset = (b->type.record_bytes + f.bytes - 1) / f.bytes * f.bytes;
	b->fields[b->type.n_fields++] = f;
	b->type.record_bytes = f.offset + f.bytes;
}

static void add_group(struct block *b, const struct op_field *of)
{
	const char *unit = keep(b, of->unit, "");
	const char *labels = of->labels ? keep(b, of->labels, "") : NULL;
	for (unsigned i = 0; i < TIER_FIGURES; i++)
		add_field(b, (struct op_field){
				     .name = keep(b, of->name, figures[i].suffix),
				     .unit = unit,
				     .help = figures[i].help,
				     .labels = i == TIER_MEAN ? NULL : labels,
				     .type = i == TIER_MEAN ? OP_F64 : of->type,
			     });
}

static struct block *new_block(const struct op_topic_type *type)
{
	struct block *b = calloc(1, sizeof(*b) + text_bytes(type));
	if (!b)
		return NULL;
	b->type.fields = b->fields;
	b->type.name = keep(b, type->name, "");
	b->type.help = keep(b, type->help, "");
	return b;
}

static void copy_fields(struct block *b, const struct op_topic_type *type)
{
	b->type.record_bytes = type->record_bytes;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		struct op_field f = type->fields[i];
		f.name = keep(b, f.name, "");
		f.unit = keep(b, f.unit, "");
		f.help = keep(b, f.help, "");
		f.labels = f.labels ? keep(b, f.labels, "") : NULL;
		b->fields[b->type.n_fields++] = f;
	}
}

int op_tier_type(const struct op_topic_type *type, op_field_set fields, struct op_topic_type **ret)
{
	bool tier = op_tier_is(type);
	fields = op_tier_fields(type, fields);
	if (!tier && fields == 0)
		return -EINVAL;
	struct block *b = new_block(type);
	if (!b)
		return -ENOMEM;
	if (tier) {
		copy_fields(b, type);
	} else {
		add_field(b, (struct op_field){
				     .name = "n", .unit = "", .help = "records", .type = OP_U32});
		for (uint32_t i = 0; i < type->n_fields; i++)
			if (fields >> i & 1)
				add_group(b, &type->fields[i]);
	}
	*ret = &b->type;
	return 0;
}
