/*
 * export_lines.c - stored records as lines of text: those of `outpost tap`, with their own time.
 *
 * One thread; nothing fails but the buffer, which keeps its error.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/export_lines.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct op_field shown_field(const struct op_field *wanted, const struct op_field *stored)
{
	static const struct op_field lacking = {.type = OP_F64, .bytes = sizeof(double)};
	struct op_field f = stored ? *stored : lacking;
	f.name = wanted->name;
	f.unit = wanted->unit;
	return f;
}

static int find_stored(const struct op_topic_type *stored, op_field_set kept, const char *name)
{
	const struct op_field *f = op_topic_field(stored, name);
	int at = f ? (int)(f - stored->fields) : -1;
	return at >= 0 && kept & query_bit((unsigned)at) ? at : -1;
}

void export_view_make(struct export_view *v, const struct op_topic_type *stored, op_field_set kept,
		      const struct op_topic_type *newest, const unsigned *field, unsigned n_fields)
{
	uint32_t offset = 0;
	v->want = 0;
	v->stored = stored;
	for (unsigned i = 0; i < n_fields; i++) {
		const struct op_field *wanted = &newest->fields[field[i]];
		v->from[i] = find_stored(stored, kept, wanted->name);
		bool there_is = v->from[i] >= 0;
		v->fields[i] = shown_field(wanted, there_is ? &stored->fields[v->from[i]] : NULL);
		v->fields[i].offset = offset;
		if (there_is)
			v->want |= query_bit((unsigned)v->from[i]);
		offset += (v->fields[i].bytes + 7) / 8 * 8;
	}
	v->type = *newest;
	v->type.fields = v->fields;
	v->type.n_fields = n_fields;
	v->type.record_bytes = offset;
}

/* Most fields have four or eight bytes, for which a copy of known size is a load and a store. */
static void copy(unsigned char *to, const unsigned char *from, uint32_t bytes)
{
	if (bytes == 4)
		memcpy(to, from, 4);
	else if (bytes == 8)
		memcpy(to, from, 8);
	else
		memcpy(to, from, bytes);
}

static void put_none(unsigned char *to)
{
	const double none = NAN;
	memcpy(to, &none, sizeof(none));
}

/* Puts record i together from its columns. */
static void gather(struct export_view *v, const struct op_chunk_columns *c, uint32_t i)
{
	for (uint32_t f = 0; f < v->type.n_fields; f++) {
		const struct op_field *field = &v->fields[f];
		if (v->from[f] < 0)
			put_none(v->record + field->offset);
		else
			copy(v->record + field->offset,
			     (const unsigned char *)c->values[v->from[f]] +
				     (size_t)i * field->bytes,
			     field->bytes);
	}
}

static void gather_record(struct export_view *v, const unsigned char *record)
{
	for (uint32_t f = 0; f < v->type.n_fields; f++) {
		const struct op_field *field = &v->fields[f];
		if (v->from[f] < 0)
			put_none(v->record + field->offset);
		else
			copy(v->record + field->offset,
			     record + v->stored->fields[v->from[f]].offset, field->bytes);
	}
}

static const char *time_text(struct export_time *t, int64_t wall_ns)
{
	int64_t second = wall_ns / (int64_t)OP_NS_PER_S, rest = wall_ns % (int64_t)OP_NS_PER_S;
	if (rest < 0 || !t->any || second != t->second) {
		op_time_rfc3339(wall_ns, t->text);
		t->any = rest >= 0;
		t->second = second;
		return t->text;
	}
	unsigned ms = (unsigned)(rest / 1000000);
	char *p = t->text + strlen("2026-11-21T10:00:00.");
	p[0] = (char)('0' + ms / 100);
	p[1] = (char)('0' + ms / 10 % 10);
	p[2] = (char)('0' + ms % 10);
	return t->text;
}

void export_header(struct export_lines *l, const struct export_view *v)
{
	if (l->format != OP_EXPORT_CSV)
		return;
	op_record_csv_header(&v->type, l->out);
	op_buf_puts(l->out, "\r\n");
}

static void put_line(struct export_lines *l, struct export_view *v, uint64_t seq, uint64_t boot_ns,
		     int64_t wall_ns)
{
	const char *time = time_text(&l->time, wall_ns);
	if (l->format == OP_EXPORT_CSV) {
		op_record_csv_row_at(&v->type, seq, boot_ns, time, v->record, l->out);
		op_buf_put(l->out, "\r\n", 2);
	} else {
		op_record_json_line_at(&v->type, l->name, seq, boot_ns, time, v->record, l->out);
		op_buf_putc(l->out, '\n');
	}
}

void export_line(struct export_lines *l, struct export_view *v, const struct op_chunk_columns *c,
		 uint32_t i, int64_t wall_ns)
{
	gather(v, c, i);
	put_line(l, v, c->seq[i], c->t_ns[i], wall_ns);
}

void export_record_line(struct export_lines *l, struct export_view *v, uint64_t seq,
			uint64_t boot_ns, int64_t wall_ns, const void *record)
{
	gather_record(v, record);
	put_line(l, v, seq, boot_ns, wall_ns);
}
