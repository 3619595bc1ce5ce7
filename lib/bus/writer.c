/*
 * writer.c - the one process that writes a topic.
 *
 * Opening happens under a lock of the directory, so that two openers or a half-made file never
 * meet. Publishing is wait-free: two stores of a counter around the copy, and a look whether
 * somebody sleeps. One thread per writer. Document: outpost-bus(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "copy.h"
#include "layout.h"

struct op_writer {
	struct op_ring ring;
	struct op_ring_readers *readers;
	uint64_t next;  /* sequence number of the next record */
	uint64_t floor; /* begin of a predecessor that died in the middle: below it slots may be
			   torn */
	size_t record_bytes;
	int fd;
};

/* What is to be opened, gathered once. */
struct opening {
	int dir_fd; /* locked */
	const char *name;
	const struct op_topic_type *type;
	struct op_buf schema;
	uint64_t capacity;
	uint64_t first_seq;
};

static uint64_t round_up_power(uint32_t n)
{
	uint64_t power = 2;
	while (power < (n ? n : 64))
		power *= 2;
	return power;
}

static bool type_ok(const struct op_topic_type *t)
{
	return t->n_fields > 0 && t->n_fields <= OP_TOPIC_FIELDS_MAX && t->record_bytes > 0 &&
	       t->record_bytes <= OP_TOPIC_RECORD_MAX && t->capacity <= RING_CAPACITY_MAX;
}

static int write_head(int fd, const struct opening *o, const struct op_ring_header *h)
{
	if (pwrite(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h) ||
	    pwrite(fd, o->schema.data, o->schema.len + 1, RING_SCHEMA_OFFSET) !=
		    (ssize_t)o->schema.len + 1)
		return errno ? -errno : -EIO;
	struct op_ring_writer w = {0};
	atomic_init(&w.begin, o->first_seq);
	atomic_init(&w.published, o->first_seq);
	return pwrite(fd, &w, sizeof(w), (off_t)h->writer_offset) == (ssize_t)sizeof(w) ? 0 : -EIO;
}

/* Puts the new file in the place of the old one (may be NULL), whose readers are told first: were
 * it the other way round and the writer killed in between, they would sleep on a file that nobody
 * opens again. A retired file that still has its name is no topic to readers, and the next writer
 * tells its sleepers again and replaces it. */
static int give_name(const struct opening *o, const char *hidden, struct op_ring *old)
{
	if (old) {
		/* Pairs with the acquire load in op_reader_retired. */
		atomic_store_explicit(&old->writer->retired, 1, memory_order_release);
		op_ring_wake(old);
	}
	return renameat(o->dir_fd, hidden, o->dir_fd, o->name) < 0 ? -errno : 0;
}

/* Makes the file under a hidden name, reserves all of its space, locks it, and only then gives it
 * its name: nobody ever sees half a topic. A hidden file left by a kill is simply made anew. */
static int make_file(const struct opening *o, struct op_ring *old, int *ret_fd)
{
	struct op_ring_header h = {.version = RING_VERSION,
				   .schema_bytes = (uint32_t)o->schema.len,
				   .schema_hash = op_schema_hash(o->schema.data, o->schema.len),
				   .record_bytes = o->type->record_bytes,
				   .capacity = o->capacity,
				   .rate_mhz = o->type->rate_mhz,
				   .max_age_ms = o->type->max_age_ms,
				   .first_seq = o->first_seq,
				   .created_boot_ns = op_now_ns()};
	memcpy(h.magic, RING_MAGIC, sizeof(h.magic));
	memcpy(h.name, o->name, strlen(o->name));
	op_ring_measure(&h);

	char hidden[OP_TOPIC_NAME_MAX + 8];
	(void)snprintf(hidden, sizeof(hidden), ".%s.new",
		       o->name);              /* the name's length is checked */
	(void)unlinkat(o->dir_fd, hidden, 0); /* mostly not there */
	OP_AUTO_CLOSE int fd =
		openat(o->dir_fd, hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return -errno;
	int r;
	while ((r = -posix_fallocate(fd, 0, (off_t)h.file_bytes)) == -EINTR)
		; /* a service has signals while it starts */
	if (r == 0)
		r = write_head(fd, o, &h);
	if (r == 0)
		r = op_ring_lock(fd, RING_LOCK_WRITER);
	if (r == 0)
		r = give_name(o, hidden, old);
	if (r < 0) {
		(void)unlinkat(o->dir_fd, hidden, 0); /* the first error is the one to tell */
		return r;
	}
	*ret_fd = op_steal_fd(&fd);
	return 0;
}

static bool same_layout(const struct op_ring *ring, const struct opening *o)
{
	const struct op_ring_header *h = ring->header;
	return h->capacity == o->capacity && h->record_bytes == o->type->record_bytes &&
	       h->schema_bytes == o->schema.len &&
	       !memcmp(op_ring_schema(ring), o->schema.data, o->schema.len);
}

/* Whether a writer may go on with this file. Nobody else writes it now: the lock is ours. */
static bool can_continue(const struct op_ring *ring, const struct opening *o)
{
	return same_layout(ring, o) &&
	       !atomic_load_explicit(&ring->writer->retired, memory_order_relaxed);
}

/* A writer that died in a batch has claimed half a ring at most. */
static bool counters_fit(const struct op_ring *ring)
{
	uint64_t begin = atomic_load_explicit(&ring->writer->begin, memory_order_relaxed);
	uint64_t next = atomic_load_explicit(&ring->writer->published, memory_order_relaxed);
	return begin - next <= (ring->mask + 1) / 2;
}

/* An existing file: goes on with it, or replaces it and its sequence. *ret_fd is locked. */
static int take_over(struct opening *o, int old_fd, struct op_ring *ret_ring, int *ret_fd)
{
	struct op_ring old;
	int r = op_ring_map(old_fd, true, &old);
	if (r == -EBADMSG) /* damaged or of another version: nothing in it can be kept */
		return make_file(o, NULL, ret_fd);
	if (r < 0)
		return r;
	if (can_continue(&old, o) && counters_fit(&old)) {
		*ret_ring = old;
		return 0;
	}
	if (counters_fit(&old))
		o->first_seq = atomic_load_explicit(&old.writer->published, memory_order_relaxed);
	r = make_file(o, &old, ret_fd);
	op_ring_unmap(&old);
	return r;
}

static int owner_of(int fd)
{
	struct op_ring ring;
	if (op_ring_map(fd, false, &ring) < 0)
		return 0;
	int pid = (int)atomic_load_explicit(&ring.writer->pid, memory_order_relaxed);
	op_ring_unmap(&ring);
	return pid;
}

static int open_file(struct opening *o, struct op_ring *ret_ring, int *ret_fd, int *ret_owner)
{
	OP_AUTO_CLOSE int fd = openat(o->dir_fd, o->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int new_fd = -1, r;
	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd < 0) {
		r = make_file(o, NULL, &new_fd);
	} else {
		r = op_ring_lock(fd, RING_LOCK_WRITER);
		if (r == -EBUSY && ret_owner)
			*ret_owner = owner_of(fd);
		if (r == 0)
			r = take_over(o, fd, ret_ring, &new_fd);
	}
	if (r < 0)
		return r;
	*ret_fd = new_fd >= 0 ? new_fd : op_steal_fd(&fd);
	return 0;
}

static void begin_work(struct op_writer *w)
{
	struct op_ring_writer *shared = w->ring.writer;
	w->readers =
		(struct op_ring_readers *)((char *)w->ring.map + w->ring.header->reader_offset);
	w->next = atomic_load_explicit(&shared->published, memory_order_relaxed);
	w->floor = atomic_load_explicit(&shared->begin, memory_order_relaxed);
	w->record_bytes = w->ring.header->record_bytes;
	atomic_store_explicit(&shared->pid, (uint32_t)getpid(), memory_order_relaxed);
	/* A predecessor may have died after it took the sleepers' flag and before it rang. */
	op_ring_wake(&w->ring);
}

static int open_locked(struct opening *o, struct op_writer *w, int *ret_owner)
{
	int r = open_file(o, &w->ring, &w->fd, ret_owner);
	if (r == 0 && !w->ring.map)
		r = op_ring_map(w->fd, true, &w->ring);
	if (r == 0)
		begin_work(w);
	return r;
}

int op_writer_open(const char *bus_dir, const char *name, const struct op_topic_type *type,
		   struct op_writer **ret_writer, int *ret_owner)
{
	struct opening o = {.name = name ? name : type->name, .type = type};
	if (!op_ring_name_ok(o.name) || !type_ok(type))
		return -EINVAL;
	o.capacity = round_up_power(type->capacity);
	OP_AUTO_CLOSE int dir_fd = open(bus_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	int locked;
	/* Held for the microseconds of an opening; dies with the process. */
	while ((locked = flock(dir_fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (locked < 0)
		return -errno;
	o.dir_fd = dir_fd;
	struct op_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = -1;
	op_buf_init(&o.schema, RING_SCHEMA_MAX);
	op_schema_write(type, o.name, &o.schema);
	int r = o.schema.err ? -EINVAL : open_locked(&o, w, ret_owner);
	op_buf_finish(&o.schema);
	if (r < 0) {
		op_writer_close(w);
		return r;
	}
	*ret_writer = w;
	return 0;
}

void op_writer_close(struct op_writer *w)
{
	if (!w)
		return;
	op_ring_unmap(&w->ring);
	if (w->fd >= 0)
		(void)close(w->fd); /* gives the lock back whatever it returns */
	free(w);
}

/* Readers must see begin raised before any byte of the slots changes. */
static inline void claim(struct op_writer *w, uint64_t end)
{
	/* Pairs with the fence and the load of begin after a reader's copy (reader.c, settle()):
	 * a reader that copied one of our new bytes also sees this store. */
	atomic_store_explicit(&w->ring.writer->begin, end > w->floor ? end : w->floor,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static inline void reveal(struct op_writer *w, uint64_t end)
{
	w->next = end;
	/* Pairs with the acquire load in op_reader_published: who sees the count sees the bytes. */
	atomic_store_explicit(&w->ring.writer->published, end, memory_order_release);
	/* Pairs with the fence in op_reader_wait. Either we see the sleeper's flag, or it sees the
	 * new count; without both fences each could miss the other (store before load). */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->readers->sleepers, memory_order_relaxed)) {
		atomic_store_explicit(&w->readers->sleepers, 0, memory_order_relaxed);
		op_ring_wake(&w->ring);
	}
}

static inline void fill(struct op_writer *w, uint64_t seq, uint64_t boot_ns, const void *record)
{
	unsigned char *slot = op_ring_slot(&w->ring, seq);
	copy_in(slot, &boot_ns, sizeof(boot_ns));
	copy_in(slot + OP_SLOT_RECORD, record, w->record_bytes);
}

uint64_t op_writer_publish(struct op_writer *w, uint64_t boot_ns, const void *record)
{
	uint64_t seq = w->next;
	claim(w, seq + 1);
	fill(w, seq, boot_ns, record);
	reveal(w, seq + 1);
	return seq;
}

uint64_t op_writer_publish_n(struct op_writer *w, const uint64_t *boot_ns, const void *records,
			     size_t n)
{
	uint64_t seq = w->next;
	assert(n <= (w->ring.mask + 1) / 2);
	if (n == 0)
		return seq;
	claim(w, seq + n);
	for (size_t i = 0; i < n; i++)
		fill(w, seq + i, boot_ns[i], (const char *)records + i * w->record_bytes);
	reveal(w, seq + n);
	return seq;
}

uint64_t op_writer_next_seq(const struct op_writer *w)
{
	return w->next;
}

bool op_writer_last(const struct op_writer *w, uint64_t *ret_boot_ns, void *ret_record)
{
	if (w->next == w->ring.header->first_seq)
		return false;
	const unsigned char *slot = op_ring_slot(&w->ring, w->next - 1);
	copy_out(ret_boot_ns, slot, sizeof(*ret_boot_ns));
	copy_out(ret_record, slot + OP_SLOT_RECORD, w->record_bytes);
	return true;
}
