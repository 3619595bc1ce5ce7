/*
 * bus_damage.c - a topic file that is damaged, foreign or of another version is refused, or read
 * without harm where nothing can show the damage; a writer puts a sound file in its place.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/bus/layout.h"

#include "bus_topics.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static char path[200];
static unsigned char whole[128 * 1024];
static size_t whole_bytes;

static void make_whole(void)
{
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &mark_topic, &w, NULL), 0);
	for (uint64_t i = 0; i < 20; i++) {
		struct mark m;
		mark_fill(&m, i);
		op_writer_publish(w, i, &m);
	}
	op_writer_close(w);
	snprintf(path, sizeof(path), "%s/test.mark", op_test_dir());
	FILE *f = fopen(path, "rb");
	CHECK(f);
	whole_bytes = fread(whole, 1, sizeof(whole), f);
	CHECK(whole_bytes > 0 && whole_bytes < sizeof(whole));
	fclose(f);
}

/* Anew each time: ext4 writes a file that is cut and written again to the disk at once. */
static void put_file(const void *bytes, size_t n)
{
	(void)unlink(path); /* may not be there */
	FILE *f = fopen(path, "wb");
	CHECK(f);
	CHECK_INT(fwrite(bytes, 1, n, f), n);
	CHECK_INT(fclose(f), 0);
}

/* Opens what is there; if that works, does everything a reader does. Returns the open's error. */
static int use_file(void)
{
	struct op_reader *r = NULL;
	int e = op_reader_open(op_test_dir(), "test.mark", "tester", &r);
	if (e < 0) {
		CHECK(r == NULL);
		return e;
	}
	uint64_t first, seq, ns;
	struct op_reader_info info[4];
	OP_AUTO_FREE char *slots = malloc(16 * op_reader_stride(r));
	OP_AUTO_FREE char *record = malloc(op_reader_type(r)->record_bytes);
	CHECK(slots && record);
	op_reader_rewind(r, UINT64_MAX);
	for (int i = 0; i < 5; i++)
		CHECK(op_reader_read(r, slots, 16, &first) <= 16);
	CHECK(op_reader_last(r, &seq, &ns, record) <= 1);
	CHECK(op_reader_wait(r, 0) <= 1);
	CHECK(op_reader_list(r, info, 4) <= 4);
	CHECK_INT(op_reader_writer_pid(r), 0);
	op_reader_close(r);
	return 0;
}

static void check_refused(void)
{
	CHECK_INT(use_file(), -EBADMSG);
}

/* A writer makes a sound file of it, whatever it is. */
static void check_mended(void)
{
	struct op_writer *w = NULL;
	struct mark m;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &mark_topic, &w, NULL), 0);
	mark_fill(&m, 1);
	op_writer_publish(w, 1, &m);
	struct op_reader *r = NULL;
	uint64_t ns, seq;
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", NULL, &r), 0);
	CHECK_INT(op_reader_last(r, &seq, &ns, &m), 1);
	CHECK(mark_whole(&m));
	op_reader_close(r);
	op_writer_close(w);
}

TEST(a_cut_file_is_refused)
{
	make_whole();
	static const size_t cuts[] = {0,   1,   7,   8,    100,  167,  168,
				      255, 256, 300, 4095, 4096, 8192, 12288};
	for (size_t i = 0; i < OP_ARRAY_SIZE(cuts); i++) {
		put_file(whole, cuts[i]);
		check_refused();
	}
	put_file(whole, whole_bytes - 1);
	check_refused();
	put_file(whole, whole_bytes + 1);
	check_refused();
	check_mended();
}

TEST(a_foreign_file_is_refused_and_replaced)
{
	make_whole();
	static const char text[] = "#!/bin/sh\necho not a topic\n";
	put_file(text, sizeof(text));
	check_refused();
	check_mended();
	CHECK_INT(unlink(path), 0);
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK(use_file() < 0);
	CHECK_INT(rmdir(path), 0);
	CHECK_INT(symlink("/etc/hostname", path), 0);
	CHECK_INT(use_file(), -ELOOP);
	CHECK_INT(unlink(path), 0);
}

TEST(another_version_and_another_magic_are_refused)
{
	make_whole();
	struct op_ring_header *h = (struct op_ring_header *)whole;
	h->version++;
	put_file(whole, whole_bytes);
	check_refused();
	h->version--;
	h->magic[7]++;
	put_file(whole, whole_bytes);
	check_refused();
	check_mended();
}

/* Every byte of the header, and many of the schema, wrong in three ways. */
TEST_WITHIN(no_damaged_byte_of_the_head_does_harm, 60)
{
	make_whole();
	struct op_ring_header *h = (struct op_ring_header *)whole;
	size_t head = RING_SCHEMA_OFFSET + h->schema_bytes + 1;
	unsigned refused = 0, harmless = 0;
	for (size_t i = 0; i < head; i++) {
		static const unsigned char flips[] = {0x01, 0x80, 0xff};
		for (size_t k = 0; k < sizeof(flips); k++) {
			whole[i] ^= flips[k];
			put_file(whole, whole_bytes);
			int e = use_file();
			CHECK(e == 0 || e == -EBADMSG);
			*(e ? &refused : &harmless) += 1;
			whole[i] ^= flips[k];
		}
	}
	/* Harmless are: when it was made, nominal rate and age, the rest of the name, padding. */
	CHECK(refused > 3 * (size_t)h->schema_bytes);
	CHECK(harmless < 3 * (RING_SCHEMA_OFFSET - 8));
	put_file(whole, whole_bytes);
	CHECK_INT(use_file(), 0);
}

TEST(counters_that_no_writer_leaves_are_refused)
{
	make_whole();
	struct op_ring_header *h = (struct op_ring_header *)whole;
	struct op_ring_writer *w = (struct op_ring_writer *)(whole + h->writer_offset);
	static const uint64_t table[][3] = {
		/* first, published, begin */
		{0, 20, 19},
		{21, 20, 20},
		{0, UINT64_MAX, 20},
		{30, 20, 40},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(table); i++) {
		h->first_seq = table[i][0];
		atomic_init(&w->published, table[i][1]);
		atomic_init(&w->begin, table[i][2]);
		put_file(whole, whole_bytes);
		check_refused();
	}
	check_mended();
}

TEST(a_claim_of_more_than_the_ring_is_neither_waited_for_nor_gone_on_with)
{
	make_whole();
	struct op_ring_header *h = (struct op_ring_header *)whole;
	struct op_ring_writer *w = (struct op_ring_writer *)(whole + h->writer_offset);
	atomic_init(&w->begin, 1ULL << 60);
	put_file(whole, whole_bytes);
	CHECK_INT(use_file(), 0); /* could be a live writer's, far ahead by now */
	struct op_reader *r = NULL;
	struct mark m;
	uint64_t seq, ns;
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", NULL, &r), 0);
	CHECK_INT(op_reader_last(r, &seq, &ns, &m), -EBADMSG);
	op_reader_rewind(r, 5);
	CHECK_INT(op_reader_next(r, &seq, &ns, &m), 0);
	op_reader_close(r);
	check_mended();
}

/* Random bytes over the whole file; what passes the checks may hold nonsense, but no harm. */
TEST_WITHIN(random_damage_does_no_harm, 60)
{
	make_whole();
	static unsigned char copy[sizeof(whole)];
	uint64_t random = 7;
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(copy, whole, whole_bytes);
		unsigned hits = 1 + round % 8;
		for (unsigned i = 0; i < hits; i++) {
			random = mark_mix(random);
			size_t near = random & 1 ? 512 : whole_bytes;
			copy[(random >> 8) % near] = (unsigned char)(random >> 1);
		}
		put_file(copy, whole_bytes);
		int e = use_file();
		CHECK(e == 0 || e == -EBADMSG || e == -ENOENT); /* the last: marked as retired */
	}
	check_mended();
}
