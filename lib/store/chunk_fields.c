/*
 * chunk_fields.c - which fields of a topic go into chunks. Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "lib/store/chunk.h"
#include "lib/store/column.h"

op_field_set op_chunk_fields(const struct op_topic_type *type)
{
	op_field_set set = 0;
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (op_column_bytes(type->fields[i].type) > 0)
			set |= (op_field_set)1 << i;
	return set;
}

/* The field of that name among those of the set; n_fields if there is none. */
static uint32_t find(const struct op_topic_type *type, op_field_set set, const char *name, size_t n)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const char *have = type->fields[i].name;
		if (set >> i & 1 && strlen(have) == n && !memcmp(have, name, n))
			return i;
	}
	return type->n_fields;
}

int op_chunk_fields_parse(const struct op_topic_type *type, const char *text, op_field_set *ret,
			  const char **ret_bad)
{
	static const char between[] = ", \t";
	op_field_set all = op_chunk_fields(type), set = 0;
	const char *p = text ? text : "";
	for (p += strspn(p, between); *p; p += strspn(p, between)) {
		size_t n = strcspn(p, between);
		uint32_t i = find(type, all, p, n);
		if (i == type->n_fields) {
			if (ret_bad)
				*ret_bad = p;
			return -ENOENT;
		}
		set |= (op_field_set)1 << i;
		p += n;
	}
	*ret = set ? set : all;
	return 0;
}
