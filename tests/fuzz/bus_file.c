/*
 * bus_file.c - fuzz target of opening a damaged topic file.
 *
 * The input is a list of changes to a sound file: two bytes of offset, one of value; bit 15 of the
 * offset counts from the writer's counters. If the first byte is odd the hash of the schema is put
 * right afterwards, so that damage to the schema gets past it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/bus/layout.h"

#include "bus_topics.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[96];
static unsigned char whole[64 * 1024], copy[64 * 1024];
static size_t whole_bytes;

static void clean_up(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

static void make_whole(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/outpost-fuzz-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/test.mark", dir);
	(void)atexit(clean_up);
	struct op_writer *w = NULL;
	if (op_writer_open(dir, NULL, &mark_topic, &w, NULL) < 0)
		abort();
	for (uint64_t i = 0; i < 20; i++) {
		struct mark m;
		mark_fill(&m, i);
		op_writer_publish(w, i, &m);
	}
	op_writer_close(w);
	FILE *f = fopen(path, "rb");
	whole_bytes = f ? fread(whole, 1, sizeof(whole), f) : 0;
	if (whole_bytes == 0 || whole_bytes == sizeof(whole))
		abort();
	fclose(f);
}

static void damage(const uint8_t *data, size_t size)
{
	struct op_ring_header *h = (struct op_ring_header *)copy;
	memcpy(copy, whole, whole_bytes);
	size_t counters = h->writer_offset;
	for (size_t i = 1; i + 3 <= size; i += 3) {
		size_t at = data[i] | (size_t)(data[i + 1] & 0x7f) << 8;
		at += data[i + 1] & 0x80 ? counters : 0;
		copy[at % whole_bytes] = data[i + 2];
	}
	if (size && data[0] & 1 && h->schema_bytes < whole_bytes - RING_SCHEMA_OFFSET)
		h->schema_hash = op_schema_hash((char *)copy + RING_SCHEMA_OFFSET, h->schema_bytes);
}

static void use(struct op_reader *r)
{
	static unsigned char slots[16 * (OP_TOPIC_RECORD_MAX + 16)], record[OP_TOPIC_RECORD_MAX];
	uint64_t first, ns;
	struct op_reader_info info[OP_TOPIC_READERS_MAX];
	for (int i = 0; i < 3; i++)
		if (op_reader_read(r, slots, 16, &first) > 0)
			op_reader_rewind(r, 5);
	if (op_reader_last(r, &first, &ns, record) == 1) {
		struct op_buf b;
		op_buf_init(&b, 1 << 20);
		op_record_json_line(op_reader_type(r), op_reader_name(r), first, ns, record, &b);
		op_buf_finish(&b);
	}
	if (op_reader_wait(r, 0) > 1 ||
	    op_reader_list(r, info, OP_ARRAY_SIZE(info)) > OP_ARRAY_SIZE(info))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!whole_bytes)
		make_whole();
	damage(data, size);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, copy, whole_bytes) != (ssize_t)whole_bytes)
		abort();
	close(fd);
	struct op_reader *r = NULL;
	if (op_reader_open(dir, "test.mark", "fuzz", &r) == 0)
		use(r);
	op_reader_close(r);
	return 0;
}
