/*
 * schema.c - a topic's declaration as one line of JSON, and back.
 *
 * The text travels in the topic's file, so reading it trusts nothing: every field must lie inside
 * the record and have the size of its type. Any thread. Document: outpost-bus(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "layout.h"

static const struct {
	const char *name;
	uint32_t bytes; /* 0: any */
} types[] = {
	[OP_U8] = {"u8", 1},   [OP_I8] = {"i8", 1},     [OP_U16] = {"u16", 2},
	[OP_I16] = {"i16", 2}, [OP_U32] = {"u32", 4},   [OP_I32] = {"i32", 4},
	[OP_U64] = {"u64", 8}, [OP_I64] = {"i64", 8},   [OP_F32] = {"f32", 4},
	[OP_F64] = {"f64", 8}, [OP_ENUM] = {"enum", 1}, [OP_TEXT] = {"text", 0},
};

static void write_labels(const char *labels, struct op_buf *out)
{
	op_json_key(out, "labels");
	op_json_begin(out, '[');
	for (const char *p = labels; *p;) {
		size_t n = strcspn(p, "|");
		op_json_strn(out, p, n);
		p += n + (p[n] == '|');
	}
	op_json_end(out, ']');
}

static void write_field(const struct op_field *f, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "name", f->name);
	op_json_kv_str(out, "type", types[f->type].name);
	op_json_kv_u64(out, "offset", f->offset);
	op_json_kv_u64(out, "bytes", f->bytes);
	op_json_kv_str(out, "unit", f->unit);
	if (f->labels)
		write_labels(f->labels, out);
	op_json_kv_str(out, "help", f->help);
	op_json_end(out, '}');
}

void op_schema_write(const struct op_topic_type *type, const char *name, struct op_buf *out)
{
	op_json_begin(out, '{');
	op_json_kv_str(out, "topic", name ? name : type->name);
	op_json_kv_str(out, "help", type->help ? type->help : "");
	op_json_kv_f64(out, "rate_hz", type->rate_mhz / 1000.0);
	op_json_kv_u64(out, "max_age_ms", type->max_age_ms);
	op_json_kv_u64(out, "record_bytes", type->record_bytes);
	op_json_key(out, "fields");
	op_json_begin(out, '[');
	for (uint32_t i = 0; i < type->n_fields; i++)
		write_field(&type->fields[i], out);
	op_json_end(out, ']');
	op_json_end(out, '}');
}

uint64_t op_schema_hash(const char *text, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a offset basis and prime, 64 bit */
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
	return hash;
}

/* ---- reading --------------------------------------------------------------------------- */

/* One heap block: the type, its fields, then every text of it. */
struct parsed {
	struct op_topic_type type;
	struct op_field fields[OP_TOPIC_FIELDS_MAX];
	size_t used;
	char text[];
};

static const char *keep(struct parsed *p, const char *text)
{
	size_t n = strlen(text) + 1;
	char *kept = memcpy(p->text + p->used, text, n);
	p->used += n;
	return kept;
}

/* A string member, kept; "" if it is not there. */
static const char *member(struct parsed *p, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return keep(p, text ? text : "");
}

/* "a|b|c" from ["a","b","c"]. */
static const char *labels_of(struct parsed *p, const json_t *array)
{
	char *start = p->text + p->used, *at = start;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *label = json_string_value(json_array_get(array, i));
		if (!label || strchr(label, '|'))
			return NULL;
		if (i > 0)
			*at++ = '|';
		at = stpcpy(at, label);
	}
	*at++ = '\0';
	p->used += (size_t)(at - start);
	return start;
}

static bool number(const json_t *object, const char *key, uint32_t most, uint32_t *ret)
{
	const json_t *v = json_object_get(object, key);
	json_int_t n = json_integer_value(v);
	if (!json_is_integer(v) || n < 0 || n > (json_int_t)most)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool type_of(const char *name, enum op_type *ret)
{
	for (size_t i = 0; name && i < OP_ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name)) {
			*ret = (enum op_type)i;
			return true;
		}
	return false;
}

static bool parse_field(struct parsed *p, const json_t *object, struct op_field *f)
{
	uint32_t record = p->type.record_bytes;
	if (!type_of(json_string_value(json_object_get(object, "type")), &f->type) ||
	    !number(object, "offset", record, &f->offset) ||
	    !number(object, "bytes", record, &f->bytes) || f->bytes == 0 ||
	    f->offset + f->bytes > record ||
	    (types[f->type].bytes && types[f->type].bytes != f->bytes))
		return false;
	f->name = member(p, object, "name");
	f->unit = member(p, object, "unit");
	f->help = member(p, object, "help");
	if (f->type == OP_ENUM)
		f->labels = labels_of(p, json_object_get(object, "labels"));
	return f->name[0] != '\0' && (f->type != OP_ENUM || f->labels);
}

static bool parse_type(struct parsed *p, const json_t *root)
{
	const json_t *fields = json_object_get(root, "fields");
	size_t n = json_array_size(fields);
	double rate = json_number_value(json_object_get(root, "rate_hz")) * 1000;
	if (n == 0 || n > OP_TOPIC_FIELDS_MAX || !(rate >= 0 && rate <= UINT32_MAX) ||
	    !number(root, "max_age_ms", UINT32_MAX, &p->type.max_age_ms) ||
	    !number(root, "record_bytes", OP_TOPIC_RECORD_MAX, &p->type.record_bytes))
		return false;
	p->type.name = member(p, root, "topic");
	p->type.help = member(p, root, "help");
	p->type.rate_mhz = (uint32_t)llround(rate);
	p->type.fields = p->fields;
	for (size_t i = 0; i < n; i++)
		if (!parse_field(p, json_array_get(fields, i), &p->fields[i]))
			return false;
	p->type.n_fields = (uint32_t)n;
	return op_ring_name_ok(p->type.name);
}

int op_schema_parse(const char *text, size_t n, struct op_topic_type **ret_type)
{
	if (n > RING_SCHEMA_MAX)
		return -EBADMSG;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!root)
		return -EBADMSG;
	/* Each kept text is at most its quoted form in `text` plus a NUL where quotes stood; an
	 * absent one is one byte. */
	struct parsed *p = calloc(1, sizeof(*p) + n + 4 * (OP_TOPIC_FIELDS_MAX + 1));
	bool ok = p && parse_type(p, root);
	json_decref(root);
	if (!ok) {
		int r = p ? -EBADMSG : -ENOMEM;
		free(p);
		return r;
	}
	*ret_type = &p->type;
	return 0;
}

void op_schema_free(struct op_topic_type *type)
{
	free(type); /* the first member of its block */
}
