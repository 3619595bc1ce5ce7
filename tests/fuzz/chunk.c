/*
 * chunk.c - fuzz target of reading chunks. What is taken for one must be in order, and storing and
 * reading it again must give the same.
 *
 * The input is a chunk behind one byte; if that is odd, magic and checksum are put right first.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/chunk_format.h"

#include <assert.h>

#include "bus_topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *chunk, size_t n)
{
	uint32_t crc = chunk_crc(chunk, n);
	memcpy(chunk, CHUNK_MAGIC, 4);
	for (unsigned i = 0; i < 4; i++)
		chunk[4 + i] = (uint8_t)(crc >> 8 * i);
}

/* The columns as slots again. */
static void *slots_of(const struct op_chunk_columns *c, size_t stride)
{
	char *slots = calloc(c->n, stride);
	assert(slots);
	for (size_t i = 0; i < c->n; i++) {
		memcpy(slots + i * stride, &c->t_ns[i], 8);
		for (unsigned f = 0; f < every_topic.n_fields; f++) {
			const struct op_field *field = &every_topic.fields[f];
			if (c->values[f])
				memcpy(slots + i * stride + OP_SLOT_RECORD + field->offset,
				       (const char *)c->values[f] + i * field->bytes, field->bytes);
		}
	}
	return slots;
}

static void check_same(const struct op_chunk_columns *a, const struct op_chunk_columns *b)
{
	assert(a->n == b->n && !memcmp(a->t_ns, b->t_ns, a->n * 8));
	assert(!memcmp(a->seq, b->seq, a->n * 8));
	for (unsigned f = 0; f < every_topic.n_fields; f++)
		if (a->values[f])
			assert(!memcmp(a->values[f], b->values[f],
				       a->n * every_topic.fields[f].bytes));
}

static void check_round_trip(const struct op_chunk_columns *c)
{
	size_t stride = OP_SLOT_RECORD + sizeof(struct every);
	char *slots = slots_of(c, stride);
	struct op_chunk_plan plan = {.fields = ~0ULL, .max_records = c->n};
	struct op_chunk_builder *b = NULL;
	struct op_chunk_reader *r = NULL;
	struct op_chunk chunk;
	struct op_chunk_columns again;
	if (op_chunk_builder_create(&every_topic, &plan, &b) ||
	    op_chunk_reader_create(&every_topic, ~0ULL, &r))
		abort();
	for (size_t i = 0; i < c->n; i++)
		assert(op_chunk_append(b, c->seq[i], slots + i * stride, 1, stride) == 1);
	if (op_chunk_cut(b, &chunk) || op_chunk_load(r, chunk.data, chunk.bytes, ~0ULL, &again))
		abort();
	check_same(c, &again);
	op_chunk_builder_destroy(b);
	op_chunk_reader_destroy(r);
	free(slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op_chunk_reader *r;
	struct op_chunk_columns c;
	if (size < 1 + CHUNK_CHECKED)
		return 0;
	if (!r && op_chunk_reader_create(&every_topic, ~0ULL, &r))
		abort();
	uint8_t *chunk = malloc(size - 1); /* exact, so that ASan sees one past it */
	assert(chunk);
	memcpy(chunk, data + 1, size - 1);
	if (data[0] & 1)
		mend(chunk, size - 1);
	if (op_chunk_load(r, chunk, size - 1, ~0ULL, &c) == 0) {
		for (size_t i = 1; i < c.n; i++)
			assert(c.t_ns[i] >= c.t_ns[i - 1]);
		if (c.n <= 4096) /* else it takes too long */
			check_round_trip(&c);
	}
	free(chunk);
	return 0;
}
