/*
 * schema.c - fuzz target of op_schema_parse. What is taken for a schema must lie inside its record,
 * and writing and reading it again must give the same.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <outpost/topic.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show_a_record(const struct op_topic_type *type)
{
	static const unsigned char record[OP_TOPIC_RECORD_MAX] = {1, 2, 3, 0xff, 0x80};
	struct op_buf b;
	op_buf_init(&b, 1 << 20);
	op_record_json_line(type, type->name, 1, 2, record, &b);
	op_record_csv_header(type, &b);
	op_record_csv_row(type, 1, 2, record, &b);
	op_buf_finish(&b);
}

static void check(const struct op_topic_type *type)
{
	assert(type->n_fields > 0 && type->n_fields <= OP_TOPIC_FIELDS_MAX);
	assert(type->record_bytes <= OP_TOPIC_RECORD_MAX);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct op_field *f = &type->fields[i];
		assert(f->bytes > 0 && f->offset + f->bytes <= type->record_bytes);
		assert(f->name && f->unit && f->help);
	}
}

/* Written once, a schema is in normal form, and stays so. */
static void check_round_trip(const struct op_topic_type *type)
{
	struct op_buf first, second;
	struct op_topic_type *again = NULL;
	op_buf_init(&first, 1 << 20);
	op_buf_init(&second, 1 << 20);
	op_schema_write(type, NULL, &first);
	if (op_schema_parse(first.data, first.len, &again) ==
	    0) { /* escapes may make it too long */
		op_schema_write(again, NULL, &second);
		assert(!strcmp(first.data, second.data));
	}
	op_schema_free(again);
	op_buf_finish(&first);
	op_buf_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct op_topic_type *type = NULL;
	if (op_schema_parse((const char *)data, size, &type) == 0) {
		check(type);
		show_a_record(type);
		check_round_trip(type);
	}
	op_schema_free(type);
	return 0;
}
