/*
 * chunk_load.c - a chunk as columns again.
 *
 * One thread per reader. Chunks come from files that may be damaged or made by somebody else:
 * beyond the checksum every length, number and order is checked, and memory is bounded by
 * OP_CHUNK_RECORDS_MAX before anything is allocated. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/chunk_format.h"
#include "lib/store/column.h"
#include "lib/store/column_mean.h"

#define COLUMNS_MAX (OP_TOPIC_FIELDS_MAX + 2)

/* A column as it stands in the chunk. */
struct entry {
	unsigned id;
	enum chunk_form form;
	enum op_type type;
	struct op_bytes bytes;
};

struct op_chunk_reader {
	enum op_type types[OP_TOPIC_FIELDS_MAX];
	unsigned n_fields;
	op_field_set fields;

	size_t room; /* records the memory below is for */
	struct op_column_decoder decoder;
	uint64_t *times, *seqs, *numbers;
	double *x, *d; /* of means; made when the first comes */
	uint32_t *starts;
	void *values[OP_TOPIC_FIELDS_MAX]; /* made when first wanted */

	uint32_t n; /* of the chunk that is loaded */
	struct entry entries[COLUMNS_MAX];
	unsigned n_entries;
	op_field_set decoded;
};

int op_chunk_reader_create(const struct op_topic_type *type, op_field_set fields,
			   struct op_chunk_reader **ret)
{
	struct op_chunk_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->n_fields = type->n_fields;
	r->fields = fields & op_chunk_fields(type);
	for (uint32_t i = 0; i < type->n_fields; i++)
		r->types[i] = type->fields[i].type;
	*ret = r;
	return 0;
}

static void release(struct op_chunk_reader *r)
{
	op_column_decoder_finish(&r->decoder);
	free(r->times);
	free(r->seqs);
	free(r->numbers);
	free(r->x);
	free(r->d);
	free(r->starts);
	r->times = r->seqs = r->numbers = NULL;
	r->x = r->d = NULL;
	r->starts = NULL;
	for (unsigned i = 0; i < OP_TOPIC_FIELDS_MAX; i++) {
		free(r->values[i]);
		r->values[i] = NULL;
	}
	r->room = 0;
}

void op_chunk_reader_destroy(struct op_chunk_reader *r)
{
	if (r)
		release(r);
	free(r);
}

/* Memory grows in powers of two, so that chunks of about the same size share it. */
static int reserve(struct op_chunk_reader *r, size_t n)
{
	if (n <= r->room)
		return 0;
	size_t room = 64;
	while (room < n)
		room *= 2;
	release(r);
	int err = op_column_decoder_init(&r->decoder, room);
	if (err || !(r->times = malloc(room * sizeof(uint64_t))) ||
	    !(r->seqs = malloc(room * sizeof(uint64_t))) ||
	    !(r->numbers = malloc(room * sizeof(uint64_t)))) {
		release(r);
		return -ENOMEM;
	}
	r->room = room;
	return 0;
}

/* ---- finding the columns -------------------------------------------------------------------- */

/* Checks what can be said of a column without reading it. */
static bool entry_ok(const struct op_chunk_reader *r, const struct entry *e)
{
	if (e->id >= OP_TOPIC_FIELDS_MAX)
		return (e->id == CHUNK_TIME || e->id == CHUNK_SEQ) && e->form == CHUNK_PLAIN;
	if (e->id >= r->n_fields || e->type != r->types[e->id] || op_column_bytes(e->type) == 0)
		return false;
	return e->form == CHUNK_PLAIN || (e->form == CHUNK_QUOTIENT && e->type == OP_F64) ||
	       (e->form == CHUNK_MEAN && (e->type == OP_F32 || e->type == OP_F64));
}

static const struct entry *find(const struct op_chunk_reader *r, unsigned id)
{
	for (unsigned i = 0; i < r->n_entries; i++)
		if (r->entries[i].id == id)
			return &r->entries[i];
	return NULL;
}

static int find_columns(struct op_chunk_reader *r, struct op_bytes *in, unsigned columns)
{
	r->n_entries = 0;
	if (columns > COLUMNS_MAX)
		return -OP_EDAMAGED;
	for (unsigned i = 0; i < columns; i++) {
		struct entry e = {.id = (unsigned)op_bytes_get(in, 1)};
		unsigned form_and_type = (unsigned)op_bytes_get(in, 1);
		uint64_t bytes = op_bytes_get_varint(in);
		e.form = form_and_type & 15;
		e.type = form_and_type >> 4;
		const uint8_t *p = bytes <= SIZE_MAX ? op_bytes_take(in, (size_t)bytes) : NULL;
		if (!p || !entry_ok(r, &e) || find(r, e.id))
			return -OP_EDAMAGED;
		e.bytes = op_bytes_of(p, (size_t)bytes);
		r->entries[r->n_entries++] = e;
	}
	return in->at == in->end && !in->bad ? 0 : -OP_EDAMAGED;
}

static int open_chunk(struct op_chunk_reader *r, const void *data, size_t bytes)
{
	struct op_bytes in = op_bytes_of(data, bytes);
	const uint8_t *magic = op_bytes_take(&in, 4);
	uint32_t crc = (uint32_t)op_bytes_get(&in, 4);
	if (in.bad || memcmp(magic, CHUNK_MAGIC, 4) != 0 || crc != chunk_crc(data, bytes))
		return -OP_EDAMAGED;
	uint64_t n = op_bytes_get_varint(&in);
	unsigned columns = (unsigned)op_bytes_get(&in, 1);
	if (in.bad || n < 1 || n > OP_CHUNK_RECORDS_MAX)
		return -OP_EDAMAGED;
	r->n = (uint32_t)n;
	return find_columns(r, &in, columns);
}

/* ---- reading them --------------------------------------------------------------------------- */

/* The numbers of a column must be all that is left of it. */
static int decode(struct op_chunk_reader *r, struct op_bytes *in, size_t n, uint64_t *ret)
{
	int err = op_column_decode(&r->decoder, in, n, ret);
	return err || in->at != in->end ? -OP_EDAMAGED : 0;
}

static int load_times(struct op_chunk_reader *r)
{
	const struct entry *e = find(r, CHUNK_TIME);
	if (!e)
		return -OP_EDAMAGED;
	struct op_bytes in = e->bytes;
	uint64_t t0 = op_bytes_get_varint(&in), step = op_bytes_get_varint(&in), last = 0;
	int err = decode(r, &in, r->n, r->times);
	if (err)
		return err;
	for (size_t i = 0; i < r->n; i++) {
		uint64_t t = chunk_line(t0, step, i) + (uint64_t)op_column_unkey(r->times[i]);
		if (t < last || t > INT64_MAX / OP_CHUNK_TIME_NS)
			return -OP_EDAMAGED;
		last = t;
		r->times[i] = t * OP_CHUNK_TIME_NS;
	}
	return 0;
}

static int load_seqs(struct op_chunk_reader *r)
{
	const struct entry *e = find(r, CHUNK_SEQ);
	if (!e)
		return -OP_EDAMAGED;
	struct op_bytes in = e->bytes;
	return decode(r, &in, r->n, r->seqs);
}

static int load_quotient(struct op_chunk_reader *r, const struct entry *e)
{
	struct op_bytes in = e->bytes;
	unsigned by = (unsigned)op_bytes_get(&in, 1);
	if (by >= r->n_fields || !(r->decoded >> by & 1) || r->types[by] != OP_U32)
		return -OP_EDAMAGED;
	int err = decode(r, &in, r->n, r->numbers);
	const uint32_t *n = r->values[by];
	double *to = r->values[e->id];
	for (size_t i = 0; i < r->n && !err; i++)
		to[i] = (double)op_column_unkey(r->numbers[i]) / n[i];
	return err;
}

static int reserve_means(struct op_chunk_reader *r)
{
	if (r->x && r->d && r->starts)
		return 0;
	if (!r->x)
		r->x = malloc(r->room * sizeof(*r->x));
	if (!r->d)
		r->d = malloc(r->room * sizeof(*r->d));
	if (!r->starts)
		r->starts = malloc(r->room * sizeof(*r->starts));
	return r->x && r->d && r->starts ? 0 : -ENOMEM;
}

/* Places where a mean starts: they rise from 0 and stay within the chunk. */
static int load_places(struct op_chunk_reader *r, struct op_bytes *in, size_t starts)
{
	int err = op_column_decode(&r->decoder, in, starts, r->numbers);
	for (size_t i = 0; i < starts && !err; i++) {
		bool rises = i > 0 ? r->numbers[i] > r->numbers[i - 1] : r->numbers[i] == 0;
		if (!rises || r->numbers[i] >= r->n)
			return -OP_EDAMAGED;
		r->starts[i] = (uint32_t)r->numbers[i];
	}
	return err;
}

/* ... and the values it starts with, put where they belong. */
static int load_starts(struct op_chunk_reader *r, const struct entry *e, struct op_bytes *in,
		       size_t starts)
{
	unsigned bytes = op_column_bytes(e->type);
	int err = decode(r, in, starts, r->numbers);
	for (size_t i = 0; i < starts && !err; i++)
		err = op_column_narrow(e->type, &r->numbers[i], 1,
				       (char *)r->values[e->id] + r->starts[i] * bytes);
	return err;
}

static bool rule_ok(const struct op_chunk_reader *r, const struct op_mean_rule *rule)
{
	return rule->input < OP_MEAN_INPUTS && rule->x < r->n_fields && rule->z < r->n_fields &&
	       r->decoded >> rule->x & 1 && r->decoded >> rule->z & 1 && rule->factor > 0 &&
	       rule->factor <= 1;
}

static int load_mean(struct op_chunk_reader *r, const struct entry *e)
{
	struct op_bytes in = e->bytes;
	struct op_mean_rule rule = {.input = (uint8_t)op_bytes_get(&in, 1)};
	rule.x = (uint8_t)op_bytes_get(&in, 1);
	rule.z = (uint8_t)op_bytes_get(&in, 1);
	uint64_t factor = op_bytes_get(&in, 8), starts = op_bytes_get_varint(&in);
	memcpy(&rule.factor, &factor, sizeof(factor));
	if (in.bad || !rule_ok(r, &rule) || starts < 1 || starts > r->n)
		return -OP_EDAMAGED;
	int err = reserve_means(r);
	if (!err)
		err = load_places(r, &in, (size_t)starts);
	if (!err)
		err = load_starts(r, e, &in, (size_t)starts);
	if (err)
		return err;
	op_mean_values(r->types[rule.x], r->values[rule.x], r->n, r->x);
	op_mean_values(r->types[rule.z], r->values[rule.z], r->n, r->d);
	op_mean_inputs(rule.input, r->x, r->d, r->n);
	op_mean_replay(rule.factor, e->type, r->d, r->n, r->starts, (size_t)starts,
		       r->values[e->id]);
	return 0;
}

static int load_plain(struct op_chunk_reader *r, const struct entry *e)
{
	struct op_bytes in = e->bytes;
	int err = decode(r, &in, r->n, r->numbers);
	return err ? err : op_column_narrow(e->type, r->numbers, r->n, r->values[e->id]);
}

static int load_column(struct op_chunk_reader *r, const struct entry *e)
{
	if (!r->values[e->id])
		r->values[e->id] = malloc(r->room * op_column_bytes(e->type));
	if (!r->values[e->id])
		return -ENOMEM;
	int err = e->form == CHUNK_PLAIN      ? load_plain(r, e)
		  : e->form == CHUNK_QUOTIENT ? load_quotient(r, e)
					      : load_mean(r, e);
	if (!err)
		r->decoded |= (op_field_set)1 << e->id;
	return err;
}

/* The fields that those wanted are made from. */
static op_field_set inputs_of(const struct entry *e)
{
	struct op_bytes in = e->bytes;
	if (e->form == CHUNK_PLAIN)
		return 0;
	if (e->form == CHUNK_MEAN)
		(void)op_bytes_get(&in, 1); /* the kind of input */
	unsigned x = (unsigned)op_bytes_get(&in, 1);
	unsigned z = e->form == CHUNK_MEAN ? (unsigned)op_bytes_get(&in, 1) : x;
	return x < OP_TOPIC_FIELDS_MAX && z < OP_TOPIC_FIELDS_MAX
		       ? (op_field_set)1 << x | (op_field_set)1 << z
		       : 0; /* refused when it is read */
}

/* Each column stands behind those it is made from, so one way back finds all that are needed. */
static op_field_set needed(const struct op_chunk_reader *r, op_field_set want)
{
	for (unsigned i = r->n_entries; i-- > 0;) {
		const struct entry *e = &r->entries[i];
		if (e->id < OP_TOPIC_FIELDS_MAX && want >> e->id & 1)
			want |= inputs_of(e);
	}
	return want;
}

static int load_columns(struct op_chunk_reader *r, op_field_set need)
{
	r->decoded = 0;
	for (unsigned i = 0; i < r->n_entries; i++) {
		const struct entry *e = &r->entries[i];
		if (e->id >= OP_TOPIC_FIELDS_MAX || !(need >> e->id & 1))
			continue;
		int err = load_column(r, e);
		if (err)
			return err;
	}
	return 0;
}

int op_chunk_load(struct op_chunk_reader *r, const void *data, size_t bytes, op_field_set want,
		  struct op_chunk_columns *ret)
{
	int err = open_chunk(r, data, bytes);
	if (!err)
		err = reserve(r, r->n);
	if (!err)
		err = load_times(r);
	if (!err)
		err = load_seqs(r);
	want &= r->fields;
	if (!err)
		err = load_columns(r, needed(r, want));
	if (err)
		return err;
	*ret = (struct op_chunk_columns){.n = r->n, .t_ns = r->times, .seq = r->seqs};
	for (unsigned i = 0; i < r->n_fields; i++)
		if (want >> i & r->decoded >> i & 1)
			ret->values[i] = r->values[i];
	return 0;
}
