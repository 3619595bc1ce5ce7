/*
 * bus_feed.c - a writer and a reader at the ends of a pipe, for bus_python.py.
 *
 *     bus_feed BUS_DIRECTORY      commands on stdin, one per line:
 *     publish N                   N records, each from its sequence number
 *     restart                     close the writer and open it again
 *     capacity N                  likewise with another capacity: the file is replaced
 *     read                        what an op_reader has got since the last time, as JSON lines,
 * then "."
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_topics.h"

#include <math.h>
#include <stdio.h>

static const char *directory;
static struct op_topic_type type;
static struct op_writer *writer;
static struct op_reader *reader;

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "bus_feed: %s: %s\n", what, op_strerror(r));
		exit(1);
	}
}

static void fill(struct every *e, uint64_t n)
{
	uint64_t x = mark_mix(n);
	*e = (struct every){.a_u8 = (uint8_t)x,
			    .b_i64 = -(int64_t)(x >> 1),
			    .c_u64 = x,
			    .d_f64 = n % 7 ? (double)(int64_t)x / 3.0 : NAN,
			    .e_f32 = (float)n / 3,
			    .f_u32 = (uint32_t)x,
			    .g_i32 = (int32_t)x,
			    .h_u16 = (uint16_t)x,
			    .i_i16 = (int16_t)x,
			    .j_i8 = (int8_t)x,
			    .k_enum = n % 5};
	char text[32];
	snprintf(text, sizeof(text), "%llu \xc3\xa4\"\\,x", (unsigned long long)n);
	memcpy(e->l_text, text, strnlen(text, sizeof(e->l_text)));
}

static void publish(uint64_t n)
{
	struct every e;
	for (; n > 0; n--) {
		fill(&e, op_writer_next_seq(writer));
		op_writer_publish(writer, op_now_ns(), &e);
	}
}

static void reopen(uint32_t capacity)
{
	op_writer_close(writer);
	type.capacity = capacity;
	must(op_writer_open(directory, NULL, &type, &writer, NULL), "op_writer_open");
}

/* What the reader gets of this file; -OP_ESCHEMA when it is at the end of a retired one. */
static int read_file(struct op_buf *out)
{
	struct every e;
	uint64_t seq, ns;
	int r;
	while ((r = op_reader_next(reader, &seq, &ns, &e)) == 1) {
		op_record_json_line(&type, "test.every", seq, ns, &e, out);
		op_buf_putc(out, '\n');
	}
	return r;
}

static void read_all(void)
{
	struct op_buf out;
	op_buf_init(&out, 1 << 24);
	while (read_file(&out) == -OP_ESCHEMA) {
		op_reader_close(reader);
		must(op_reader_open(directory, "test.every", "feed", &reader), "op_reader_open");
		op_reader_rewind(reader, UINT64_MAX);
	}
	printf("%s.\n", out.data);
	must(out.err, "buffer");
	op_buf_finish(&out);
}

static void obey(const char *line)
{
	unsigned long n;
	if (sscanf(line, "publish %lu", &n) == 1)
		publish(n);
	else if (sscanf(line, "capacity %lu", &n) == 1)
		reopen((uint32_t)n);
	else if (!strcmp(line, "restart\n"))
		reopen(type.capacity);
	else if (!strcmp(line, "read\n"))
		return read_all();
	else
		must(-EINVAL, line);
	puts(".");
}

int main(int argc, char **argv)
{
	char line[64];
	if (argc != 2)
		return 2;
	directory = argv[1];
	type = every_topic;
	reopen(type.capacity);
	must(op_reader_open(directory, "test.every", "feed", &reader), "op_reader_open");
	puts(".");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		obey(line);
		fflush(stdout);
	}
	op_reader_close(reader);
	op_writer_close(writer);
	return 0;
}
