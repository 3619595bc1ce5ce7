/*
 * chunk_build.c - records taken apart into columns, until they are cut.
 *
 * One thread per builder. The path of a record: one copy per kept field. Memory for a full chunk is
 * allocated at the start, and used as far as the chunk is filled.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/chunk_build.h"

/* Worst case: a column that does not compress, its head, and what stands before all of them. */
static size_t out_limit(const struct op_chunk_builder *b)
{
	size_t each = 64 + b->max * 8;
	return 64 + (b->n_columns + 2) * (each + each / 64);
}

static void add_column(struct op_chunk_builder *b, const struct op_field *f, unsigned index,
		       bool recompute)
{
	b->columns[b->n_columns++] = (struct chunk_column){
		.field = (uint8_t)index,
		.type = f->type,
		.offset = f->offset,
		.bytes = op_column_bytes(f->type),
		.recompute = recompute && (f->type == OP_F32 || f->type == OP_F64),
	};
	if (!strcmp(f->name, "n") && f->type == OP_U32)
		b->divisor = (int)b->n_columns - 1;
}

static int allocate(struct op_chunk_builder *b)
{
	bool ok = (b->times = malloc(b->max * sizeof(*b->times))) &&
		  (b->seqs = malloc(b->max * sizeof(*b->seqs)));
	for (unsigned i = 0; ok && i < b->n_columns; i++)
		ok = (b->columns[i].values = malloc(b->max * b->columns[i].bytes));
	return ok ? 0 : -ENOMEM;
}

int op_chunk_builder_create(const struct op_topic_type *type, const struct op_chunk_plan *plan,
			    struct op_chunk_builder **ret)
{
	op_field_set fields = plan->fields & op_chunk_fields(type);
	struct op_chunk_builder *b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->divisor = -1;
	b->tolerance = plan->tolerance > 0 ? plan->tolerance : 0.01;
	b->zstd_level = plan->zstd_level ? plan->zstd_level : 1;
	b->max = plan->max_records;
	if (b->max == 0 || b->max > OP_CHUNK_RECORDS_MAX)
		b->max = OP_CHUNK_RECORDS_MAX;
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (fields >> i & 1)
			add_column(b, &type->fields[i], i, plan->recompute >> i & 1);
	op_buf_init(&b->out, out_limit(b));
	int err = allocate(b);
	if (err < 0)
		op_chunk_builder_destroy(b);
	else
		*ret = b;
	return err;
}

void op_chunk_builder_destroy(struct op_chunk_builder *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->n_columns; i++)
		free(b->columns[i].values);
	free(b->times);
	free(b->seqs);
	op_buf_finish(&b->out);
	free(b);
}

/* A loop per size, so that each copy is one load and one store. */
#define GATHER(size)                                                         \
	do {                                                                 \
		char *to = (char *)c->values + at * (size);                  \
		for (size_t i = 0; i < n; i++, from += stride, to += (size)) \
			memcpy(to, from, (size));                            \
	} while (0)

static void gather(const struct chunk_column *c, size_t at, const char *from, size_t n,
		   size_t stride)
{
	from += OP_SLOT_RECORD + c->offset;
	if (c->bytes == 1)
		GATHER(1);
	else if (c->bytes == 2)
		GATHER(2);
	else if (c->bytes == 4)
		GATHER(4);
	else
		GATHER(8);
}

/* A clock that goes back does not: readers rely on the order of times. */
static void gather_times(struct op_chunk_builder *b, uint64_t first_seq, const char *from, size_t n,
			 size_t stride)
{
	uint64_t last = b->n > 0 ? b->times[b->n - 1] : 0;
	for (size_t i = 0; i < n; i++, from += stride) {
		uint64_t ns;
		memcpy(&ns, from, sizeof(ns));
		uint64_t t = ns / OP_CHUNK_TIME_NS;
		last = t > last ? t : last;
		b->times[b->n + i] = last;
		b->seqs[b->n + i] = first_seq + i;
	}
}

size_t op_chunk_append(struct op_chunk_builder *b, uint64_t first_seq, const void *slots, size_t n,
		       size_t stride)
{
	if (n > b->max - b->n)
		n = b->max - b->n;
	gather_times(b, first_seq, slots, n, stride);
	for (unsigned i = 0; i < b->n_columns; i++)
		gather(&b->columns[i], b->n, slots, n, stride);
	b->n += n;
	return n;
}

size_t op_chunk_pending(const struct op_chunk_builder *b)
{
	return b->n;
}

uint64_t op_chunk_since_ns(const struct op_chunk_builder *b)
{
	return b->n > 0 ? b->times[0] * OP_CHUNK_TIME_NS : 0;
}
