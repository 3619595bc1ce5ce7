/*
 * layout.h - the topic file as it stands in shared memory; outpost-bus(7) in C.
 *
 *     0              struct op_ring_header    written once, before the file has its name
 *     256            schema text (JSON, NUL)  likewise
 *     writer_offset  struct op_ring_writer    written by the writer only
 *     reader_offset  struct op_ring_readers   written by readers; the only pages they map writable
 *     data_offset    capacity slots of `stride` bytes: uint64_t boot_ns, then the record
 *
 * Record n stands in slot n % capacity. `begin` is raised before slots are overwritten and
 * `published` after they are complete, so that at any instant, also after kill -9 of the writer,
 *
 *     records [begin - capacity, published) are whole;
 *
 * a reader copies first and looks at `begin` afterwards. Byte order is the machine's.
 *
 * Locks are open-file-description locks (fcntl(2)) on single bytes of the file, which the kernel
 * drops when their process ends: byte 0 for the writer, byte 1 + i for reader slot i.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BUS_LAYOUT_H
#define OUTPOST_BUS_LAYOUT_H

#include <assert.h>
#include <outpost/topic.h>
#include <stdatomic.h>
#include <sys/types.h>

#define RING_MAGIC "OPTOPIC1"
#define RING_VERSION 1u
#define RING_SCHEMA_OFFSET 256u
#define RING_PAGE 4096u
#define RING_SCHEMA_MAX 32768u
#define RING_CAPACITY_MAX (1u << 24)
#define RING_LOCK_WRITER 0
#define RING_LOCK_READER(i) (1 + (off_t)(i))

struct op_ring_header {
	char magic[8];
	uint32_t version;
	uint32_t schema_bytes; /* without the NUL */
	uint64_t schema_hash;
	uint32_t record_bytes;
	uint32_t stride;   /* 8 + record_bytes, rounded up to 8 */
	uint64_t capacity; /* slots, a power of two */
	uint32_t rate_mhz;
	uint32_t max_age_ms;
	uint64_t writer_offset;
	uint64_t reader_offset;
	uint64_t data_offset;
	uint64_t file_bytes;
	uint64_t first_seq; /* sequence number this file starts with */
	uint64_t created_boot_ns;
	char name[64];
};

struct op_ring_writer {
	_Atomic uint64_t begin;
	_Atomic uint64_t published; /* on one cache line with begin: a reader needs both */
	char pad0[48];
	_Atomic uint32_t bell; /* futex; counts wake-ups, not records */
	_Atomic uint32_t pid;
	_Atomic uint32_t retired; /* 1: replaced by a file of another schema */
	char pad1[52];
};

struct op_ring_reader {
	_Atomic uint64_t next_seq;
	_Atomic uint64_t missed;
	_Atomic uint32_t pid; /* 0: the slot is free */
	uint32_t reserved;
	_Atomic uint64_t who[4]; /* 32 bytes of text, NUL-padded */
	uint64_t reserved2;
};

struct op_ring_readers {
	_Atomic uint32_t sleepers; /* a reader set 1 before sleeping; the writer sets 0 and rings */
	char pad[60];
	struct op_ring_reader slot[OP_TOPIC_READERS_MAX];
};

static_assert(sizeof(struct op_ring_header) == 160, "layout is a public format");
static_assert(sizeof(struct op_ring_writer) == 128, "layout is a public format");
static_assert(sizeof(struct op_ring_reader) == 64, "layout is a public format");
static_assert(offsetof(struct op_ring_readers, slot) == 64, "layout is a public format");

/* A mapped topic file. */
struct op_ring {
	const struct op_ring_header *header;
	struct op_ring_writer *writer;
	unsigned char *data;
	void *map;
	size_t map_bytes;
	uint64_t mask; /* capacity - 1 */
	size_t stride;
};

/* True for 1 ... OP_TOPIC_NAME_MAX bytes of a-z 0-9 . _ - that start with a letter. */
bool op_ring_name_ok(const char *name);
/* Fills the offsets and sizes of a header whose record_bytes, capacity and schema_bytes are set. */
void op_ring_measure(struct op_ring_header *h);
/* Maps the file for reading (and writing) after checking every number in its header against the
 * others and the file's size. -EBADMSG if anything does not fit. */
int op_ring_map(int fd, bool writable, struct op_ring *ret) OP_MUST_CHECK;
void op_ring_unmap(struct op_ring *ring);
const char *op_ring_schema(const struct op_ring *ring);

/* Lock one byte of the file for as long as fd is open: 0, -EBUSY, or an errno. */
int op_ring_lock(int fd, off_t byte) OP_MUST_CHECK;
bool op_ring_is_locked(int fd, off_t byte);

static inline unsigned char *op_ring_slot(const struct op_ring *ring, uint64_t seq)
{
	return ring->data + (seq & ring->mask) * ring->stride;
}

/* The oldest record that is whole if `begin` was loaded after it was copied. */
static inline uint64_t op_ring_oldest(const struct op_ring *ring, uint64_t begin)
{
	uint64_t first = ring->header->first_seq;
	return begin - first > ring->mask ? begin - ring->mask - 1 : first;
}

/* Wakes every reader that sleeps on the ring; called by the writer, and on a retired ring. */
void op_ring_wake(struct op_ring *ring);

#endif
