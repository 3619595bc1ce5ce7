/*
 * bus_layout.c - the tables of outpost-bus(7) against the structs, both ways: the layout is a
 * public format, which programs in other languages rely on.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/bus/layout.h"

#include "test.h"

struct member {
	const char *table, *name;
	size_t offset, size;
};

#define MEMBER(type, name)                                                                  \
	{                                                                                   \
#type, #name, offsetof(struct type, name), sizeof(((struct type *)0)->name) \
	}

static const struct member members[] = {
	MEMBER(op_ring_header, magic),
	MEMBER(op_ring_header, version),
	MEMBER(op_ring_header, schema_bytes),
	MEMBER(op_ring_header, schema_hash),
	MEMBER(op_ring_header, record_bytes),
	MEMBER(op_ring_header, stride),
	MEMBER(op_ring_header, capacity),
	MEMBER(op_ring_header, rate_mhz),
	MEMBER(op_ring_header, max_age_ms),
	MEMBER(op_ring_header, writer_offset),
	MEMBER(op_ring_header, reader_offset),
	MEMBER(op_ring_header, data_offset),
	MEMBER(op_ring_header, file_bytes),
	MEMBER(op_ring_header, first_seq),
	MEMBER(op_ring_header, created_boot_ns),
	MEMBER(op_ring_header, name),
	MEMBER(op_ring_writer, begin),
	MEMBER(op_ring_writer, published),
	MEMBER(op_ring_writer, bell),
	MEMBER(op_ring_writer, pid),
	MEMBER(op_ring_writer, retired),
	MEMBER(op_ring_readers, sleepers),
	MEMBER(op_ring_readers, slot),
	MEMBER(op_ring_reader, next_seq),
	MEMBER(op_ring_reader, missed),
	MEMBER(op_ring_reader, pid),
	MEMBER(op_ring_reader, who),
};

static const struct member *find(const char *table, const char *name)
{
	for (size_t i = 0; i < OP_ARRAY_SIZE(members); i++)
		if (!strcmp(members[i].table, table) && !strcmp(members[i].name, name))
			return &members[i];
	op_test_fail(__FILE__, __LINE__, "%s of the page is not in struct %s", name, table);
}

TEST(the_page_gives_each_member_as_it_is)
{
	FILE *f = fopen(MAN_PAGE, "r");
	CHECK(f);
	char line[256], table[32] = "", name[32];
	size_t offset, size, found = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, ".\\\" table %31s", table) == 1)
			continue;
		if (!strcmp(line, ".\\\" end\n"))
			table[0] = '\0';
		if (!table[0] ||
		    sscanf(line, ".It %zu Ta %zu Ta %31s Ta", &offset, &size, name) != 3)
			continue;
		const struct member *m = find(table, name);
		if (m->offset != offset || m->size != size)
			op_test_fail(MAN_PAGE, 0, "%s.%s is %zu bytes at %zu", table, name, m->size,
				     m->offset);
		found++;
	}
	fclose(f);
	CHECK_INT(found, OP_ARRAY_SIZE(members));
}

TEST(the_page_gives_the_limits_as_they_are)
{
	static const struct {
		const char *text;
		bool so;
	} limits[] = {
		{"the bytes OPTOPIC1", sizeof(RING_MAGIC) - 1 == 8},
		{"1; any other is to be refused", RING_VERSION == 1},
		{"at byte 256", RING_SCHEMA_OFFSET == 256},
		{"at most 32768 bytes", RING_SCHEMA_MAX == 32768},
		{"2 to 16777216", RING_CAPACITY_MAX == 16777216},
		{"of one record, 1 to 4096", OP_TOPIC_RECORD_MAX == 4096},
		{"at most 64 objects", OP_TOPIC_FIELDS_MAX == 64},
		{"64 lines, as follows", OP_TOPIC_READERS_MAX == 64},
		{"The name is 1 to 63 bytes", OP_TOPIC_NAME_MAX == 63},
		{"byte 0 is held by the writer, byte 1 +",
		 RING_LOCK_WRITER == 0 && RING_LOCK_READER(0) == 1},
	};
	static char page[65536];
	FILE *f = fopen(MAN_PAGE, "r");
	CHECK(f && fread(page, 1, sizeof(page) - 1, f) > 1000);
	fclose(f);
	CHECK(!memcmp(RING_MAGIC, "OPTOPIC1", 8));
	for (size_t i = 0; i < OP_ARRAY_SIZE(limits); i++) {
		CHECK_HAS(page, limits[i].text);
		CHECK(limits[i].so);
	}
}
