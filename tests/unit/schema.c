/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "bus_topics.h"
#include "test.h"

#include <jansson.h>

static char text[40000];

static size_t write_schema(const struct op_topic_type *type, const char *name)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	op_schema_write(type, name, &b);
	CHECK_INT(b.err, 0);
	return b.len;
}

static int parse(const char *json)
{
	struct op_topic_type *t = NULL;
	int r = op_schema_parse(json, strlen(json), &t);
	CHECK((r == 0) == (t != NULL));
	op_schema_free(t);
	return r;
}

TEST(a_schema_is_the_declaration_in_one_line_of_json)
{
	write_schema(&every_topic, NULL);
	CHECK(!strchr(text, '\n'));
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CHECK(root);
	CHECK_STR(json_string_value(json_object_get(root, "topic")), "test.every");
	CHECK_STR(json_string_value(json_object_get(root, "help")), "One \"field\" of each type");
	CHECK_NEAR(json_number_value(json_object_get(root, "rate_hz")), 2.5, 0);
	CHECK_INT(json_integer_value(json_object_get(root, "max_age_ms")), 4000);
	CHECK_INT(json_integer_value(json_object_get(root, "record_bytes")), sizeof(struct every));
	json_t *fields = json_object_get(root, "fields");
	CHECK_INT(json_array_size(fields), 12);
	json_t *b = json_array_get(fields, 1), *k = json_array_get(fields, 10);
	CHECK_STR(json_string_value(json_object_get(b, "name")), "b_i64");
	CHECK_STR(json_string_value(json_object_get(b, "type")), "i64");
	CHECK_STR(json_string_value(json_object_get(b, "unit")), "ns");
	CHECK_INT(json_integer_value(json_object_get(b, "offset")), offsetof(struct every, b_i64));
	CHECK_INT(json_integer_value(json_object_get(b, "bytes")), 8);
	CHECK(!json_object_get(b, "labels"));
	CHECK_STR(json_string_value(json_object_get(k, "type")), "enum");
	CHECK_INT(json_array_size(json_object_get(k, "labels")), 3);
	json_decref(root);
}

static void check_same_fields(const struct op_topic_type *a, const struct op_topic_type *b)
{
	CHECK_INT(a->n_fields, b->n_fields);
	for (uint32_t i = 0; i < a->n_fields; i++) {
		const struct op_field *f = &a->fields[i], *g = &b->fields[i];
		CHECK_STR(f->name, g->name);
		CHECK_STR(f->unit, g->unit);
		CHECK_STR(f->help, g->help);
		CHECK_INT(f->type, g->type);
		CHECK_INT(f->offset, g->offset);
		CHECK_INT(f->bytes, g->bytes);
		CHECK((f->labels == NULL) == (g->labels == NULL));
		if (f->labels)
			CHECK_STR(f->labels, g->labels);
	}
}

TEST(a_schema_reads_back_as_it_was_declared)
{
	static const struct op_topic_type *const types[] = {&every_topic, &mark_topic, &tick_topic};
	for (size_t i = 0; i < OP_ARRAY_SIZE(types); i++) {
		struct op_topic_type *t = NULL;
		size_t n = write_schema(types[i], "another.name");
		CHECK_INT(op_schema_parse(text, n, &t), 0);
		CHECK_STR(t->name, "another.name");
		CHECK_STR(t->help, types[i]->help);
		CHECK_INT(t->rate_mhz, types[i]->rate_mhz);
		CHECK_INT(t->max_age_ms, types[i]->max_age_ms);
		CHECK_INT(t->record_bytes, types[i]->record_bytes);
		check_same_fields(t, types[i]);
		op_schema_free(t);
	}
	op_schema_free(NULL);
}

TEST(every_nominal_rate_survives)
{
	static const uint32_t rates[] = {0, 1, 999, 1000, 800000, 3906250, 2147483648u, UINT32_MAX};
	for (size_t i = 0; i < OP_ARRAY_SIZE(rates); i++) {
		struct op_topic_type type = tick_topic, *t = NULL;
		type.rate_mhz = rates[i];
		size_t n = write_schema(&type, NULL);
		CHECK_INT(op_schema_parse(text, n, &t), 0);
		CHECK_INT(t->rate_mhz, rates[i]);
		op_schema_free(t);
	}
}

TEST(the_hash_is_fnv_1a)
{
	/* Vectors of the algorithm's authors (draft-eastlake-fnv). */
	CHECK(op_schema_hash("", 0) == 0xcbf29ce484222325u);
	CHECK(op_schema_hash("a", 1) == 0xaf63dc4c8601ec8cu);
	CHECK(op_schema_hash("foobar", 6) == 0x85944171f73967e8u);
}

#define HEAD                                                                                \
	"{\"topic\":\"t\",\"help\":\"\",\"rate_hz\":1,\"max_age_ms\":1,\"record_bytes\":8," \
	"\"fields\":"
#define FIELD(type, offset, bytes)                                                       \
	"{\"name\":\"f\",\"type\":\"" type "\",\"offset\":" #offset ",\"bytes\":" #bytes \
	",\"unit\":\"\",\"help\":\"\"}"

TEST(what_is_no_schema_is_refused)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"{}",
		"null",
		HEAD "[]}",
		HEAD "{}}",
		HEAD "[1]}",
		HEAD "[{}]}",
		HEAD "[" FIELD("u64", 1, 8) "]}", /* past the record */
		HEAD "[" FIELD("u64", 4294967296, 8) "]}",
		HEAD "[" FIELD("u64", -8, 8) "]}",
		HEAD "[" FIELD("u64", 0, 4) "]}", /* not its size */
		HEAD "[" FIELD("text", 0, 0) "]}",
		HEAD "[" FIELD("text", 0, 9) "]}",
		HEAD "[" FIELD("u128", 0, 8) "]}",
		HEAD "[" FIELD("u64", 0.0, 8) "]}",
		HEAD "[" FIELD("u64", 0, 8) "]", /* cut */
		HEAD "[" FIELD("u64", 0, 8) "]} x",
		HEAD "[{\"name\":\"\",\"type\":\"u8\",\"offset\":0,\"bytes\":1}]}",
		HEAD
		"[{\"name\":\"f\",\"type\":\"enum\",\"offset\":0,\"bytes\":1,\"labels\":[1]}]}",
		HEAD "[{\"name\":\"f\",\"type\":\"enum\",\"offset\":0,\"bytes\":1,\"labels\":[\"a|"
		     "b\"]}]}",
		"{\"topic\":\"T\",\"rate_hz\":1,\"max_age_ms\":1,\"record_bytes\":8,\"fields\":"
		"[" FIELD("u64", 0, 8) "]}",
		"{\"topic\":\"t\",\"rate_hz\":-1,\"max_age_ms\":1,\"record_bytes\":8,\"fields\":"
		"[" FIELD("u64", 0, 8) "]}",
		"{\"topic\":\"t\",\"rate_hz\":1e300,\"max_age_ms\":1,\"record_bytes\":8,\"fields\":"
		"[" FIELD("u64", 0, 8) "]}",
		"{\"topic\":\"t\",\"rate_hz\":1,\"max_age_ms\":1,\"record_bytes\":4097,\"fields\":"
		"[" FIELD("u64", 0, 8) "]}",
		"{\"topic\":\"t\",\"topic\":\"t\",\"rate_hz\":1,\"max_age_ms\":1,\"record_bytes\":"
		"8,"
		"\"fields\":[" FIELD("u64", 0, 8) "]}",
	};
	CHECK_INT(parse(HEAD "[" FIELD("u64", 0, 8) "]}"), 0);
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++)
		if (parse(bad[i]) != -EBADMSG)
			op_test_fail(__FILE__, __LINE__, "taken for a schema: %s", bad[i]);
}

TEST(more_fields_than_there_may_be_are_refused)
{
	for (int n = OP_TOPIC_FIELDS_MAX; n <= OP_TOPIC_FIELDS_MAX + 1; n++) {
		struct op_buf b;
		op_buf_init_fixed(&b, text, sizeof(text));
		op_buf_puts(&b, HEAD "[");
		for (int i = 0; i < n; i++)
			op_buf_printf(&b, "%s" FIELD("u8", 0, 1), i ? "," : "");
		op_buf_puts(&b, "]}");
		CHECK_INT(parse(text), n > OP_TOPIC_FIELDS_MAX ? -EBADMSG : 0);
	}
}

/* Texts of a schema are kept in one block that is measured by the length of the JSON. */
TEST(long_and_absent_texts_stay_in_their_block)
{
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	op_buf_puts(&b, HEAD "[");
	for (int i = 0; i < OP_TOPIC_FIELDS_MAX; i++)
		op_buf_printf(&b,
			      "%s{\"name\":\"%c\",\"type\":\"enum\",\"offset\":%d,\"bytes\":1,"
			      "\"labels\":[\"\",\"\",\"%0100d\"]}",
			      i ? "," : "", 'a' + i % 26, i % 8, i);
	op_buf_puts(&b, "]}");
	struct op_topic_type *t = NULL;
	CHECK_INT(op_schema_parse(text, b.len, &t), 0);
	for (uint32_t i = 0; i < t->n_fields; i++) {
		CHECK_STR(t->fields[i].unit, "");
		CHECK_STR(t->fields[i].help, "");
		CHECK(!strncmp(t->fields[i].labels, "||0", 3));
		CHECK_INT(strlen(t->fields[i].labels), 102);
	}
	op_schema_free(t);
}
