/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/bus/layout.h"

#include "bus_topics.h"
#include "test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* As op_reader_read gives them. */
struct slot {
	uint64_t boot_ns;
	struct mark mark;
};

static struct op_writer *writer(const struct op_topic_type *type)
{
	struct op_writer *w = NULL;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, type, &w, NULL), 0);
	return w;
}

static struct op_reader *reader(const char *name)
{
	struct op_reader *r = NULL;
	CHECK_INT(op_reader_open(op_test_dir(), name, "tester", &r), 0);
	return r;
}

static struct op_topic_type marks(uint32_t capacity)
{
	struct op_topic_type t = mark_topic;
	t.capacity = capacity;
	return t;
}

/* n records, together if n > 1; each carries its sequence number in number and stamp. */
static void publish(struct op_writer *w, size_t n)
{
	struct mark m[64];
	uint64_t stamps[64], seq = op_writer_next_seq(w);
	CHECK(n <= 64);
	for (size_t i = 0; i < n; i++) {
		mark_fill(&m[i], seq + i);
		stamps[i] = seq + i;
	}
	CHECK_INT(n == 1 ? op_writer_publish(w, stamps[0], m)
			 : op_writer_publish_n(w, stamps, m, n),
		  seq);
	CHECK_INT(op_writer_next_seq(w), seq + n);
}

/* Reads up to max records and checks that they are the ones they say. */
static size_t read_some(struct op_reader *r, size_t max, uint64_t *ret_first)
{
	struct slot slots[256];
	CHECK_INT(op_reader_stride(r), sizeof(slots[0]));
	CHECK(max <= 256);
	ssize_t n = op_reader_read(r, slots, max, ret_first);
	CHECK(n >= 0);
	for (ssize_t i = 0; i < n; i++) {
		CHECK_INT(slots[i].boot_ns, *ret_first + (uint64_t)i);
		CHECK_INT(slots[i].mark.number, *ret_first + (uint64_t)i);
		CHECK(mark_whole(&slots[i].mark));
	}
	return (size_t)n;
}

TEST(capacity_is_rounded_up_to_a_power_of_two)
{
	static const uint32_t table[][2] = {{0, 64},  {1, 2},    {2, 2},      {3, 4},
					    {64, 64}, {65, 128}, {1000, 1024}};
	for (size_t i = 0; i < OP_ARRAY_SIZE(table); i++) {
		struct op_topic_type type = marks(table[i][0]);
		struct op_writer *w = writer(&type);
		struct op_reader *r = reader("test.mark");
		CHECK_INT(op_reader_capacity(r), table[i][1]);
		op_reader_close(r);
		op_writer_close(w);
	}
}

TEST(a_ring_keeps_the_newest_records_through_many_laps)
{
	for (uint32_t capacity = 2; capacity <= 32; capacity *= 2) {
		struct op_topic_type type = marks(capacity);
		struct op_writer *w = writer(&type);
		struct op_reader *r = reader("test.mark");
		for (uint32_t step = 0; step < 3 * capacity + 1; step++) {
			uint64_t first = 0, end = op_writer_next_seq(w);
			op_reader_rewind(r, UINT64_MAX);
			uint64_t kept = op_reader_published(r) - op_reader_next_seq(r);
			CHECK_INT(kept, step < capacity ? step : capacity);
			CHECK_INT(read_some(r, 256, &first), kept);
			CHECK(kept == 0 || first == end - kept);
			publish(w, 1);
		}
		CHECK_INT(op_reader_missed(r), 0);
		op_reader_close(r);
		op_writer_close(w);
	}
}

TEST(a_batch_of_any_size_crosses_the_end_of_the_ring)
{
	struct op_topic_type type = marks(16);
	struct op_writer *w = writer(&type);
	struct op_reader *r = reader("test.mark");
	uint64_t first;
	CHECK_INT(op_writer_publish_n(w, NULL, NULL, 0), 0);
	CHECK_INT(op_reader_published(r), 0);
	for (size_t n = 1; n <= 8; n++) {
		for (unsigned repeat = 0; repeat < 16; repeat++) {
			uint64_t seq = op_writer_next_seq(w);
			publish(w, n);
			CHECK_INT(op_reader_published(r), seq + n);
			size_t part = read_some(r, 3, &first);
			CHECK_INT(first, seq);
			CHECK_INT(part, n < 3 ? n : 3);
			if (n > part)
				CHECK_INT(read_some(r, 256, &first), n - part);
			CHECK_INT(read_some(r, 256, &first), 0);
		}
	}
	CHECK_INT(op_reader_missed(r), 0);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(what_was_read_and_what_was_missed_add_up_to_what_was_published)
{
	struct op_topic_type type = marks(32);
	struct op_writer *w = writer(&type);
	struct op_reader *r = reader("test.mark");
	uint64_t seen = 0, random = 42;
	for (unsigned step = 0; step < 20000; step++) {
		random = mark_mix(random);
		for (size_t n = random % 5; n > 0; n--)
			publish(w, 1 + (random >> 8) % 16);
		uint64_t first, at = op_reader_next_seq(r), missed = op_reader_missed(r);
		size_t n = read_some(r, (random >> 16) % 40, &first);
		seen += n;
		if (n)
			CHECK_INT(first - at, op_reader_missed(r) - missed);
		CHECK_INT(seen + op_reader_missed(r), op_reader_next_seq(r));
	}
	CHECK(seen > 10000 && op_reader_missed(r) > 10000);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(rewinding_goes_as_far_as_the_ring_and_counts_nothing)
{
	struct op_topic_type type = marks(8);
	struct op_writer *w = writer(&type);
	struct op_reader *r = reader("test.mark");
	uint64_t first;
	op_reader_rewind(r, 5);
	CHECK_INT(op_reader_next_seq(r), 0);
	for (int i = 0; i < 20; i++)
		publish(w, 1);
	op_reader_rewind(r, 3);
	CHECK_INT(op_reader_next_seq(r), 17);
	op_reader_rewind(r, 8);
	CHECK_INT(op_reader_next_seq(r), 12);
	op_reader_rewind(r, 1000);
	CHECK_INT(op_reader_next_seq(r), 12);
	CHECK_INT(read_some(r, 256, &first), 8);
	op_reader_rewind(r, 8);
	op_reader_rewind(r, 0);
	CHECK_INT(op_reader_next_seq(r), 20);
	CHECK_INT(read_some(r, 256, &first), 0);
	CHECK_INT(op_reader_missed(r), 0);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(the_newest_record_is_there_without_moving_the_cursor)
{
	struct op_topic_type type = marks(4);
	struct op_writer *w = writer(&type);
	struct op_reader *r = reader("test.mark");
	struct mark m = {.number = 77};
	uint64_t seq = 77, ns = 77;
	CHECK_INT(op_reader_last(r, &seq, &ns, &m), 0);
	CHECK(!op_writer_last(w, &ns, &m));
	CHECK(seq == 77 && ns == 77 && m.number == 77); /* untouched */
	for (uint64_t i = 0; i < 11; i++) {
		publish(w, 1);
		CHECK_INT(op_reader_last(r, &seq, &ns, &m), 1);
		CHECK_INT(seq, i);
		CHECK_INT(ns, i);
		CHECK(m.number == i && mark_whole(&m));
		CHECK(op_writer_last(w, &ns, &m));
		CHECK(ns == i && m.number == i && mark_whole(&m));
	}
	CHECK_INT(op_reader_next_seq(r), 0);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(names_are_checked_on_both_sides)
{
	char longest[66];
	memset(longest, 'x', sizeof(longest));
	longest[65] = '\0'; /* 65 bytes; from [1] 64, from [2] 63 */
	const char *bad[] = {"",    ".",    "..",    ".hidden",   "1st",      "Upper", "a/b",
			     "a b", "a\nb", "-dash", "../escape", "\xc3\xa4", longest, longest + 1};
	struct op_writer *w = NULL;
	struct op_reader *r = NULL;
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++) {
		CHECK_INT(op_writer_open(op_test_dir(), bad[i], &mark_topic, &w, NULL), -EINVAL);
		CHECK_INT(op_reader_open(op_test_dir(), bad[i], NULL, &r), -EINVAL);
	}
	CHECK_INT(op_reader_open(op_test_dir(), "not.there", NULL, &r), -ENOENT);
	CHECK(w == NULL && r == NULL);
	CHECK_INT(op_writer_open(op_test_dir(), longest + 2, &mark_topic, &w, NULL), 0);
	r = reader(longest + 2);
	CHECK_STR(op_reader_name(r), longest + 2);
	CHECK_STR(op_reader_type(r)->name, longest + 2);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(declarations_are_checked)
{
	struct op_writer *w = NULL;
	struct op_topic_type bad = mark_topic;
	bad.record_bytes = 0;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &bad, &w, NULL), -EINVAL);
	bad.record_bytes = OP_TOPIC_RECORD_MAX + 1;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &bad, &w, NULL), -EINVAL);
	bad = mark_topic;
	bad.n_fields = 0;
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &bad, &w, NULL), -EINVAL);
	bad = marks(RING_CAPACITY_MAX + 1);
	CHECK_INT(op_writer_open(op_test_dir(), NULL, &bad, &w, NULL), -EINVAL);
	CHECK_INT(op_writer_open("/nonexistent", NULL, &mark_topic, &w, NULL), -ENOENT);
	CHECK(w == NULL);
}

static int collect(const char *name, void *arg)
{
	op_buf_printf(arg, "%s ", name);
	return 0;
}

static int stop_at_second(const char *name, void *arg)
{
	return ++*(int *)arg == 2 ? 7 : 0;
}

TEST(topics_are_listed_in_byte_order_without_what_is_foreign)
{
	static const char *const names[] = {"b.two", "a.one", "status.pbt"};
	char path[200];
	struct op_writer *w[3];
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(op_writer_open(op_test_dir(), names[i], &mark_topic, &w[i], NULL), 0);
	static const char *const foreign[] = {".a.one.new", "README", "x~"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", op_test_dir(), foreign[i]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, 1000);
	CHECK_INT(op_bus_list(op_test_dir(), collect, &b), 0);
	CHECK_STR(b.data, "a.one b.two status.pbt ");
	int calls = 0;
	CHECK_INT(op_bus_list(op_test_dir(), stop_at_second, &calls), 7);
	CHECK_INT(calls, 2);
	CHECK_INT(op_bus_list("/nonexistent", collect, &b), -ENOENT);
	for (size_t i = 0; i < 3; i++)
		op_writer_close(w[i]);
}

TEST(another_capacity_retires_the_file_after_it_is_drained)
{
	struct op_topic_type small = marks(8), large = marks(64);
	struct op_writer *w = writer(&small);
	struct op_reader *r = reader("test.mark");
	uint64_t first;
	publish(w, 4);
	op_writer_close(w);
	CHECK(!op_reader_retired(r));
	w = writer(&large);
	CHECK(op_reader_retired(r));
	publish(w, 1);
	CHECK_INT(op_reader_wait(r, 0), 1);
	CHECK_INT(read_some(r, 3, &first), 3);
	CHECK_INT(read_some(r, 3, &first), 1);
	struct slot slot;
	CHECK_INT(op_reader_read(r, &slot, 1, &first), -OP_ESCHEMA);
	CHECK_INT(op_reader_wait(r, OP_NS_PER_S), -OP_ESCHEMA);
	CHECK_INT(op_reader_missed(r), 0);
	CHECK_INT(op_reader_writer_pid(r), 0); /* nobody writes the old file */
	op_reader_close(r);
	r = reader("test.mark");
	CHECK_INT(op_reader_capacity(r), 64);
	CHECK_INT(op_reader_published(r), 5);
	op_reader_rewind(r, UINT64_MAX);
	CHECK_INT(op_reader_next_seq(r), 4); /* a file starts where its predecessor ended */
	CHECK_INT(read_some(r, 3, &first), 1);
	CHECK_INT(first, 4);
	op_reader_close(r);
	op_writer_close(w);
}

/* ---- what a killed writer leaves, made by hand ------------------------------------------- */

static struct op_ring map_file(const char *name)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", op_test_dir(), name);
	struct op_ring ring;
	OP_AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(op_ring_map(fd, true, &ring), 0);
	return ring;
}

TEST(a_writer_killed_before_its_successor_has_the_name_leaves_no_topic)
{
	struct op_writer *w = writer(&mark_topic);
	struct op_reader *r = reader("test.mark"), *late = NULL;
	publish(w, 3);
	op_writer_close(w);
	struct op_ring ring = map_file("test.mark");
	atomic_store(&ring.writer->retired, 1);
	op_ring_unmap(&ring);

	struct slot slots[4];
	uint64_t first;
	CHECK_INT(op_reader_read(r, slots, 4, &first), 3);
	CHECK_INT(op_reader_read(r, slots, 4, &first), -OP_ESCHEMA);
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", NULL, &late), -ENOENT);
	w = writer(&mark_topic);
	CHECK_INT(op_writer_next_seq(w), 3);
	op_reader_close(r);
	r = reader("test.mark");
	publish(w, 1);
	CHECK_INT(read_some(r, 4, &first), 1);
	CHECK_INT(first, 3);
	op_reader_close(r);
	op_writer_close(w);
}

TEST(slots_torn_by_a_killed_writer_are_never_read)
{
	struct op_topic_type type = marks(16);
	struct op_writer *w = writer(&type);
	struct op_reader *behind = reader("test.mark");
	uint64_t first;
	for (int i = 0; i < 40; i++)
		publish(w, 1);
	op_writer_close(w);
	struct op_ring ring = map_file("test.mark"); /* died in a batch of 8, after spoiling it */
	atomic_store(&ring.writer->begin, 48);
	for (uint64_t seq = 40; seq < 48; seq++)
		memset(op_ring_slot(&ring, seq), 0xee, ring.stride);
	op_ring_unmap(&ring);

	CHECK_INT(read_some(behind, 256, &first), 8);
	CHECK_INT(first, 32);
	CHECK_INT(op_reader_missed(behind), 32);
	w = writer(&type);
	CHECK_INT(op_writer_next_seq(w), 40);
	struct op_reader *r = reader("test.mark");
	for (uint64_t i = 40; i < 60; i++) {
		publish(w, 1);
		op_reader_rewind(r, UINT64_MAX);
		uint64_t kept = op_reader_published(r) - op_reader_next_seq(r);
		CHECK(kept >= 8 && kept <= 16);
		CHECK_INT(read_some(r, 256, &first), kept);
	}
	CHECK_INT(op_reader_published(r) - first, 16); /* and the whole ring is back in use */
	op_reader_close(r);
	op_reader_close(behind);
	op_writer_close(w);
}

/* ---- who reads -------------------------------------------------------------------------- */

TEST(more_readers_than_lines_can_read)
{
	struct op_writer *w = writer(&mark_topic);
	struct op_reader *r[OP_TOPIC_READERS_MAX + 2];
	struct op_reader_info info[OP_TOPIC_READERS_MAX + 2];
	uint64_t first;
	for (size_t i = 0; i < OP_ARRAY_SIZE(r); i++)
		r[i] = reader("test.mark");
	publish(w, 1);
	for (size_t i = 0; i < OP_ARRAY_SIZE(r); i++)
		CHECK_INT(read_some(r[i], 1, &first), 1);
	CHECK_INT(op_reader_list(r[0], info, OP_ARRAY_SIZE(info)), OP_TOPIC_READERS_MAX);
	CHECK_INT(op_reader_list(r[0], info, 3), 3);
	op_reader_close(r[5]);
	CHECK_INT(op_reader_list(r[0], info, OP_ARRAY_SIZE(info)), OP_TOPIC_READERS_MAX - 1);
	r[5] = reader("test.mark");
	CHECK_INT(op_reader_list(r[0], info, OP_ARRAY_SIZE(info)), OP_TOPIC_READERS_MAX);
	CHECK_INT(info[5].missed, 0); /* not its predecessor's */
	CHECK_INT(info[5].next_seq, 1);
	for (size_t i = 0; i < OP_ARRAY_SIZE(r); i++)
		op_reader_close(r[i]);
	op_writer_close(w);
}

TEST(a_reader_is_listed_by_its_name_or_its_programs)
{
	struct op_writer *w = writer(&mark_topic);
	struct op_reader *named, *plain, *hidden;
	struct op_reader_info info[4];
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark",
				 "a name that is longer than the line has room for", &named),
		  0);
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", NULL, &plain), 0);
	CHECK_INT(op_reader_open(op_test_dir(), "test.mark", "", &hidden), 0);
	CHECK_INT(op_reader_list(hidden, info, 4), 2);
	CHECK_STR(info[0].who, "a name that is longer than the ");
	CHECK_STR(info[1].who, program_invocation_short_name);
	op_reader_close(named);
	op_reader_close(plain);
	op_reader_close(hidden);
	op_writer_close(w);
}
