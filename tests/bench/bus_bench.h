/*
 * bus_bench.h - lanes: the ways of moving a 16-byte record between processes that are compared.
 *
 * A lane is driven by bus.c: prepare in the parent, then one writer process and some reader
 * processes are forked, and each opens its own end. A lane that fails ends its process with a
 * message; the bench fails as a whole.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BUS_BENCH_H
#define OUTPOST_BUS_BENCH_H

#include "bus_topics.h"

#include <stdatomic.h>

#define READERS_MOST 8
#define BATCH_MOST 256 /* records of one send, and of one receive */
#define LATENCIES 4096

/* Shared by the processes of one round; in anonymous memory. */
struct control {
	_Atomic uint32_t writer_ready, readers_ready, readers_done, stop;
	_Atomic uint64_t go_ns;
	uint64_t sent, sent_ns; /* by the writer: records, and how long it took */
	uint64_t received[READERS_MOST], missed[READERS_MOST], received_ns[READERS_MOST];
	uint32_t latency_ns[LATENCIES];
	_Alignas(64) _Atomic uint32_t futex; /* the bare futex lane: the record's number + 1 */
	struct tick tick;
};

struct bench {
	struct control *ctl;
	char dir[64];
	unsigned readers;
	unsigned index; /* of this reader */
	void *end;      /* this process's end of the lane */
	int fds[READERS_MOST][2];
	int server_pid;
	uint64_t missed;
};

struct lane {
	const char *name;
	void (*prepare)(struct bench *b); /* parent; may be NULL */
	void (*finish)(struct bench *b);  /* parent, after all processes have ended; may be NULL */
	void (*open_writer)(struct bench *b);
	void (*await_readers)(struct bench *b); /* writer, when every reader is open; may be NULL */
	void (*open_reader)(struct bench *b);
	/* Sends n <= BATCH_MOST records, together where the lane has a way to do so. */
	void (*send)(struct bench *b, const struct tick *ticks, size_t n);
	/* Takes what is there, up to BATCH_MOST records, and gives the last one; waits for the
	 * first if block. Returns how many. */
	size_t (*receive)(struct bench *b, struct tick *last, bool block);
};

extern const struct lane lane_outpost, lane_futex, lane_unix, lane_redis, lane_zeromq;

_Noreturn void bench_die(const char *fmt, ...) OP_PRINTF(1, 2);

/* The same clock for all ends, without the cost of a conversion. */
uint64_t bench_now_ns(void);

#endif
