/*
 * history_topics.c - topics as they stand in the history database, and rows as records.
 *
 * The database may be damaged or made by somebody else: a topic whose schema is none is passed
 * over. Any thread, one at a time. Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <string.h>

#include "lib/store/history_internal.h"

/* ---- topics ---------------------------------------------------------------------------------- */

static const char *column_text(sqlite3_stmt *s, int column)
{
	const unsigned char *text = sqlite3_column_text(s, column);
	return text ? (const char *)text : "";
}

/* True if the row of s is a topic. */
static bool read_topic(sqlite3_stmt *s, struct history_topic *t)
{
	const char *schema = column_text(s, 3), *fields = column_text(s, 2);
	*t = (struct history_topic){.id = sqlite3_column_int64(s, 0), .last_row_ns = -1};
	t->kind = strcmp(column_text(s, 1), "rows") ? OP_HISTORY_CHUNKS : OP_HISTORY_ROWS;
	if (op_schema_parse(schema, strlen(schema), &t->type) < 0)
		return false;
	if (op_chunk_fields_parse(t->type, fields, &t->fields, NULL) < 0) {
		op_schema_free(t->type);
		return false;
	}
	if (op_tier_type(t->type, t->fields, &t->tier) < 0)
		t->tier = NULL; /* text only */
	return true;
}

static void free_topic(struct history_topic *t)
{
	op_schema_free(t->type);
	op_schema_free(t->tier);
}

static int append(struct history_topic **topics, size_t *n, const struct history_topic *t)
{
	struct history_topic *grown = realloc(*topics, (*n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[(*n)++] = *t;
	*topics = grown;
	return 0;
}

int history_load_topics(struct op_db *db, struct history_topic **ret, size_t *ret_n)
{
	static const char all[] = "SELECT id, kind, fields, schema FROM topics ORDER BY id";
	struct history_topic *topics = NULL, t;
	size_t n = 0;
	int err = 0, r;
	sqlite3_stmt *s = history_bound(db, all, &err, 0);
	if (!s)
		return err;
	while ((r = history_step(db, s)) == 1 && err == 0) {
		if (!read_topic(s, &t))
			continue;
		err = append(&topics, &n, &t);
		if (err)
			free_topic(&t);
	}
	(void)sqlite3_reset(s); /* r and err say it all */
	err = r < 0 ? r : err;
	if (err) {
		history_free_topics(topics, n);
		return err;
	}
	*ret = topics;
	*ret_n = n;
	return 0;
}

void history_free_topics(struct history_topic *topics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_topic(&topics[i]);
	free(topics);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static int64_t load_integer(const struct op_field *f, const void *from)
{
	union {
		uint8_t u8;
		int8_t i8;
		uint16_t u16;
		int16_t i16;
		uint32_t u32;
		int32_t i32;
		int64_t i64;
	} v;
	memcpy(&v, from, f->bytes < sizeof(v) ? f->bytes : sizeof(v));
	switch (f->type) {
	case OP_U8:
	case OP_ENUM:
		return v.u8;
	case OP_I8:
		return v.i8;
	case OP_U16:
		return v.u16;
	case OP_I16:
		return v.i16;
	case OP_U32:
		return v.u32;
	case OP_I32:
		return v.i32;
	default:
		return v.i64; /* 64 bits of either kind: SQLite knows signed ones only */
	}
}

static int bind_field(const struct op_field *f, const void *record, sqlite3_stmt *s, int at)
{
	const char *from = (const char *)record + f->offset;
	double real;
	switch (f->type) {
	case OP_TEXT:
		return sqlite3_bind_text(s, at, from, (int)strnlen(from, f->bytes), SQLITE_STATIC);
	case OP_F32:
	case OP_F64:
		real = op_field_f64(f, record);
		return isnan(real) ? sqlite3_bind_null(s, at) : sqlite3_bind_double(s, at, real);
	default:
		return sqlite3_bind_int64(s, at, load_integer(f, from));
	}
}

int history_bind_row(const struct op_topic_type *type, const void *record, sqlite3_stmt *s,
		     int first)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		int rc = bind_field(&type->fields[i], record, s, first + (int)i);
		if (rc != SQLITE_OK)
			return op_db_error(rc);
	}
	return 0;
}

static void read_field(const struct op_field *f, sqlite3_stmt *s, int column, char *to)
{
	bool null = sqlite3_column_type(s, column) == SQLITE_NULL;
	double f64 = null ? NAN : sqlite3_column_double(s, column);
	float f32 = (float)f64;
	int64_t whole = sqlite3_column_int64(s, column);
	switch (f->type) {
	case OP_TEXT:
		(void)strncpy(to, column_text(s, column), f->bytes); /* pads with NUL */
		break;
	case OP_F32:
		memcpy(to, &f32, sizeof(f32));
		break;
	case OP_F64:
		memcpy(to, &f64, sizeof(f64));
		break;
	default: /* the low bytes */
		for (uint32_t i = 0; i < f->bytes; i++)
			to[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : f->bytes - 1 - i] =
				(char)((uint64_t)whole >> 8 * i);
	}
}

void history_read_row(const struct op_topic_type *type, sqlite3_stmt *s, void *record)
{
	memset(record, 0, type->record_bytes);
	for (uint32_t i = 0; i < type->n_fields; i++)
		read_field(&type->fields[i], s, (int)i + 3,
			   (char *)record + type->fields[i].offset);
}
