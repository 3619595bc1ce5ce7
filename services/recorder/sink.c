/*
 * sink.c - the records of one topic that are kept, gathered until they are cut; see sink.h.
 *
 * Without memory for an item its records are lost and counted, as if the queue had dropped it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "sink.h"

#include <string.h>

#define UNKNOWN_RECORDS 4096 /* gathered of a topic that declares no rate */
static const size_t enough[OP_TIER_LEVELS] = {0, 0, 60, 24}; /* entries worth a chunk */

struct sink {
	struct stream *stream;
	struct queue *queue;
	size_t stride;
	uint64_t since_ns, records;

	unsigned char *rows; /* of rows */
	size_t rows_n, rows_max;
	struct op_chunk_builder *level[OP_TIER_LEVELS]; /* [0]: of chunks */
	struct op_tier *tier[OP_TIER_LEVELS];           /* makes the entries of that level */
	struct step {
		struct sink *sink;
		unsigned level;
	} steps[OP_TIER_LEVELS];
};

/* ---- items ------------------------------------------------------------------------------- */

static void lose(struct sink *s, uint64_t records)
{
	(void)atomic_fetch_add_explicit(&s->stream->dropped, records, memory_order_relaxed);
}

static void put(struct sink *s, struct item *i)
{
	i->cut = s->queue->cuts;
	queue_put(s->queue, i);
}

static void put_chunk(struct sink *s, unsigned level)
{
	struct op_chunk chunk;
	uint64_t n = op_chunk_pending(s->level[level]);
	int err = op_chunk_cut(s->level[level], &chunk);
	if (err == -ENODATA)
		return;
	struct item *i = err < 0 ? NULL : item_create(s->stream, level, chunk.bytes);
	if (!i) {
		lose(s, level == 0 ? n : 0);
		return;
	}
	memcpy(i->payload, chunk.data, chunk.bytes);
	i->chunk = chunk;
	i->chunk.data = i->payload;
	i->records = level == 0 ? chunk.n : 0;
	put(s, i);
}

static void put_rows(struct sink *s)
{
	size_t bytes = s->rows_n * ITEM_ROW_BYTES(s->stream->type);
	if (s->rows_n == 0)
		return;
	struct item *i = item_create(s->stream, 0, bytes);
	if (i) {
		memcpy(i->payload, s->rows, bytes);
		i->rows = true;
		i->records = s->rows_n;
		i->chunk.n = (uint32_t)s->rows_n;
		put(s, i);
	} else {
		lose(s, s->rows_n);
	}
	s->rows_n = 0;
}

/* ---- adding ------------------------------------------------------------------------------ */

/* An entry of a level, and of it one of the next. */
static void on_entry(void *arg, const void *slot)
{
	struct step *step = arg;
	struct sink *s = step->sink;
	size_t stride = op_tier_stride(s->tier[step->level]);
	if (op_chunk_append(s->level[step->level], 0, slot, 1, stride) == 0) {
		put_chunk(s, step->level);
		if (op_chunk_append(s->level[step->level], 0, slot, 1, stride) == 0)
			return; /* cannot be: it was just emptied */
	}
	if (step->level + 1 < OP_TIER_LEVELS && s->tier[step->level + 1])
		op_tier_add(s->tier[step->level + 1], slot, 1, stride);
}

/* The lowest tier that sums up records themselves. */
static struct op_tier *first_tier(const struct sink *s)
{
	return s->tier[1] ? s->tier[1] : s->tier[2];
}

static void cut_raw(struct sink *s)
{
	s->queue->cuts++;
	if (s->level[0])
		put_chunk(s, 0);
	else
		put_rows(s);
	if (s->tier[1]) {
		op_tier_flush(s->tier[1]);
		put_chunk(s, 1);
	}
	s->since_ns = 0;
}

static void add_rows(struct sink *s, uint64_t first_seq, const unsigned char *slots, size_t n)
{
	const struct op_topic_type *type = s->stream->type;
	for (size_t i = 0; i < n; i++, slots += s->stride) {
		if (s->rows_n == s->rows_max)
			cut_raw(s);
		struct item_row *row =
			(struct item_row *)(void *)(s->rows + s->rows_n++ * ITEM_ROW_BYTES(type));
		row->seq = first_seq + i;
		memcpy(&row->boot_ns, slots, sizeof(row->boot_ns));
		memcpy(row->record, slots + OP_SLOT_RECORD, type->record_bytes);
	}
	if (first_tier(s))
		op_tier_add(first_tier(s), slots - n * s->stride, n, s->stride);
}

static void add_chunks(struct sink *s, uint64_t first_seq, const unsigned char *slots, size_t n)
{
	while (n > 0) {
		size_t taken = op_chunk_append(s->level[0], first_seq, slots, n, s->stride);
		if (first_tier(s))
			op_tier_add(first_tier(s), slots, taken, s->stride);
		first_seq += taken;
		slots += taken * s->stride;
		n -= taken;
		if (n > 0)
			cut_raw(s);
	}
}

void sink_add(struct sink *s, uint64_t first_seq, const void *slots, size_t n)
{
	s->records += n;
	if (s->level[0])
		add_chunks(s, first_seq, slots, n);
	else
		add_rows(s, first_seq, slots, n);
	if (!s->since_ns)
		s->since_ns = op_now_ns();
}

/* ---- cutting ----------------------------------------------------------------------------- */

void sink_cut(struct sink *s, bool last)
{
	cut_raw(s);
	for (unsigned l = 2; l < OP_TIER_LEVELS; l++) {
		if (!s->tier[l])
			continue;
		if (last)
			op_tier_flush(s->tier[l]);
		if (last || op_chunk_pending(s->level[l]) >= enough[l])
			put_chunk(s, l);
	}
}

uint64_t sink_since_ns(const struct sink *s)
{
	return s->since_ns;
}

uint64_t sink_records(const struct sink *s)
{
	return s->records;
}

/* ---- life -------------------------------------------------------------------------------- */

/* Room for what comes between two commits and a quarter more, as far as memory allows. */
static size_t room(const struct sink_settings *set, size_t record_bytes)
{
	double n = set->rate_hz * (double)set->commit_s * 1.25 + 64;
	size_t most = SINK_BYTES_MAX / (record_bytes + 16);
	size_t want = set->rate_hz > 0 ? (size_t)n : UNKNOWN_RECORDS;
	if (most > OP_CHUNK_RECORDS_MAX)
		most = OP_CHUNK_RECORDS_MAX;
	return want < most ? want : most;
}

static int add_level(struct sink *s, const struct op_topic_type *type, op_field_set fields,
		     unsigned level, size_t max)
{
	s->steps[level] = (struct step){s, level};
	int err = op_tier_create(type, fields, op_tier_width_ns(level), on_entry, &s->steps[level],
				 &s->tier[level]);
	if (err < 0)
		return err;
	const struct op_topic_type *tier = op_tier_record_type(s->tier[level]);
	struct op_chunk_plan plan = {.fields = op_chunk_fields(tier), .max_records = max};
	return op_chunk_builder_create(tier, &plan, &s->level[level]);
}

static int add_tiers(struct sink *s, const struct sink_settings *set, bool chunks)
{
	const struct op_topic_type *type = s->stream->type;
	int err = chunks ? add_level(s, type, s->stream->fields, 1, 2 * set->commit_s + 64) : 0;
	for (unsigned l = 2; l < OP_TIER_LEVELS && err == 0; l++) {
		const struct op_tier *below = s->tier[l - 1];
		err = add_level(s, below ? op_tier_record_type(below) : type, s->stream->fields, l,
				2 * enough[l]);
	}
	return err;
}

static int add_raw(struct sink *s, const struct sink_settings *set, bool chunks)
{
	const struct op_topic_type *type = s->stream->type;
	if (chunks) {
		struct op_chunk_plan plan = {.fields = s->stream->fields,
					     .recompute = set->recompute,
					     .max_records = room(set, type->record_bytes)};
		return op_chunk_builder_create(type, &plan, &s->level[0]);
	}
	s->rows_max = room(set, ITEM_ROW_BYTES(type));
	if (s->rows_max > UNKNOWN_RECORDS)
		s->rows_max = UNKNOWN_RECORDS;
	s->rows = malloc(s->rows_max * ITEM_ROW_BYTES(type));
	return s->rows ? 0 : -ENOMEM;
}

int sink_create(struct stream *stream, size_t stride, const struct sink_settings *set,
		struct queue *queue, struct sink **ret)
{
	bool chunks = stream->kind == OP_HISTORY_CHUNKS;
	struct sink *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->stream = stream_ref(stream);
	s->queue = queue;
	s->stride = stride;
	int err = add_raw(s, set, chunks);
	if (err == 0 && set->tiers && stream->fields)
		err = add_tiers(s, set, chunks);
	if (err < 0)
		sink_destroy(s);
	else
		*ret = s;
	return err;
}

void sink_destroy(struct sink *s)
{
	if (!s)
		return;
	for (unsigned l = 0; l < OP_TIER_LEVELS; l++) {
		op_tier_destroy(s->tier[l]);
		op_chunk_builder_destroy(s->level[l]);
	}
	free(s->rows);
	stream_unref(s->stream);
	free(s);
}
