/*
 * stream.c - a topic of one schema as it goes to disk, shared by the loop and the writer.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA_MAX 65536

int stream_create(const char *name, const struct op_topic_type *type, enum op_history_kind kind,
		  op_field_set fields, struct stream **ret)
{
	OP_AUTO_BUF struct op_buf schema;
	op_buf_init(&schema, SCHEMA_MAX);
	op_schema_write(type, name, &schema);
	if (schema.err)
		return schema.err;
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int err = op_schema_parse(schema.data, schema.len, &s->type);
	if (err < 0) {
		free(s);
		return err;
	}
	(void)snprintf(s->name, sizeof(s->name), "%s", name); /* a topic's name fits */
	s->kind = kind;
	/* Rows have all fields, and who reads their tiers expects them of all. */
	s->fields = kind == OP_HISTORY_ROWS ? op_chunk_fields(s->type) : fields;
	atomic_init(&s->refs, 1);
	*ret = s;
	return 0;
}

struct stream *stream_ref(struct stream *s)
{
	/* Relaxed: whoever calls holds a reference already. */
	(void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void stream_unref(struct stream *s)
{
	/* Each release pairs with the acquire of whoever is last: it sees all that was done. */
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	op_schema_free(s->type);
	free(s);
}
