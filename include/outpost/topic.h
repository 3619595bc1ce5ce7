/*
 * topic.h - topics: named, typed streams of fixed-layout records in shared memory.
 *
 * A topic has one writer and any number of readers. It is declared once, as a list of fields; the
 * C struct, the schema text that travels in the file, JSON and CSV all come from that list:
 *
 *     #define PBT_HIT_FIELDS(F, E, T)                                     \
 *             F(u64, trigger_seq, "", "sample that started the capture")  \
 *             F(f64, width_ms, "ms", "pulse width asked for")             \
 *             E(end, "dropped|window", "what ended the capture")          \
 *             T(note, 32, "free text")
 *     OP_TOPIC_DECLARE(pbt_hit, PBT_HIT_FIELDS);            in the header
 *     OP_TOPIC_DEFINE(pbt_hit, PBT_HIT_FIELDS, .name = "pbt.hit", .help = "...");   in one .c
 *
 * Order the fields from wide to narrow: the layout is the compiler's, padding included, and is
 * published in the schema. Layout of the file and the protocol between writer and readers:
 * outpost-bus(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOPIC_H
#define OUTPOST_TOPIC_H

#include <outpost/base.h>
#include <outpost/buf.h>

#define OP_TOPIC_NAME_MAX 63     /* bytes: a-z 0-9 . _ -, first a letter */
#define OP_TOPIC_RECORD_MAX 4096 /* bytes of one record */
#define OP_TOPIC_FIELDS_MAX 64
#define OP_TOPIC_READERS_MAX 64 /* readers that are listed with their losses; more can read */

enum op_type {
	OP_U8,
	OP_I8,
	OP_U16,
	OP_I16,
	OP_U32,
	OP_I32,
	OP_U64,
	OP_I64,
	OP_F32,
	OP_F64,
	OP_ENUM, /* uint8_t; labels name the values from 0 */
	OP_TEXT, /* char[bytes], NUL-padded UTF-8 */
};

struct op_field {
	const char *name;
	const char *unit; /* "" if it has none; UCUM-like text: "ms", "Hz", "counts", "degC" */
	const char *help;
	const char *labels; /* OP_ENUM: "armed|capture|pulse"; NULL otherwise */
	enum op_type type;
	uint32_t offset; /* bytes from the start of the record */
	uint32_t bytes;  /* size of the field */
};

struct op_topic_type {
	const char *name; /* default name; a writer may give another ("status.pbt") */
	const char *help;
	const struct op_field *fields;
	uint32_t n_fields;
	uint32_t record_bytes; /* sizeof the struct, 1 ... OP_TOPIC_RECORD_MAX */
	uint32_t rate_mhz;   /* nominal rate in 1/1000 Hz; 0: records come when something happens */
	uint32_t max_age_ms; /* the topic is stale when its last record is older; 0: never */
	uint32_t capacity;   /* records the ring keeps, rounded up to a power of two; 0: 64 */
};

#define OP_CTYPE_u8 uint8_t
#define OP_CTYPE_i8 int8_t
#define OP_CTYPE_u16 uint16_t
#define OP_CTYPE_i16 int16_t
#define OP_CTYPE_u32 uint32_t
#define OP_CTYPE_i32 int32_t
#define OP_CTYPE_u64 uint64_t
#define OP_CTYPE_i64 int64_t
#define OP_CTYPE_f32 float
#define OP_CTYPE_f64 double
#define OP_TYPE_u8 OP_U8
#define OP_TYPE_i8 OP_I8
#define OP_TYPE_u16 OP_U16
#define OP_TYPE_i16 OP_I16
#define OP_TYPE_u32 OP_U32
#define OP_TYPE_i32 OP_I32
#define OP_TYPE_u64 OP_U64
#define OP_TYPE_i64 OP_I64
#define OP_TYPE_f32 OP_F32
#define OP_TYPE_f64 OP_F64

#define OP_MEMBER_F(kind, field, unit_, help_) OP_CTYPE_##kind field;
#define OP_MEMBER_E(field, labels_, help_) uint8_t field;
#define OP_MEMBER_T(field, size, help_) char field[size];

/* Declares struct TAG and `const struct op_topic_type TAG_topic`. */
#define OP_TOPIC_DECLARE(tag, FIELDS)                         \
	struct tag {                                          \
		FIELDS(OP_MEMBER_F, OP_MEMBER_E, OP_MEMBER_T) \
	};                                                    \
	extern const struct op_topic_type tag##_topic

/* Defines TAG_topic; once per .c file. The rest are designated initialisers of op_topic_type. */
#define OP_TOPIC_DEFINE(tag, FIELDS, ...)                                                  \
	typedef struct tag op_topic_self;                                                  \
	static const struct op_field tag##_fields[] = {                                    \
		FIELDS(OP_FIELD_F, OP_FIELD_E, OP_FIELD_T)};                               \
	const struct op_topic_type tag##_topic = {.fields = tag##_fields,                  \
						  .n_fields = OP_ARRAY_SIZE(tag##_fields), \
						  .record_bytes = sizeof(struct tag),      \
						  __VA_ARGS__}

#define OP_FIELD_AT(field, ...)                        \
	{.name = #field,                               \
	 .offset = offsetof(op_topic_self, field),     \
	 .bytes = sizeof(((op_topic_self *)0)->field), \
	 __VA_ARGS__},
#define OP_FIELD_F(kind, field, unit_, help_) \
	OP_FIELD_AT(field, .type = OP_TYPE_##kind, .unit = (unit_), .help = (help_))
#define OP_FIELD_E(field, labels_, help_) \
	OP_FIELD_AT(field, .type = OP_ENUM, .unit = "", .labels = (labels_), .help = (help_))
#define OP_FIELD_T(field, size, help_) \
	OP_FIELD_AT(field, .type = OP_TEXT, .unit = "", .help = (help_))

/* ---- what is shown of a record --------------------------------------------------------- */

/* The schema: one line of JSON with everything above but the capacity. name as given (NULL: the
 * type's own). Equal declarations give equal text. */
void op_schema_write(const struct op_topic_type *type, const char *name, struct op_buf *out);

/* FNV-1a, 64 bit, of the schema text. */
uint64_t op_schema_hash(const char *text, size_t n);

/* The reverse, for readers that know no topic by name. On success *ret_type is one heap block that
 * the caller gives to op_schema_free. -EBADMSG if the text is no schema, a field lies outside the
 * record, or a limit is passed: the text may come from a damaged or hostile file. */
int op_schema_parse(const char *text, size_t n, struct op_topic_type **ret_type) OP_MUST_CHECK;
void op_schema_free(struct op_topic_type *type);

/* Fields as members of the JSON object begun by the caller: "raw":512,"envelope":3.25 */
void op_record_json(const struct op_topic_type *type, const void *record, struct op_buf *out);
/* One whole record as `outpost tap --json` prints it:
 * {"topic":..,"seq":..,"boot_ns":..,"time":..,<fields>} without a newline. */
void op_record_json_line(const struct op_topic_type *type, const char *name, uint64_t seq,
			 uint64_t boot_ns, const void *record, struct op_buf *out);
/* CSV: header "seq,boot_ns,time,<fields>" and rows, each with CR LF left to the caller. */
void op_record_csv_header(const struct op_topic_type *type, struct op_buf *out);
void op_record_csv_row(const struct op_topic_type *type, uint64_t seq, uint64_t boot_ns,
		       const void *record, struct op_buf *out);
/* The same of records that were stored: their wall time (RFC 3339) is not that of the clock now. */
void op_record_json_line_at(const struct op_topic_type *type, const char *name, uint64_t seq,
			    uint64_t boot_ns, const char *time, const void *record,
			    struct op_buf *out);
void op_record_csv_row_at(const struct op_topic_type *type, uint64_t seq, uint64_t boot_ns,
			  const char *time, const void *record, struct op_buf *out);
/* The field of that name, or NULL: for who reads records of another version. */
const struct op_field *op_topic_field(const struct op_topic_type *type, const char *name);
/* A numeric field as double; 0 for text. */
double op_field_f64(const struct op_field *f, const void *record);
/* The label of an OP_ENUM field's value, copied into out; the number in decimal if it has none. */
void op_field_label(const struct op_field *f, const void *record, char *out, size_t size);

/* ---- writing --------------------------------------------------------------------------- */

struct op_writer;

/* Opens the topic for writing, makes it if it is not there, and goes on with its sequence. All
 * space is reserved now. bus_dir must exist. name NULL: the type's own. The writer owns the
 * topic until op_writer_close or the end of the process, however it ends.
 * Errors: -EBUSY another process writes it (its pid goes to *ret_owner if not NULL); -ENOSPC the
 * file system is full; -EINVAL a bad name or declaration; else from the file system.
 * One thread per writer. */
int op_writer_open(const char *bus_dir, const char *name, const struct op_topic_type *type,
		   struct op_writer **ret_writer, int *ret_owner) OP_MUST_CHECK;
void op_writer_close(struct op_writer *w);

/* Publishes one record (type->record_bytes bytes) stamped with boot-clock nanoseconds. Wait-free;
 * makes a system call only if a reader sleeps. Returns the record's sequence number. */
uint64_t op_writer_publish(struct op_writer *w, uint64_t boot_ns, const void *record);
/* The same for n records that become visible together; records are record_bytes apart and at
 * most half the ring. boot_ns has n stamps. Returns the first sequence number. */
uint64_t op_writer_publish_n(struct op_writer *w, const uint64_t *boot_ns, const void *records,
			     size_t n);
/* The sequence number the next record will get; the number of records ever published. */
uint64_t op_writer_next_seq(const struct op_writer *w);
/* Copies the newest record, also one of an earlier writer. False if there is none. */
bool op_writer_last(const struct op_writer *w, uint64_t *ret_boot_ns, void *ret_record);

/* ---- reading --------------------------------------------------------------------------- */

struct op_reader;

/* Opens a topic for reading, placed after its newest record. who (NULL: the program's name) is
 * shown beside this reader's losses; "" leaves it unlisted, for tools that only look. Works without
 * write permission too, then unlisted and with op_reader_wait polling each 10 ms. Errors: -ENOENT
 * no such topic yet, or its successor of another schema is about to come; -EBADMSG not a topic or
 * of another layout version. One thread per reader. */
int op_reader_open(const char *bus_dir, const char *name, const char *who,
		   struct op_reader **ret_reader) OP_MUST_CHECK;
void op_reader_close(struct op_reader *r);

/* Valid as long as the reader is open. */
const struct op_topic_type *op_reader_type(const struct op_reader *r);
const char *op_reader_name(const struct op_reader *r);
const char *op_reader_schema(const struct op_reader *r);
uint64_t op_reader_schema_hash(const struct op_reader *r);
uint64_t op_reader_capacity(const struct op_reader *r);

/* A run of records as it stands in the ring: each slot is `stride` bytes, the boot-clock stamp
 * (uint64_t) first, the record at byte OP_SLOT_RECORD. */
#define OP_SLOT_RECORD 8
size_t op_reader_stride(const struct op_reader *r);

/* Copies up to max slots of the records not read yet into slots (max * stride bytes) and the
 * sequence number of the first. Returns how many, 0 if there is nothing new, -OP_ESCHEMA once
 * everything is read and the topic was replaced by one of another schema: open it again.
 * Overtaken by the writer, it goes on with the oldest record there is; what was skipped is in
 * op_reader_missed(), exactly. While calls keep finding a few records each, it waits up to a few
 * microseconds before it looks, so that polling a fast stream does not slow its writer. */
ssize_t op_reader_read(struct op_reader *r, void *slots, size_t max,
		       uint64_t *ret_first_seq) OP_MUST_CHECK;
/* One record: 1, 0 or an error as above. */
int op_reader_next(struct op_reader *r, uint64_t *ret_seq, uint64_t *ret_boot_ns,
		   void *ret_record) OP_MUST_CHECK;
/* The newest record, whatever the cursor; does not move it. 1, or 0 if there is none; -EBADMSG if
 * the file was damaged since it was opened. */
int op_reader_last(const struct op_reader *r, uint64_t *ret_seq, uint64_t *ret_boot_ns,
		   void *ret_record) OP_MUST_CHECK;
/* Sleeps until there is something to read or timeout_ns is over (relative). Returns 1 (read now),
 * 0 (time-out), -EINTR, or -OP_ESCHEMA. */
int op_reader_wait(struct op_reader *r, uint64_t timeout_ns) OP_MUST_CHECK;

/* Place the cursor back by up to n records (as far as the ring goes); the count of missed ones
 * is not touched. op_reader_rewind(r, 0) skips to the newest. */
void op_reader_rewind(struct op_reader *r, uint64_t n);
uint64_t op_reader_next_seq(const struct op_reader *r);  /* cursor */
uint64_t op_reader_published(const struct op_reader *r); /* records ever published */
uint64_t op_reader_missed(const struct op_reader *r);    /* records this reader lost */
/* Process id of the live writer, 0 if the topic has none now. A system call. */
int op_reader_writer_pid(const struct op_reader *r);
/* True when the writer declared another schema and this file will get no more records. */
bool op_reader_retired(const struct op_reader *r);

/* In the order of their trouble. live: the newest record is not older than max_age_ms, if there is
 * such; idle: nothing published yet; stale: it is older, although the writer is there; dead: nobody
 * writes it. */
enum op_topic_state { OP_TOPIC_LIVE, OP_TOPIC_IDLE, OP_TOPIC_STALE, OP_TOPIC_DEAD };
const char *op_topic_state_name(enum op_topic_state state);

/* The topic as it is now. */
struct op_topic_look {
	enum op_topic_state state;
	int writer_pid;     /* 0: nobody */
	uint64_t published; /* records ever */
	bool any;           /* there is a newest record; what follows is of it */
	uint64_t seq, boot_ns, age_ns;
};
/* Copies the newest record into ret_record (type->record_bytes), if there is one. */
void op_reader_look(const struct op_reader *r, struct op_topic_look *ret, void *ret_record);

/* Everyone who reads this topic now (and is listed), for `outpost top`. */
struct op_reader_info {
	char who[32];
	int pid;
	uint64_t next_seq;
	uint64_t missed;
};
size_t op_reader_list(const struct op_reader *r, struct op_reader_info *ret, size_t max);

/* Calls fn for each topic name in bus_dir, in byte order, until it returns non-zero; that value is
 * returned, else 0 or an errno. Temporary and foreign files are passed over. */
int op_bus_list(const char *bus_dir, int (*fn)(const char *name, void *arg),
		void *arg) OP_MUST_CHECK;

#endif
