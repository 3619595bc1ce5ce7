/*
 * export_lines.h - stored records as lines of text.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_EXPORT_LINES_H
#define OUTPOST_STORE_EXPORT_LINES_H

#include "lib/store/query_internal.h"

/* How the records of one declaration are shown: as a type of its own, which has the fields asked
 * for, and where those come from. A field that this declaration lacks is no number. */
struct export_view {
	struct op_topic_type type;
	struct op_field fields[OP_TOPIC_FIELDS_MAX];
	int from[OP_TOPIC_FIELDS_MAX]; /* index of the stored field, -1: none */
	const struct op_topic_type *stored;
	op_field_set want; /* of the stored fields */
	_Alignas(8) unsigned char record[OP_TOPIC_RECORD_MAX + 8 * OP_TOPIC_FIELDS_MAX];
};

/* stored: the declaration of the records, of which kept are stored; newest: the one that says what
 * is shown. Borrows both. */
void export_view_make(struct export_view *v, const struct op_topic_type *stored, op_field_set kept,
		      const struct op_topic_type *newest, const unsigned *field, unsigned n_fields);

/* The text of a time, of which only the milliseconds change mostly. Zeroed at first. */
struct export_time {
	bool any;
	int64_t second;
	char text[OP_RFC3339_BYTES];
};

struct export_lines {
	enum op_export_format format;
	char name[OP_TOPIC_NAME_MAX + 1];
	struct export_time time;
	struct op_buf *out;
};
void export_header(struct export_lines *l, const struct export_view *v);
/* Record i of columns. */
void export_line(struct export_lines *l, struct export_view *v, const struct op_chunk_columns *c,
		 uint32_t i, int64_t wall_ns);
/* A record as it is declared. */
void export_record_line(struct export_lines *l, struct export_view *v, uint64_t seq,
			uint64_t boot_ns, int64_t wall_ns, const void *record);

#endif
