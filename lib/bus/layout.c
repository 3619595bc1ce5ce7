/*
 * layout.c - maps a topic file and believes nothing it says until it all fits together.
 *
 * Document: outpost-bus(7). No state of its own; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "layout.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

bool op_ring_name_ok(const char *name)
{
	if (!name || name[0] < 'a' || name[0] > 'z' || strlen(name) > OP_TOPIC_NAME_MAX)
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + RING_PAGE - 1) / RING_PAGE * RING_PAGE;
}

void op_ring_measure(struct op_ring_header *h)
{
	h->stride = (OP_SLOT_RECORD + h->record_bytes + 7) / 8 * 8;
	h->writer_offset = page_up(RING_SCHEMA_OFFSET + h->schema_bytes + 1);
	h->reader_offset = h->writer_offset + page_up(sizeof(struct op_ring_writer));
	h->data_offset = h->reader_offset + page_up(sizeof(struct op_ring_readers));
	h->file_bytes = h->data_offset + h->capacity * h->stride;
}

static bool header_ok(const struct op_ring_header *h, uint64_t file_bytes)
{
	if (memcmp(h->magic, RING_MAGIC, sizeof(h->magic)) || h->version != RING_VERSION)
		return false;
	if (h->record_bytes == 0 || h->record_bytes > OP_TOPIC_RECORD_MAX || h->capacity < 2 ||
	    h->capacity > RING_CAPACITY_MAX || (h->capacity & (h->capacity - 1)) ||
	    h->schema_bytes > RING_SCHEMA_MAX || !memchr(h->name, '\0', sizeof(h->name)))
		return false;
	struct op_ring_header want = *h;
	op_ring_measure(&want);
	return want.stride == h->stride && want.writer_offset == h->writer_offset &&
	       want.reader_offset == h->reader_offset && want.data_offset == h->data_offset &&
	       want.file_bytes == h->file_bytes && h->file_bytes == file_bytes &&
	       op_ring_name_ok(h->name);
}

/* published is loaded first: a live writer raises begin before it. */
static bool counters_ok(const struct op_ring *ring)
{
	uint64_t published = atomic_load_explicit(&ring->writer->published, memory_order_acquire);
	uint64_t begin = atomic_load_explicit(&ring->writer->begin, memory_order_relaxed);
	return published >= ring->header->first_seq && begin >= published;
}

static bool content_ok(const struct op_ring *ring)
{
	const char *schema = op_ring_schema(ring);
	size_t n = ring->header->schema_bytes;
	return memchr(schema, '\0', n + 1) == schema + n &&
	       op_schema_hash(schema, n) == ring->header->schema_hash && counters_ok(ring);
}

int op_ring_map(int fd, bool writable, struct op_ring *ret)
{
	struct stat st;
	struct op_ring_header h;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    !header_ok(&h, (uint64_t)st.st_size) || h.file_bytes > SIZE_MAX / 2)
		return -EBADMSG;
	/* The writer's pages are touched now, so that the first lap costs no page fault. */
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	unsigned char *map = mmap(NULL, (size_t)h.file_bytes, prot,
				  MAP_SHARED | (writable ? MAP_POPULATE : 0), fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	struct op_ring ring = {.header = (const struct op_ring_header *)map,
			       .writer = (struct op_ring_writer *)(map + h.writer_offset),
			       .data = map + h.data_offset,
			       .map = map,
			       .map_bytes = (size_t)h.file_bytes,
			       .mask = h.capacity - 1,
			       .stride = h.stride};
	if (!content_ok(&ring)) {
		op_ring_unmap(&ring);
		return -EBADMSG;
	}
	*ret = ring;
	return 0;
}

void op_ring_unmap(struct op_ring *ring)
{
	if (ring->map)
		(void)munmap(ring->map, ring->map_bytes); /* our own mapping: cannot fail */
	*ring = (struct op_ring){0};
}

const char *op_ring_schema(const struct op_ring *ring)
{
	return (const char *)ring->map + RING_SCHEMA_OFFSET;
}

int op_ring_lock(int fd, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

bool op_ring_is_locked(int fd, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void op_ring_wake(struct op_ring *ring)
{
	/* Pairs with the acquire load of bell in op_reader_wait: who saw the old count and sleeps
	 * is woken, who has not slept yet finds another count and does not sleep. */
	(void)atomic_fetch_add_explicit(&ring->writer->bell, 1, memory_order_release);
	(void)syscall(SYS_futex, &ring->writer->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
