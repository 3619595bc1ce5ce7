/* store_power.h - what is written while the power is cut, and how it is judged afterwards.
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#ifndef OUTPOST_STORE_POWER_H
#define OUTPOST_STORE_POWER_H

#include <outpost/buf.h>

#define POWER_KEYS 12
#define POWER_ITEMS 8192

/* Written by lives when the store has acknowledged. */
struct power_acks {
	uint64_t total;
	uint64_t acked, tried; /* transactions; the highest */
	uint64_t key_acked[POWER_KEYS], key_tried[POWER_KEYS];
	unsigned char item[POWER_ITEMS]; /* of an outbox: what has become of it */
};

struct power_verdict {
	int lost;      /* lives after which something acknowledged was missing */
	int half;      /* ... something was there in part */
	int damaged;   /* ... the database was not sound, or set aside */
	int logs_kept; /* ... the log had to be copied, but nothing was missing */
};

struct power_work {
	const char *name;
	/* Writes until its power is cut. age: how many lives these files have seen. synchronous:
	 * NULL, or to be set against the store's will; then it cuts its own power after `cut`
	 * transactions. */
	void (*live)(const char *path, uint64_t age, struct power_acks *acks,
		     const char *synchronous, uint64_t cut);
	/* Also notes which of what was tried has happened. */
	void (*judge)(const char *path, struct power_acks *acks, struct op_buf *note,
		      struct power_verdict *v);
	const char *synchronous;
};

extern const struct power_work power_history, power_settings, power_outbox, power_recorder;

uint64_t power_chance(uint64_t n);

#endif
