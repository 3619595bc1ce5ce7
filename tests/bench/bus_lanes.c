/*
 * bus_lanes.c - the lanes that need no library: a topic, a bare futex, Unix sockets.
 *
 * The bare futex lane is the yardstick of a sleeping reader: one store and one FUTEX_WAKE, what
 * the kernel asks at least for waking another process. Unix sockets are a SEQPACKET pair for each
 * reader, with sendmmsg/recvmmsg for batches.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_bench.h"

#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* ---- a topic --------------------------------------------------------------------------- */

struct topic_end {
	struct op_writer *writer;
	struct op_reader *reader;
	uint64_t stamps[BATCH_MOST];
	struct {
		uint64_t boot_ns;
		struct tick tick;
	} slots[BATCH_MOST];
};

static struct topic_end *topic_end(struct bench *b)
{
	b->end = calloc(1, sizeof(struct topic_end));
	if (!b->end)
		bench_die("out of memory");
	return b->end;
}

static void topic_open_writer(struct bench *b)
{
	struct topic_end *end = topic_end(b);
	int r = op_writer_open(b->dir, NULL, &tick_topic, &end->writer, NULL);
	if (r)
		bench_die("op_writer_open %s: %s", b->dir, op_strerror(r));
}

static void topic_open_reader(struct bench *b)
{
	struct topic_end *end = topic_end(b);
	int r = op_reader_open(b->dir, "test.tick", "bench", &end->reader);
	if (r)
		bench_die("op_reader_open %s: %s", b->dir, op_strerror(r));
	if (op_reader_stride(end->reader) != sizeof(end->slots[0]))
		bench_die("a slot is %zu bytes", op_reader_stride(end->reader));
}

/* The stamp is the sender's, taken once for a batch: a service has it from its read(2). */
static void topic_send(struct bench *b, const struct tick *ticks, size_t n)
{
	struct topic_end *end = b->end;
	if (n == 1) {
		op_writer_publish(end->writer, ticks->sent_ns, ticks);
		return;
	}
	for (size_t i = 0; i < n; i++)
		end->stamps[i] = ticks[i].sent_ns;
	op_writer_publish_n(end->writer, end->stamps, ticks, n);
}

static size_t topic_receive(struct bench *b, struct tick *last, bool block)
{
	struct topic_end *end = b->end;
	uint64_t first;
	ssize_t n = op_reader_read(end->reader, end->slots, BATCH_MOST, &first);
	while (n == 0 && block) {
		int r = op_reader_wait(end->reader, OP_NS_PER_S);
		if (r < 0)
			bench_die("op_reader_wait: %s", op_strerror(r));
		n = op_reader_read(end->reader, end->slots, BATCH_MOST, &first);
	}
	if (n < 0)
		bench_die("op_reader_read: %s", op_strerror((int)n));
	if (n > 0) {
		*last = end->slots[n - 1].tick;
		b->missed = op_reader_missed(end->reader);
	}
	return (size_t)n;
}

const struct lane lane_outpost = {
	.name = "outpost",
	.open_writer = topic_open_writer,
	.open_reader = topic_open_reader,
	.send = topic_send,
	.receive = topic_receive,
};

/* ---- a bare futex ---------------------------------------------------------------------- */

static void futex_open(struct bench *b)
{
}

static void futex_send(struct bench *b, const struct tick *ticks, size_t n)
{
	b->ctl->tick = ticks[n - 1];
	atomic_store_explicit(&b->ctl->futex, (uint32_t)ticks[n - 1].number + 1,
			      memory_order_release);
	syscall(SYS_futex, &b->ctl->futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static size_t futex_receive(struct bench *b, struct tick *last, bool block)
{
	uint32_t seen = b->missed; /* this lane has no other use for it */
	uint32_t now = atomic_load_explicit(&b->ctl->futex, memory_order_acquire);
	while (now == seen && block) {
		syscall(SYS_futex, &b->ctl->futex, FUTEX_WAIT, seen, NULL, NULL, 0);
		now = atomic_load_explicit(&b->ctl->futex, memory_order_acquire);
	}
	*last = b->ctl->tick;
	b->missed = now;
	return now != seen;
}

const struct lane lane_futex = {
	.name = "futex",
	.open_writer = futex_open,
	.open_reader = futex_open,
	.send = futex_send,
	.receive = futex_receive,
};

/* ---- Unix sockets ---------------------------------------------------------------------- */

struct unix_end {
	struct mmsghdr out[BATCH_MOST], in[BATCH_MOST];
	struct iovec out_iov[BATCH_MOST], in_iov[BATCH_MOST];
	struct tick ticks[BATCH_MOST];
};

static void unix_prepare(struct bench *b)
{
	for (unsigned i = 0; i < b->readers; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b->fds[i]))
			bench_die("socketpair: %s", strerror(errno));
}

static void unix_finish(struct bench *b)
{
	for (unsigned i = 0; i < b->readers; i++) {
		close(b->fds[i][0]);
		close(b->fds[i][1]);
	}
}

/* Each process closes the ends that are not its own, so that a lost peer is seen. */
static void unix_open(struct bench *b, bool writer)
{
	struct unix_end *end = b->end = calloc(1, sizeof(*end));
	if (!end)
		bench_die("out of memory");
	for (unsigned i = 0; i < b->readers; i++) {
		close(b->fds[i][writer ? 1 : 0]);
		if (!writer && i != b->index)
			close(b->fds[i][1]);
	}
	for (size_t i = 0; i < BATCH_MOST; i++) {
		end->out_iov[i].iov_len = sizeof(struct tick);
		end->out[i].msg_hdr = (struct msghdr){.msg_iov = &end->out_iov[i], .msg_iovlen = 1};
		end->in_iov[i] = (struct iovec){&end->ticks[i], sizeof(struct tick)};
		end->in[i].msg_hdr = (struct msghdr){.msg_iov = &end->in_iov[i], .msg_iovlen = 1};
	}
}

static void unix_open_writer(struct bench *b)
{
	unix_open(b, true);
}

static void unix_open_reader(struct bench *b)
{
	unix_open(b, false);
}

/* Waits for room, but not after the end: a reader that has left takes nothing any more. */
static void unix_send_batch(struct bench *b, int fd, size_t n)
{
	struct unix_end *end = b->end;
	int flags = MSG_NOSIGNAL | (atomic_load(&b->ctl->stop) ? MSG_DONTWAIT : 0);
	for (size_t done = 0; done < n;) {
		int r = sendmmsg(fd, end->out + done, (unsigned)(n - done), flags);
		if (r < 0 && (flags & MSG_DONTWAIT))
			return;
		if (r < 0)
			bench_die("sendmmsg: %s", strerror(errno));
		done += (size_t)r;
	}
}

static void unix_send(struct bench *b, const struct tick *ticks, size_t n)
{
	struct unix_end *end = b->end;
	for (size_t i = 0; i < n; i++)
		end->out_iov[i].iov_base = (void *)(ticks + i);
	for (unsigned i = 0; i < b->readers; i++)
		unix_send_batch(b, b->fds[i][0], n);
}

static size_t unix_receive(struct bench *b, struct tick *last, bool block)
{
	struct unix_end *end = b->end;
	int fd = b->fds[b->index][1];
	int n = recvmmsg(fd, end->in, BATCH_MOST, block ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN)
		bench_die("recvmmsg: %s", strerror(errno));
	if (n <= 0)
		return 0;
	*last = end->ticks[n - 1];
	return (size_t)n;
}

const struct lane lane_unix = {
	.name = "unix",
	.prepare = unix_prepare,
	.finish = unix_finish,
	.open_writer = unix_open_writer,
	.open_reader = unix_open_reader,
	.send = unix_send,
	.receive = unix_receive,
};
