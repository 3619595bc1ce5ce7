/*
 * reader.c - reading a topic without ever holding up its writer.
 *
 * The file is mapped read-only; only the page with the sleepers' flag and this reader's own line
 * (cursor and losses, for others to see) is mapped writable, a second time. One thread per reader.
 * Document: outpost-bus(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "copy.h"
#include "layout.h"

#define POLL_NS (10 * OP_NS_PER_MS) /* without write permission nobody can wake us */
#define FEW 128                     /* records a look at a fast stream should bring */
#define PAUSES_MOST 127             /* between two looks: a few microseconds */

struct op_reader {
	struct op_ring ring;
	uint64_t cursor;
	uint64_t missed;
	size_t record_bytes; /* as it was checked: the file may be changed under us */
	unsigned pauses;     /* before the next look at the counters, see look_less() */
	struct op_topic_type *type;
	struct op_ring_readers *shared; /* writable; NULL without permission */
	struct op_ring_reader *line;    /* ours, in shared; NULL if all were taken */
	void *shared_map;
	size_t shared_bytes;
	int fd;
};

static uint64_t published(const struct op_reader *r)
{
	/* Pairs with the release store in reveal(): the records below the count are complete. */
	return atomic_load_explicit(&r->ring.writer->published, memory_order_acquire);
}

static uint64_t begun(const struct op_reader *r)
{
	return atomic_load_explicit(&r->ring.writer->begin, memory_order_relaxed);
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#elif defined(__arm__)
	__asm__ volatile("yield");
#endif
}

/* A reader that polls as fast as it can takes the cache line of the counters away from the writer
 * with each look, and each look brings but one or two records. So when looks keep finding
 * something, yet little, it waits a little longer before each; the first look that finds nothing
 * ends that, so that a record which comes alone is seen at once. */
static void look_less(struct op_reader *r, size_t found, size_t max)
{
	uint64_t few = (r->ring.mask + 1) / 8 < FEW ? (r->ring.mask + 1) / 8 : FEW;
	if (found == 0)
		r->pauses = 0;
	else if (found >= max || found > 2 * few)
		r->pauses /= 2;
	else if (found < few && r->pauses < PAUSES_MOST)
		r->pauses = 2 * r->pauses + 1;
}

/* Maps the readers' page writable. Its offset is a multiple of 4 KiB, pages may be larger. */
static void map_shared(struct op_reader *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t at = r->ring.header->reader_offset, aligned = at / page * page;
	size_t bytes = (size_t)(at - aligned) + sizeof(struct op_ring_readers);
	char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)aligned);
	if (map == MAP_FAILED)
		return; /* works without, only unlisted and polling */
	r->shared_map = map;
	r->shared_bytes = bytes;
	r->shared = (struct op_ring_readers *)(map + (at - aligned));
}

static void take_line(struct op_reader *r, const char *who)
{
	unsigned i = 0;
	while (i < OP_TOPIC_READERS_MAX && op_ring_lock(r->fd, RING_LOCK_READER(i)) < 0)
		i++;
	if (i == OP_TOPIC_READERS_MAX)
		return;
	char text[sizeof(r->line->who)] = {0};
	(void)snprintf(text, sizeof(text), "%s", who ? who : program_invocation_short_name);
	r->line = &r->shared->slot[i];
	copy_in(r->line->who, text, sizeof(text));
	atomic_store_explicit(&r->line->next_seq, r->cursor, memory_order_relaxed);
	atomic_store_explicit(&r->line->missed, 0, memory_order_relaxed);
	/* Pairs with the acquire load in op_reader_list: who sees the pid sees the name. */
	atomic_store_explicit(&r->line->pid, (uint32_t)getpid(), memory_order_release);
}

static int open_ring(struct op_reader *r, const char *bus_dir, const char *name, const char *who)
{
	char path[PATH_MAX];
	if (!op_ring_name_ok(name))
		return -EINVAL;
	if (snprintf(path, sizeof(path), "%s/%s", bus_dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* Not blocking: who puts a named pipe in the place of a topic must not hold us up. */
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	r->fd = open(path, O_RDWR | flags);
	bool writable = r->fd >= 0;
	if (r->fd < 0 && (errno == EACCES || errno == EROFS))
		r->fd = open(path, O_RDONLY | flags);
	if (r->fd < 0)
		return -errno;
	int e = op_ring_map(r->fd, false, &r->ring);
	if (e < 0)
		return e;
	if (op_reader_retired(r))
		return -ENOENT; /* its writer died before the successor had its name */
	e = op_schema_parse(op_ring_schema(&r->ring), r->ring.header->schema_bytes, &r->type);
	if (e < 0)
		return e;
	r->record_bytes = r->type->record_bytes;
	if (OP_SLOT_RECORD + r->record_bytes > r->ring.stride ||
	    r->record_bytes != r->ring.header->record_bytes)
		return -EBADMSG;
	r->cursor = published(r);
	if (writable)
		map_shared(r);
	if (r->shared && !(who && !*who))
		take_line(r, who);
	return 0;
}

int op_reader_open(const char *bus_dir, const char *name, const char *who,
		   struct op_reader **ret_reader)
{
	struct op_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fd = -1;
	int e = open_ring(r, bus_dir, name, who);
	if (e < 0) {
		op_reader_close(r);
		return e;
	}
	*ret_reader = r;
	return 0;
}

void op_reader_close(struct op_reader *r)
{
	if (!r)
		return;
	if (r->line)
		atomic_store_explicit(&r->line->pid, 0, memory_order_relaxed);
	if (r->shared_map)
		(void)munmap(r->shared_map, r->shared_bytes); /* our own mapping: cannot fail */
	op_ring_unmap(&r->ring);
	op_schema_free(r->type);
	if (r->fd >= 0)
		(void)close(r->fd); /* gives the lock back whatever it returns */
	free(r);
}

const struct op_topic_type *op_reader_type(const struct op_reader *r)
{
	return r->type;
}

const char *op_reader_name(const struct op_reader *r)
{
	return r->ring.header->name;
}

const char *op_reader_schema(const struct op_reader *r)
{
	return op_ring_schema(&r->ring);
}

uint64_t op_reader_schema_hash(const struct op_reader *r)
{
	return r->ring.header->schema_hash;
}

uint64_t op_reader_capacity(const struct op_reader *r)
{
	return r->ring.mask + 1;
}

size_t op_reader_stride(const struct op_reader *r)
{
	return r->ring.stride;
}

/* Shows others where we are; two stores to a line nobody else writes. */
static void tell(struct op_reader *r)
{
	if (!r->line)
		return;
	atomic_store_explicit(&r->line->next_seq, r->cursor, memory_order_relaxed);
	atomic_store_explicit(&r->line->missed, r->missed, memory_order_relaxed);
}

static void skip_to(struct op_reader *r, uint64_t seq)
{
	r->missed += seq - r->cursor;
	r->cursor = seq;
}

static void copy_slots(const struct op_reader *r, uint64_t seq, size_t n, unsigned char *to)
{
	size_t stride = r->ring.stride, first = (size_t)(r->ring.mask + 1 - (seq & r->ring.mask));
	if (first > n)
		first = n;
	copy_out(to, op_ring_slot(&r->ring, seq), first * stride);
	copy_out(to + first * stride, r->ring.data, (n - first) * stride);
}

/* After a copy of [cursor, cursor + n): how many of its first records the writer may have begun to
 * overwrite meanwhile. */
static size_t settle(const struct op_reader *r, size_t n)
{
	/* Pairs with the release fence in claim(): if the copy holds one byte of a later record,
	 * the load below sees the claim for it. */
	atomic_thread_fence(memory_order_acquire);
	uint64_t oldest = op_ring_oldest(&r->ring, begun(r));
	if (oldest <= r->cursor)
		return 0;
	return oldest - r->cursor < n ? (size_t)(oldest - r->cursor) : n;
}

ssize_t op_reader_read(struct op_reader *r, void *slots, size_t max, uint64_t *ret_first_seq)
{
	uint64_t slack = 0;
	for (unsigned i = 0; i < r->pauses; i++)
		relax();
	for (;;) {
		uint64_t end = published(r);
		uint64_t oldest = op_ring_oldest(&r->ring, begun(r));
		if (oldest > r->cursor)
			skip_to(r, oldest + slack < end ? oldest + slack : end);
		size_t n = end - r->cursor < max ? (size_t)(end - r->cursor) : max;
		if (n == 0) {
			look_less(r, 0, max);
			tell(r);
			return max > 0 && op_reader_retired(r) && published(r) == r->cursor
				       ? -OP_ESCHEMA
				       : 0;
		}
		copy_slots(r, r->cursor, n, slots);
		size_t lost = settle(r, n);
		if (lost < n) {
			memmove(slots, (char *)slots + lost * r->ring.stride,
				(n - lost) * r->ring.stride);
			skip_to(r, r->cursor + lost);
			*ret_first_seq = r->cursor;
			r->cursor += n - lost;
			look_less(r, n, max);
			tell(r);
			return (ssize_t)(n - lost);
		}
		/* Overtaken during the whole copy: ask for less and leave a head start, so that
		 * even the slowest reader gets something from the fastest writer. */
		slack = slack ? slack : (r->ring.mask + 1) / 4;
		max = max > 16 ? max / 4 : max;
	}
}

int op_reader_next(struct op_reader *r, uint64_t *ret_seq, uint64_t *ret_boot_ns, void *ret_record)
{
	unsigned char slot[(OP_SLOT_RECORD + OP_TOPIC_RECORD_MAX + 7) / 8 * 8];
	ssize_t n = op_reader_read(r, slot, 1, ret_seq);
	if (n <= 0)
		return (int)n;
	memcpy(ret_boot_ns, slot, sizeof(*ret_boot_ns));
	memcpy(ret_record, slot + OP_SLOT_RECORD, r->record_bytes);
	return 1;
}

int op_reader_last(const struct op_reader *r, uint64_t *ret_seq, uint64_t *ret_boot_ns,
		   void *ret_record)
{
	for (;;) {
		uint64_t end = published(r);
		if (end == r->ring.header->first_seq)
			return 0;
		uint64_t boot_ns;
		const unsigned char *slot = op_ring_slot(&r->ring, end - 1);
		copy_out(&boot_ns, slot, sizeof(boot_ns));
		copy_out(ret_record, slot + OP_SLOT_RECORD, r->record_bytes);
		atomic_thread_fence(memory_order_acquire); /* as in settle() */
		if (op_ring_oldest(&r->ring, begun(r)) <= end - 1) {
			*ret_seq = end - 1;
			*ret_boot_ns = boot_ns;
			return 1;
		}
		if (published(r) == end)
			return -EBADMSG; /* claimed a whole ring ahead: no writer of ours did that
					  */
	}
}

/* One sleep of at most ns; spurious wake-ups are the caller's loop. */
static int sleep_on_bell(const struct op_reader *r, uint32_t bell, uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / OP_NS_PER_S),
			      .tv_nsec = (long)(ns % OP_NS_PER_S)};
	if (syscall(SYS_futex, &r->ring.writer->bell, FUTEX_WAIT, bell, &ts, NULL, 0) == 0)
		return 0;
	return errno == EINTR ? -EINTR : 0;
}

int op_reader_wait(struct op_reader *r, uint64_t timeout_ns)
{
	uint64_t now = op_now_ns();
	uint64_t deadline = now + timeout_ns < now ? UINT64_MAX : now + timeout_ns;
	for (;;) {
		if (published(r) != r->cursor)
			return 1; /* without raising the flag: it would cost the writer a system
				     call */
		/* Pairs with the increment in op_ring_wake, see there. */
		uint32_t bell = atomic_load_explicit(&r->ring.writer->bell, memory_order_acquire);
		if (r->shared) {
			atomic_store_explicit(&r->shared->sleepers, 1, memory_order_relaxed);
			/* Pairs with the fence in reveal(), see there. */
			atomic_thread_fence(memory_order_seq_cst);
		}
		if (published(r) != r->cursor)
			return 1;
		if (op_reader_retired(r))
			return -OP_ESCHEMA;
		if (now >= deadline)
			return 0;
		uint64_t ns = deadline - now;
		int e = sleep_on_bell(r, bell, r->shared || ns < POLL_NS ? ns : POLL_NS);
		if (e < 0)
			return e;
		now = op_now_ns();
	}
}

void op_reader_rewind(struct op_reader *r, uint64_t n)
{
	uint64_t end = published(r), oldest = op_ring_oldest(&r->ring, begun(r));
	r->cursor = end - oldest < n ? oldest : end - n;
	if (r->cursor > end) /* a predecessor of the writer died in a batch: oldest may be ahead */
		r->cursor = end;
	tell(r);
}

uint64_t op_reader_next_seq(const struct op_reader *r)
{
	return r->cursor;
}

uint64_t op_reader_published(const struct op_reader *r)
{
	return published(r);
}

uint64_t op_reader_missed(const struct op_reader *r)
{
	return r->missed;
}

int op_reader_writer_pid(const struct op_reader *r)
{
	if (!op_ring_is_locked(r->fd, RING_LOCK_WRITER))
		return 0;
	return (int)atomic_load_explicit(&r->ring.writer->pid, memory_order_relaxed);
}

bool op_reader_retired(const struct op_reader *r)
{
	/* Pairs with the release store in give_name(). */
	return atomic_load_explicit(&r->ring.writer->retired, memory_order_acquire) != 0;
}

size_t op_reader_list(const struct op_reader *r, struct op_reader_info *ret, size_t max)
{
	const struct op_ring_readers *all =
		(const void *)((const char *)r->ring.map + r->ring.header->reader_offset);
	size_t n = 0;
	for (unsigned i = 0; i < OP_TOPIC_READERS_MAX && n < max; i++) {
		const struct op_ring_reader *line = &all->slot[i];
		/* Pairs with the release store in take_line(). */
		uint32_t pid = atomic_load_explicit(&line->pid, memory_order_acquire);
		bool ours = r->line && line - all->slot == r->line - r->shared->slot;
		if (pid == 0 || (!ours && !op_ring_is_locked(r->fd, RING_LOCK_READER(i))))
			continue; /* free, or its process is dead */
		copy_out(ret[n].who, line->who, sizeof(ret[n].who));
		ret[n].who[sizeof(ret[n].who) - 1] = '\0';
		ret[n].pid = (int)pid;
		ret[n].next_seq = atomic_load_explicit(&line->next_seq, memory_order_relaxed);
		ret[n].missed = atomic_load_explicit(&line->missed, memory_order_relaxed);
		n++;
	}
	return n;
}
