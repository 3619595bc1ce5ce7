/*
 * tap_stream.c - follows one topic for as long as the command runs, whatever happens to it.
 *
 *     waiting --(file is there)--> open --(schema retired, file replaced)--> reopen --> open
 *
 * A writer that dies and returns goes on in the same file, so nothing is to be done. A new schema
 * is a new file which continues the sequence: the cursor is carried over, so that the records
 * between both are neither lost nor counted twice. A file that was deleted and made anew (another
 * run of the appliance) is noticed by its inode in times of rest.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPEN_PERIOD_NS (50 * OP_NS_PER_MS)
#define REST_PERIOD_NS (500 * OP_NS_PER_MS)
#define TELL_PERIOD_NS OP_NS_PER_S
#define SLOTS_BYTES (256 * 1024)
#define SLOTS_MAX 4096

struct tap_stream {
	const struct tap_options *o;
	char name[OP_TOPIC_NAME_MAX + 1];
	struct op_reader *reader;   /* NULL while waiting */
	struct stat file;           /* what the reader has open */
	struct op_topic_type shown; /* the reader's type, with the fields asked for */
	struct op_field *fields;    /* of shown */
	unsigned char *slots;
	size_t n_slots;
	uint64_t resume_seq; /* a reopened topic goes on here */
	bool resume;
	bool waited;            /* it was not there when we came: nothing of it is old */
	uint64_t missed_before; /* by readers closed since */
	uint64_t missed_told;
	uint64_t told_ns, opened_ns, rested_ns;
	uint64_t due_ns; /* --rate: stamp from which the next record may be shown */
};

static void tell(const struct tap_stream *s, const char *text)
{
	fprintf(stderr, "outpost tap: %s: %s\n", s->name, text);
}

struct tap_stream *tap_stream_create(const struct tap_options *o, const char *name, bool is_new)
{
	struct tap_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->o = o;
	s->waited = is_new;
	(void)snprintf(s->name, sizeof(s->name), "%s", name); /* a longer one is no topic */
	return s;
}

const char *tap_stream_name(const struct tap_stream *s)
{
	return s->name;
}

static uint64_t missed(const struct tap_stream *s)
{
	return s->missed_before + (s->reader ? op_reader_missed(s->reader) : 0);
}

static void tell_missed(struct tap_stream *s, uint64_t now)
{
	uint64_t all = missed(s);
	if (all == s->missed_told || (s->told_ns && now - s->told_ns < TELL_PERIOD_NS))
		return;
	fprintf(stderr, "outpost tap: %s: missed %" PRIu64 " records\n", s->name,
		all - s->missed_told);
	s->missed_told = all;
	s->told_ns = now;
}

static void forget_reader(struct tap_stream *s)
{
	s->missed_before = missed(s);
	op_reader_close(s->reader);
	s->reader = NULL;
	free(s->fields);
	s->fields = NULL;
	free(s->slots);
	s->slots = NULL;
}

void tap_stream_destroy(struct tap_stream *s)
{
	if (!s)
		return;
	forget_reader(s);
	if (s->missed_before)
		fprintf(stderr, "outpost tap: %s: missed %" PRIu64 " records in all\n", s->name,
			s->missed_before);
	free(s);
}

static const struct op_field *find_field(const struct op_topic_type *type, const char *name,
					 size_t n)
{
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (strlen(type->fields[i].name) == n && !memcmp(type->fields[i].name, name, n))
			return &type->fields[i];
	return NULL;
}

static void tell_no_field(const struct tap_stream *s, const struct op_topic_type *type,
			  const char *name, size_t n)
{
	fprintf(stderr, "outpost tap: %s: no field \"%.*s\"; it has", s->name, (int)n, name);
	for (uint32_t i = 0; i < type->n_fields; i++)
		fprintf(stderr, "%s %s", i ? "," : "", type->fields[i].name);
	fputc('\n', stderr);
}

/* The type to show: a copy with the fields of --fields, in that order. With several topics a field
 * that only some of them have is no mistake. */
static int select_fields(struct tap_stream *s)
{
	const struct op_topic_type *type = op_reader_type(s->reader);
	s->shown = *type;
	if (!s->o->fields)
		return 0;
	s->fields = calloc(OP_TOPIC_FIELDS_MAX, sizeof(*s->fields));
	if (!s->fields)
		return -ENOMEM;
	uint32_t n_fields = 0;
	for (const char *p = s->o->fields; *p;) {
		size_t n = strcspn(p, ",");
		const struct op_field *f = find_field(type, p, n);
		if (f && n_fields < OP_TOPIC_FIELDS_MAX)
			s->fields[n_fields++] = *f;
		if (!f && n && !s->o->many) {
			tell_no_field(s, type, p, n);
			return -EINVAL;
		}
		p += n + (p[n] == ',');
	}
	s->shown.fields = s->fields;
	s->shown.n_fields = n_fields;
	return 0;
}

/* Where to begin: after the records of the file before this one, at the first record of a topic we
 * waited for, or --last records back. */
static void place(struct tap_stream *s)
{
	uint64_t published = op_reader_published(s->reader);
	if (s->resume && published >= s->resume_seq) {
		op_reader_rewind(s->reader, published - s->resume_seq);
		uint64_t first = op_reader_next_seq(s->reader);
		s->missed_before += first > s->resume_seq ? first - s->resume_seq : 0;
	} else {
		op_reader_rewind(s->reader, s->waited ? UINT64_MAX : s->o->last);
	}
	s->resume = false;
}

static int open_reader(struct tap_stream *s)
{
	char path[4096];
	struct stat before, after;
	(void)snprintf(path, sizeof(path), "%s/%s", s->o->bus_dir, s->name); /* cut: not found */
	if (stat(path, &before) < 0)
		return -errno;
	struct op_reader *reader;
	int e = op_reader_open(s->o->bus_dir, s->name, "tap", &reader);
	if (e < 0)
		return e;
	if (stat(path, &after) < 0 || before.st_ino != after.st_ino) {
		op_reader_close(reader); /* replaced under our hands */
		return -ENOENT;
	}
	s->reader = reader;
	s->file = after;
	return 0;
}

static int prepare(struct tap_stream *s, struct tap_out *out)
{
	size_t stride = op_reader_stride(s->reader);
	s->n_slots = SLOTS_BYTES / stride < SLOTS_MAX ? SLOTS_BYTES / stride : SLOTS_MAX;
	s->slots = malloc(s->n_slots * stride);
	if (!s->slots)
		return -ENOMEM;
	int e = select_fields(s);
	if (e < 0)
		return e;
	place(s);
	tap_format_header(s->o, &s->shown, s->o->many ? s->name : NULL, out);
	return 0;
}

static bool worth_waiting(int e)
{
	return e == -ENOENT || e == -ENOTDIR || e == -EAGAIN;
}

/* 1 open, 0 not there yet, or a negative error. */
static int try_open(struct tap_stream *s, struct tap_out *out)
{
	uint64_t now = op_now_ns();
	if (s->opened_ns && now - s->opened_ns < OPEN_PERIOD_NS)
		return 0;
	s->opened_ns = now;
	int e = open_reader(s);
	if (e == 0) {
		s->opened_ns = 0;
		e = prepare(s, out);
		if (e < 0 && e != -EINVAL)
			tell(s, op_strerror(e));
		return e < 0 ? e : 1;
	}
	if (!worth_waiting(e)) {
		fprintf(stderr, "outpost tap: %s/%s: %s\n", s->o->bus_dir, s->name,
			e == -EBADMSG ? "not a topic, or of another version of Outpost"
				      : op_strerror(e));
		return e;
	}
	if (!s->waited && !s->resume)
		tap_tell_missing(s->o, s->name);
	s->waited = true;
	return 0;
}

static void show(struct tap_stream *s, uint64_t seq, const unsigned char *slot, struct tap_out *out)
{
	uint64_t boot_ns;
	memcpy(&boot_ns, slot, sizeof(boot_ns));
	if (s->o->period_ns) {
		if (boot_ns < s->due_ns)
			return;
		/* On the grid while records come evenly, so that the rate is kept on average. */
		bool late = boot_ns - s->due_ns >= s->o->period_ns;
		s->due_ns = (late ? boot_ns : s->due_ns) + s->o->period_ns;
	}
	tap_format_record(s->o, &s->shown, s->name, seq, boot_ns, slot + OP_SLOT_RECORD, out);
	if (out->text.len >= TAP_FLUSH_BYTES)
		tap_out_flush(out);
}

static void reopen(struct tap_stream *s, const char *why)
{
	tell(s, why);
	s->resume_seq = op_reader_next_seq(s->reader);
	s->resume = true;
	forget_reader(s);
}

ssize_t tap_stream_step(struct tap_stream *s, struct tap_out *out)
{
	if (!s->reader) {
		int e = try_open(s, out);
		if (e <= 0)
			return e;
	}
	uint64_t first;
	ssize_t n = op_reader_read(s->reader, s->slots, s->n_slots, &first);
	if (n == -OP_ESCHEMA) {
		reopen(s, "declared anew, going on with the new schema");
		return 0;
	}
	if (n < 0) {
		tell(s, op_strerror((int)n));
		return n;
	}
	size_t stride = op_reader_stride(s->reader);
	for (ssize_t i = 0; i < n && !out->err; i++) {
		if (s->o->count && out->printed >= s->o->count)
			break;
		show(s, first + (uint64_t)i, s->slots + (size_t)i * stride, out);
	}
	if (op_reader_missed(s->reader) + s->missed_before != s->missed_told)
		tell_missed(s, op_now_ns());
	return n;
}

bool tap_stream_wait(struct tap_stream *s, uint64_t timeout_ns)
{
	if (!s->reader)
		return false;
	int e = op_reader_wait(s->reader, timeout_ns);
	(void)e; /* whatever ended it, the next step finds out */
	return true;
}

void tap_stream_rest(struct tap_stream *s)
{
	uint64_t now = op_now_ns();
	tell_missed(s, now);
	if (!s->reader || now - s->rested_ns < REST_PERIOD_NS)
		return;
	s->rested_ns = now;
	char path[4096];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/%s", s->o->bus_dir, s->name);
	bool gone = stat(path, &st) < 0;
	if (!gone && (st.st_ino != s->file.st_ino || st.st_dev != s->file.st_dev)) {
		reopen(s, "made anew, going on with the new one");
		s->resume = false; /* another run has a sequence of its own */
		s->waited = true;
	}
}
